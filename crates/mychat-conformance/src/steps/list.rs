//! `list`: what a user sooner or later sees of who is connected. Only the last state can be wrong.

use crate::harness::connection::Inbox;
use crate::harness::connection::contains;
use crate::harness::context::CaseContext;
use crate::harness::outcome::{CaseFailure, StepResult};
use crate::procedures::names::malformed_list;
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
            let own = |name: &&str| name.contains(&nonce) && **name != witness && !is_helper(name);
            list.split(',').filter(own).map(str::to_owned).collect()
        };
        // Nobody but this case is on a server that this tool started.
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
                && !(alone && list.split(',').any(is_nobody))
                && with.iter().all(|name| names.contains(&name.as_str()))
                && !without.iter().any(|name| names.contains(&name.as_str()))
        };
        let Some(conn) = self.conns.get(actor) else { return Ok(()) };
        // A list from before somebody left says nothing about who is there now, though it may look right. A server that
        // merges a coming and a going into nothing sends none afterwards: then the old one is the last one.
        let stale_lists = self.stale_lists.get(actor).copied().unwrap_or(0);
        let older = self.env.quiet_period() * 2;
        let first = if stale_lists == 0 { timeout } else { older.min(timeout) };
        for (oldest, timeout) in [(stale_lists, first), (0, timeout)] {
            let look = |inbox: &mut Inbox| match &inbox.list {
                Some(list) if fits(list) && inbox.list_count() > oldest => Some(true),
                _ => inbox.end.map(|_| false),
            };
            let found =
                if oldest > 0 { conn.wait_at_most(timeout, look).await } else { conn.wait_until(timeout, look).await };
            if found == Some(true) {
                return Ok(());
            }
            if stale_lists == 0 {
                break;
            }
        }
        // One that has no end yet will get none.
        conn.inbox().end_unfinished();
        let last = conn.inbox().list.clone();
        let counted = conn.inbox().list_count();
        if counted == 0 {
            let _ = self.diagnosis.set(NEVER);
        } else if without.iter().any(|name| self.was_ended(name)) {
            let _ = self.diagnosis.set(GHOST);
        } else if stale_lists > 0 && counted == stale_lists {
            let _ = self.diagnosis.set(NOT_AFTER_LEAVING);
        }
        let got = match &last {
            Some(names) => format!(
                "{actor}'s last list: {}",
                self.names.humanize(&text::shown(format!("USER_LIST|{names}").as_bytes()))
            ),
            None => format!("{actor} got no USER_LIST within {}", humantime::format_duration(timeout)),
        };
        if let Some(list) = &last {
            self.config.transcript.mark(actor, list.as_bytes());
            if alone && list.split(',').any(is_nobody) {
                let _ = self.diagnosis.set(NOBODY);
            }
            let wanted = || with.iter().chain(exactly.iter().flatten());
            let plain = |name: &&str| !name.contains(char::is_control);
            let decorated =
                list.split(',').filter(plain).any(|name| wanted().any(|want| name != want && name.contains(&**want)));
            if let Some(diagnosis) =
                self.who_is_listed_wrongly(actor, list, exactly.as_deref(), &with, &without, stale_lists < counted)
            {
                let _ = self.diagnosis.set(diagnosis);
            }
            let other_case = list
                .split(',')
                .any(|name| wanted().any(|want| name != want && name.to_lowercase() == want.to_lowercase()));
            if other_case {
                let _ = self.diagnosis.set(OTHER_CASE);
            }
            if malformed_list(list).is_some() || decorated {
                let _ = self
                    .diagnosis
                    .set("the list is not written as the names with commas between them (see list.format)");
            }
        }
        Err(CaseFailure::fail(wanted(actor, is, has, lacks), got))
    }
}

impl CaseContext {
    /// Whether the server itself ended this user's connection, which had not said that it leaves.
    fn was_ended(&self, name: &str) -> bool {
        let whose = self.conns.values().find(|conn| conn.name.as_deref() == Some(name));
        whose.is_some_and(|conn| {
            conn.inbox().end.is_some()
                && !conn.is_closed_by_us()
                && !conn.sent.iter().any(|sent| contains(sent, b"DISCONNECT"))
        })
    }

    /// The mistake that a list shows by the one name too many or too few that is in it.
    fn who_is_listed_wrongly(
        &self,
        actor: &str,
        list: &str,
        exactly: Option<&[String]>,
        with: &[String],
        without: &[String],
        is_new: bool,
    ) -> Option<&'static str> {
        let own = self.conns.get(actor)?.name.clone()?;
        let names: Vec<&str> = list.split(',').collect();
        let wanted: Vec<&String> = exactly.unwrap_or_default().iter().chain(with).collect();
        let lacking: Vec<&&String> = wanted.iter().filter(|name| !names.contains(&name.as_str())).collect();
        let nonce = self.names.nonce();
        let witness = self.names.known("zwitness").unwrap_or_default();
        let mine = |name: &&&str| name.contains(nonce) && **name != witness && !is_helper(name);
        let odd = |name: &&&str| match exactly {
            Some(exactly) => !exactly.iter().any(|want| want == **name),
            None => without.iter().any(|not| not == **name),
        };
        let more: Vec<&&str> = names.iter().filter(mine).filter(odd).collect();
        let left = |name: &str| {
            let whose = self.conns.values().find(|conn| conn.name.as_deref() == Some(name));
            whose.is_some_and(|conn| {
                let asked = conn.sent.iter().filter(|sent| sent.starts_with(b"CONNECT|")).count();
                let told = conn.sent.iter().any(|sent| sent.starts_with(b"DISCONNECT"));
                asked == 1 && told
            })
        };
        let own_alone = !lacking.is_empty() && lacking.iter().all(|name| ***name == own);
        if more.is_empty() {
            return (own_alone && (names.len() > 1 || list.is_empty())).then_some(OWN_MISSING);
        }
        let mistake = if lacking.is_empty() { STILL_LISTED } else { WRONG_ONE };
        (is_new && more.iter().all(|name| left(name))).then_some(mistake)
    }
}

const OWN_MISSING: &str =
    "the list leaves out whoever it is sent to: it names all connected users (see conn.list-has-self)";
const GHOST: &str = "an exception ends the connection, and its name stays: what is done when a user leaves belongs where every end comes by (see frame.unterminated-flood)";
const WRONG_ONE: &str =
    "whoever said DISCONNECT is still listed, and somebody else no longer: the wrong entry is removed";
const STILL_LISTED: &str = "whoever said DISCONNECT is still listed: the list is drawn up before the user is removed, or nobody removes it (see list.leave-others)";

/// What has nothing to do with who is in a list.
const NEVER: &str =
    "no USER_LIST comes where one is owed: after a welcome, and when somebody comes or goes (see conn.list-after-ack)";
const OTHER_CASE: &str =
    "names are changed to small or capital letters: a name is used as it was given, or refused (see name.kept)";
const NOT_AFTER_LEAVING: &str =
    "no USER_LIST is sent when somebody has left (see list.leave-others and list.leave-fin)";

/// What stands in a list where no name was given yet.
const NOBODY: &str =
    "a connection that has not said CONNECT stands in the list: users are entered when they are accepted";

/// Whether this is what languages write for a name that is not there, or an address in place of one.
fn is_nobody(name: &str) -> bool {
    let name = name.trim().to_ascii_lowercase();
    let words = ["none", "null", "nil", "undefined", "unknown", "unnamed", "anon", "guest", "nobody"];
    name.is_empty()
        || words.iter().any(|word| name.starts_with(word))
        || ["127.0.0.1", "::1"].iter().any(|part| name.contains(part))
}

/// Whether the name belongs to a fence on a connection that was no user's.
fn is_helper(name: &str) -> bool {
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
