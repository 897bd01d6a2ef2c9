//! English texts.

use std::io;

use mychat_client::{DisconnectCause, ErrorCode, NameError, Refusal, SendError, ServerError};

use super::phrase::{Phrase, list, mode_words, usage};
use crate::console::input::{InputError, room_label};
use crate::console::lang::Lang;

pub(super) fn say(phrase: &Phrase<'_>) -> String {
    match phrase {
        Phrase::AskName => "your name: ".into(),
        Phrase::Connecting => "connecting… ".into(),
        Phrase::Connected { addr, name } => format!("connected to {addr} as {name}; /help shows what you can type"),
        Phrase::UserCount(users) => format!("{} here: {}", users.len(), names(users)),
        Phrase::UsersJoined(users) => format!("{} joined", names(users)),
        Phrase::UsersLeft(users) => format!("{} left", names(users)),
        Phrase::Reconnecting(error) => format!("connection lost ({}); reconnecting", loss(error)),
        Phrase::Offline => "offline".into(),
        Phrase::Reconnected => "reconnected".into(),
        Phrase::ConnectionLost(error) => format!("connection lost: {}", loss(error)),
        Phrase::Leaving => "bye".into(),
        Phrase::Refused { name, error } => format!("the server refused the name {name}: {}", refusal(error)),
        Phrase::IllegalName(error) => format!("illegal name: {}", name_error(error)),
        Phrase::Unreachable { addr, error } => format!("cannot reach {addr}: {}", io_error(error)),
        Phrase::NoAnswer { addr, waited } => {
            format!(
                "{addr} accepted the connection but did not answer within {} s; try --framing auto",
                waited.as_secs()
            )
        }
        Phrase::NotSent(error) => format!("not sent: {}", send_error(error)),
        Phrase::NotSentLine { line, error } => format!("nothing sent: line {line}: {}", send_error(error)),
        Phrase::InvalidInput(error) => input_error(error),
        Phrase::NoReplyTarget => "nobody has written to you yet".into(),
        Phrase::ServerError(error) => format!("server: {}", server_error(error)),
        Phrase::NoSuchUser(name) => format!("there is no user {name}"),
        Phrase::Unreadable => "the server sent an invalid message".into(),
        Phrase::Help => HELP.into(),
        Phrase::MoreHelp => "chat rooms: /help rooms".into(),
        Phrase::RoomHelp => ROOM_HELP.into(),
        Phrase::UnknownArgument(argument) => format!("unknown argument {argument}; see --help"),
        Phrase::BadValue { argument, value, allowed } => {
            let fault = value.map_or_else(
                || format!("{argument} requires a value"),
                |value| format!("{argument} cannot be {value}"),
            );
            if allowed.is_empty() { fault } else { format!("{fault}; it can be {allowed}") }
        }
        Phrase::NeedName => "a name is needed: --name NAME".into(),
        Phrase::OnceNeedsMessage => "--once takes a message: TEXT, @NAME TEXT or #ROOM TEXT".into(),
        Phrase::NotUtf8 => "not sent: not UTF-8".into(),
    }
}

const HELP: &str = "\
text               send to all users
@bob text          send only to bob; @\"Ana María\" for a name with spaces
/msg NAME TEXT     the same
/reply TEXT        answer the last private message
/users             list the users
/help              show this help
/quit              exit (also Ctrl-D)
//text  @@text     send text that begins with / or @

Tab completes commands, and names after @ · Up and Down show earlier lines
marks:  › yours   * names you   ← private to you   → private from you
        · notice  ! error";

const ROOM_HELP: &str = "\
/join #ROOM        enter a room, or open a new one; #\"my room\" with spaces
/leave [#ROOM]     leave a room; without #ROOM, the one that is shown
/rooms             list the rooms, yours with unread messages
text               send to the room in the prompt, or to all users
#ROOM TEXT         send to another of your rooms (##text begins with #)
/all [TEXT]        send to all users; without TEXT, show them
/members [#ROOM]   list the members and operators of a room
/topic [#ROOM] [TEXT]    show or set the topic; \"\" removes it
/invite NAME [#ROOM]     let a user into a private room
/kick NAME [#ROOM]       remove a member
/ban NAME [#ROOM]        keep a user out; /unban ends it
/grant NAME [#ROOM]      make a member an operator; /revoke ends it
/mode MODE [#ROOM]       private or public, quiet or open, stored or unstored

Tab on an empty line shows the next room, Shift-Tab the one before, Alt-A one
with unread messages. [#shed 3!] in the prompt: 3 unread, one names you.";

pub(super) fn help(id: &str) -> &'static str {
    match id {
        "about" => "A MyChat client for the terminal and for scripts",
        "usage" => "Usage",
        "arguments" => "Arguments",
        "options" => "Options",
        "addr" => "Server, HOST or HOST:PORT [default: 127.0.0.1:5000]",
        "name" => "Your name; on a terminal the program asks for it if it is missing",
        "framing" => {
            "How frames end: lf (line feed), raw (one segment is one frame, as the original server), auto (detect)"
        }
        "lang" => "Language, en or es [default: from LANG]",
        "color" => "Colors: auto, always or never; NO_COLOR is respected",
        "reconnect" => "Reconnect after a lost connection (default on a terminal)",
        "no_reconnect" => "Exit when the connection is lost (default in a pipe)",
        "json" => "Print events as JSON, one object per line",
        "stay" => "Stay connected after the end of standard input, until the server closes or a signal arrives",
        "once" => "Send one message and exit (@bob hola is private, #garden hola goes to a room)",
        "help" => "Print this help",
        "version" => "Print the version",
        "after" => {
            "\
On a terminal the program is a chat; type /help for its commands. If standard input or output is \
not a terminal, each input line is sent as if typed, and each event is printed as a line of \
tab-separated fields: connected NAME FRAMING, broadcast FROM TEXT, message FROM TEXT, users LIST, joined LIST, \
left LIST, error CODE TEXT, lost REASON, back, closed REASON; about rooms: say ROOM FROM TEXT, room_joined ROOM USER, \
room_left ROOM USER, members ROOM LIST, operators ROOM LIST, topic ROOM BY TEXT, mode ROOM BY MODE, rooms LIST, and \
invite, kick, ban, unban, grant, revoke ROOM BY USER. A line #garden hola joins the room first if necessary. Errors go to \
standard error.

Exit codes:
  0    all messages were sent
  1    a message was refused by the client (too long, …) or by the server (no such user, …)
  2    wrong usage, or an illegal name
  3    the server cannot be reached, or the connection was lost
  4    the server refused the name
  130  stopped by Ctrl-C or another signal"
        }
        _ => "",
    }
}

pub(super) fn names(users: &[String]) -> String {
    list(users, |more| format!("and {more} more"))
}

fn loss(error: &DisconnectCause) -> String {
    match error {
        DisconnectCause::ServerClosed => "closed by the server".into(),
        DisconnectCause::Io(kind) => io_kind(*kind).map_or_else(|| "network error".into(), str::to_owned),
        DisconnectCause::Unterminated => "the server sends no terminators; try --framing auto".into(),
        DisconnectCause::NoAnswer => "the server does not answer".into(),
        DisconnectCause::Refused(error) => format!("the server refused the name: {}", refusal(error)),
        _ => error.to_string(),
    }
}

fn refusal(error: &Refusal) -> String {
    match error {
        Refusal::InUse => "it is in use".into(),
        Refusal::IllegalName => "it is illegal there".into(),
        Refusal::Unavailable => "the server is full or shutting down".into(),
        Refusal::Unexplained => "it gave no reason; the name may be in use".into(),
        Refusal::Other { code, text } => format!("{code} {text}"),
        _ => error.to_string(),
    }
}

fn name_error(error: &NameError) -> String {
    match error {
        NameError::Empty => "it is empty".into(),
        NameError::TooLong { bytes } => format!("it has {bytes} bytes; the maximum is 64"),
        NameError::Separator(c) => format!("it contains {c}"),
        NameError::Invisible(c) => format!("it contains the invisible character U+{:04X}", u32::from(*c)),
        NameError::Blank(c) => format!("it contains the blank character U+{:04X}", u32::from(*c)),
        NameError::LeadingMark(c) => format!("it begins with the combining mark U+{:04X}", u32::from(*c)),
        NameError::OuterWhitespace => "it begins or ends with a space".into(),
    }
}

fn send_error(error: &SendError) -> String {
    match error {
        SendError::Empty => "empty".into(),
        SendError::LineBreak { .. } => "a message is one line".into(),
        SendError::TooLong { over: 1 } => "1 byte too many".into(),
        SendError::TooLong { over } => format!("{over} bytes too many"),
        SendError::IllegalName(error) => format!("illegal name: {}", name_error(error)),
        SendError::NoRooms => "this server has no rooms".into(),
        SendError::PipeInRaw => "a server with raw framing does not accept |".into(),
        SendError::Offline => "not connected at the moment".into(),
        SendError::Closed => "disconnected".into(),
        _ => error.to_string(),
    }
}

fn input_error(error: &InputError) -> String {
    match error {
        InputError::UnknownCommand(command) => {
            format!("no such command: {command} (//… sends text that begins with /)")
        }
        InputError::Incomplete(command) => format!("usage: {}", usage(*command, Lang::En)),
        InputError::TooManyWords(command) => {
            format!("too many words; usage: {} (a name with spaces: \"Ana María\")", usage(*command, Lang::En))
        }
        InputError::UnknownMode(word) => format!("no such mode: {word}; a mode is one of {}", mode_words(Lang::En)),
        InputError::NoRoomText { room } => {
            let room = room_label(room);
            format!("no text for {room}: type {room} TEXT, or /join {room} to enter it")
        }
        InputError::NoText { to } => format!("no text for {to}: type @{to} TEXT"),
        InputError::OpenQuote => "the name's closing \" is missing".into(),
    }
}

pub(super) fn server_error(error: &ServerError) -> String {
    match error.kind() {
        Some(ErrorCode::Malformed) => "malformed message".into(),
        Some(ErrorCode::NotConnected) => "not connected".into(),
        Some(ErrorCode::Forbidden) => "not allowed in this room".into(),
        Some(ErrorCode::NoSuchUser) => "no such user".into(),
        Some(ErrorCode::TooLarge) => "message too long".into(),
        Some(ErrorCode::TooFast) => "too many messages; send more slowly".into(),
        Some(ErrorCode::Unavailable) => "full or shutting down".into(),
        Some(ErrorCode::Conflict | ErrorCode::IllegalName) | None => format!("{} {}", error.code, error.text),
    }
}

fn io_error(error: &io::Error) -> String {
    io_kind(error.kind()).map_or_else(|| error.to_string(), str::to_owned)
}

fn io_kind(kind: io::ErrorKind) -> Option<&'static str> {
    Some(match kind {
        io::ErrorKind::ConnectionRefused => "connection refused",
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "connection reset",
        io::ErrorKind::TimedOut => "no answer in time",
        io::ErrorKind::HostUnreachable => "host unreachable",
        io::ErrorKind::NetworkUnreachable => "network unreachable",
        _ => return None,
    })
}
