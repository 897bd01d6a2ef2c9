//! Every key that a scenario file can have: the parser, the schema and the messages all work from these tables.

pub(crate) use super::procedure_keys::YES;
pub(crate) use super::step_keys::{BYTES, CASE, IF_OPEN, LIST, PROFILE, REPEAT, SCRIPT, STEPS};
use super::value_type::ValueType;

/// The specification of a map: its keys.
#[derive(Debug)]
pub(crate) struct MapSpec {
    /// The name of the map in messages, with an article.
    pub(crate) what: &'static str,
    /// A correct example.
    pub(crate) example: &'static str,
    /// Its keys.
    pub(crate) keys: &'static [FieldSpec],
}

/// A key of a map.
#[derive(Debug)]
pub(crate) struct FieldSpec {
    pub(crate) name: &'static str,
    pub(crate) value_type: ValueType,
    pub(crate) presence: Presence,
    /// A description for people.
    pub(crate) doc: &'static str,
}

/// The presence of a key: required or optional.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    /// The key is required.
    Needed,
    /// The key is optional; the text is its default, as people read it.
    Default(&'static str),
}

pub(super) const fn need(name: &'static str, value_type: ValueType, doc: &'static str) -> FieldSpec {
    FieldSpec { name, value_type, presence: Presence::Needed, doc }
}

pub(super) const fn opt(
    name: &'static str,
    value_type: ValueType,
    default: &'static str,
    doc: &'static str,
) -> FieldSpec {
    FieldSpec { name, value_type, presence: Presence::Default(default), doc }
}

impl MapSpec {
    /// The names of all keys.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> + Clone + use<> {
        self.keys.iter().map(|key| key.name)
    }

    /// The key of this name.
    pub(crate) fn key(&self, name: &str) -> Option<&'static FieldSpec> {
        self.keys.iter().find(|key| key.name == name)
    }
}

pub(crate) static FILE: MapSpec = MapSpec {
    what: "a scenario",
    example: "{ name: smoke, users: …, load: …, expect: … }",
    keys: &[
        need("name", ValueType::Text, "What the scenario is called in reports."),
        opt("about", ValueType::Text, "nothing", "One sentence about what it shows."),
        opt(
            "target",
            ValueType::Address,
            "the tool's own reference server",
            "The server, as HOST:PORT; --target and --spawn go before it.",
        ),
        opt("framing", ValueType::Word(&["auto", "lf", "crlf", "raw"]), "auto", "How frames end on the wire."),
        opt(
            "seed",
            ValueType::Whole,
            "drawn and printed",
            "The seed of everything drawn: the same seed gives the same run.",
        ),
        opt("timeout", ValueType::Duration, "2s", "Patience for an answer."),
        opt(
            "verify",
            ValueType::Word(&["full", "counts", "none"]),
            "full",
            "How exactly deliveries are accounted for.",
        ),
        opt("users", USERS, "none", "Who: groups of users that behave alike."),
        opt("load", ValueType::List(&ValueType::TaggedMap(&STAGES)), "none", "How much over time: stages, in order."),
        opt("cases", ValueType::List(&ValueType::Map(&CASE)), "none", "Scripted cases, run before the load."),
        opt("expect", ValueType::List(&ValueType::Condition), "none", "What must hold for the run to pass."),
        opt("abort_if", ValueType::List(&ValueType::Condition), "none", "What ends the run early, as failed."),
    ],
};

/// The type of `users`.
pub(crate) static USERS: ValueType = ValueType::Names(&ValueType::Map(&GROUP));

static LEAVES: ValueType = ValueType::Word(&["disconnect", "fin", "rst"]);

pub(crate) static GROUP: MapSpec = MapSpec {
    what: "a group of users",
    example: "{ count: 10, rate: 10/s, do: [ { broadcast: {} } ] }",
    keys: &[
        need("count", ValueType::Whole, "How many users."),
        opt("name", ValueType::Naming, "{group}{n}", "What they are called: text with {group}, {n} or {n:04}."),
        opt("join", ValueType::Rate, "100/s", "Connections per second while the group joins."),
        opt(
            "rate",
            ValueType::Rates,
            "no actions",
            "Open loop: how often they act at 100 %, whatever the server does.",
        ),
        opt(
            "think",
            ValueType::Durations,
            "no actions",
            "Closed loop: the pause after an action was delivered or answered.",
        ),
        opt("arrivals", ValueType::Word(&["poisson", "even"]), "poisson", "How the times of a rate lie."),
        opt("do", ValueType::List(&ValueType::TaggedMap(&ACTIONS)), "they only read", "What they do."),
        opt(
            "session",
            ValueType::Durations,
            "to the end",
            "How long a user stays before it leaves and comes back under its name.",
        ),
        opt("leave", ValueType::Many(&LEAVES), "disconnect", "How users leave; of a list one is drawn each time."),
        opt(
            "read",
            ValueType::Either(&ValueType::Word(&["fast", "never"]), &ValueType::Map(&READ)),
            "fast",
            "How fast they read.",
        ),
        opt("hostile", ValueType::Truth, "false", "Whether their own troubles do not count against the server."),
    ],
};

pub(crate) static READ: MapSpec = MapSpec {
    what: "a way of reading",
    example: "{ rate: 256B/s }",
    keys: &[
        opt("rate", ValueType::Bandwidth, "no limit", "So many bytes per second."),
        opt("pause", ValueType::Duration, "no pause", "Stops reading for this long; with `every`."),
        opt("every", ValueType::Duration, "no pause", "From one stop to the next."),
    ],
};

const fn weight() -> FieldSpec {
    opt("weight", ValueType::Whole, "1", "How often it is drawn against the group's other actions.")
}

pub(crate) static ACTIONS: MapSpec = MapSpec {
    what: "an action",
    example: "broadcast: { size: 64 }",
    keys: &[
        opt("broadcast", ValueType::Map(&BROADCAST), "", "A message to everybody."),
        opt("private", ValueType::Map(&PRIVATE), "", "A message to one user."),
        opt("frame", ValueType::Map(&FRAME), "", "A frame as it stands."),
        opt("oversize", ValueType::Map(&OVERSIZE), "", "A frame that is too long: must be refused, never forwarded."),
        opt(
            "duplicate_name",
            ValueType::Map(&DUPLICATE_NAME),
            "",
            "A second connection asks for a name in use: must be refused.",
        ),
        opt("garbage", ValueType::Map(&GARBAGE), "", "A terminated frame that is not UTF-8: must be refused."),
        opt("half_frame", ValueType::Map(&HALF_FRAME), "", "Half a frame, a wait, and the rest."),
        opt("reconnect", ValueType::Map(&RECONNECT), "", "Leaves and comes back under the same name."),
    ],
};

const SIZE: &str = "Bytes of content, at least 40; `max` is the longest that any server takes.";
const TEXT: &str = "Words in the content, behind the stamp that the tool needs.";

pub(crate) static BROADCAST: MapSpec = MapSpec {
    what: "`broadcast`",
    example: "{ weight: 9, size: 48..200 }",
    keys: &[weight(), opt("size", ValueType::Size, "64", SIZE), opt("text", ValueType::Text, "padding", TEXT)],
};

pub(crate) static PRIVATE: MapSpec = MapSpec {
    what: "`private`",
    example: "{ to: regulars, size: 48..200 }",
    keys: &[
        weight(),
        need(
            "to",
            ValueType::Recipient,
            "To whom: somebody of a group, always the same `partner` in the own group, `nobody` (must answer ERROR|404) or `self`.",
        ),
        opt("size", ValueType::Size, "64", SIZE),
        opt("text", ValueType::Text, "padding", TEXT),
    ],
};

pub(crate) static FRAME: MapSpec = MapSpec {
    what: "`frame`",
    example: "{ text: \"BROADCAST|\", gets: \"ERROR|400|*\" }",
    keys: &[
        weight(),
        need("text", ValueType::Frame, "The frame, without its terminator."),
        opt("gets", ValueType::Many(&ValueType::Pattern), "nothing comes back", "What is to come back, one of these."),
    ],
};

pub(crate) static OVERSIZE: MapSpec = MapSpec {
    what: "`oversize`",
    example: "{ size: 1025..8192 }",
    keys: &[weight(), need("size", ValueType::Bytes, "Bytes of the frame without its terminator, at least 1025.")],
};

pub(crate) static DUPLICATE_NAME: MapSpec = MapSpec {
    what: "`duplicate_name`",
    example: "{ of: innocents }",
    keys: &[weight(), need("of", ValueType::Group, "The group whose names are asked for.")],
};

pub(crate) static GARBAGE: MapSpec = MapSpec {
    what: "`garbage`",
    example: "{ size: 1..64 }",
    keys: &[weight(), need("size", ValueType::Bytes, "Bytes of the frame without its terminator.")],
};

pub(crate) static HALF_FRAME: MapSpec = MapSpec {
    what: "`half_frame`",
    example: "{ stall: 3s }",
    keys: &[weight(), need("stall", ValueType::Duration, "How long it waits in the middle.")],
};

pub(crate) static RECONNECT: MapSpec = MapSpec {
    what: "`reconnect`",
    example: "{ leave: rst }",
    keys: &[weight(), need("leave", LEAVES, "How it leaves.")],
};

static ONLY: ValueType = ValueType::Many(&ValueType::Group);

pub(crate) static STAGES: MapSpec = MapSpec {
    what: "a stage",
    example: "hold: 10s",
    keys: &[
        opt("warmup", ValueType::Duration, "", "Sent and verified, but not in the figures."),
        opt("hold", ValueType::Either(&ValueType::Duration, &ValueType::Map(&HOLD)), "", "100 % for a time."),
        opt("ramp", ValueType::Map(&RAMP), "", "From one percentage to another, evenly."),
        opt("spike", ValueType::Map(&SPIKE), "", "Far more for a moment."),
        opt("pause", ValueType::Duration, "", "Nobody acts."),
        opt(
            "find_max",
            ValueType::Map(&FIND_MAX),
            "",
            "Looks for the highest percentage at which all expectations hold.",
        ),
    ],
};

const STAGE_NAME: &str = "What conditions call it.";

pub(crate) static HOLD: MapSpec = MapSpec {
    what: "`hold`",
    example: "{ for: 20s, name: steady }",
    keys: &[
        need("for", ValueType::Duration, "How long."),
        opt("name", ValueType::Text, "hold-1, hold-2 …", STAGE_NAME),
        opt("only", ONLY, "all", "The groups that act."),
    ],
};

pub(crate) static RAMP: MapSpec = MapSpec {
    what: "`ramp`",
    example: "{ from: 10%, to: 100%, over: 10s }",
    keys: &[
        need("from", ValueType::Percent, "At its start."),
        need("to", ValueType::Percent, "At its end."),
        need("over", ValueType::Duration, "How long."),
        opt("name", ValueType::Text, "ramp-1, ramp-2 …", STAGE_NAME),
    ],
};

pub(crate) static SPIKE: MapSpec = MapSpec {
    what: "`spike`",
    example: "{ to: 300%, for: 3s }",
    keys: &[
        need("to", ValueType::Percent, "How much."),
        need("for", ValueType::Duration, "How long."),
        opt("name", ValueType::Text, "spike-1, spike-2 …", STAGE_NAME),
    ],
};

pub(crate) static FIND_MAX: MapSpec = MapSpec {
    what: "`find_max`",
    example: "{ start: 100%, max: 5000% }",
    keys: &[
        need("start", ValueType::Percent, "Where the search starts."),
        need("max", ValueType::Percent, "Where it ends at the latest."),
        opt("grow", ValueType::Factor, "1.5x", "From one probe to the next, while it grows."),
        opt("probe", ValueType::Duration, "10s", "Length of a probe."),
        opt("settle", ValueType::Duration, "3s", "Time before a probe that does not count."),
        opt("within", ValueType::Percent, "5%", "How exact the answer is."),
        opt("confirm", ValueType::Duration, "30s", "Length of the probe that confirms the answer."),
    ],
};
