//! Mistakes in the lists of connected users.

use super::shared::LIST_FORMAT;
use super::{KnownMistake, mistake};
use crate::harness::failure::{Evidence, ListEvidence};
use crate::harness::malformed::{is_placeholder, malformed_list};
use crate::harness::transcript::{ConnectionTranscript, Transcript};

pub(super) const MISTAKES: &[KnownMistake] = &[
    mistake(
        "the server does not send a USER_LIST where it has to: after a login, and when somebody joins or leaves (see conn.list-after-ack)",
        |_, evidence| wrong_list(evidence).is_some_and(|it| it.received == 0),
    ),
    mistake(
        "an exception ends the connection, but its name stays in the list: remove the user wherever a connection can end (see frame.unterminated-flood)",
        |transcript, evidence| {
            wrong_list(evidence).is_some_and(|it| it.without.iter().any(|name| was_disconnected(transcript, name)))
        },
    ),
    mistake("no USER_LIST is sent after somebody left (see list.leave-others and list.leave-fin)", |_, evidence| {
        wrong_list(evidence).is_some_and(|it| it.stale > 0 && it.received == it.stale)
    }),
    mistake(
        "the list contains a connection that has not sent CONNECT: add a user after CONNECT, not when you accept the connection",
        |_, evidence| wrong_list(evidence).is_some_and(|it| it.is_alone && it.names().any(is_placeholder)),
    ),
    mistake(
        "the list does not contain the user who receives it: it has to name all connected users (see conn.list-has-self)",
        |transcript, evidence| wrong_list(evidence).is_some_and(|it| lacks_recipient(transcript, it)),
    ),
    mistake(
        "a user who sent DISCONNECT is still in the list: the list is made before the user is removed, or nothing removes the user (see list.leave-others)",
        |transcript, evidence| {
            wrong_list(evidence).is_some_and(|it| has_only_users_who_left(transcript, it) && it.missing().is_empty())
        },
    ),
    mistake(
        "a user who sent DISCONNECT is still in the list, and another one is missing: the wrong entry is removed",
        |transcript, evidence| {
            wrong_list(evidence).is_some_and(|it| has_only_users_who_left(transcript, it) && !it.missing().is_empty())
        },
    ),
    mistake(
        "the server changes names to lower or upper case: use a name as it was given, or refuse it (see name.kept)",
        |_, evidence| wrong_list(evidence).is_some_and(has_other_case),
    ),
    mistake(LIST_FORMAT, |_, evidence| {
        matches!(evidence, Evidence::MalformedList) || wrong_list(evidence).is_some_and(is_malformed)
    }),
    mistake("lists go to every socket, even to those that have not logged in with CONNECT", is_sent_to_every_socket),
];

fn wrong_list(evidence: &Evidence) -> Option<&ListEvidence> {
    if let Evidence::WrongList(list) = evidence { Some(list) } else { None }
}

impl ListEvidence {
    /// Returns the names in the list; none if no list came.
    fn names(&self) -> impl Iterator<Item = &str> {
        self.list.as_deref().map(|list| list.split(',')).into_iter().flatten()
    }

    /// Returns the names that the list must have.
    fn wanted(&self) -> impl Iterator<Item = &String> {
        self.exactly.iter().flatten().chain(&self.with)
    }

    /// Returns the wanted names that the list does not have.
    fn missing(&self) -> Vec<&String> {
        self.wanted().filter(|name| !self.names().any(|other| other == name.as_str())).collect()
    }

    /// Returns the names of this case that the list must not have.
    fn surplus<'s>(&'s self, transcript: &'s Transcript) -> Vec<&'s str> {
        let is_unwanted = |name: &&str| match &self.exactly {
            Some(exactly) => !exactly.iter().any(|want| want == name),
            None => self.without.iter().any(|not| not == name),
        };
        self.names().filter(|name| is_user_of_case(transcript, name)).filter(is_unwanted).collect()
    }
}

/// Returns true if a name is that of an actor. Names that begin with z belong to the suite's own users.
fn is_user_of_case(transcript: &Transcript, name: &str) -> bool {
    name.contains(&transcript.nonce) && name != transcript.witness_name && !name.starts_with('z')
}

/// Returns true if the server ended the connection of a user who had not sent DISCONNECT.
fn was_disconnected(transcript: &Transcript, name: &str) -> bool {
    let ended =
        |conn: &ConnectionTranscript| conn.closed_by_server && !conn.closed_by_us && !conn.has_sent(b"DISCONNECT");
    transcript.named(name.as_bytes()).is_some_and(ended)
}

fn lacks_recipient(transcript: &Transcript, it: &ListEvidence) -> bool {
    let Some(own) = transcript.connection(&it.actor).and_then(|conn| conn.name.as_ref()) else { return false };
    let missing = it.missing();
    let lacks_own_alone = !missing.is_empty() && missing.iter().all(|name| *name == own);
    let has_others = it.names().count() > 1 || it.list.as_deref() == Some("");
    lacks_own_alone && has_others && it.surplus(transcript).is_empty()
}

/// Returns true if a list that arrived after somebody left has surplus names, all of users who sent DISCONNECT.
fn has_only_users_who_left(transcript: &Transcript, it: &ListEvidence) -> bool {
    let left = |conn: &ConnectionTranscript| {
        let logins = conn.sent.iter().filter(|sent| sent.starts_with(b"CONNECT|")).count();
        logins == 1 && conn.sent.iter().any(|sent| sent.starts_with(b"DISCONNECT"))
    };
    let surplus = it.surplus(transcript);
    let has_name = transcript.connection(&it.actor).is_some_and(|conn| conn.name.is_some());
    let all_left = surplus.iter().all(|name| transcript.named(name.as_bytes()).is_some_and(left));
    has_name && it.stale < it.received && !surplus.is_empty() && all_left
}

fn has_other_case(it: &ListEvidence) -> bool {
    let is_recased = |name: &str| it.wanted().any(|want| name != want && name.to_lowercase() == want.to_lowercase());
    it.names().any(is_recased)
}

fn is_malformed(it: &ListEvidence) -> bool {
    let is_decorated =
        |name: &str| !name.contains(char::is_control) && it.wanted().any(|want| name != want && name.contains(&**want));
    it.list.as_deref().is_some_and(|list| malformed_list(list).is_some()) || it.names().any(is_decorated)
}

/// Returns true if a list arrived before the reply to `CONNECT` and lacks its recipient, or if a connection without a
/// login got a list that names the witness, who logged in later.
fn is_sent_to_every_socket(transcript: &Transcript, evidence: &Evidence) -> bool {
    match evidence {
        Evidence::ListBeforeReply { own, list } => {
            !own.is_empty() && !list.split(',').any(|name| name.contains(own.as_str()))
        }
        Evidence::ListWithoutLogin { first } => first.split(',').any(|name| name.contains(&transcript.witness_name)),
        _ => false,
    }
}
