//! The keys of procedures.

use super::keys::{FieldSpec, MapSpec, Presence};
use super::value_type::ValueType;
use crate::model::Keyword;
use crate::model::procedures::{
    FrameOrder, HistoryCheck, JoinLeaveCheck, RaceNames, SplitAt, StalledClient, StreamKind, WriteMode,
};

const fn number(name: &'static str, default: &'static str, doc: &'static str) -> FieldSpec {
    FieldSpec { name, value_type: ValueType::Whole, presence: Presence::Default(default), doc }
}

const fn who(name: &'static str, doc: &'static str) -> FieldSpec {
    FieldSpec { name, value_type: ValueType::Many(&ValueType::Actor), presence: Presence::Needed, doc }
}

const fn word<T: Keyword>(name: &'static str, default: &'static str, doc: &'static str) -> FieldSpec {
    FieldSpec { name, value_type: ValueType::Word(T::WORDS), presence: Presence::Default(default), doc }
}

pub(crate) const NO: &str = "no";
pub(crate) const YES: &str = "yes";

const fn switch(name: &'static str, doc: &'static str) -> FieldSpec {
    FieldSpec { name, value_type: ValueType::Word(&[NO, YES]), presence: Presence::Default(NO), doc }
}

pub(crate) static EVERY_SPLIT: MapSpec = MapSpec {
    what: "`every_split`",
    example: "{ from: alice, to: bob, content: \"hé\" }",
    keys: &[
        who("from", "Who sends."),
        who("to", "Who must get it."),
        FieldSpec {
            name: "content",
            value_type: ValueType::Text,
            presence: Presence::Needed,
            doc: "The content of the message, sent once for each place where it can be cut in two.",
        },
        number("pause", "2", "Milliseconds between the two halves."),
        word::<SplitAt>("at", "bytes", "Cut everywhere, or inside characters only."),
    ],
};

pub(crate) static STREAM: MapSpec = MapSpec {
    what: "`stream`",
    example: "{ from: alice, to: bob, count: 100 }",
    keys: &[
        who("from", "Who send, all at the same time."),
        who("to", "Who must get everything, unharmed, once."),
        number("count", "100", "Frames a sender."),
        number("size", "0", "Bytes a frame, terminator included; 0 for short ones."),
        word::<StreamKind>("kind", "message", "What is sent."),
        word::<WriteMode>("write", "each", "A write a frame, or one for all of them."),
        switch("leave", "Whether DISCONNECT follows in the same write."),
        word::<FrameOrder>("order", "kept", "Whether each sender's frames must come in their order."),
    ],
};

pub(crate) static RACE: MapSpec = MapSpec {
    what: "`race`",
    example: "{ connections: 16, names: same, rounds: 200 }",
    keys: &[
        number("connections", "16", "How many ask at the same time."),
        number("rounds", "1", "How often."),
        word::<RaceNames>("names", "same", "Whether they ask for one name or for one each."),
    ],
};

pub(crate) static FLOOD: MapSpec = MapSpec {
    what: "`flood`",
    example: "{ by: alice, kib: 1024 }",
    keys: &[
        who("by", "Who sends."),
        number("kib", "1024", "How much, without a terminator."),
        number("memory", "64", "MiB that the server may grow by (where the tool started it)."),
    ],
};

pub(crate) static CHURN: MapSpec = MapSpec {
    what: "`churn`",
    example: "{ connections: 50, users: no }",
    keys: &[
        number("connections", "50", "How many come and go."),
        number("at_once", "20", "How many of them at the same time."),
        switch("users", "Whether they connect as users, or leave without a word."),
        switch("count", "Whether the server's descriptors and threads are counted before and after."),
    ],
};

pub(crate) static STALL: MapSpec = MapSpec {
    what: "`stall`",
    example: "{ kib: 8192 }",
    keys: &[
        number("kib", "8192", "How much is broadcast past a client that does not read."),
        word::<StalledClient>("who", "reader", "Whether a bystander does not read, or the sender itself."),
        number("memory", "0", "MiB that the server may grow by (where the tool started it); 0: not looked at."),
    ],
};

pub(crate) static CROWD: MapSpec = MapSpec {
    what: "`crowd`",
    example: "{ users: 200 }",
    keys: &[
        number("users", "200", "How many."),
        number("within", "0", "Milliseconds in which all of them come; 0: as they may."),
        number("broadcasts", "1", "How many each of them sends."),
    ],
};

pub(crate) static DRIP: MapSpec = MapSpec {
    what: "`drip`",
    example: "{ connections: 50 }",
    keys: &[
        number("connections", "50", "How many connections say one byte a second."),
        number("seconds", "1", "For how long."),
    ],
};

pub(crate) static FUZZ: MapSpec = MapSpec {
    what: "`fuzz`",
    example: "{ frames: 1000 }",
    keys: &[number("frames", "1000", "How many."), number("connections", "4", "On how many connections.")],
};

pub(crate) static TURNOVER: MapSpec = MapSpec {
    what: "`turnover`",
    example: "{ users: 20, times: 200 }",
    keys: &[
        number("users", "20", "How many users come and go."),
        number("times", "200", "How many joins and leaves."),
        word::<JoinLeaveCheck>("check", "last", "What is looked at."),
    ],
};

pub(crate) static OVERLONG_LIST: MapSpec = MapSpec {
    what: "`overlong_list`",
    example: "{ users: 80 }",
    keys: &[number("users", "80", "How many users with names of 16 bytes.")],
};

pub(crate) static HISTORY: MapSpec = MapSpec {
    what: "`history`",
    example: "{ users: 10, messages: 100, look: loss }",
    keys: &[
        number("users", "10", "How many users."),
        number("messages", "100", "How many messages each of them sends."),
        word::<HistoryCheck>("look", "loss", "What the history is searched for."),
    ],
};

pub(crate) static RESTART: MapSpec = MapSpec {
    what: "`restart`",
    example: "{}",
    keys: &[number("connections", "5", "How many connections are open when it is stopped.")],
};

pub(crate) static ONE_NAME: MapSpec = MapSpec {
    what: "`one_name`",
    example: "{ of: alice, with: bob }",
    keys: &[
        who("of", "Whose name has one form in lists, as a sender and as a recipient, where it was let in."),
        who("with", "Who looks."),
    ],
};

pub(crate) static LIST_FORMAT: MapSpec = MapSpec {
    what: "`list_format`",
    example: "{ of: alice }",
    keys: &[
        who("of", "Whose last list is names with commas between them, and nothing else."),
        FieldSpec {
            name: "lacks",
            value_type: ValueType::Many(&ValueType::Actor),
            presence: Presence::Default("nobody"),
            doc: "Who has left: a list without this user is waited for, if it comes.",
        },
    ],
};

pub(crate) static DELIVERED_OR_REFUSED: MapSpec = MapSpec {
    what: "`delivered_or_refused`",
    example: "{ from: alice, to: bob, frame: \"MESSAGE|{bob}|a|b\", gets: \"MESSAGE|{alice}|a|b\" }",
    keys: &[
        who("from", "Who sends, and is told where it is not delivered."),
        who("to", "Who gets it whole, or gets nothing."),
        FieldSpec { name: "frame", value_type: ValueType::Text, presence: Presence::Needed, doc: "What is sent." },
        FieldSpec {
            name: "gets",
            value_type: ValueType::Text,
            presence: Presence::Needed,
            doc: "What arrives, if anything does.",
        },
    ],
};

pub(crate) static LAST_LIST: MapSpec = MapSpec {
    what: "`last_list`",
    example: "{ of: alice, has: alice }",
    keys: &[who("of", "Whose last list, now."), who("has", "Who stands in it.")],
};
