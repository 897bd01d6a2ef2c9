//! The order of the checks of a run.

use super::catalogue::Check;
use super::end_of_run;
use mychat_scenario::model::procedures::Procedure;
use mychat_scenario::model::{Case, Need, Step};

/// The checks by the way in which they may run: at the same time on several instances, alone, or at the end. Each has its index in
/// the selection.
pub(super) struct Schedule<'c> {
    /// Checks that mostly wait, and run side by side: on an instance of their own if there are several.
    pub(super) slow: Vec<(usize, &'c Check)>,
    pub(super) parallel: Vec<(usize, &'c Check)>,
    pub(super) exclusive: Vec<(usize, &'c Check)>,
    pub(super) end_of_run: Vec<(usize, &'c Check)>,
}

impl<'c> Schedule<'c> {
    /// Orders the checks. `can_restart`: the server is started again after a crash.
    pub(super) fn of(checks: &[&'c Check], can_restart: bool) -> Self {
        let (end_of_run, others): (Vec<_>, Vec<_>) =
            checks.iter().copied().enumerate().partition(|(_, check)| end_of_run::is_end_of_run(&check.case.id));
        let (mut exclusive, parallel): (Vec<_>, Vec<_>) =
            others.into_iter().partition(|(_, check)| check.case.needs.contains(&Need::Loopback));
        // A server that is not started again is gone after its first crash, so what crashes servers comes after everything else.
        let crashes = |check: &Check| !can_restart && crashes_servers(&check.case.id);
        // Users who come and go by the thousand last: a server that keeps their names is slow afterwards.
        exclusive.sort_by_key(|(_, check)| (crashes(check), check.case.needs.contains(&Need::Fresh)));
        let (slow, mut parallel): (Vec<_>, Vec<_>) =
            parallel.into_iter().partition(|(_, check)| check.case.slow && !crashes(check));
        // Checks with many users come last: a server that keeps the names of all of them is slower from then on.
        parallel.sort_by_key(|(_, check)| (crashes(check), has_many_users(&check.case)));
        if !can_restart {
            let first = parallel.partition_point(|(_, check)| !crashes(check));
            let (others, crashing): (Vec<_>, Vec<_>) = exclusive.into_iter().partition(|(_, check)| !crashes(check));
            exclusive = [others, parallel.split_off(first), crashing].concat();
        }
        Self { slow, parallel, exclusive, end_of_run }
    }
}

/// The groups and checks whose input has crashed servers: text that is not UTF-8, commands without their fields, connections that
/// break off, other protocols, and random bytes.
const CRASHING: [&str; 22] = [
    "utf8.invalid-",
    "utf8.overlong",
    "utf8.surrogate",
    "utf8.above-",
    "utf8.truncated-end",
    "utf8.replacement",
    "frame.empty",
    "frame.blank",
    "name.missing",
    "name.empty",
    "msg.missing-",
    "bcast.missing",
    "cmd.only-pipes",
    "cmd.http",
    "cmd.tls",
    "conn.before-",
    "conn.connect-and-fin",
    "conn.reuse-after-rst",
    "list.leave-rst",
    "leave.mid-frame-rst",
    "bcast.dead-peer",
    "robust.fuzz",
];

/// Returns true for a check in which dozens of users connect.
pub(super) fn has_many_users(case: &Case) -> bool {
    case.steps.iter().any(|step| match step {
        Step::Procedure(Procedure::Churn(churn)) => churn.users,
        Step::Procedure(
            Procedure::JoinLeave(_)
            | Procedure::DeliveryHistory(_)
            | Procedure::Race(_)
            | Procedure::ManyConnections(_)
            | Procedure::OverlongList { .. },
        )
        | Step::Repeat { times: 25.., .. } => true,
        _ => false,
    })
}

/// Returns true for a check that is known to crash servers.
fn crashes_servers(id: &str) -> bool {
    CRASHING.iter().any(|name| id.starts_with(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::catalogue;

    fn ids(list: &[(usize, &Check)]) -> Vec<String> {
        list.iter().map(|(_, check)| check.case.id.clone()).collect()
    }

    #[test]
    fn every_entry_names_a_check() {
        let checks = catalogue();
        for name in CRASHING {
            assert!(checks.iter().any(|check| check.case.id.starts_with(name)), "{name}");
        }
    }

    #[test]
    fn what_crashes_servers_comes_last_where_nobody_starts_them_again() {
        let checks = catalogue();
        let checks: Vec<&Check> = checks.iter().collect();
        let schedule = Schedule::of(&checks, false);
        let order = [ids(&schedule.parallel), ids(&schedule.exclusive)].concat();
        let first = order.iter().position(|id| crashes_servers(id)).unwrap();
        assert!(order[first..].iter().all(|id| crashes_servers(id)), "{:?}", &order[first..]);
        assert_eq!(order.len() + schedule.slow.len() + schedule.end_of_run.len(), checks.len());
        assert!(schedule.slow.len() > 1, "{:?}", ids(&schedule.slow));
        let restarting = Schedule::of(&checks, true);
        assert_eq!(ids(&restarting.parallel).len() + ids(&restarting.exclusive).len(), order.len());
        assert!(ids(&restarting.parallel).contains(&"utf8.overlong".to_owned()));
    }

    /// A server that keeps the names of all users is slow after them.
    #[test]
    fn checks_with_many_users_follow_those_with_few() {
        let checks = catalogue();
        let checks: Vec<&Check> = checks.iter().collect();
        let schedule = Schedule::of(&checks, true);
        let first = schedule.parallel.iter().position(|(_, check)| has_many_users(&check.case)).unwrap();
        let order = ids(&schedule.parallel);
        assert!(schedule.parallel[first..].iter().all(|(_, check)| has_many_users(&check.case)), "{order:?}");
        assert!(
            order[first..].contains(&"load.no-loss".to_owned()) && order[..first].contains(&"msg.deliver".to_owned())
        );
    }
}
