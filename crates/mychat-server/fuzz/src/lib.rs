//! Properties that hold for any input bytes. libFuzzer drives them here; the crates' own tests use proptest.

use mychat_proto::{Command, Deframer, ExtensionCommand, Framing, Inbound, MAX_FRAME, Reply, name};
use mychat_server::internals::{FramingState, SessionAction, SessionState};

/// One output of a deframer.
#[derive(Debug, PartialEq, Eq)]
pub enum Deframed {
    /// A whole frame.
    Frame(Vec<u8>),
    /// A frame that was too long.
    Oversize,
    /// Too many bytes without a terminator.
    Overrun,
}

fn deframe<'a>(framing: Framing, inputs: impl IntoIterator<Item = &'a [u8]>) -> Vec<Deframed> {
    let (mut deframer, mut pieces) = (Deframer::new(framing), Vec::new());
    for input in inputs {
        let mut feed = deframer.feed(input);
        while let Some(inbound) = feed.next() {
            pieces.push(match inbound {
                Inbound::Frame(frame) => {
                    assert!(frame.len() <= MAX_FRAME);
                    Deframed::Frame(frame.to_vec())
                }
                Inbound::Oversize => Deframed::Oversize,
                Inbound::Overrun => Deframed::Overrun,
            });
        }
    }
    pieces
}

/// Checks that any split of the bytes gives the same frames. The first byte is the length of the pieces.
pub fn deframer(data: &[u8]) {
    let Some((&step, bytes)) = data.split_first() else { return };
    let whole = deframe(Framing::Lf, [bytes]);
    let split = deframe(Framing::Lf, bytes.chunks(usize::from(step).max(1)));
    assert_eq!(whole, split);
}

/// Checks that a parsed command or reply is encoded to something that parses to the same, and that nothing panics.
pub fn parsers(bytes: &[u8]) {
    let mut out = Vec::new();
    if let Ok(command) = Command::parse(bytes) {
        if command.write(&mut out).is_ok() {
            assert_eq!(Command::parse(&out), Ok(command));
        }
    }
    out.clear();
    if let Ok(reply) = Reply::parse(bytes) {
        if reply.write(&mut out).is_ok() {
            assert_eq!(Reply::parse(&out), Ok(reply));
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        assert!(name::check(text).is_err() || (text.len() <= 64 && !text.contains(['|', ',', '\n', '\r'])));
    }
}

/// Checks that a parsed extension frame is encoded to something that parses to the same.
fn extension(frame: &[u8]) {
    let mut out = Vec::new();
    if let Ok(command) = ExtensionCommand::parse(frame) {
        if command.write(&mut out).is_ok() {
            assert_eq!(ExtensionCommand::parse(&out), Ok(command));
        }
    }
}

/// Checks that no bytes forward a message before a login, that no action follows the end of a session, and that every
/// error text fits into a frame on one line; with LF framing, raw framing, and detected framing with a silence after
/// each piece.
pub fn session(data: &[u8]) {
    let Some((&step, bytes)) = data.split_first() else { return };
    let inputs = || bytes.chunks(usize::from(step).max(1));
    for framing in [Framing::Lf, Framing::Raw] {
        let (mut deframer, mut state) = (Deframer::new(framing), SessionState::default());
        inputs().for_each(|input| process(&mut deframer, &mut state, input));
    }
    let (mut peer_framing, mut deframer, mut state) = (FramingState::Undetected, Deframer::new(Framing::Lf), SessionState::default());
    for input in inputs() {
        peer_framing = peer_framing.after_read(input);
        process(&mut deframer, &mut state, input);
        if peer_framing == FramingState::MaybeRaw && state == SessionState::Anonymous {
            peer_framing = FramingState::Raw;
            let unfinished = std::mem::replace(&mut deframer, Deframer::new(Framing::Raw)).into_unfinished();
            assert!(!unfinished.contains(&b'\n') && unfinished.starts_with(b"CONNECT|"));
            process(&mut deframer, &mut state, &unfinished);
        }
    }
}

fn process(deframer: &mut Deframer, state: &mut SessionState, input: &[u8]) {
    let mut feed = deframer.feed(input);
    while let Some(inbound) = feed.next() {
        if let Inbound::Frame(frame) = inbound {
            assert!(frame.len() <= MAX_FRAME);
        }
        let (next, action) = state.on(inbound);
        match action {
            SessionAction::Private { .. } | SessionAction::Broadcast { .. } => assert_eq!(*state, SessionState::Connected),
            SessionAction::Login(name) => {
                assert_eq!(*state, SessionState::Anonymous);
                name::check(name).expect("a login has a legal name");
            }
            SessionAction::FailConnect(error) | SessionAction::ReplyError(error) => {
                let text = error.to_string();
                assert!(text.len() < 512 && !text.contains(['\n', '|']));
            }
            SessionAction::Disconnect | SessionAction::EndOverrun => assert_eq!(next, SessionState::Closing),
            SessionAction::Extension(frame) => {
                assert_eq!(*state, SessionState::Connected);
                extension(frame);
            }
            SessionAction::Ignore => {}
        }
        assert!(*state != SessionState::Closing || (next == SessionState::Closing && matches!(action, SessionAction::Ignore)));
        *state = if matches!(action, SessionAction::Login(_)) { SessionState::Connected } else { next };
    }
}
