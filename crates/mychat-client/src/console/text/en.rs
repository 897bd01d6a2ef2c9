//! English.

use std::io;

use mychat_client::{ErrorCode, Loss, NameError, Refusal, SendError, ServerError};

use super::{Lang, Phrase, list, usage};
use crate::console::input::InputError;

pub(super) fn say(phrase: &Phrase<'_>) -> String {
    match phrase {
        Phrase::AskName => "your name: ".into(),
        Phrase::Connecting => "connecting… ".into(),
        Phrase::Connected { addr, name } => format!("connected to {addr} as {name}; /help shows what you can type"),
        Phrase::Here(users) => format!("{} here: {}", users.len(), names(users)),
        Phrase::Came(users) => format!("{} joined", names(users)),
        Phrase::Went(users) => format!("{} left", names(users)),
        Phrase::Lost(why) => format!("connection lost ({}); reconnecting", loss(why)),
        Phrase::Offline => "offline".into(),
        Phrase::Back => "connected again".into(),
        Phrase::Gone(why) => format!("connection lost: {}", loss(why)),
        Phrase::Goodbye => "bye".into(),
        Phrase::Refused { name, why } => format!("the server refused the name {name}: {}", refusal(why)),
        Phrase::IllegalName(why) => format!("not a legal name: {}", name_error(why)),
        Phrase::Unreachable { addr, why } => format!("cannot reach {addr}: {}", io_error(why)),
        Phrase::NoAnswer { addr, waited } => {
            format!("{addr} took the connection and did not answer within {} s; try --framing auto", waited.as_secs())
        }
        Phrase::NotSent(why) => format!("not sent: {}", send_error(why)),
        Phrase::NotSentLine { line, why } => format!("nothing sent: line {line}: {}", send_error(why)),
        Phrase::Misunderstood(why) => input_error(why),
        Phrase::NobodyToAnswer => "nobody has written to you yet".into(),
        Phrase::ServerSays(error) => format!("server: {}", server_error(error)),
        Phrase::NoSuchUser(name) => format!("nobody here is called {name}"),
        Phrase::Unreadable => "the server sent something that makes no sense".into(),
        Phrase::Help => HELP.into(),
        Phrase::UnknownArgument(argument) => format!("there is no {argument}; --help shows what there is"),
        Phrase::BadValue { argument, value, allowed } => {
            let fault = value.map_or_else(
                || format!("{argument} is missing its value"),
                |value| format!("{argument} cannot be {value}"),
            );
            if allowed.is_empty() { fault } else { format!("{fault}; it can be {allowed}") }
        }
        Phrase::NeedName => "a name is needed: --name NAME".into(),
        Phrase::OnceIsAMessage => "--once takes a message: TEXT or @NAME TEXT".into(),
        Phrase::NotUtf8 => "not sent: not UTF-8".into(),
    }
}

const HELP: &str = "\
text               to everybody
@bob text          to bob alone; @\"Ana María\" where a name has blanks
/msg NAME TEXT     the same
/reply TEXT        to whoever wrote to you last
/users             who is here
/help              this
/quit              leave (also Ctrl-D)
//text  @@text     text that begins with / or @

Tab completes commands, and names behind @ · Up and Down: what you typed before
marks:  › yours   ← to you alone   → from you to one   · news   ! trouble";

pub(super) fn help(id: &str) -> &'static str {
    match id {
        "about" => "A MyChat client: a chat on a terminal, lines in a pipe",
        "usage" => "Usage",
        "arguments" => "Arguments",
        "options" => "Options",
        "addr" => "Server, HOST or HOST:PORT [default: 127.0.0.1:5000]",
        "name" => "Your name; asked for on a terminal when it is not given",
        "framing" => {
            "How frames end: lf (line feed), raw (one segment is one frame, as the original server), auto (find out)"
        }
        "lang" => "Language, en or es [default: by LANG]",
        "color" => "Colours: auto, always or never; NO_COLOR is respected",
        "reconnect" => "Come back after a lost connection (on a terminal: the default)",
        "no_reconnect" => "Leave when the connection is lost (in a pipe: the default)",
        "json" => "Events as JSON, one object a line",
        "stay" => "Stay when standard input has ended, until the server closes or a signal comes",
        "once" => "Send this one message (@bob hola is private) and leave",
        "help" => "Print this",
        "version" => "Print the version",
        "after" => {
            "\
On a terminal it is a chat: /help there shows what can be typed. If standard input or output is \
no terminal, each input line is sent as if typed, and events come out as lines of fields with a tab \
between them: connected NAME FRAMING, broadcast FROM TEXT, message FROM TEXT, users LIST, joined LIST, \
left LIST, error CODE TEXT, lost REASON, back, closed REASON. Trouble is told on standard error.

Exit codes:
  0    all was sent, and left in order
  1    a message was refused, here (too long, …) or by the server (no such user, …)
  2    wrong usage, or a name that is not legal
  3    the server cannot be reached, or the connection was lost
  4    the server refused the name
  130  stopped by Ctrl-C or another signal"
        }
        _ => "",
    }
}

fn names(users: &[String]) -> String {
    list(users, |more| format!("and {more} more"))
}

fn loss(why: &Loss) -> String {
    match why {
        Loss::ServerClosed => "the server closed it".into(),
        Loss::Io(kind) => io_kind(*kind).map_or_else(|| "network error".into(), str::to_owned),
        Loss::Unterminated => "the server sends no terminators; try --framing auto".into(),
        Loss::NoAnswer => "the server does not answer".into(),
        Loss::Refused(why) => format!("the server refused the name: {}", refusal(why)),
        _ => why.to_string(),
    }
}

fn refusal(why: &Refusal) -> String {
    match why {
        Refusal::InUse => "it is in use".into(),
        Refusal::IllegalName => "it is not legal there".into(),
        Refusal::Unavailable => "the server is full or shutting down".into(),
        Refusal::Unexplained => "it gives no reason; perhaps the name is in use".into(),
        Refusal::Other { code, text } => format!("{code} {text}"),
        _ => why.to_string(),
    }
}

fn name_error(why: &NameError) -> String {
    match why {
        NameError::Empty => "it is empty".into(),
        NameError::TooLong { bytes } => format!("it has {bytes} bytes, and 64 are the most"),
        NameError::Separator(c) => format!("it holds {c}"),
        NameError::Invisible(c) => format!("it holds the invisible character U+{:04X}", u32::from(*c)),
        NameError::OuterWhitespace => "it begins or ends with a blank".into(),
    }
}

fn send_error(why: &SendError) -> String {
    match why {
        SendError::Empty => "empty".into(),
        SendError::LineBreak { .. } => "a message is one line".into(),
        SendError::TooLong { over: 1 } => "1 byte too many".into(),
        SendError::TooLong { over } => format!("{over} bytes too many"),
        SendError::IllegalName(why) => format!("nobody can have that name: {}", name_error(why)),
        SendError::PipeInRaw => "a server with raw framing takes no |".into(),
        SendError::Offline => "no connection at the moment".into(),
        SendError::Closed => "disconnected".into(),
        _ => why.to_string(),
    }
}

fn input_error(why: &InputError) -> String {
    match why {
        InputError::UnknownCommand(command) => {
            format!("no such command: {command} (//… sends a text that begins with /)")
        }
        InputError::Incomplete(verb) => format!("write: {}", usage(*verb, Lang::En)),
        InputError::NoText { to } => format!("no text for {to}: write @{to} TEXT"),
        InputError::OpenQuote => "the name's closing \" is missing".into(),
    }
}

fn server_error(error: &ServerError) -> String {
    match error.kind() {
        Some(ErrorCode::Malformed) => "did not understand".into(),
        Some(ErrorCode::NotConnected) => "not connected".into(),
        Some(ErrorCode::NoSuchUser) => "no such user".into(),
        Some(ErrorCode::TooLarge) => "message too long".into(),
        Some(ErrorCode::TooFast) => "too many messages, slower".into(),
        Some(ErrorCode::Unavailable) => "full or shutting down".into(),
        Some(ErrorCode::Conflict | ErrorCode::IllegalName) | None => format!("{} {}", error.code, error.text),
    }
}

fn io_error(why: &io::Error) -> String {
    io_kind(why.kind()).map_or_else(|| why.to_string(), str::to_owned)
}

fn io_kind(kind: io::ErrorKind) -> Option<&'static str> {
    Some(match kind {
        io::ErrorKind::ConnectionRefused => "connection refused, nobody listens there",
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "connection reset",
        io::ErrorKind::TimedOut => "no answer in time",
        io::ErrorKind::HostUnreachable => "host unreachable",
        io::ErrorKind::NetworkUnreachable => "network unreachable",
        _ => return None,
    })
}
