//! The keys of cases and their steps.

use super::keys::{MapSpec, need, opt};
use super::procedure_keys::{
    CHURN, CROWD, DELIVERED_OR_REFUSED, DRIP, EVERY_SPLIT, FLOOD, FUZZ, HISTORY, LAST_LIST, LIST_FORMAT, ONE_NAME,
    OVERLONG_LIST, RACE, RESTART, STALL, STREAM, TURNOVER,
};
use super::value_type::ValueType;

pub(crate) static CASE: MapSpec = MapSpec {
    what: "a case",
    example: "{ case: greets, steps: [ { connect: alice } ] }",
    keys: &[
        need("case", ValueType::Text, "What it shows."),
        opt("id", ValueType::Text, "made from the title", "Its id, for reports and --only."),
        opt("level", ValueType::Word(&["must", "should", "may"]), "must", "What a failure means."),
        opt("spec", ValueType::Many(&ValueType::Text), "none", "Statements of the protocol's text, such as T13."),
        opt("rule", ValueType::Many(&ValueType::Text), "none", "Rules of this project's reading, such as F5."),
        opt("likely", ValueType::Text, "none", "The likely mistake behind a failure."),
        opt("slow", ValueType::Truth, "false", "Whether it takes seconds."),
        opt(
            "needs",
            ValueType::Many(&ValueType::Text),
            "nothing",
            "What it takes: terminator, spawn, loopback, raw or fresh.",
        ),
        need("steps", ValueType::List(&ValueType::TaggedMap(&STEPS)), "What is done, in order."),
    ],
};

static ACTORS: ValueType = ValueType::Many(&ValueType::Actor);
pub(crate) static SCRIPT: ValueType = ValueType::List(&ValueType::TaggedMap(&STEPS));

pub(crate) static STEPS: MapSpec = MapSpec {
    what: "a step",
    example: "connect: alice",
    keys: &[
        opt(
            "connect",
            ValueType::Either(&ACTORS, &ValueType::Names(&ValueType::Actor)),
            "",
            "Opens, sends CONNECT, wants CONNECT_ACK|OK.",
        ),
        opt("open", ValueType::Actor, "", "A socket, nothing said."),
        opt("send", ValueType::Names(&ValueType::Frame), "", "A frame; the terminator is added."),
        opt(
            "bytes",
            ValueType::Names(&ValueType::Either(&ValueType::RawBytes, &ValueType::Map(&BYTES))),
            "",
            "Exactly these bytes.",
        ),
        opt(
            "gets",
            ValueType::Names(&ValueType::Many(&ValueType::Pattern)),
            "",
            "The next frame, lists aside, matches one of these.",
        ),
        opt("list", ValueType::Names(&ValueType::Map(&LIST)), "", "Sooner or later the actor's list is so."),
        opt("silence", ACTORS, "", "Nothing but lists, proven by a fence."),
        opt("closed", ACTORS, "", "The server closes the connection."),
        opt("alive", ACTORS, "", "The connection still works."),
        opt(
            "close",
            ValueType::Names(&ValueType::Word(&["disconnect", "fin", "half", "rst"])),
            "",
            "The actor closes its connection.",
        ),
        opt("wait", ValueType::Duration, "", "Time passes."),
        opt("together", SCRIPT, "", "The steps start at the same time."),
        opt("repeat", ValueType::Map(&REPEAT), "", "The steps, several times."),
        opt("observe", ACTORS, "", "What these got is written down, whatever it is."),
        opt(
            "first",
            ValueType::Names(&ValueType::Many(&ValueType::Pattern)),
            "",
            "The very first frame, lists included, is one of these.",
        ),
        opt("no_list", ACTORS, "", "No list has come, proven by a fence."),
        opt("within_limit", ACTORS, "", "Nothing that came is longer than 1024 bytes."),
        opt("if_open", ValueType::Map(&IF_OPEN), "", "The steps, where the actor's connection is still open."),
        opt("if_user", ValueType::Map(&IF_OPEN), "", "The steps, where the actor was let in."),
        opt("profile", ValueType::Map(&PROFILE), "", "What a declared reading asks for, or else `otherwise`."),
        opt("every_split", ValueType::Map(&EVERY_SPLIT), "", PROCEDURE),
        opt("stream", ValueType::Map(&STREAM), "", PROCEDURE),
        opt("race", ValueType::Map(&RACE), "", PROCEDURE),
        opt("flood", ValueType::Map(&FLOOD), "", PROCEDURE),
        opt("churn", ValueType::Map(&CHURN), "", PROCEDURE),
        opt("stall", ValueType::Map(&STALL), "", PROCEDURE),
        opt("crowd", ValueType::Map(&CROWD), "", PROCEDURE),
        opt("drip", ValueType::Map(&DRIP), "", PROCEDURE),
        opt("fuzz", ValueType::Map(&FUZZ), "", PROCEDURE),
        opt("turnover", ValueType::Map(&TURNOVER), "", PROCEDURE),
        opt("overlong_list", ValueType::Map(&OVERLONG_LIST), "", PROCEDURE),
        opt("history", ValueType::Map(&HISTORY), "", PROCEDURE),
        opt("restart", ValueType::Map(&RESTART), "", PROCEDURE),
        opt("one_name", ValueType::Map(&ONE_NAME), "", PROCEDURE),
        opt("list_format", ValueType::Map(&LIST_FORMAT), "", PROCEDURE),
        opt("last_list", ValueType::Map(&LAST_LIST), "", PROCEDURE),
        opt("delivered_or_refused", ValueType::Map(&DELIVERED_OR_REFUSED), "", PROCEDURE),
    ],
};

pub(crate) static BYTES: MapSpec = MapSpec {
    what: "`bytes`",
    example: "{ text: \"MESSAGE|{bob}|hi\\n\", split: 1, every: 5ms }",
    keys: &[
        need("text", ValueType::RawBytes, "Text with {hex:c3a9}, \\n, \\r."),
        opt("split", ValueType::Whole, "all at once", "Bytes a piece."),
        opt("every", ValueType::Duration, "at once", "Time between two pieces."),
    ],
};

pub(crate) static LIST: MapSpec = MapSpec {
    what: "`list`",
    example: "{ has: [alice], lacks: [bob] }",
    keys: &[
        opt("is", ACTORS, "any", "Exactly these of the case's own users."),
        opt("has", ACTORS, "none", "At least these."),
        opt("lacks", ACTORS, "none", "None of these."),
    ],
};

pub(crate) static REPEAT: MapSpec = MapSpec {
    what: "`repeat`",
    example: "{ times: 3, steps: [ { alive: alice } ] }",
    keys: &[need("times", ValueType::Whole, "How often."), need("steps", SCRIPT, "What.")],
};

const PROCEDURE: &str = "A procedure; scenarios/README.md describes it.";

pub(crate) static IF_OPEN: MapSpec = MapSpec {
    what: "`if_open`",
    example: "{ actor: alice, steps: [ { alive: alice } ] }",
    keys: &[need("actor", ValueType::Actor, "Whose connection."), need("steps", SCRIPT, "What.")],
};

pub(crate) static PROFILE: MapSpec = MapSpec {
    what: "`profile`",
    example: "{ key: broadcast_echo, is: { \"false\": [ { silence: alice } ] }, otherwise: [ … ] }",
    keys: &[
        need("key", ValueType::Text, "The profile's key."),
        need("is", ValueType::Names(&SCRIPT), "Steps by declared value."),
        need("otherwise", SCRIPT, "Steps where it is not declared."),
    ],
};
