//! Every known mistake: a transcript and evidence in, a hint out.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::{KNOWN_MISTAKES, diagnose};
use crate::harness::FirstContact;
use crate::harness::failure::{CaseFailure, Evidence, ListEvidence};
use crate::harness::transcript::{ConnectionTranscript, FrameRecord, Transcript};

/// Users ana, bob and cat with the nonce 7, as they are on the wire.
fn chat() -> Transcript {
    let user = |actor: &str| ConnectionTranscript {
        actor: actor.to_owned(),
        name: Some(format!("{actor}7")),
        sent: vec![format!("CONNECT|{actor}7\n").into_bytes()],
        connect_replies: 1,
        ..ConnectionTranscript::default()
    };
    Transcript {
        connections: ["ana", "bob", "cat"].map(user).into(),
        nonce: "7".to_owned(),
        witness_name: "zwi7".to_owned(),
        ..Transcript::default()
    }
}

impl Transcript {
    fn sent(mut self, actor: usize, frame: &str) -> Self {
        self.connections[actor].sent.push(format!("{frame}\n").into_bytes());
        self
    }

    fn got(mut self, actor: usize, frame: &str, consumed: bool) -> Self {
        self.connections[actor].frames.push(FrameRecord { bytes: frame.as_bytes().to_vec(), consumed });
        self
    }

    fn closed(mut self, actor: usize) -> Self {
        self.connections[actor].closed_by_server = true;
        self
    }

    fn open(mut self, actor: &str) -> Self {
        self.connections.push(ConnectionTranscript { actor: actor.to_owned(), ..ConnectionTranscript::default() });
        self
    }
}

fn unexpected(actor: &str, frame: &str) -> Evidence {
    Evidence::UnexpectedFrame { actor: actor.to_owned(), frame: frame.as_bytes().to_vec() }
}

fn wrong_reply(actor: &str, frame: &str, expected: &str) -> Evidence {
    let (actor, expected) = (actor.to_owned(), vec![expected.to_owned()]);
    Evidence::WrongReply { actor, frame: frame.as_bytes().to_vec(), expected }
}

fn login_failed(frames: &[&str]) -> Evidence {
    let frames: Vec<Vec<u8>> = frames.iter().map(|frame| frame.as_bytes().to_vec()).collect();
    let sent = vec![b"CONNECT|dan7\n".to_vec()];
    Evidence::LoginFailed { is_silent: frames.is_empty(), is_closed: false, frames, sent }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Ana's last list, which must name ana and bob.
fn list(list: &str) -> ListEvidence {
    ListEvidence {
        actor: "ana".to_owned(),
        list: Some(list.to_owned()),
        received: 2,
        exactly: Some(names(&["ana7", "bob7"])),
        ..ListEvidence::default()
    }
}

fn hints(transcript: &Transcript, evidence: Evidence) -> Vec<String> {
    let hints = diagnose(transcript, &CaseFailure::fail("this", "that").with(evidence));
    hints.into_iter().map(Cow::into_owned).collect()
}

fn first_hint(transcript: &Transcript, evidence: Evidence) -> String {
    hints(transcript, evidence).into_iter().next().unwrap_or_default()
}

/// A transcript and evidence that show a mistake, and words from its hint.
fn examples() -> Vec<(Transcript, Evidence, &'static str)> {
    let left = || chat().sent(2, "DISCONNECT");
    let wrong = |list: ListEvidence| Evidence::WrongList(list);
    let stray_error = Evidence::NoReply { actor: "bob".to_owned(), expected: names(&["ERROR|*|*"]) };
    vec![
        // Replies.
        (
            {
                let mut transcript = chat();
                transcript.connections[1].name = Some("ana7".to_owned());
                transcript
            },
            wrong_reply("bob", "CONNECT_ACK|OK", "CONNECT_ACK|FAIL"),
            "overwrites the first",
        ),
        (chat(), wrong_reply("bob", "", "CONNECT_ACK|FAIL"), "refused CONNECT"),
        (
            {
                let mut transcript = chat();
                transcript.connections[0].connect_replies = 2;
                transcript
            },
            unexpected("ana", "CONNECT_ACK|OK"),
            "more CONNECT_ACKs",
        ),
        (chat().sent(0, "BROADCAST|hello7"), unexpected("bob", "BROADCAST|hello7"), "forwards messages unchanged"),
        (
            chat().sent(0, "HELLO").got(0, "ERROR|400|no", true),
            unexpected("ana", "ERROR|400|no"),
            "more than one ERROR",
        ),
        (chat().sent(0, "HELLO"), unexpected("bob", "ERROR|400|no"), "reaches another user"),
        (chat().sent(1, "HELLO").got(0, "ERROR|400|no", false), stray_error, "reaches another user"),
        (chat(), unexpected("ana", "Welcome!"), "no message of the protocol"),
        (chat(), Evidence::Overtaken, "overtake each other"),
        (chat(), Evidence::MessageLost, "cannot parse"),
        // Content.
        (chat().sent(0, "MESSAGE|bob7|hé7"), unexpected("bob", "MESSAGE|ana7|hÃ©7"), "Latin-1"),
        (chat().sent(0, "MESSAGE|bob7|one two"), unexpected("bob", "MESSAGE|ana7|one"), "first space"),
        (chat().sent(0, "MESSAGE|bob7|x"), unexpected("bob", "MESSAGE|ana7|bob7|x"), "sent along"),
        (chat().sent(0, "MESSAGE|bob7|hello7"), unexpected("bob", "MESSAGE|ana7|HELLO7"), "changes content"),
        (chat(), unexpected("bob", "MESSAGE|server|welcome"), "users who do not exist"),
        (chat(), Evidence::MessageFromNobody, "users who do not exist"),
        // Senders.
        (chat().sent(0, "BROADCAST|t"), unexpected("ana", "BROADCAST|bob7|t"), "own copy of a broadcast"),
        (chat().sent(0, "MESSAGE|bob7|t"), unexpected("ana", "MESSAGE|bob7|t"), "private message gets a copy"),
        (
            chat().sent(0, "CONNECT|dan7").got(0, "CONNECT_ACK|FAIL", true).sent(0, "MESSAGE|bob7|t"),
            unexpected("bob", "MESSAGE|dan7|t"),
            "name that was refused",
        ),
        (chat().sent(0, "BROADCAST|t"), unexpected("bob", "BROADCAST|None|t"), "has not logged in can write"),
        (chat().sent(0, "BROADCAST|t"), unexpected("bob", "MESSAGE|ana7|t"), "forwarded as a MESSAGE"),
        (chat().sent(0, "MESSAGE|bob7|t"), unexpected("bob", "MESSAGE|bob7|t"), "recipient's name stands"),
        (chat().sent(0, "MESSAGE|bob7|t"), unexpected("bob", "MESSAGE|cat7|t"), "another user's"),
        (chat().sent(0, "MESSAGE|bob7|t"), unexpected("cat", "MESSAGE|ana7|t"), "other users than their recipient"),
        // Lists.
        (chat(), wrong(ListEvidence { list: None, received: 0, ..list("") }), "does not send a USER_LIST"),
        (
            chat().closed(2),
            wrong(ListEvidence { without: names(&["cat7"]), exactly: None, ..list("ana7,bob7,cat7") }),
            "an exception ends the connection, but",
        ),
        (left(), wrong(ListEvidence { stale: 2, ..list("ana7,bob7,cat7") }), "after somebody left"),
        (chat(), wrong(ListEvidence { is_alone: true, ..list("ana7,bob7,None") }), "has not sent CONNECT"),
        (chat(), wrong(list("bob7,zwi7")), "the user who receives it"),
        (left(), wrong(ListEvidence { stale: 1, ..list("ana7,bob7,cat7") }), "list is made before"),
        (left(), wrong(ListEvidence { stale: 1, ..list("ana7,cat7") }), "wrong entry"),
        (chat(), wrong(list("ANA7,bob7")), "lower or upper case"),
        (chat(), wrong(list("ana7, bob7")), "names with commas"),
        (chat(), Evidence::MalformedList, "names with commas"),
        (chat(), Evidence::ListBeforeReply { own: "cat7".to_owned(), list: "ana7,bob7".to_owned() }, "every socket"),
        (chat(), Evidence::ListWithoutLogin { first: "zwi7".to_owned() }, "every socket"),
        // Connections.
        (chat(), login_failed(&["CONNECT_ACK|OK|welcome"]), "something added"),
        (chat().open("dan"), login_failed(&[]), "silent connection"),
        (chat(), Evidence::NotClosed, "without close()"),
        (
            {
                let mut transcript = chat().open("dan");
                transcript.connections[3].sent = vec![b"DISCONNECT\n".to_vec()];
                transcript.got(3, "ERROR|401|who are you?", false)
            },
            Evidence::NotClosed,
            "DISCONNECT is answered by an ERROR",
        ),
        (
            chat().got(0, "ERROR|400|no", true).closed(0),
            Evidence::ClosedUnexpectedly { actor: "ana".to_owned() },
            "after an ERROR",
        ),
        (chat(), Evidence::SimultaneousLoginsRefused { accepted: 1 }, "begin alike"),
        (chat(), Evidence::SimultaneousLoginsRefused { accepted: 8 }, "limited number"),
        (chat(), Evidence::DeliveryBlocked, "blocking send()"),
        (chat(), Evidence::PartialMessages, "part of a message"),
    ]
}

#[test]
fn each_known_mistake_is_recognised() {
    for (transcript, evidence, words) in examples() {
        let shown = format!("{evidence:?}");
        let hint = first_hint(&transcript, evidence);
        assert!(hint.contains(words), "{shown}: {hint}");
    }
}

#[test]
fn the_examples_show_every_known_mistake() {
    let known: BTreeSet<String> = KNOWN_MISTAKES.iter().copied().flatten().map(|known| known.hint.to_owned()).collect();
    let shown: BTreeSet<String> =
        examples().into_iter().flat_map(|(transcript, evidence, _)| hints(&transcript, evidence)).collect();
    assert_eq!(known.difference(&shown).collect::<Vec<_>>(), Vec::<&String>::new());
}

/// A CR that stays in the name is no refused name, and a gap is no overtaking.
#[test]
fn a_name_that_was_never_refused_is_not_said_to_be() {
    let transcript = chat().sent(0, "CONNECT|ana7\r").sent(0, "MESSAGE|bob7|t");
    let hints = hints(&transcript, unexpected("bob", "MESSAGE|ana7\r|t"));
    assert!(hints.iter().all(|hint| !hint.contains("refused")), "{hints:?}");
}

#[test]
fn what_a_correct_server_sends_gives_no_hint() {
    let transcript = chat().sent(0, "MESSAGE|bob7|t").sent(0, "BROADCAST|u");
    for (actor, frame) in [("bob", "MESSAGE|ana7|t"), ("cat", "BROADCAST|ana7|u"), ("bob", "USER_LIST|ana7,bob7")] {
        assert_eq!(first_hint(&transcript, unexpected(actor, frame)), "", "{frame}");
    }
    assert_eq!(diagnose(&transcript, &CaseFailure::fail("this", "that")), Vec::<String>::new());
}

/// A malformed message explains a failure that is about it, and no other one.
#[test]
fn a_malformed_message_explains_what_is_missing_on_its_connection() {
    let mut transcript = Transcript { malformed: Some("UTF-16"), ..chat() };
    transcript.connections[1].mistake = Some("UTF-16");
    let missing = |actor: &str| Evidence::NoReply { actor: actor.to_owned(), expected: names(&["MESSAGE|*|*"]) };
    assert_eq!(first_hint(&transcript, missing("bob")), "UTF-16");
    assert_eq!(hints(&transcript, Evidence::NotClosed).len(), 1);
    assert!(first_hint(&transcript, Evidence::NotClosed).contains("close()"));
    assert_eq!(first_hint(&transcript, unexpected("bob", "MESSAGE|ana7|t")), "", "this message is well-formed");
    let failure = CaseFailure::fail("this", "that");
    assert_eq!(diagnose(&transcript, &failure), ["UTF-16"], "a procedure's failure has no evidence");
}

/// The answer to CONNECT is quoted, and what the probe found explains a failed login and nothing else.
#[test]
fn a_failed_login_is_explained_by_its_answer() {
    let welcome = "the server answers CONNECT with \"Welcome, NAME!\"";
    assert!(first_hint(&chat(), login_failed(&["Welcome, dan7!"])).starts_with(welcome));
    assert!(first_hint(&chat(), wrong_reply("bob", "Welcome, bob7!", "CONNECT_ACK|OK")).starts_with(welcome));
    assert!(
        first_hint(&chat(), wrong_reply("bob", "", "CONNECT_ACK|OK")).contains("closes the connection when it gets")
    );
    let first_contact = FirstContact {
        mistake: Some("the server greets".into()),
        unasked: b"Welcome to the chat\n".to_vec(),
        ..FirstContact::default()
    };
    let transcript = Transcript { first_contact: first_contact.into(), ..chat() };
    assert_eq!(first_hint(&transcript, login_failed(&[])), "the server greets");
    assert_eq!(first_hint(&transcript, unexpected("ana", "Welcome to the chat")), "the server greets");
    assert!(first_hint(&transcript, unexpected("ana", "Bye!")).contains("no message of the protocol"));
    assert!(!hints(&transcript, Evidence::NotClosed).contains(&"the server greets".to_owned()));
}

#[test]
fn the_first_evidence_with_a_hint_decides() {
    let failure = CaseFailure::fail("this", "that")
        .with(unexpected("bob", "USER_LIST|x"))
        .with(Evidence::Overtaken)
        .with(Evidence::NotClosed);
    assert!(diagnose(&chat(), &failure)[0].contains("overtake"));
}
