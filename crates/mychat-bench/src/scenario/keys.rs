//! Every key that a scenario file can have: the parser, the schema and the messages all work from these tables.

use super::form::Form;
use super::procedures::{
    CHURN, CROWD, DELIVERED_OR_REFUSED, DRIP, EVERY_SPLIT, FLOOD, FUZZ, HISTORY, LAST_LIST, LIST_FORMAT, ONE_NAME,
    OVERLONG_LIST, RACE, RESTART, STALL, STREAM, TURNOVER,
};

/// The keys of one kind of map.
#[derive(Debug)]
pub(super) struct Table {
    /// What such a map is, with its article.
    pub(super) what: &'static str,
    /// One that is right.
    pub(super) example: &'static str,
    /// Its keys.
    pub(super) keys: &'static [Key],
}

/// One key.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) form: Form,
    pub(super) presence: Presence,
    /// What it says.
    pub(super) doc: &'static str,
}

/// Whether a key must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// It must.
    Needed,
    /// It need not, and this is taken in its place (for people to read).
    Default(&'static str),
}

const fn need(name: &'static str, form: Form, doc: &'static str) -> Key {
    Key { name, form, presence: Presence::Needed, doc }
}

const fn opt(name: &'static str, form: Form, default: &'static str, doc: &'static str) -> Key {
    Key { name, form, presence: Presence::Default(default), doc }
}

impl Table {
    /// The names of all keys.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> + Clone + use<> {
        self.keys.iter().map(|key| key.name)
    }

    /// The key of this name.
    pub(super) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

pub(super) static FILE: Table = Table {
    what: "a scenario",
    example: "{ name: smoke, users: …, load: …, expect: … }",
    keys: &[
        need("name", Form::Text, "What the scenario is called in reports."),
        opt("about", Form::Text, "nothing", "One sentence about what it shows."),
        opt(
            "target",
            Form::Address,
            "the tool's own reference server",
            "The server, as HOST:PORT; --target and --spawn go before it.",
        ),
        opt("framing", Form::Word(&["auto", "lf", "crlf", "raw"]), "auto", "How frames end on the wire."),
        opt(
            "seed",
            Form::Whole,
            "drawn and printed",
            "The seed of everything drawn: the same seed gives the same run.",
        ),
        opt("timeout", Form::Duration, "2s", "Patience for an answer."),
        opt("verify", Form::Word(&["full", "counts", "none"]), "full", "How exactly deliveries are accounted for."),
        opt("users", USERS, "none", "Who: groups of users that behave alike."),
        opt("load", Form::List(&Form::Sentence(&STAGES)), "none", "How much over time: stages, in order."),
        opt("cases", Form::List(&Form::Map(&CASE)), "none", "Scripted cases, run before the load."),
        opt("expect", Form::List(&Form::Condition), "none", "What must hold for the run to pass."),
        opt("abort_if", Form::List(&Form::Condition), "none", "What ends the run early, as failed."),
    ],
};

/// What `users` holds.
pub(super) static USERS: Form = Form::Names(&Form::Map(&GROUP));

static LEAVES: Form = Form::Word(&["disconnect", "fin", "rst"]);

pub(super) static GROUP: Table = Table {
    what: "a group of users",
    example: "{ count: 10, rate: 10/s, do: [ { broadcast: {} } ] }",
    keys: &[
        need("count", Form::Whole, "How many users."),
        opt("name", Form::Naming, "{group}{n}", "What they are called: text with {group}, {n} or {n:04}."),
        opt("join", Form::Rate, "100/s", "Connections per second while the group joins."),
        opt("rate", Form::Rates, "no actions", "Open loop: how often they act at 100 %, whatever the server does."),
        opt(
            "think",
            Form::Durations,
            "no actions",
            "Closed loop: the pause after an action was delivered or answered.",
        ),
        opt("arrivals", Form::Word(&["poisson", "even"]), "poisson", "How the times of a rate lie."),
        opt("do", Form::List(&Form::Sentence(&ACTIONS)), "they only read", "What they do."),
        opt(
            "session",
            Form::Durations,
            "to the end",
            "How long a user stays before it leaves and comes back under its name.",
        ),
        opt("leave", Form::Many(&LEAVES), "disconnect", "How users leave; of a list one is drawn each time."),
        opt("read", Form::Either(&Form::Word(&["fast", "never"]), &Form::Map(&READ)), "fast", "How fast they read."),
        opt("hostile", Form::Truth, "false", "Whether their own troubles do not count against the server."),
    ],
};

pub(super) static READ: Table = Table {
    what: "a way of reading",
    example: "{ rate: 256B/s }",
    keys: &[
        opt("rate", Form::Bandwidth, "no limit", "So many bytes per second."),
        opt("pause", Form::Duration, "no pause", "Stops reading for this long; with `every`."),
        opt("every", Form::Duration, "no pause", "From one stop to the next."),
    ],
};

const fn weight() -> Key {
    opt("weight", Form::Whole, "1", "How often it is drawn against the group's other actions.")
}

pub(super) static ACTIONS: Table = Table {
    what: "an action",
    example: "broadcast: { size: 64 }",
    keys: &[
        opt("broadcast", Form::Map(&BROADCAST), "", "A message to everybody."),
        opt("private", Form::Map(&PRIVATE), "", "A message to one user."),
        opt("frame", Form::Map(&FRAME), "", "A frame as it stands."),
        opt("oversize", Form::Map(&OVERSIZE), "", "A frame that is too long: must be refused, never forwarded."),
        opt(
            "duplicate_name",
            Form::Map(&DUPLICATE_NAME),
            "",
            "A second connection asks for a name in use: must be refused.",
        ),
        opt("garbage", Form::Map(&GARBAGE), "", "A terminated frame that is not UTF-8: must be refused."),
        opt("half_frame", Form::Map(&HALF_FRAME), "", "Half a frame, a wait, and the rest."),
        opt("reconnect", Form::Map(&RECONNECT), "", "Leaves and comes back under the same name."),
    ],
};

const SIZE: &str = "Bytes of content, at least 40; `max` is the longest that any server takes.";
const TEXT: &str = "Words in the content, behind the stamp that the tool needs.";

pub(super) static BROADCAST: Table = Table {
    what: "`broadcast`",
    example: "{ weight: 9, size: 48..200 }",
    keys: &[weight(), opt("size", Form::Size, "64", SIZE), opt("text", Form::Text, "padding", TEXT)],
};

pub(super) static PRIVATE: Table = Table {
    what: "`private`",
    example: "{ to: regulars, size: 48..200 }",
    keys: &[
        weight(),
        need(
            "to",
            Form::Recipient,
            "To whom: somebody of a group, always the same `partner` in the own group, `nobody` (must answer ERROR|404) or `self`.",
        ),
        opt("size", Form::Size, "64", SIZE),
        opt("text", Form::Text, "padding", TEXT),
    ],
};

pub(super) static FRAME: Table = Table {
    what: "`frame`",
    example: "{ text: \"BROADCAST|\", gets: \"ERROR|400|*\" }",
    keys: &[
        weight(),
        need("text", Form::Frame, "The frame, without its terminator."),
        opt("gets", Form::Many(&Form::Pattern), "nothing comes back", "What is to come back, one of these."),
    ],
};

pub(super) static OVERSIZE: Table = Table {
    what: "`oversize`",
    example: "{ size: 1025..8192 }",
    keys: &[weight(), need("size", Form::Bytes, "Bytes of the frame without its terminator, at least 1025.")],
};

pub(super) static DUPLICATE_NAME: Table = Table {
    what: "`duplicate_name`",
    example: "{ of: innocents }",
    keys: &[weight(), need("of", Form::Group, "The group whose names are asked for.")],
};

pub(super) static GARBAGE: Table = Table {
    what: "`garbage`",
    example: "{ size: 1..64 }",
    keys: &[weight(), need("size", Form::Bytes, "Bytes of the frame without its terminator.")],
};

pub(super) static HALF_FRAME: Table = Table {
    what: "`half_frame`",
    example: "{ stall: 3s }",
    keys: &[weight(), need("stall", Form::Duration, "How long it waits in the middle.")],
};

pub(super) static RECONNECT: Table = Table {
    what: "`reconnect`",
    example: "{ leave: rst }",
    keys: &[weight(), need("leave", LEAVES, "How it leaves.")],
};

static ONLY: Form = Form::Many(&Form::Group);

pub(super) static STAGES: Table = Table {
    what: "a stage",
    example: "hold: 10s",
    keys: &[
        opt("warmup", Form::Duration, "", "Sent and verified, but not in the figures."),
        opt("hold", Form::Either(&Form::Duration, &Form::Map(&HOLD)), "", "100 % for a time."),
        opt("ramp", Form::Map(&RAMP), "", "From one percentage to another, evenly."),
        opt("spike", Form::Map(&SPIKE), "", "Far more for a moment."),
        opt("pause", Form::Duration, "", "Nobody acts."),
        opt("find_max", Form::Map(&FIND_MAX), "", "Looks for the highest percentage at which all expectations hold."),
    ],
};

const STAGE_NAME: &str = "What conditions call it.";

pub(super) static HOLD: Table = Table {
    what: "`hold`",
    example: "{ for: 20s, name: steady }",
    keys: &[
        need("for", Form::Duration, "How long."),
        opt("name", Form::Text, "hold-1, hold-2 …", STAGE_NAME),
        opt("only", ONLY, "all", "The groups that act."),
    ],
};

pub(super) static RAMP: Table = Table {
    what: "`ramp`",
    example: "{ from: 10%, to: 100%, over: 10s }",
    keys: &[
        need("from", Form::Percent, "At its start."),
        need("to", Form::Percent, "At its end."),
        need("over", Form::Duration, "How long."),
        opt("name", Form::Text, "ramp-1, ramp-2 …", STAGE_NAME),
    ],
};

pub(super) static SPIKE: Table = Table {
    what: "`spike`",
    example: "{ to: 300%, for: 3s }",
    keys: &[
        need("to", Form::Percent, "How much."),
        need("for", Form::Duration, "How long."),
        opt("name", Form::Text, "spike-1, spike-2 …", STAGE_NAME),
    ],
};

pub(super) static FIND_MAX: Table = Table {
    what: "`find_max`",
    example: "{ start: 100%, max: 5000% }",
    keys: &[
        need("start", Form::Percent, "Where the search starts."),
        need("max", Form::Percent, "Where it ends at the latest."),
        opt("grow", Form::Factor, "1.5x", "From one probe to the next, while it grows."),
        opt("probe", Form::Duration, "10s", "Length of a probe."),
        opt("settle", Form::Duration, "3s", "Time before a probe that does not count."),
        opt("within", Form::Percent, "5%", "How exact the answer is."),
        opt("confirm", Form::Duration, "30s", "Length of the probe that confirms the answer."),
    ],
};

pub(super) static CASE: Table = Table {
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
pub(super) static SCRIPT: Form = Form::List(&Form::Sentence(&STEPS));

pub(super) static STEPS: Table = Table {
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

pub(super) static BYTES: Table = Table {
    what: "`bytes`",
    example: "{ text: \"MESSAGE|{bob}|hi\\n\", split: 1, every: 5ms }",
    keys: &[
        need("text", Form::RawBytes, "Text with {hex:c3a9}, \\n, \\r."),
        opt("split", Form::Whole, "all at once", "Bytes a piece."),
        opt("every", Form::Duration, "at once", "Time between two pieces."),
    ],
};

pub(super) static LIST: Table = Table {
    what: "`list`",
    example: "{ has: [alice], lacks: [bob] }",
    keys: &[
        opt("is", ACTORS, "any", "Exactly these of the case's own users."),
        opt("has", ACTORS, "none", "At least these."),
        opt("lacks", ACTORS, "none", "None of these."),
    ],
};

pub(super) static REPEAT: Table = Table {
    what: "`repeat`",
    example: "{ times: 3, steps: [ { alive: alice } ] }",
    keys: &[need("times", Form::Whole, "How often."), need("steps", SCRIPT, "What.")],
};

const PROCEDURE: &str = "A procedure; scenarios/README.md describes it.";

pub(super) static IF_OPEN: Table = Table {
    what: "`if_open`",
    example: "{ actor: alice, steps: [ { alive: alice } ] }",
    keys: &[need("actor", Form::Actor, "Whose connection."), need("steps", SCRIPT, "What.")],
};

pub(super) static PROFILE: Table = Table {
    what: "`profile`",
    example: "{ key: broadcast_echo, is: { \"false\": [ { silence: alice } ] }, otherwise: [ … ] }",
    keys: &[
        need("key", Form::Text, "The profile's key."),
        need("is", Form::Names(&SCRIPT), "Steps by declared value."),
        need("otherwise", SCRIPT, "Steps where it is not declared."),
    ],
};
