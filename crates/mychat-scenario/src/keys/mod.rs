//! Every key that a scenario file can have: the parser, the schema and the messages all work from these tables.

mod steps;

use super::form::Form;
pub(super) use steps::{BYTES, CASE, IF_OPEN, LIST, PROFILE, REPEAT, SCRIPT, STEPS};

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
