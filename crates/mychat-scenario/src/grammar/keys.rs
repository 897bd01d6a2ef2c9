//! Every key that a scenario file can have: the parser, the schema and the messages all work from these tables.

pub(crate) use super::procedure_keys::YES;
pub(crate) use super::step_keys::{BYTES, CASE, IF_OPEN, LIST, PAGES, PROFILE, REPEAT, ROOM, SCRIPT, STEPS};
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
    /// A description, shown by editors and in errors.
    pub(crate) doc: &'static str,
}

/// The presence of a key: required or optional.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    /// The key is required.
    Needed,
    /// The key is optional; the text describes its default.
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
        need("name", ValueType::Text, "The name of the scenario in reports."),
        opt("about", ValueType::Text, "nothing", "One sentence about the purpose of the scenario."),
        opt(
            "target",
            ValueType::Address,
            "the tool's own reference server",
            "The server, as HOST:PORT; --target and --spawn take precedence.",
        ),
        opt("framing", ValueType::Word(&["auto", "lf", "crlf", "raw"]), "auto", "The end of a frame on the wire."),
        opt(
            "seed",
            ValueType::Whole,
            "random, and printed",
            "The seed of the random numbers: the same seed gives the same run.",
        ),
        opt("timeout", ValueType::Duration, "2s", "The longest time to wait for an answer."),
        opt(
            "verify",
            ValueType::Word(&["full", "counts", "none"]),
            "full",
            "The precision with which deliveries are verified.",
        ),
        opt("users", USERS, "none", "Groups of users that behave alike."),
        opt("load", ValueType::List(&ValueType::TaggedMap(&STAGES)), "none", "The load over time: stages, in order."),
        opt("cases", ValueType::List(&ValueType::Map(&CASE)), "none", "Scripted cases, run before the load."),
        opt("expect", ValueType::List(&ValueType::Condition), "none", "Conditions that must hold for the run to pass."),
        opt(
            "abort_if",
            ValueType::List(&ValueType::Condition),
            "none",
            "Conditions that end the run early, as failed.",
        ),
    ],
};

/// The type of `users`.
pub(crate) static USERS: ValueType = ValueType::Names(&ValueType::Map(&GROUP));

static LEAVES: ValueType = ValueType::Word(&["disconnect", "fin", "rst"]);

pub(crate) static GROUP: MapSpec = MapSpec {
    what: "a group of users",
    example: "{ count: 10, rate: 10/s, do: [ { broadcast: {} } ] }",
    keys: &[
        need("count", ValueType::Whole, "The number of users."),
        opt("name", ValueType::Naming, "{group}{n}", "The names of the users: text with {group}, {n} or {n:04}."),
        opt("join", ValueType::Rate, "100/s", "Connections per second while the group joins."),
        opt(
            "rate",
            ValueType::Rates,
            "no actions",
            "Open loop: actions per second at 100 %, on a schedule that does not wait for the server.",
        ),
        opt(
            "think",
            ValueType::Durations,
            "no actions",
            "Closed loop: the think time after an action was delivered or answered.",
        ),
        opt("arrivals", ValueType::Word(&["poisson", "even"]), "poisson", "The distribution of the times of `rate`."),
        opt("do", ValueType::List(&ValueType::TaggedMap(&ACTIONS)), "they only read", "The actions of the users."),
        opt(
            "rooms",
            ValueType::Map(&ROOMS),
            "none",
            "Chat rooms that the users join after each login. The server must have the extension `rooms`.",
        ),
        opt(
            "session",
            ValueType::Durations,
            "to the end",
            "The time until a user leaves and comes back under the same name.",
        ),
        opt(
            "leave",
            ValueType::Many(&LEAVES),
            "disconnect",
            "The way in which users leave; from a list, one is drawn each time.",
        ),
        opt(
            "read",
            ValueType::Either(&ValueType::Word(&["fast", "never"]), &ValueType::Map(&READ)),
            "fast",
            "The speed at which the users read.",
        ),
        opt("hostile", ValueType::Truth, "false", "If true, errors of these users do not count against the server."),
    ],
};

pub(crate) static ROOMS: MapSpec = MapSpec {
    what: "`rooms`",
    example: "{ count: 50, each: 3 }",
    keys: &[
        need("count", ValueType::Whole, "The number of rooms."),
        opt("each", ValueType::Whole, "1", "The number of rooms that a user joins, and is in at most."),
        opt(
            "zipf",
            ValueType::Number,
            "all rooms have equally many members",
            "The exponent of Zipf's law: the larger it is, the more users are in the first rooms.",
        ),
        opt(
            "name",
            ValueType::Naming,
            "{group}{n}",
            "The names of the rooms: text with {group}, {n} or {n:04}. Groups that give the same names share the rooms.",
        ),
    ],
};

pub(crate) static READ: MapSpec = MapSpec {
    what: "a read policy",
    example: "{ rate: 256B/s }",
    keys: &[
        opt("rate", ValueType::Bandwidth, "no limit", "The limit in bytes per second."),
        opt("pause", ValueType::Duration, "no pause", "The duration of a stop; used with `every`."),
        opt("every", ValueType::Duration, "no pause", "The time from one stop to the next."),
    ],
};

const fn weight() -> FieldSpec {
    opt("weight", ValueType::Whole, "1", "The share in which it is drawn among the group's actions.")
}

pub(crate) static ACTIONS: MapSpec = MapSpec {
    what: "an action",
    example: "broadcast: { size: 64 }",
    keys: &[
        opt("broadcast", ValueType::Map(&BROADCAST), "", "A message to all users."),
        opt("private", ValueType::Map(&PRIVATE), "", "A message to one user."),
        opt("frame", ValueType::Map(&FRAME), "", "A frame, sent as written."),
        opt(
            "oversize",
            ValueType::Map(&OVERSIZE),
            "",
            "A frame that is too long: the server must refuse it and not forward it.",
        ),
        opt(
            "duplicate_name",
            ValueType::Map(&DUPLICATE_NAME),
            "",
            "A second connection requests a name in use: the server must refuse it.",
        ),
        opt(
            "garbage",
            ValueType::Map(&GARBAGE),
            "",
            "A terminated frame that is not UTF-8: the server must refuse it.",
        ),
        opt("half_frame", ValueType::Map(&HALF_FRAME), "", "Half a frame, a wait, and the rest."),
        opt("reconnect", ValueType::Map(&RECONNECT), "", "The user leaves and comes back under the same name."),
        opt("say", ValueType::Map(&SAY), "", "A message to one of the rooms that the user is in."),
        opt("join_room", ValueType::Map(&JOIN_ROOM), "", "The user joins one of the group's rooms."),
        opt("leave_room", ValueType::Map(&LEAVE_ROOM), "", "The user leaves one of its rooms."),
    ],
};

const SIZE: &str = "Bytes of content, at least 40; `max` is the longest content that every server accepts.";
const TEXT: &str = "Text in the content, after the stamp of the tool.";

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
            "The recipient: a user of a group, `partner` (always the same user of the sender's group), `nobody` (the server must answer ERROR|404) or `self`.",
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
        opt(
            "gets",
            ValueType::Many(&ValueType::Pattern),
            "no answer is expected",
            "The expected answer: matches one of these patterns.",
        ),
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
    keys: &[weight(), need("of", ValueType::Group, "The group whose names are requested.")],
};

pub(crate) static GARBAGE: MapSpec = MapSpec {
    what: "`garbage`",
    example: "{ size: 1..64 }",
    keys: &[weight(), need("size", ValueType::Bytes, "Bytes of the frame without its terminator.")],
};

pub(crate) static HALF_FRAME: MapSpec = MapSpec {
    what: "`half_frame`",
    example: "{ stall: 3s }",
    keys: &[weight(), need("stall", ValueType::Duration, "The wait between the two halves.")],
};

pub(crate) static RECONNECT: MapSpec = MapSpec {
    what: "`reconnect`",
    example: "{ leave: rst }",
    keys: &[weight(), need("leave", LEAVES, "The way in which the user leaves.")],
};

pub(crate) static SAY: MapSpec = MapSpec {
    what: "`say`",
    example: "{ weight: 9, size: 48..200 }",
    keys: &[weight(), opt("size", ValueType::Size, "64", SIZE), opt("text", ValueType::Text, "padding", TEXT)],
};

pub(crate) static JOIN_ROOM: MapSpec = MapSpec { what: "`join_room`", example: "{ weight: 2 }", keys: &[weight()] };

pub(crate) static LEAVE_ROOM: MapSpec = MapSpec { what: "`leave_room`", example: "{ weight: 2 }", keys: &[weight()] };

static ONLY: ValueType = ValueType::Many(&ValueType::Group);

pub(crate) static STAGES: MapSpec = MapSpec {
    what: "a stage",
    example: "hold: 10s",
    keys: &[
        opt("warmup", ValueType::Duration, "", "100 %; messages are verified, but not part of the measurements."),
        opt("hold", ValueType::Either(&ValueType::Duration, &ValueType::Map(&HOLD)), "", "100 % for a time."),
        opt("ramp", ValueType::Map(&RAMP), "", "Linearly from one percentage to another."),
        opt("spike", ValueType::Map(&SPIKE), "", "Another percentage, usually a higher one, for a short time."),
        opt("pause", ValueType::Duration, "", "No user acts."),
        opt(
            "find_max",
            ValueType::Map(&FIND_MAX),
            "",
            "Searches for the highest percentage at which all expectations hold.",
        ),
    ],
};

const STAGE_NAME: &str = "The name of the stage in conditions.";

pub(crate) static HOLD: MapSpec = MapSpec {
    what: "`hold`",
    example: "{ for: 20s, name: steady }",
    keys: &[
        need("for", ValueType::Duration, "The duration."),
        opt("name", ValueType::Text, "hold-1, hold-2 …", STAGE_NAME),
        opt("only", ONLY, "all", "The groups that act."),
    ],
};

pub(crate) static RAMP: MapSpec = MapSpec {
    what: "`ramp`",
    example: "{ from: 10%, to: 100%, over: 10s }",
    keys: &[
        need("from", ValueType::Percent, "The percentage at the start."),
        need("to", ValueType::Percent, "The percentage at the end."),
        need("over", ValueType::Duration, "The duration."),
        opt("name", ValueType::Text, "ramp-1, ramp-2 …", STAGE_NAME),
    ],
};

pub(crate) static SPIKE: MapSpec = MapSpec {
    what: "`spike`",
    example: "{ to: 300%, for: 3s }",
    keys: &[
        need("to", ValueType::Percent, "The percentage."),
        need("for", ValueType::Duration, "The duration."),
        opt("name", ValueType::Text, "spike-1, spike-2 …", STAGE_NAME),
    ],
};

pub(crate) static FIND_MAX: MapSpec = MapSpec {
    what: "`find_max`",
    example: "{ start: 100%, max: 5000% }",
    keys: &[
        need("start", ValueType::Percent, "The first percentage that is tried."),
        need("max", ValueType::Percent, "The highest percentage that is tried."),
        opt("grow", ValueType::Factor, "1.5x", "The factor from one probe to the next, until one fails."),
        opt("probe", ValueType::Duration, "10s", "The duration of a probe."),
        opt("settle", ValueType::Duration, "3s", "The time before each probe that is not measured."),
        opt("within", ValueType::Percent, "5%", "The precision of the answer."),
        opt("confirm", ValueType::Duration, "30s", "The duration of the probe that confirms the answer."),
    ],
};
