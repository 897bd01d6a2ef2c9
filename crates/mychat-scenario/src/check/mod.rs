//! Checks that need the whole file: parts that depend on each other, name clashes, limits of the load, and features that
//! this version does not support yet.

mod messages;
mod user_names;
mod verification;
mod volume;

use crate::diagnostic::Problem;
use crate::lower::document::Draft;
use crate::lower::groups::GroupDraft;
use crate::model::{Scenario, StageKind};
use crate::suggest::shown;
use crate::syntax::problems::Problems;

/// Actions, stages, metrics, keys and values of the language that this version does not support yet. When a feature is
/// added, its line is removed here and in `scenarios/README.md`.
pub(crate) const NOT_YET: &[&str] = &[
    // keys
    // values
    // actions
    // stages
    // metrics
];

/// Adds a problem for each feature that is used and not supported yet.
pub(crate) fn supported(problems: &mut Problems) {
    for (feature, node) in std::mem::take(&mut problems.uses) {
        if NOT_YET.contains(&feature) {
            let problem = Problem::new(format!("`{feature}` is not supported yet")).help(
                "it is part of the language, but this version cannot run it; scenarios/README.md says what it can",
            );
            problems.list.push((node, problem));
        }
    }
}

/// Checks the whole file and returns the scenario, which is valid only if no problem was added.
pub(crate) fn check(draft: Draft<'_>, problems: &mut Problems) -> Scenario {
    parts(&draft, problems);
    let groups: Vec<&GroupDraft<'_>> = draft.groups.iter().flatten().collect();
    if groups.len() == draft.groups.len() {
        user_names::names(&groups, problems);
        messages::contents(&groups, problems);
        messages::partners(&groups, problems);
        volume::volume(&draft, &groups, problems);
    }
    verification::verification(&draft, &groups, problems);
    let mut scenario = draft.scenario;
    scenario.groups = draft.groups.into_iter().flatten().map(|draft| draft.group).collect();
    scenario.stages = draft.stages.into_iter().map(|(stage, _)| stage).collect();
    scenario
}

fn parts(draft: &Draft<'_>, problems: &mut Problems) {
    let key = |name: &str| draft.fields.key(name);
    let has = |name: &str| draft.fields.has(name);
    match (key("users"), key("load"), key("cases")) {
        (None, None, None) if !has("users") && !has("cases") => {
            let problem = Problem::new("the file has neither users nor cases")
                .help("`users` with `load`, or `cases`, say what is to happen");
            problems.add(key("name").unwrap_or(draft.root), problem);
        }
        (Some(users), None, _) if !has("load") => {
            let problem = Problem::new("the file has `users`, but no `load`")
                .help("add `load: [ { hold: 10s } ]`: it says how long they act");
            problems.add(users, problem);
        }
        (None, Some(load), _) if !has("users") => {
            problems.add(
                load,
                Problem::new("the file has a `load`, but no `users`")
                    .help("add `users`: groups with a `count` and a `rate`"),
            );
        }
        _ => {}
    }
    let searches = draft.stages.iter().any(|(stage, _)| matches!(stage.kind, StageKind::FindMax(_)));
    if let (true, Some(load)) = (searches && draft.stages.len() > 1, key("load")) {
        let problem = Problem::new("`find_max` is combined with other stages");
        problems.add(load, problem.help("it makes runs of its own, so it is the whole `load` of its file"));
    }
    let conditions = draft.scenario.expect.iter().chain(&draft.scenario.abort_if);
    for condition in conditions {
        let about_cases = condition.measure.metric == crate::model::Metric::CasesFailed;
        let what = if about_cases { "cases" } else { "users" };
        if let (false, Some(place)) = (has(what), key("expect").or(key("abort_if"))) {
            let problem =
                Problem::new(format!("`{}` is expected, but the file has no `{what}`", shown(&condition.text)));
            problems.add(place, problem.help("the condition would have nothing to judge"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::NOT_YET;
    use crate::grammar::keys;
    use crate::model::{Action, Metric};

    #[test]
    fn what_is_not_done_yet_is_part_of_the_language_and_of_the_readme() {
        let readme = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/README.md");
        let readme = std::fs::read_to_string(readme).expect("the README of the scenarios");
        let keys = |spec: &keys::MapSpec| spec.names().collect::<Vec<_>>();
        let known = [keys(&keys::FILE), keys(&keys::GROUP), keys(&keys::HOLD), keys(&keys::STAGES)].concat();
        for feature in NOT_YET {
            let key = feature.split(':').next().unwrap_or(feature);
            let metric = Metric::ALL.iter().any(|(name, _)| name == feature);
            assert!(metric || known.contains(&key) || Action::NAMES.contains(feature), "{feature}");
            let word = feature.rsplit(' ').next().unwrap_or(feature);
            assert!(readme.contains(&format!("`{word}")), "the README says nothing of `{feature}`");
        }
    }
}
