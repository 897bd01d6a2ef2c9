//! The expectations that every run has, whatever its scenario says: the server stays up, everybody is let in, nobody is
//! disconnected, and something is sent. A result contains only those that do not hold.
//!
//! A condition of `expect` on `refused` or `disconnects` replaces the implicit expectation for the groups and stages that
//! it covers.

use super::expect::Expectation;
use super::measure::places;
use crate::engine::coordinator::Observations;
use crate::plan::{GroupId, Plan, UserId, nanos};
use crate::record::example::ViolationKind;
use crate::record::recorder::{Count, Place};
use crate::record::session::{UserSession, UserSessionEnd};
use mychat_scenario::model::{Metric, Pace, ReadPolicy, Unit};

/// Text of the expectation that no user is refused.
pub const EVERYBODY_IS_LET_IN: &str = "everybody is let in";
/// Number of users that a note names.
const NAMED: usize = 3;

/// Returns the implicit expectations that do not hold, the most important one first.
pub(super) fn assess(plan: &Plan, seen: &Observations) -> Vec<Expectation> {
    let load = if seen.interrupted { None } else { somebody_sends(plan, seen) };
    [server_stays_up(seen), everybody_is_let_in(plan, seen), nobody_is_disconnected(plan, seen), load]
        .into_iter()
        .flatten()
        .collect()
}

fn broken(text: &str, actual: Option<u64>, note: String) -> Expectation {
    Expectation {
        text: text.to_owned(),
        line: 0,
        actual: actual.map(|count| count as f64),
        unit: Unit::Count,
        ok: Some(false),
        exact: true,
        idle: false,
        note: Some(note),
    }
}

fn server_stays_up(seen: &Observations) -> Option<Expectation> {
    let note = match (&seen.liveness.process_end, &seen.liveness.newcomer_failure) {
        (Some(end), _) => format!("its process {}", end.describe()),
        (None, Some(why)) => format!("a new user was not let in after the load: {why}"),
        (None, None) => return None,
    };
    Some(broken("the server stays up", None, note))
}

fn everybody_is_let_in(plan: &Plan, seen: &Observations) -> Option<Expectation> {
    let has_tried = !seen.interrupted && seen.local_failures.count == 0;
    if has_tried && seen.recorder.total(Count::Connected, |_| true) == 0 {
        // No opting out of this one: without a user there is no run to judge.
        let note = first_reason(plan, seen, ViolationKind::Refused, seen.failed_logins.first().map(|f| f.user));
        return Some(broken(
            "somebody is let in",
            Some(0),
            format!("all users were refused, and there was no load{note}"),
        ));
    }
    let is_covered = covered(plan, Metric::Refused);
    let count = seen.recorder.total(Count::Refused, |place| !is_covered(place));
    let failed = seen.failed_logins.iter().filter(|failed| !is_covered(failed.place));
    let users: Vec<UserId> = failed.map(|failed| failed.user).collect();
    let note = || {
        let why = first_reason(plan, seen, ViolationKind::Refused, users.first().copied());
        format!("refused: {}{why}", names(plan, &users, count))
    };
    (count > 0).then(|| broken(EVERYBODY_IS_LET_IN, Some(count), note()))
}

fn nobody_is_disconnected(plan: &Plan, seen: &Observations) -> Option<Expectation> {
    let is_covered = covered(plan, Metric::Disconnects);
    // Hostile users provoke it, and rule M6 lets a server disconnect users that do not read.
    let is_innocent = |group: GroupId| {
        let group = &plan.scenario.groups[group.index()];
        !group.hostile && group.read == ReadPolicy::Fast
    };
    let counted = |place: Place| is_innocent(place.group) && !is_covered(place);
    let count = seen.recorder.total(Count::Disconnects, counted);
    let is_concerned = |session: &&UserSession| {
        session.end == UserSessionEnd::Closed && is_innocent(plan.users[session.user.index()].group)
    };
    let mut closed: Vec<&UserSession> = seen.sessions.iter().filter(is_concerned).collect();
    closed.sort_unstable_by_key(|session| (session.ended_at, session.user));
    let note = || {
        let users: Vec<UserId> = closed.iter().map(|session| session.user).collect();
        let first = closed.first().and_then(|session| session.ended_at);
        let when = first.map_or_else(String::new, |at| format!(", the first {:.1} s into the run", at.seconds()));
        let why = first_reason(plan, seen, ViolationKind::Disconnect, users.first().copied());
        format!("disconnected: {}{when}{why}", names(plan, &users, count))
    };
    (count > 0).then(|| broken("nobody is disconnected", Some(count), note()))
}

/// Returns the expectation that something is sent, if nothing was. It is undecided where nothing came due: that is no fault of the
/// server. A plan without senders tests only the joins.
fn somebody_sends(plan: &Plan, seen: &Observations) -> Option<Expectation> {
    let total = |count| seen.recorder.total(count, |_| true);
    if total(Count::Sent) > 0 || total(Count::Connected) == 0 || !has_senders(plan) {
        return None;
    }
    if total(Count::Scheduled) > 0 || has_active_closed_loops(plan) {
        let note = "all senders were refused, disconnected or not read; there was no load";
        return Some(broken("somebody can send", Some(0), note.to_owned()));
    }
    let note = "no action was due during the load; use a longer load or a higher rate";
    Some(Expectation { ok: None, ..broken("something is sent", Some(0), note.to_owned()) })
}

/// Returns a filter for the places that conditions of the scenario on `metric` cover.
fn covered(plan: &Plan, metric: Metric) -> impl Fn(Place) -> bool {
    let conditions = plan.scenario.expect.iter().filter(move |condition| condition.measure.metric == metric);
    let filters: Vec<_> = conditions.map(|condition| places(plan, metric, &condition.measure.selector)).collect();
    move |place| filters.iter().any(|covers| covers(place))
}

/// Lists the first users by name, and how many more of `count` there are. Lists none if `count` is about only some of them.
fn names(plan: &Plan, users: &[UserId], count: u64) -> String {
    if users.len() as u64 != count {
        return format!("{count} users");
    }
    let named: Vec<&str> = users.iter().take(NAMED).map(|user| &*plan.users[user.index()].name).collect();
    let (named, others) = (named.join(", "), users.len().saturating_sub(NAMED));
    if others > 0 { format!("{named} and {others} more") } else { named }
}

/// Returns the reason of a violation of this kind, preferably that of `user`, behind a colon.
fn first_reason(plan: &Plan, seen: &Observations, kind: ViolationKind, user: Option<UserId>) -> String {
    let name = user.map_or("", |user| &*plan.users[user.index()].name);
    seen.examples.about(kind, name).map_or_else(String::new, |example| format!(": {}", example.what))
}

/// Returns true if a user of this machine performs actions.
fn has_senders(plan: &Plan) -> bool {
    plan.own_user_ids()
        .any(|user| !matches!(plan.group(user).pace, Pace::Silent) && !plan.group(user).actions.is_empty())
}

/// Returns true if this machine drives a closed-loop user whose think time is shorter than the load.
fn has_active_closed_loops(plan: &Plan) -> bool {
    plan.own_user_ids().any(|user| match plan.group(user).pace {
        Pace::Closed { think } => nanos(think.to) < plan.end().nanos() && !plan.group(user).actions.is_empty(),
        Pace::Open { .. } | Pace::Silent => false,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::engine::coordinator::Liveness;
    use crate::plan::{RunTime, StageId};
    use crate::record::example::Example;
    use crate::record::failed_login::FailedLogin;
    use crate::record::recorder::{Recorder, Shape};
    use mychat_target::ProcessEnd;

    fn plan(text: &str) -> Plan {
        let loaded = mychat_scenario::parse("t.yaml", &format!("name: t\n{text}")).unwrap_or_else(|e| panic!("{e}"));
        Plan::new(Arc::new(loaded.scenario), 1)
    }

    /// Returns observations with these counts: group, count, times. All of them were made in the first stage.
    fn seen(plan: &Plan, counts: &[(u16, Count, u64)]) -> Observations {
        let groups = plan.scenario.groups.len() as u16;
        let mut recorder = Recorder::new(Shape { stages: plan.stages.len() as u16, groups });
        for (group, count, times) in counts {
            recorder.add(Place { stage: StageId(0), group: GroupId(*group), action: Shape::NO_ACTION }, *count, *times);
        }
        Observations::of_interval(recorder)
    }

    fn texts(plan: &Plan, seen: &Observations) -> Vec<(String, Option<bool>)> {
        assess(plan, seen).into_iter().map(|expectation| (expectation.text, expectation.ok)).collect()
    }

    #[test]
    fn a_run_in_which_no_user_could_send_does_not_pass() {
        let judged = |pace: &str, counts: &[(Count, u64)]| {
            let plan = plan(&format!(
                "users: {{ u: {{ count: 2, {pace}, do: [ {{ broadcast: {{}} }} ] }} }}\nload: [ {{ hold: 1s }} ]"
            ));
            let counts: Vec<_> = counts.iter().map(|(count, times)| (0, *count, *times)).collect();
            texts(&plan, &seen(&plan, &counts)).pop()
        };
        let there = (Count::Connected, 2);
        let broken = |text: &str| Some((text.to_owned(), Some(false)));
        assert_eq!(judged("rate: 1/s", &[]), broken("somebody is let in"));
        assert_eq!(judged("rate: 1/s", &[there, (Count::Scheduled, 3)]), broken("somebody can send"));
        assert_eq!(judged("rate: 1/s", &[there, (Count::Scheduled, 3), (Count::Sent, 1)]), None);
        assert_eq!(judged("think: 0s", &[there]), broken("somebody can send"));
        let nothing_due = Some(("something is sent".to_owned(), None));
        assert_eq!(judged("rate: 1/s", &[there]), nothing_due);
        assert_eq!(judged("think: 2s", &[there]), nothing_due, "the load ended before the first think time");
        let joins = plan("users: { u: { count: 2 } }\nload: [ { hold: 1s } ]");
        assert_eq!(texts(&joins, &seen(&joins, &[(0, Count::Connected, 2)])), [], "a plan without senders");
    }

    /// Two groups of which the second is hostile, under these expectations, if there are any.
    fn two_groups(expect: &str) -> Plan {
        let expect = if expect.is_empty() { String::new() } else { format!("expect: [ {expect} ]") };
        plan(&format!(
            "users:\n  u: {{ count: 9, rate: 1/s, do: [ {{ broadcast: {{}} }} ] }}\n  v: {{ count: 9, hostile: true }}\n\
             load: [ {{ hold: 9s }}, {{ pause: 1s }} ]\n{expect}"
        ))
    }

    #[test]
    fn a_condition_replaces_what_is_implicit_for_what_it_covers() {
        let judged = |expect: &str, count, group| {
            let plan = two_groups(expect);
            let counts = [(0, Count::Connected, 9), (0, Count::Sent, 1), (group, count, 4)];
            texts(&plan, &seen(&plan, &counts)).into_iter().map(|(text, _)| text).collect::<Vec<_>>()
        };
        for group in [0, 1] {
            assert_eq!(judged("", Count::Refused, group), ["everybody is let in"]);
            assert_eq!(judged("\"refused <= 4\"", Count::Refused, group), Vec::<String>::new());
        }
        assert_eq!(judged("\"refused[v] >= 0\"", Count::Refused, 0), ["everybody is let in"]);
        assert_eq!(judged("\"refused[v] >= 0\"", Count::Refused, 1), Vec::<String>::new());
        assert_eq!(judged("\"refused[u, pause-1] >= 0\"", Count::Refused, 0), ["everybody is let in"]);
        assert_eq!(judged("\"refused[u, hold-1] >= 0\"", Count::Refused, 0), Vec::<String>::new());
        assert_eq!(judged("", Count::Disconnects, 0), ["nobody is disconnected"]);
        assert_eq!(judged("", Count::Disconnects, 1), Vec::<String>::new(), "hostile users provoke it");
        assert_eq!(judged("\"disconnects < 9\"", Count::Disconnects, 0), Vec::<String>::new());
        assert_eq!(judged("\"disconnects[v] < 9\"", Count::Disconnects, 0), ["nobody is disconnected"]);
    }

    #[test]
    fn slow_readers_may_be_disconnected() {
        let plan = plan("users: { u: { count: 2, read: never } }\nload: [ { hold: 1s } ]");
        assert_eq!(texts(&plan, &seen(&plan, &[(0, Count::Connected, 2), (0, Count::Disconnects, 2)])), []);
    }

    #[test]
    fn a_refusal_is_told_with_names_and_the_reason() {
        let plan = two_groups("");
        let counts = [(0, Count::Connected, 4), (0, Count::Sent, 1), (0, Count::Refused, 5)];
        let mut seen = seen(&plan, &counts);
        let place = Place { stage: StageId(0), group: GroupId(0), action: Shape::NO_ACTION };
        let failed = |user| FailedLogin { user: UserId(user), due_at: RunTime::from_micros(u64::from(user)), place };
        seen.failed_logins = (2..7).map(failed).collect();
        for user in ["u9", "u3"] {
            seen.examples.push(Example {
                kind: ViolationKind::Refused,
                sender: None,
                recipient: Some(user.to_owned()),
                sequence: None,
                what: format!("no answer to {user}"),
                frames: Vec::new(),
            });
        }
        let judged = assess(&plan, &seen).pop().unwrap();
        assert_eq!(judged.actual, Some(5.0));
        assert_eq!(judged.note.as_deref(), Some("refused: u3, u4, u5 and 2 more: no answer to u3"));
    }

    #[test]
    fn a_server_that_died_is_the_first_finding() {
        let plan = two_groups("");
        let counts = [(0, Count::Connected, 9), (0, Count::Sent, 1), (0, Count::Disconnects, 9)];
        let mut seen = seen(&plan, &counts);
        let newcomer_failure = Some("connection refused".to_owned());
        seen.liveness = Liveness { process_end: None, newcomer_failure };
        let note = |seen: &Observations| assess(&plan, seen)[0].note.clone().unwrap();
        assert_eq!(note(&seen), "a new user was not let in after the load: connection refused");
        let output = Vec::new();
        seen.liveness.process_end = Some(ProcessEnd { seconds: 0.0, status: "exit status 1".to_owned(), output });
        assert_eq!(note(&seen), "its process ended before the first login: exit status 1");
        seen.liveness.process_end.iter_mut().for_each(|end| end.seconds = 3.21);
        assert_eq!(note(&seen), "its process ended 3.2 s into the run: exit status 1");
        assert_eq!(texts(&plan, &seen)[1].0, "nobody is disconnected");
    }
}
