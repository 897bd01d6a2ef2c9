//! The keys of cases and their steps.

use super::keys::{MapSpec, need, opt};
use super::procedure_keys::{
    CHURN, CROWD, DELIVERED_OR_REFUSED, DRIP, EVERY_SPLIT, FLOOD, FUZZ, HISTORY, LAST_LIST, LIST_FORMAT, ONE_NAME,
    OVERLONG_LIST, RACE, RAW_SESSION, RESTART, ROOM_LIMIT, ROOM_PAGES, ROOM_RACE, SAME_ANSWERS, STALL, STREAM,
    TURNOVER,
};
use super::value_type::ValueType;

pub(crate) static CASE: MapSpec = MapSpec {
    what: "a case",
    example: "{ case: greets, steps: [ { connect: alice } ] }",
    keys: &[
        need("case", ValueType::Text, "The title: the property that the case checks."),
        opt("id", ValueType::Text, "made from the title", "Its id, for reports and --only."),
        opt("level", ValueType::Word(&["must", "should", "may"]), "must", "The severity of a failure."),
        opt("spec", ValueType::Many(&ValueType::Text), "none", "Statements of the protocol's text, such as T13."),
        opt("rule", ValueType::Many(&ValueType::Text), "none", "Rules of this project's reading, such as F5."),
        opt("likely", ValueType::Text, "none", "The likely mistake behind a failure."),
        opt("slow", ValueType::Truth, "false", "If true, the case takes seconds."),
        opt(
            "needs",
            ValueType::Many(&ValueType::Text),
            "nothing",
            "Conditions without which the case is skipped: terminator, spawn, loopback, raw, fresh or rooms.",
        ),
        need("steps", ValueType::List(&ValueType::TaggedMap(&STEPS)), "The steps, in order."),
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
            "Opens a connection, sends CONNECT and waits for CONNECT_ACK|OK.",
        ),
        opt("open", ValueType::Actor, "", "Opens a connection and sends nothing."),
        opt("send", ValueType::Names(&ValueType::Frame), "", "Sends a frame; the terminator is added."),
        opt(
            "bytes",
            ValueType::Names(&ValueType::Either(&ValueType::RawBytes, &ValueType::Map(&BYTES))),
            "",
            "Sends exactly these bytes.",
        ),
        opt(
            "gets",
            ValueType::Names(&ValueType::Many(&ValueType::Pattern)),
            "",
            "The next frame, apart from user lists, matches one of these patterns.",
        ),
        opt(
            "list",
            ValueType::Names(&ValueType::Map(&LIST)),
            "",
            "The actor receives such a user list within the timeout.",
        ),
        opt("silence", ACTORS, "", "No frame arrives apart from user lists, proven by a fence."),
        opt("closed", ACTORS, "", "The server closes the connection."),
        opt("alive", ACTORS, "", "The connection still works."),
        opt(
            "close",
            ValueType::Names(&ValueType::Word(&["disconnect", "fin", "half", "rst"])),
            "",
            "The actor closes its connection.",
        ),
        opt("wait", ValueType::Duration, "", "Waits for this time."),
        opt("together", SCRIPT, "", "The steps start at the same time."),
        opt(
            "control",
            SCRIPT,
            "",
            "Shows that the server works before the check begins. If it does not, the case is inconclusive.",
        ),
        opt("repeat", ValueType::Map(&REPEAT), "", "Runs the steps several times."),
        opt("observe", ACTORS, "", "Records all frames that these actors received, without judging them."),
        opt(
            "first",
            ValueType::Names(&ValueType::Many(&ValueType::Pattern)),
            "",
            "The very first frame of the connection, user lists included, matches one of these patterns.",
        ),
        opt("no_list", ACTORS, "", "No user list has arrived, proven by a fence."),
        opt("within_limit", ACTORS, "", "No received frame is longer than 1024 bytes."),
        opt("if_open", ValueType::Map(&IF_OPEN), "", "Runs the steps if the actor's connection is still open."),
        opt("if_user", ValueType::Map(&IF_OPEN), "", "Runs the steps if the server accepted the actor's CONNECT."),
        opt(
            "profile",
            ValueType::Map(&PROFILE),
            "",
            "Runs the steps for the value that the profile declares, or else `otherwise`.",
        ),
        opt(
            "room",
            ValueType::Map(&ROOM),
            "",
            "The members negotiate the extension `rooms` and join, in this order. If they cannot, the case is inconclusive.",
        ),
        opt(
            "pages",
            ValueType::Names(&ValueType::Map(&PAGES)),
            "",
            "The next frames are the pages of one list of names, with no other frame between them.",
        ),
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
        opt("raw_session", ValueType::Map(&RAW_SESSION), "", PROCEDURE),
        opt("same_answers", ValueType::Map(&SAME_ANSWERS), "", PROCEDURE),
        opt("room_race", ValueType::Map(&ROOM_RACE), "", PROCEDURE),
        opt("room_pages", ValueType::Map(&ROOM_PAGES), "", PROCEDURE),
        opt("room_limit", ValueType::Map(&ROOM_LIMIT), "", PROCEDURE),
    ],
};

pub(crate) static BYTES: MapSpec = MapSpec {
    what: "`bytes`",
    example: "{ text: \"MESSAGE|{bob}|hi\\n\", split: 1, every: 5ms }",
    keys: &[
        need("text", ValueType::RawBytes, "Text with {hex:c3a9}, \\n, \\r."),
        opt("split", ValueType::Whole, "all at once", "Bytes per part."),
        opt("every", ValueType::Duration, "at once", "The time between two parts."),
    ],
};

pub(crate) static LIST: MapSpec = MapSpec {
    what: "`list`",
    example: "{ has: [alice], lacks: [bob] }",
    keys: &[
        opt("is", ACTORS, "any", "The list contains exactly these of the case's actors."),
        opt("has", ACTORS, "none", "The list contains at least these."),
        opt("lacks", ACTORS, "none", "The list contains none of these."),
    ],
};

pub(crate) static ROOM: MapSpec = MapSpec {
    what: "`room`",
    example: "{ name: \"garden{nonce}\", members: [alice, bob] }",
    keys: &[
        need("name", ValueType::Frame, "The name of the room."),
        need("members", ACTORS, "The actors that join; the first one creates the room and is its operator."),
    ],
};

pub(crate) static PAGES: MapSpec = MapSpec {
    what: "`pages`",
    example: "{ of: \"MEMBERS|garden{nonce}\", is: [\"{alice}\"] }",
    keys: &[
        need("of", ValueType::Frame, "The fields before the names."),
        opt("is", ValueType::Many(&ValueType::Frame), "any", "The list contains exactly these names."),
        opt("has", ValueType::Many(&ValueType::Frame), "none", "The list contains at least these."),
        opt("lacks", ValueType::Many(&ValueType::Frame), "none", "The list contains none of these."),
    ],
};

pub(crate) static REPEAT: MapSpec = MapSpec {
    what: "`repeat`",
    example: "{ times: 3, steps: [ { alive: alice } ] }",
    keys: &[need("times", ValueType::Whole, "The number of repetitions."), need("steps", SCRIPT, "The steps to run.")],
};

const PROCEDURE: &str = "A procedure; scenarios/README.md describes it.";

pub(crate) static IF_OPEN: MapSpec = MapSpec {
    what: "`if_open`",
    example: "{ actor: alice, steps: [ { alive: alice } ] }",
    keys: &[
        need("actor", ValueType::Actor, "The actor whose connection is checked."),
        need("steps", SCRIPT, "The steps to run."),
    ],
};

pub(crate) static PROFILE: MapSpec = MapSpec {
    what: "`profile`",
    example: "{ key: broadcast_echo, is: { \"false\": [ { silence: alice } ] }, otherwise: [ … ] }",
    keys: &[
        need("key", ValueType::Text, "The key of the profile."),
        need("is", ValueType::Names(&SCRIPT), "Steps by declared value."),
        need("otherwise", SCRIPT, "Steps if the profile does not declare the key."),
    ],
};
