//! What only the whole file can tell: parts that need each other, names that clash, loads that cannot be; and what this
//! version of the tool does not do yet.

use std::collections::{HashMap, HashSet};

use super::diagnostic::Wrong;
use super::file::Draft;
use super::groups::{Drafted, MOST_USERS};
use super::model::{Action, Content, NamePiece, Pace, Scenario, Size, StageKind, To, Verify};
use super::node::Problems;
use super::suggest::shown;
use super::units::FASTEST;

/// What files may say and this version does not do: actions, stages and metrics by their names, keys and values by
/// theirs. A feature that arrives loses its line here, and in `scenarios/README.md`.
pub(super) const NOT_YET: &[&str] = &[
    // keys
    // values
    // actions
    // stages
    // metrics
];

const MOST_ACTIONS: f64 = 1e9;
const LONGEST_JOIN: f64 = 3600.0;
/// Times in a message's stamp have 36 bits of microseconds, 19 hours; stages in the log of what was sent have 10 bits.
const LONGEST_LOAD: f64 = 18.0 * 3600.0;
const MOST_STAGES: usize = 1000;
/// The user that `private: { to: nobody }` writes to.
const NOBODY: &str = "nobody-has-this-name";
/// `BROADCAST|` and the pipe behind the sender.
const BROADCAST_OVERHEAD: usize = 11;
/// `MESSAGE|` and the pipe behind the name.
const MESSAGE_OVERHEAD: usize = 9;

/// Refuses what is used and not done yet.
pub(super) fn supported(problems: &mut Problems) {
    for (feature, node) in std::mem::take(&mut problems.uses) {
        if NOT_YET.contains(&feature) {
            let wrong = Wrong::new(format!("`{feature}` is not supported yet")).help(
                "it is part of the language, but this version cannot run it; scenarios/README.md says what it can",
            );
            problems.list.push((node, wrong));
        }
    }
}

/// Checks the whole, and hands out the scenario; what it returns is right only where no problem was noted.
pub(super) fn check(draft: Draft<'_>, problems: &mut Problems) -> Scenario {
    parts(&draft, problems);
    let groups: Vec<&Drafted<'_>> = draft.groups.iter().flatten().collect();
    if groups.len() == draft.groups.len() {
        names(&groups, problems);
        contents(&groups, problems);
        partners(&groups, problems);
        volume(&draft, &groups, problems);
    }
    verification(&draft, &groups, problems);
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
            let wrong = Wrong::new("the file has neither users nor cases")
                .help("`users` with `load`, or `cases`, say what is to happen");
            problems.add(key("name").unwrap_or(draft.root), wrong);
        }
        (Some(users), None, _) if !has("load") => {
            let wrong = Wrong::new("the file has `users`, but no `load`")
                .help("add `load: [ { hold: 10s } ]`: it says how long they act");
            problems.add(users, wrong);
        }
        (None, Some(load), _) if !has("users") => {
            problems.add(
                load,
                Wrong::new("the file has a `load`, but no `users`")
                    .help("add `users`: groups with a `count` and a `rate`"),
            );
        }
        _ => {}
    }
    let searches = draft.stages.iter().any(|(stage, _)| matches!(stage.kind, StageKind::FindMax(_)));
    if let (true, Some(load)) = (searches && draft.stages.len() > 1, key("load")) {
        let wrong = Wrong::new("`find_max` stands beside other stages");
        problems.add(load, wrong.help("it makes runs of its own, so it is the whole `load` of its file"));
    }
    let conditions = draft.scenario.expect.iter().chain(&draft.scenario.abort_if);
    for condition in conditions {
        let about_cases = condition.measure.metric == super::model::Metric::CasesFailed;
        let what = if about_cases { "cases" } else { "users" };
        if let (false, Some(place)) = (has(what), key("expect").or(key("abort_if"))) {
            let wrong = Wrong::new(format!("`{}` is expected, but the file has no `{what}`", shown(&condition.text)));
            problems.add(place, wrong.help("the condition would have nothing to judge"));
        }
    }
}

fn names(groups: &[&Drafted<'_>], problems: &mut Problems) {
    for draft in groups.iter().filter(|draft| Action::NAMES.contains(&draft.group.name.as_str())) {
        let name = &draft.group.name;
        let wrong = Wrong::new(format!("`{name}` is the name of an action already"));
        problems.add(
            draft.key,
            wrong.help(format!("a condition such as `delivery[{name}].p99` could mean either: find another name")),
        );
    }
    let known: HashSet<&str> = groups.iter().map(|draft| draft.group.name.as_str()).collect();
    if known.len() < groups.len() {
        // A group that stands twice is an error of its own.
        return;
    }
    let users: u64 = groups.iter().map(|draft| u64::from(draft.group.count)).sum();
    if users > u64::from(MOST_USERS) {
        if let Some(draft) = groups.last() {
            problems.add(
                draft.key,
                Wrong::new(format!("the groups have {users} users together")).help(format!("at most {MOST_USERS}")),
            );
        }
        return;
    }
    let mut taken: HashMap<String, usize> = HashMap::new();
    for (index, draft) in groups.iter().enumerate() {
        if let Err(wrong) = group_names(index, groups, &mut taken) {
            problems.add(draft.naming.unwrap_or(draft.key), wrong);
        }
    }
}

fn group_names(index: usize, groups: &[&Drafted<'_>], taken: &mut HashMap<String, usize>) -> Result<(), Wrong> {
    let group = &groups[index].group;
    let numbered = group.naming.pieces.iter().any(|piece| matches!(piece, NamePiece::Number { .. }));
    if group.count > 1 && !numbered {
        let name = group.naming.name(&group.name, 1);
        return Err(Wrong::new(format!("all {} users would be called `{}`", group.count, shown(&name)))
            .help("put `{n}` into the name: it is the user's number"));
    }
    for number in 1..=group.count {
        let name = group.naming.name(&group.name, number);
        if let Err(reason) = mychat_proto::name::check(&name) {
            return Err(Wrong::new(format!("`{}` is not a legal user name: {reason}", shown(&name))));
        }
        if name == NOBODY {
            return Err(Wrong::new(format!("`{NOBODY}` is who `to: nobody` writes to")).help("find another `name`"));
        }
        if let Some(other) = taken.get(&name).filter(|other| **other != index) {
            let other = &groups[*other].group.name;
            return Err(Wrong::new(format!("`{}` is a user of `{other}` too", shown(&name)))
                .help("names are unique on a server: give one of the groups another `name`"));
        }
        taken.insert(name, index);
    }
    Ok(())
}

fn longest_name(draft: &Drafted<'_>) -> usize {
    draft.group.naming.name(&draft.group.name, draft.group.count).len()
}

/// Whether all messages fit into frames.
fn contents(groups: &[&Drafted<'_>], problems: &mut Problems) {
    for draft in groups {
        for (weighted, place) in draft.group.actions.iter().zip(&draft.sizes) {
            let (content, overhead) = match &weighted.action {
                Action::Broadcast { content } => (content, BROADCAST_OVERHEAD + longest_name(draft)),
                Action::Private { to: To::Group(to), content } => {
                    (content, MESSAGE_OVERHEAD + longest_name(draft).max(longest_name(groups[*to])))
                }
                Action::Private { content, .. } => (content, MESSAGE_OVERHEAD + longest_name(draft)),
                _ => continue,
            };
            let most = mychat_proto::MAX_FRAME - overhead;
            if let Content { size: Size::Bytes(span), .. } = content
                && span.to as usize > most
            {
                let wrong =
                    Wrong::new(format!("{} bytes of content make a frame of {}", span.to, span.to as usize + overhead));
                problems.add(
                    place,
                    wrong.help(format!(
                        "a frame has at most 1024 bytes, so at most {most} here; `size: max` is always right"
                    )),
                );
            }
        }
    }
}

/// Whether everybody has a partner who is to have one.
fn partners(groups: &[&Drafted<'_>], problems: &mut Problems) {
    let paired = |draft: &&&Drafted<'_>| {
        draft.group.actions.iter().any(|weighted| matches!(weighted.action, Action::Private { to: To::Partner, .. }))
    };
    for draft in groups.iter().filter(paired).filter(|draft| !draft.group.count.is_multiple_of(2)) {
        let wrong = Wrong::new(format!("{} users cannot be paired: the last one has no partner", draft.group.count));
        problems.add(draft.key, wrong.help("`to: partner` needs a group with an even `count`"));
    }
}

/// Whether anybody could wait for it, or hold it in memory.
fn volume(draft: &Draft<'_>, groups: &[&Drafted<'_>], problems: &mut Problems) {
    let mut total = 0.0;
    let percent_seconds: f64 = draft
        .stages
        .iter()
        .map(|(stage, _)| f64::midpoint(stage.from, stage.to) / 100.0 * stage.duration.as_secs_f64())
        .sum();
    let highest = draft
        .stages
        .iter()
        .filter(|(stage, _)| !matches!(stage.kind, StageKind::FindMax(_)))
        .map(|(stage, _)| stage.from.max(stage.to))
        .fold(100.0, f64::max);
    for draft in groups {
        let seconds = f64::from(draft.group.count) / draft.group.join;
        if seconds > LONGEST_JOIN {
            let wrong = Wrong::new(format!("the group would take {} minutes to join", (seconds / 60.0).round()));
            problems.add(draft.key, wrong.help("raise `join`, the connections per second, which is 100/s by default"));
        }
        if let Pace::Open { rate, .. } = draft.group.pace {
            let rate = rate.per_user(draft.group.count) * f64::from(draft.group.count);
            total += rate * percent_seconds;
            let top = rate * highest / 100.0;
            if top > FASTEST {
                let wrong = Wrong::new(format!("the group would act {top:.0} times per second"));
                problems.add(
                    draft.rate.unwrap_or(draft.key),
                    wrong.help("at most 10_000_000 times per second, at the highest percentage of the load"),
                );
            }
        }
    }
    let seconds: f64 = draft.stages.iter().map(|(stage, _)| stage.duration.as_secs_f64()).sum();
    if let (true, Some(load)) = (seconds > LONGEST_LOAD, draft.fields.key("load")) {
        let wrong = Wrong::new(format!("the load would take {:.1} hours", seconds / 3600.0));
        problems.add(load, wrong.help("at most 18 hours in all"));
    }
    if let (true, Some(load)) = (draft.stages.len() > MOST_STAGES, draft.fields.key("load")) {
        let wrong = Wrong::new(format!("the load has {} stages", draft.stages.len()));
        problems.add(load, wrong.help(format!("at most {MOST_STAGES}")));
    }
    if let (true, Some(load)) = (total > MOST_ACTIONS, draft.fields.key("load")) {
        let wrong = Wrong::new(format!("the load would be {total:.0} actions"));
        problems.add(load, wrong.help("at most 1_000_000_000: lower the rates, or shorten the stages"));
    }
}

/// What an account that is not full cannot tell.
fn verification(draft: &Draft<'_>, groups: &[&Drafted<'_>], problems: &mut Problems) {
    let verify = draft.scenario.verify;
    let unseen =
        draft.scenario.expect.iter().find_map(|condition| Some((condition, condition.measure.unseen(verify)?)));
    if let (Some((condition, why)), Some(place)) = (unseen, draft.fields.get("verify")) {
        let wrong = Wrong::new(format!("`{}` cannot be judged: {why}", shown(&condition.text)));
        problems.add(place, wrong.help("use `verify: full`, or take the condition out"));
    }
    if verify != Verify::Counts {
        return;
    }
    let leaves = |draft: &&&Drafted<'_>| draft.group.may_come_back();
    if let (Some(group), Some(place)) = (groups.iter().find(leaves), draft.fields.get("verify")) {
        let name = &group.group.name;
        let wrong = Wrong::new(format!("`verify: counts` cannot follow the users of `{name}`, who may come and go"));
        let help = "use `verify: full`, or take `session`, `reconnect` and what servers may close a connection for out";
        problems.add(place, wrong.help(help));
    }
}

#[cfg(test)]
mod tests {
    use super::super::keys;
    use super::super::model::{Action, Metric};
    use super::NOT_YET;

    #[test]
    fn what_is_not_done_yet_is_part_of_the_language_and_of_the_readme() {
        let readme = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/README.md");
        let readme = std::fs::read_to_string(readme).expect("the README of the scenarios");
        let keys = |table: &keys::Table| table.names().collect::<Vec<_>>();
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
