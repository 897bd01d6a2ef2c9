//! The keys of procedures.

use super::keys::{FieldSpec, MapSpec, Presence};
use super::value_type::ValueType;
use crate::model::Keyword;
use crate::model::procedures::{
    FrameOrder, HistoryCheck, JoinLeaveCheck, RaceNames, RoomRaceKind, SplitAt, StalledClient, StreamKind, WriteMode,
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
        who("from", "The sending actor."),
        who("to", "The actor that must receive it."),
        FieldSpec {
            name: "content",
            value_type: ValueType::Text,
            presence: Presence::Needed,
            doc: "The content of the message, sent once for each position at which it can be cut in two.",
        },
        number("pause", "2", "Milliseconds between the two halves."),
        word::<SplitAt>("at", "bytes", "The positions of the cuts: between any two bytes, or inside characters only."),
    ],
};

pub(crate) static STREAM: MapSpec = MapSpec {
    what: "`stream`",
    example: "{ from: alice, to: bob, count: 100 }",
    keys: &[
        who("from", "The sending actors; all send at the same time."),
        who("to", "The actors that must receive everything once and unchanged."),
        number("count", "100", "Frames per sender."),
        number("size", "0", "Bytes per frame, terminator included; 0 for short frames."),
        word::<StreamKind>("kind", "message", "The command that is sent."),
        word::<WriteMode>("write", "each", "One write per frame, or one for all frames."),
        switch("leave", "If `yes`, DISCONNECT follows in the same write."),
        word::<FrameOrder>("order", "kept", "If `kept`, each sender's frames must arrive in order."),
    ],
};

pub(crate) static RACE: MapSpec = MapSpec {
    what: "`race`",
    example: "{ connections: 16, names: same, rounds: 200 }",
    keys: &[
        number("connections", "16", "The number of simultaneous CONNECTs."),
        number("rounds", "1", "The number of rounds."),
        word::<RaceNames>("names", "same", "The names requested: one for all, or one each."),
    ],
};

pub(crate) static FLOOD: MapSpec = MapSpec {
    what: "`flood`",
    example: "{ by: alice, kib: 1024 }",
    keys: &[
        who("by", "The sending actor."),
        number("kib", "1024", "KiB to send without a terminator."),
        number("memory", "64", "MiB that the server may grow by (where the tool started it)."),
    ],
};

pub(crate) static CHURN: MapSpec = MapSpec {
    what: "`churn`",
    example: "{ connections: 50, users: no }",
    keys: &[
        number("connections", "50", "The number of connections."),
        number("at_once", "20", "The number of connections open at the same time."),
        switch("users", "If `yes`, each connection sends CONNECT; otherwise it sends nothing."),
        switch("count", "If `yes`, the server's descriptors and threads are counted before and after."),
    ],
};

pub(crate) static STALL: MapSpec = MapSpec {
    what: "`stall`",
    example: "{ kib: 8192 }",
    keys: &[
        number("kib", "8192", "KiB to broadcast while a client does not read."),
        word::<StalledClient>("who", "reader", "The client that does not read: a recipient, or the sender."),
        number("memory", "0", "MiB that the server may grow by (where the tool started it); 0: not checked."),
    ],
};

pub(crate) static CROWD: MapSpec = MapSpec {
    what: "`crowd`",
    example: "{ users: 200 }",
    keys: &[
        number("users", "200", "The number of users."),
        number("within", "0", "Milliseconds within which all users join; 0: no limit."),
        number("broadcasts", "1", "The number of broadcasts per user."),
    ],
};

pub(crate) static DRIP: MapSpec = MapSpec {
    what: "`drip`",
    example: "{ connections: 50 }",
    keys: &[
        number("connections", "50", "The number of connections that send one byte per second."),
        number("seconds", "1", "The duration in seconds."),
    ],
};

pub(crate) static FUZZ: MapSpec = MapSpec {
    what: "`fuzz`",
    example: "{ frames: 1000 }",
    keys: &[
        number("frames", "1000", "The number of frames."),
        number("connections", "4", "The number of connections that send them."),
    ],
};

pub(crate) static TURNOVER: MapSpec = MapSpec {
    what: "`turnover`",
    example: "{ users: 20, times: 200 }",
    keys: &[
        number("users", "20", "The number of users that join and leave."),
        number("times", "200", "The number of joins and leaves."),
        word::<JoinLeaveCheck>("check", "last", "The property that is checked."),
    ],
};

pub(crate) static OVERLONG_LIST: MapSpec = MapSpec {
    what: "`overlong_list`",
    example: "{ users: 80 }",
    keys: &[number("users", "80", "The number of users, each with a name of 16 bytes.")],
};

pub(crate) static HISTORY: MapSpec = MapSpec {
    what: "`history`",
    example: "{ users: 10, messages: 100, look: loss }",
    keys: &[
        number("users", "10", "The number of users."),
        number("messages", "100", "The number of messages per user."),
        word::<HistoryCheck>("look", "loss", "The kind of error that is searched for."),
    ],
};

pub(crate) static RESTART: MapSpec = MapSpec {
    what: "`restart`",
    example: "{}",
    keys: &[number("connections", "5", "The number of connections that are open when the server stops.")],
};

pub(crate) static ONE_NAME: MapSpec = MapSpec {
    what: "`one_name`",
    example: "{ of: alice, with: bob }",
    keys: &[
        who(
            "of",
            "The actor whose name must have the same form in lists, as sender and as recipient; skipped if the server refused it.",
        ),
        who("with", "The actor that receives the lists and messages."),
    ],
};

pub(crate) static LIST_FORMAT: MapSpec = MapSpec {
    what: "`list_format`",
    example: "{ of: alice }",
    keys: &[
        who("of", "The actor whose last list must be names separated by commas, and nothing else."),
        FieldSpec {
            name: "lacks",
            value_type: ValueType::Many(&ValueType::Actor),
            presence: Presence::Default("nobody"),
            doc: "An actor that has left; the check first waits for a list without it.",
        },
    ],
};

pub(crate) static DELIVERED_OR_REFUSED: MapSpec = MapSpec {
    what: "`delivered_or_refused`",
    example: "{ from: alice, to: bob, frame: \"MESSAGE|{bob}|a|b\", gets: \"MESSAGE|{alice}|a|b\" }",
    keys: &[
        who("from", "The sending actor, which must get an error if the message is not delivered."),
        who("to", "The actor that receives the whole message or nothing."),
        FieldSpec { name: "frame", value_type: ValueType::Text, presence: Presence::Needed, doc: "The frame to send." },
        FieldSpec {
            name: "gets",
            value_type: ValueType::Text,
            presence: Presence::Needed,
            doc: "The frame that arrives if the message is delivered.",
        },
    ],
};

const fn text(name: &'static str, doc: &'static str) -> FieldSpec {
    FieldSpec { name, value_type: ValueType::Text, presence: Presence::Needed, doc }
}

pub(crate) static RAW_SESSION: MapSpec = MapSpec {
    what: "`raw_session`",
    example: "{ sends: \"CAPABILITIES|rooms\", gets: \"CAPABILITIES|\" }",
    keys: &[
        text("sends", "The frame that a user without terminators sends after its CONNECT."),
        text("gets", "The frame that answers it. Skipped if the server does not serve such users."),
    ],
};

pub(crate) static SAME_ANSWERS: MapSpec = MapSpec {
    what: "`same_answers`",
    example: "{ of: bob, first: \"SAY|dark{nonce}|hi\", second: \"SAY|void{nonce}|hi\" }",
    keys: &[
        who("of", "The actor that sends both requests, one after the other."),
        text("first", "The first request; its second field is the name of a room."),
        text("second", "The same request about another room. The answers may differ in the name of the room only."),
    ],
};

pub(crate) static ROOM_RACE: MapSpec = MapSpec {
    what: "`room_race`",
    example: "{ of: leave, rounds: 40 }",
    keys: &[
        word::<RoomRaceKind>("of", "leave", "The actions that happen at the same time."),
        number("rounds", "40", "The number of rounds."),
    ],
};

pub(crate) static ROOM_PAGES: MapSpec = MapSpec {
    what: "`room_pages`",
    example: "{ users: 40 }",
    keys: &[number("users", "40", "The number of members, each with a name of 60 bytes.")],
};

pub(crate) static ROOM_LIMIT: MapSpec = MapSpec {
    what: "`room_limit`",
    example: "{ most: 200 }",
    keys: &[number("most", "200", "Skipped if the server announces a larger limit.")],
};

pub(crate) static LAST_LIST: MapSpec = MapSpec {
    what: "`last_list`",
    example: "{ of: alice, has: alice }",
    keys: &[who("of", "The actor whose last list is checked now."), who("has", "The actor that must be in it.")],
};
