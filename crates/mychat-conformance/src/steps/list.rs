//! The step `list`: the last list of a user names the right users. Earlier lists may differ.

use crate::harness::connection::ConnInbox;
use crate::harness::context::CaseContext;
use crate::harness::failure::{CaseFailure, Evidence, ListEvidence, StepResult};
use crate::harness::malformed::is_placeholder;
use crate::harness::pace::Awaited;
use mychat_scenario::template::text;

impl CaseContext {
    pub(crate) async fn expect_list(
        &mut self,
        actor: &str,
        is: Option<&[String]>,
        has: &[String],
        lacks: &[String],
    ) -> StepResult {
        let timeout = self.env.timeout;
        self.conn(actor)?;
        let wire = |names: &[String]| -> Vec<String> {
            names.iter().map(|name| self.names.known(name).unwrap_or(name).to_owned()).collect()
        };
        let (exactly, with, without) = (is.map(wire), wire(has), wire(lacks));
        let nonce = self.names.nonce().to_owned();
        let witness = self.names.known("zwitness").unwrap_or_default().to_owned();
        let mine = |list: &str| -> Vec<String> {
            let own = |name: &&str| name.contains(&nonce) && **name != witness && !is_suite_name(name);
            list.split(',').filter(own).map(str::to_owned).collect()
        };
        // A server that this tool started has only users of this case.
        let alone = self.env.watch.is_some() && is.is_some();
        let fits = |list: &str| {
            let names: Vec<&str> = list.split(',').collect();
            let exact = exactly.as_ref().is_none_or(|want| {
                let mut got = mine(list);
                got.sort_unstable();
                let mut want = want.clone();
                want.sort_unstable();
                got == want
            });
            exact
                && !(alone && list.split(',').any(is_placeholder))
                && with.iter().all(|name| names.contains(&name.as_str()))
                && !without.iter().any(|name| names.contains(&name.as_str()))
        };
        let Some(conn) = self.conns.get(actor) else { return Ok(()) };
        // A list from before a user left is stale, even if it looks right. But a server may merge a join and a leave, and send
        // no list after them: then the stale list is the last one.
        let stale_lists = self.stale_lists.get(actor).copied().unwrap_or(0);
        let older = self.newer_list_wait();
        let first = if stale_lists == 0 { timeout } else { older.min(timeout) };
        for (oldest, timeout) in [(stale_lists, first), (0, timeout)] {
            let look = |inbox: &mut ConnInbox| match &inbox.list {
                Some(list) if fits(list) && inbox.list_count() > oldest => Some(true),
                _ => inbox.end.map(|_| false),
            };
            let found = if oldest > 0 {
                conn.wait_at_most_for(Awaited::List, timeout, look).await
            } else {
                conn.wait_list(timeout, look).await
            };
            if found == Some(true) {
                return Ok(());
            }
            if stale_lists == 0 {
                break;
            }
        }
        // A list without a terminator counts now: the terminator will not arrive any more.
        conn.inbox().end_unfinished();
        let last = conn.inbox().list.clone();
        let evidence = ListEvidence {
            actor: actor.to_owned(),
            list: last.clone(),
            received: conn.inbox().list_count(),
            stale: stale_lists,
            exactly,
            with,
            without,
            is_alone: alone,
        };
        let got = match &last {
            Some(names) => format!(
                "{actor}'s last list: {}",
                self.names.humanize(&text::shown(format!("USER_LIST|{names}").as_bytes()))
            ),
            None => format!("{actor} got no USER_LIST {}", conn.waited()),
        };
        if let Some(list) = &last {
            self.config.wire_log.mark(actor, list.as_bytes());
        }
        Err(CaseFailure::fail(wanted(actor, is, has, lacks), got).with(Evidence::WrongList(evidence)))
    }

    /// Returns how long to wait for a list that is newer than the stale ones, before a stale one counts.
    fn newer_list_wait(&self) -> std::time::Duration {
        let (pace, longest) = (&self.env.pace, self.env.quiet_period() * 2);
        if pace.is_proven_missing(Awaited::List) { pace.optional_wait(Awaited::List, longest) } else { longest }
    }
}

/// Returns true for a name of the suite's own, as `fence_by_connect` uses on a connection that is not logged in.
fn is_suite_name(name: &str) -> bool {
    name.starts_with('z')
}

fn wanted(actor: &str, is: Option<&[String]>, has: &[String], lacks: &[String]) -> String {
    let mut parts = Vec::new();
    if let Some(is) = is {
        parts.push(format!("= {{{}}}", is.join(", ")));
    }
    if !has.is_empty() {
        parts.push(format!("with {}", has.join(", ")));
    }
    if !lacks.is_empty() {
        parts.push(format!("without {}", lacks.join(", ")));
    }
    format!("{actor} gets a USER_LIST {}", parts.join(" and "))
}
