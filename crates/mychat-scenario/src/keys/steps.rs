//! The keys of cases and their steps.

use super::super::form::Form;
use super::super::procedures::{
    CHURN, CROWD, DELIVERED_OR_REFUSED, DRIP, EVERY_SPLIT, FLOOD, FUZZ, HISTORY, LAST_LIST, LIST_FORMAT, ONE_NAME,
    OVERLONG_LIST, RACE, RESTART, STALL, STREAM, TURNOVER,
};
use super::{Table, need, opt};

pub(crate) static CASE: Table = Table {
    what: "a case",
    example: "{ case: greets, steps: [ { connect: alice } ] }",
    keys: &[
        need("case", Form::Text, "What it shows."),
        opt("id", Form::Text, "made from the title", "Its id, for reports and --only."),
        opt("level", Form::Word(&["must", "should", "may"]), "must", "What a failure means."),
        opt("spec", Form::Many(&Form::Text), "none", "Statements of the protocol's text, such as T13."),
        opt("rule", Form::Many(&Form::Text), "none", "Rules of this project's reading, such as F5."),
        opt("likely", Form::Text, "none", "The likely mistake behind a failure."),
        opt("slow", Form::Truth, "false", "Whether it takes seconds."),
        opt("needs", Form::Many(&Form::Text), "nothing", "What it takes: terminator, spawn, loopback, raw or fresh."),
        need("steps", Form::List(&Form::Sentence(&STEPS)), "What is done, in order."),
    ],
};

static ACTORS: Form = Form::Many(&Form::Actor);
pub(crate) static SCRIPT: Form = Form::List(&Form::Sentence(&STEPS));

pub(crate) static STEPS: Table = Table {
    what: "a step",
    example: "connect: alice",
    keys: &[
        opt(
            "connect",
            Form::Either(&ACTORS, &Form::Names(&Form::Actor)),
            "",
            "Opens, sends CONNECT, wants CONNECT_ACK|OK.",
        ),
        opt("open", Form::Actor, "", "A socket, nothing said."),
        opt("send", Form::Names(&Form::Frame), "", "A frame; the terminator is added."),
        opt("bytes", Form::Names(&Form::Either(&Form::RawBytes, &Form::Map(&BYTES))), "", "Exactly these bytes."),
        opt("gets", Form::Names(&Form::Many(&Form::Pattern)), "", "The next frame, lists aside, matches one of these."),
        opt("list", Form::Names(&Form::Map(&LIST)), "", "Sooner or later the actor's list is so."),
        opt("silence", ACTORS, "", "Nothing but lists, proven by a fence."),
        opt("closed", ACTORS, "", "The server closes the connection."),
        opt("alive", ACTORS, "", "The connection still works."),
        opt(
            "close",
            Form::Names(&Form::Word(&["disconnect", "fin", "half", "rst"])),
            "",
            "The actor closes its connection.",
        ),
        opt("wait", Form::Duration, "", "Time passes."),
        opt("together", SCRIPT, "", "The steps start at the same time."),
        opt("repeat", Form::Map(&REPEAT), "", "The steps, several times."),
        opt("observe", ACTORS, "", "What these got is written down, whatever it is."),
        opt(
            "first",
            Form::Names(&Form::Many(&Form::Pattern)),
            "",
            "The very first frame, lists included, is one of these.",
        ),
        opt("no_list", ACTORS, "", "No list has come, proven by a fence."),
        opt("within_limit", ACTORS, "", "Nothing that came is longer than 1024 bytes."),
        opt("if_open", Form::Map(&IF_OPEN), "", "The steps, where the actor's connection is still open."),
        opt("if_user", Form::Map(&IF_OPEN), "", "The steps, where the actor was let in."),
        opt("profile", Form::Map(&PROFILE), "", "What a declared reading asks for, or else `otherwise`."),
        opt("every_split", Form::Map(&EVERY_SPLIT), "", PROCEDURE),
        opt("stream", Form::Map(&STREAM), "", PROCEDURE),
        opt("race", Form::Map(&RACE), "", PROCEDURE),
        opt("flood", Form::Map(&FLOOD), "", PROCEDURE),
        opt("churn", Form::Map(&CHURN), "", PROCEDURE),
        opt("stall", Form::Map(&STALL), "", PROCEDURE),
        opt("crowd", Form::Map(&CROWD), "", PROCEDURE),
        opt("drip", Form::Map(&DRIP), "", PROCEDURE),
        opt("fuzz", Form::Map(&FUZZ), "", PROCEDURE),
        opt("turnover", Form::Map(&TURNOVER), "", PROCEDURE),
        opt("overlong_list", Form::Map(&OVERLONG_LIST), "", PROCEDURE),
        opt("history", Form::Map(&HISTORY), "", PROCEDURE),
        opt("restart", Form::Map(&RESTART), "", PROCEDURE),
        opt("one_name", Form::Map(&ONE_NAME), "", PROCEDURE),
        opt("list_format", Form::Map(&LIST_FORMAT), "", PROCEDURE),
        opt("last_list", Form::Map(&LAST_LIST), "", PROCEDURE),
        opt("delivered_or_refused", Form::Map(&DELIVERED_OR_REFUSED), "", PROCEDURE),
    ],
};

pub(crate) static BYTES: Table = Table {
    what: "`bytes`",
    example: "{ text: \"MESSAGE|{bob}|hi\\n\", split: 1, every: 5ms }",
    keys: &[
        need("text", Form::RawBytes, "Text with {hex:c3a9}, \\n, \\r."),
        opt("split", Form::Whole, "all at once", "Bytes a piece."),
        opt("every", Form::Duration, "at once", "Time between two pieces."),
    ],
};

pub(crate) static LIST: Table = Table {
    what: "`list`",
    example: "{ has: [alice], lacks: [bob] }",
    keys: &[
        opt("is", ACTORS, "any", "Exactly these of the case's own users."),
        opt("has", ACTORS, "none", "At least these."),
        opt("lacks", ACTORS, "none", "None of these."),
    ],
};

pub(crate) static REPEAT: Table = Table {
    what: "`repeat`",
    example: "{ times: 3, steps: [ { alive: alice } ] }",
    keys: &[need("times", Form::Whole, "How often."), need("steps", SCRIPT, "What.")],
};

const PROCEDURE: &str = "A procedure; scenarios/README.md describes it.";

pub(crate) static IF_OPEN: Table = Table {
    what: "`if_open`",
    example: "{ actor: alice, steps: [ { alive: alice } ] }",
    keys: &[need("actor", Form::Actor, "Whose connection."), need("steps", SCRIPT, "What.")],
};

pub(crate) static PROFILE: Table = Table {
    what: "`profile`",
    example: "{ key: broadcast_echo, is: { \"false\": [ { silence: alice } ] }, otherwise: [ … ] }",
    keys: &[
        need("key", Form::Text, "The profile's key."),
        need("is", Form::Names(&SCRIPT), "Steps by declared value."),
        need("otherwise", SCRIPT, "Steps where it is not declared."),
    ],
};
