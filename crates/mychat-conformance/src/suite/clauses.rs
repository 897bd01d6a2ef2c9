//! The clauses of the protocol's text that servers are graded by, and the rules that fill its gaps.

/// A clause of the protocol's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clause {
    /// The id, such as `T7`.
    pub id: &'static str,
    /// The section of the text.
    pub section: &'static str,
    /// The demand of the clause.
    pub text: &'static str,
}

const fn clause(id: &'static str, section: &'static str, text: &'static str) -> Clause {
    Clause { id, section, text }
}

/// All clauses, in the order of their ids.
pub const CLAUSES: [Clause; 21] = [
    clause("T1", "3.1.1", "messages are UTF-8 text"),
    clause("T2", "3.1.2", "no message is longer than 1024 bytes"),
    clause("T3", "3.1.3", "a message starts with its command"),
    clause("T4", "3.1.3", "a pipe stands between two fields"),
    clause("T5", "3.1.3", "each command has its own number of parameters"),
    clause("T6", "3.2.1", "a client introduces itself by CONNECT and its username"),
    clause("T7", "3.2.2", "CONNECT_ACK says OK or FAIL"),
    clause("T8", "3.2.3", "a client says goodbye by DISCONNECT"),
    clause("T9", "3.2.4", "a MESSAGE is for one user"),
    clause("T10", "3.2.5", "a BROADCAST is for everybody who is connected"),
    clause("T11", "3.2.6", "the server keeps clients informed of who is connected, by USER_LIST"),
    clause("T12", "3.2.7", "ERROR has a code and a text; 404 stands for an unknown user"),
    clause("T13", "3.3.1", "the answer to CONNECT is CONNECT_ACK"),
    clause("T14", "3.3.1", "USER_LIST follows CONNECT_ACK|OK"),
    clause("T15", "3.3.2", "the recipient of a MESSAGE sees who sent it"),
    clause("T16", "3.3.3", "all clients get a BROADCAST, and see who sent it"),
    clause("T17", "3.3.4", "at DISCONNECT the server closes the connection"),
    clause("T18", "3.3.4", "when somebody has left, the others get a new USER_LIST"),
    clause("T19", "2.3", "no two users have the same name"),
    clause("T20", "2.3", "many clients are served at the same time"),
    clause("T21", "2.1", "the transport is TCP: a stream of bytes, in which reads and writes do not match"),
];

/// The rules that fill the gaps of the text, and those of extensions, with their ids.
const RULES: [(&str, &str); 40] = [
    ("F1", "frames are UTF-8"),
    ("F2", "a line end ends a frame, and one CR before it belongs to it"),
    ("F3", "a frame has at most 1024 bytes, in both directions"),
    ("F4", "an empty frame means nothing"),
    ("F5", "a frame that is too long is refused as a whole, and nothing of it is done"),
    ("F6", "a frame that is not UTF-8 is refused"),
    ("S1", "the command is the first field, in capital letters"),
    ("S2", "the last parameter takes the rest of the frame, pipes included"),
    ("S3", "one empty field after a command without parameters is accepted"),
    ("S4", "what is no command, or lacks a parameter, is answered by an error; the session goes on"),
    ("S5", "content is forwarded byte for byte"),
    ("S6", "a frame has one answer"),
    ("U1", "a username has no pipe, no comma, no control character, no space at its ends, and is not empty"),
    ("U2", "a name in use is refused, and its holder notices nothing"),
    ("U3", "after a refusal another name may be tried"),
    ("U4", "a second CONNECT changes nothing"),
    ("U5", "before CONNECT nothing else can be said"),
    ("U6", "a name is free as soon as its session has ended, however it ended"),
    ("L1", "CONNECT_ACK comes first, and then a list with the newcomer in it"),
    ("L2", "the others get a list after each join and each end of a session"),
    ("L3", "the last list is the true one"),
    ("L4", "a list that ends in a comma continues in the next one"),
    ("M1", "a private message reaches its recipient alone, once, under the sender's own name"),
    ("M2", "a message to nobody is answered by an error"),
    ("M3", "a broadcast reaches everybody once, its sender included"),
    ("M4", "a message that would be too long when forwarded is refused"),
    ("M5", "messages of one sender arrive in the order in which they were sent"),
    ("M6", "a client that does not read delays nobody else"),
    ("N1", "CAPABILITIES names extensions, and its answer says which are in force from there on"),
    ("N2", "an extension that is not in force has no commands, and none of its frames is sent"),
    ("N3", "a session without terminators gets no extension"),
    ("N4", "over plain TCP, CAPABILITIES comes after CONNECT"),
    ("N5", "a client need not wait for the answer to CAPABILITIES"),
    ("Q1", "each command of a room has one answer, its echo or an ERROR, in the order of the commands"),
    ("Q2", "frames of rooms and broadcasts have one order, and each user gets its part of it"),
    ("Q3", "a new member gets its JOIN first, then the room as it is at this place in the order"),
    ("Q4", "whoever has left a room, or was kicked, gets nothing of it and is not heard in it"),
    ("Q5", "the end of a session leaves all its rooms, with one LEAVE in each"),
    ("Q6", "a room with members has an operator, a room without members vanishes, and the first of two commands wins"),
    ("Q7", "an outsider cannot tell whether a private room exists"),
];

/// Returns the text of a clause or a rule by its id.
pub fn text(source: &str) -> Option<&'static str> {
    let clause = CLAUSES.iter().find(|clause| clause.id == source).map(|clause| clause.text);
    clause.or_else(|| RULES.iter().find(|(id, _)| *id == source).map(|(_, text)| *text))
}

/// Returns the section of a clause; none for a rule.
pub fn section(source: &str) -> Option<&'static str> {
    CLAUSES.iter().find(|clause| clause.id == source).map(|clause| clause.section)
}
