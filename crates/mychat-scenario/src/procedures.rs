//! The tables of the procedures, and any procedure's parameters read by its table.

use std::collections::BTreeMap;

use super::diagnostic::Wrong;
use super::fields::{Fields, Sentence, many, scalar};
use super::form::Form;
use super::keys::{Key, Presence, Table};
use super::model::Procedure;
use super::node::Problems;
use super::units;

const fn number(name: &'static str, default: &'static str, doc: &'static str) -> Key {
    Key { name, form: Form::Whole, presence: Presence::Default(default), doc }
}

const fn who(name: &'static str, doc: &'static str) -> Key {
    Key { name, form: Form::Many(&Form::Actor), presence: Presence::Needed, doc }
}

const fn word(name: &'static str, words: &'static [&'static str], default: &'static str, doc: &'static str) -> Key {
    Key { name, form: Form::Word(words), presence: Presence::Default(default), doc }
}

pub(super) static EVERY_SPLIT: Table = Table {
    what: "`every_split`",
    example: "{ from: alice, to: bob, content: \"hé\" }",
    keys: &[
        who("from", "Who sends."),
        who("to", "Who must get it."),
        Key {
            name: "content",
            form: Form::Text,
            presence: Presence::Needed,
            doc: "The content of the message, sent once for each place where it can be cut in two.",
        },
        number("pause", "2", "Milliseconds between the two halves."),
        word("at", &["bytes", "characters"], "bytes", "Cut everywhere, or inside characters only."),
    ],
};

pub(super) static STREAM: Table = Table {
    what: "`stream`",
    example: "{ from: alice, to: bob, count: 100 }",
    keys: &[
        who("from", "Who send, all at the same time."),
        who("to", "Who must get everything, unharmed, once."),
        number("count", "100", "Frames a sender."),
        number("size", "0", "Bytes a frame, terminator included; 0 for short ones."),
        word("kind", &["message", "broadcast", "mixed"], "message", "What is sent."),
        word("write", &["each", "together"], "each", "A write a frame, or one for all of them."),
        word("leave", &["no", "yes"], "no", "Whether DISCONNECT follows in the same write."),
        word("order", &["kept", "free"], "kept", "Whether each sender's frames must come in their order."),
    ],
};

pub(super) static RACE: Table = Table {
    what: "`race`",
    example: "{ connections: 16, names: same, rounds: 200 }",
    keys: &[
        number("connections", "16", "How many ask at the same time."),
        number("rounds", "1", "How often."),
        word("names", &["same", "distinct"], "same", "Whether they ask for one name or for one each."),
    ],
};

pub(super) static FLOOD: Table = Table {
    what: "`flood`",
    example: "{ by: alice, kib: 1024 }",
    keys: &[
        who("by", "Who sends."),
        number("kib", "1024", "How much, without a terminator."),
        number("memory", "64", "MiB that the server may grow by (where the tool started it)."),
    ],
};

pub(super) static CHURN: Table = Table {
    what: "`churn`",
    example: "{ connections: 50, users: no }",
    keys: &[
        number("connections", "50", "How many come and go."),
        number("at_once", "20", "How many of them at the same time."),
        word("users", &["no", "yes"], "no", "Whether they connect as users, or leave without a word."),
        word(
            "count",
            &["no", "yes"],
            "no",
            "Whether the server's descriptors and threads are counted before and after.",
        ),
    ],
};

pub(super) static STALL: Table = Table {
    what: "`stall`",
    example: "{ kib: 8192 }",
    keys: &[
        number("kib", "8192", "How much is broadcast past a client that does not read."),
        word("who", &["reader", "sender"], "reader", "Whether a bystander does not read, or the sender itself."),
        number("memory", "0", "MiB that the server may grow by (where the tool started it); 0: not looked at."),
    ],
};

pub(super) static CROWD: Table = Table {
    what: "`crowd`",
    example: "{ users: 200 }",
    keys: &[
        number("users", "200", "How many."),
        number("within", "0", "Milliseconds in which all of them come; 0: as they may."),
        number("broadcasts", "1", "How many each of them sends."),
    ],
};

pub(super) static DRIP: Table = Table {
    what: "`drip`",
    example: "{ connections: 50 }",
    keys: &[
        number("connections", "50", "How many connections say one byte a second."),
        number("seconds", "1", "For how long."),
    ],
};

pub(super) static FUZZ: Table = Table {
    what: "`fuzz`",
    example: "{ frames: 1000 }",
    keys: &[number("frames", "1000", "How many."), number("connections", "4", "On how many connections.")],
};

pub(super) static TURNOVER: Table = Table {
    what: "`turnover`",
    example: "{ users: 20, times: 200 }",
    keys: &[
        number("users", "20", "How many users come and go."),
        number("times", "200", "How many joins and leaves."),
        word("check", &["last", "monotone", "broadcast"], "last", "What is looked at."),
    ],
};

pub(super) static OVERLONG_LIST: Table = Table {
    what: "`overlong_list`",
    example: "{ users: 80 }",
    keys: &[number("users", "80", "How many users with names of 16 bytes.")],
};

pub(super) static HISTORY: Table = Table {
    what: "`history`",
    example: "{ users: 10, messages: 100, look: loss }",
    keys: &[
        number("users", "10", "How many users."),
        number("messages", "100", "How many messages each of them sends."),
        word(
            "look",
            &["loss", "duplicates", "order", "crosstalk", "identity", "lists", "frames", "total"],
            "loss",
            "What the history is searched for.",
        ),
    ],
};

pub(super) static RESTART: Table = Table {
    what: "`restart`",
    example: "{}",
    keys: &[number("connections", "5", "How many connections are open when it is stopped.")],
};

pub(super) static ONE_NAME: Table = Table {
    what: "`one_name`",
    example: "{ of: alice, with: bob }",
    keys: &[
        who("of", "Whose name has one form in lists, as a sender and as a recipient, where it was let in."),
        who("with", "Who looks."),
    ],
};

pub(super) static LIST_FORMAT: Table = Table {
    what: "`list_format`",
    example: "{ of: alice }",
    keys: &[
        who("of", "Whose last list is names with commas between them, and nothing else."),
        Key {
            name: "lacks",
            form: Form::Many(&Form::Actor),
            presence: Presence::Default("nobody"),
            doc: "Who has left: a list without this user is waited for, if it comes.",
        },
    ],
};

pub(super) static DELIVERED_OR_REFUSED: Table = Table {
    what: "`delivered_or_refused`",
    example: "{ from: alice, to: bob, frame: \"MESSAGE|{bob}|a|b\", gets: \"MESSAGE|{alice}|a|b\" }",
    keys: &[
        who("from", "Who sends, and is told where it is not delivered."),
        who("to", "Who gets it whole, or gets nothing."),
        Key { name: "frame", form: Form::Text, presence: Presence::Needed, doc: "What is sent." },
        Key { name: "gets", form: Form::Text, presence: Presence::Needed, doc: "What arrives, if anything does." },
    ],
};

pub(super) static LAST_LIST: Table = Table {
    what: "`last_list`",
    example: "{ of: alice, has: alice }",
    keys: &[who("of", "Whose last list, now."), who("has", "Who stands in it.")],
};

/// Reads the parameters of a procedure by its table.
pub(super) fn procedure(
    item: &Sentence<'_>,
    table: &'static Table,
    present: impl Fn(&str) -> Result<String, Wrong>,
    problems: &mut Problems,
) -> Option<Procedure> {
    let fields = Fields::open(item.key, item.value, table, problems)?;
    let mut read =
        Procedure { name: item.name, numbers: BTreeMap::new(), words: BTreeMap::new(), actors: BTreeMap::new() };
    for key in table.keys {
        match key.form {
            Form::Whole => {
                let given = fields.read(key.name, problems, |text| units::whole(text, 0..=1 << 32));
                if let Some(value) = given.or_else(|| default(key)) {
                    read.numbers.insert(key.name, value);
                }
            }
            Form::Word(words) => {
                let given = fields.read(key.name, problems, |text| one_of(text, words));
                if let Some(value) = given.or_else(|| default::<String>(key)) {
                    read.words.insert(key.name, value);
                }
            }
            Form::Many(form) => {
                if let Some(node) = fields.get(key.name) {
                    let nodes = many(node, problems);
                    let list = nodes.iter().filter_map(|node| scalar(node, form, problems, &present)).collect();
                    read.actors.insert(key.name, list);
                }
            }
            _ => {
                if let Some(text) = fields.read(key.name, problems, |text| Ok(text.to_owned())) {
                    read.words.insert(key.name, text);
                }
            }
        }
    }
    Some(read)
}

fn default<T: std::str::FromStr>(key: &Key) -> Option<T> {
    match key.presence {
        Presence::Default(text) => text.parse().ok(),
        Presence::Needed => None,
    }
}

fn one_of(text: &str, words: &'static [&'static str]) -> Result<String, Wrong> {
    if words.contains(&text) {
        Ok(text.to_owned())
    } else {
        Err(Wrong::new(format!("`{text}` is not one of {}", super::suggest::listing(words.iter().copied()))))
    }
}
