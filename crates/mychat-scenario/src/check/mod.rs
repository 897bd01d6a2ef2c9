//! Checks that need the whole file: parts that depend on each other, name clashes, and limits of the load.

mod messages;
mod rooms;
mod user_names;
mod verification;
mod volume;

use crate::diagnostic::Problem;
use crate::lower::document::Draft;
use crate::lower::groups::GroupDraft;
use crate::model::{Scenario, StageKind};
use crate::suggest::shown;
use crate::syntax::problems::Problems;

/// Checks the whole file and returns the scenario, which is valid only if no problem was added.
pub(crate) fn check(draft: Draft<'_>, problems: &mut Problems) -> Scenario {
    parts(&draft, problems);
    let groups: Vec<&GroupDraft<'_>> = draft.groups.iter().flatten().collect();
    if groups.len() == draft.groups.len() {
        user_names::names(&groups, problems);
        messages::contents(&groups, problems);
        messages::partners(&groups, problems);
        rooms::rooms(&draft, &groups, problems);
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
            let problem =
                Problem::new("the file has neither users nor cases").help("add `users` and `load`, or `cases`");
            problems.add(key("name").unwrap_or(draft.root), problem);
        }
        (Some(users), None, _) if !has("load") => {
            let problem = Problem::new("the file has `users`, but no `load`")
                .help("add `load: [ { hold: 10s } ]`, the time for which they act");
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
        let problem = Problem::new("`find_max` must be the only stage");
        problems.add(load, problem.help("it starts several runs of its own; put other stages into another file"));
    }
    let conditions = draft.scenario.expect.iter().chain(&draft.scenario.abort_if);
    for condition in conditions {
        let about_cases = condition.measure.metric == crate::model::Metric::CasesFailed;
        let key_name = if about_cases { "cases" } else { "users" };
        if let (false, Some(place)) = (has(key_name), key("expect").or(key("abort_if"))) {
            let problem =
                Problem::new(format!("`{}` is expected, but the file has no `{key_name}`", shown(&condition.text)));
            problems.add(place, problem.help("the condition would never have a value"));
        }
    }
}
