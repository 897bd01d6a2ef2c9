//! The tables of the procedures, and any procedure's parameters read by its table.

use std::time::Duration;

use super::diagnostic::Wrong;
use super::fields::{Fields, Sentence, many, scalar};
use super::form::Form;
use super::keys::{Key, Presence, Table};
use super::model::Keyword;
use super::model::procedures::{
    Churn, DeliveredOrRefused, DeliveryHistory, EverySplit, Flood, FrameOrder, Fuzz, HistoryCheck, JoinLeave,
    JoinLeaveCheck, ManyConnections, Procedure, Race, RaceNames, SlowReader, SplitAt, StalledClient, Stream,
    StreamKind, Trickle, WriteMode,
};
use super::node::Problems;
use super::suggest::listing;
use super::units;

const fn number(name: &'static str, default: &'static str, doc: &'static str) -> Key {
    Key { name, form: Form::Whole, presence: Presence::Default(default), doc }
}

const fn who(name: &'static str, doc: &'static str) -> Key {
    Key { name, form: Form::Many(&Form::Actor), presence: Presence::Needed, doc }
}

const fn word<T: Keyword>(name: &'static str, default: &'static str, doc: &'static str) -> Key {
    Key { name, form: Form::Word(T::WORDS), presence: Presence::Default(default), doc }
}

const NO: &str = "no";
const YES: &str = "yes";

const fn switch(name: &'static str, doc: &'static str) -> Key {
    Key { name, form: Form::Word(&[NO, YES]), presence: Presence::Default(NO), doc }
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
        word::<SplitAt>("at", "bytes", "Cut everywhere, or inside characters only."),
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
        word::<StreamKind>("kind", "message", "What is sent."),
        word::<WriteMode>("write", "each", "A write a frame, or one for all of them."),
        switch("leave", "Whether DISCONNECT follows in the same write."),
        word::<FrameOrder>("order", "kept", "Whether each sender's frames must come in their order."),
    ],
};

pub(super) static RACE: Table = Table {
    what: "`race`",
    example: "{ connections: 16, names: same, rounds: 200 }",
    keys: &[
        number("connections", "16", "How many ask at the same time."),
        number("rounds", "1", "How often."),
        word::<RaceNames>("names", "same", "Whether they ask for one name or for one each."),
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
        switch("users", "Whether they connect as users, or leave without a word."),
        switch("count", "Whether the server's descriptors and threads are counted before and after."),
    ],
};

pub(super) static STALL: Table = Table {
    what: "`stall`",
    example: "{ kib: 8192 }",
    keys: &[
        number("kib", "8192", "How much is broadcast past a client that does not read."),
        word::<StalledClient>("who", "reader", "Whether a bystander does not read, or the sender itself."),
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
        word::<JoinLeaveCheck>("check", "last", "What is looked at."),
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
        word::<HistoryCheck>("look", "loss", "What the history is searched for."),
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

/// Reads the parameters of the procedure that `item` names; `present` checks that an actor is connected.
pub(super) fn procedure(
    item: &Sentence<'_>,
    table: &'static Table,
    present: impl Fn(&str) -> Result<String, Wrong>,
    problems: &mut Problems,
) -> Option<Procedure> {
    let fields = Fields::open(item.key, item.value, table, problems)?;
    let mut read = Parameters { fields, table, present, problems };
    match item.name {
        "every_split" => every_split(&mut read),
        "stream" => stream(&mut read),
        "race" => race(&mut read),
        "flood" => flood(&mut read),
        "churn" => churn(&mut read),
        "stall" => slow_reader(&mut read),
        "crowd" => many_connections(&mut read),
        "drip" => trickle(&mut read),
        "fuzz" => fuzz(&mut read),
        "turnover" => join_leave(&mut read),
        "overlong_list" => Some(Procedure::OverlongList { users: read.number("users")? }),
        "history" => delivery_history(&mut read),
        "restart" => Some(Procedure::Restart { connections: read.number("connections")? }),
        "one_name" => {
            let (of, with) = (read.actor("of"), read.actor("with"));
            Some(Procedure::OneName { of: of?, with: with? })
        }
        "list_format" => {
            let (of, lacks) = (read.actor("of"), read.actor("lacks"));
            Some(Procedure::ListFormat { of: of?, lacks })
        }
        "last_list" => {
            let (of, has) = (read.actor("of"), read.actor("has"));
            Some(Procedure::LastList { of: of?, has: has? })
        }
        "delivered_or_refused" => delivered_or_refused(&mut read),
        _ => None,
    }
}

// Each function below reads all its parameters before it gives up, so that every problem is reported.

fn every_split<F: FindActor>(read: &mut Parameters<'_, F>) -> Option<Procedure> {
    let (from, to, content) = (read.actor("from"), read.actor("to"), read.text("content"));
    let (pause, at) = (read.number("pause"), read.keyword("at"));
    let pause = Duration::from_millis(pause? as u64);
    Some(Procedure::EverySplit(EverySplit { from: from?, to: to?, content: content?, pause, at: at? }))
}

fn stream<F: FindActor>(read: &mut Parameters<'_, F>) -> Option<Procedure> {
    let (from, to) = (read.actors("from"), read.actors("to"));
    let (count, size) = (read.number("count"), read.number("size"));
    let (kind, write) = (read.keyword("kind"), read.keyword("write"));
    let (leave, order) = (read.switch("leave"), read.keyword("order"));
    Some(Procedure::Stream(Stream {
        from: from?,
        to: to?,
        count: count?,
        size: size?,
        kind: kind?,
        write: write?,
        leave: leave?,
        order: order?,
    }))
}

fn race<F: FindActor>(read: &mut Parameters<'_, F>) -> Option<Procedure> {
    let (connections, rounds, names) = (read.number("connections"), read.number("rounds"), read.keyword("names"));
    Some(Procedure::Race(Race { connections: connections?, rounds: rounds?, names: names? }))
}

fn flood<F: FindActor>(read: &mut Parameters<'_, F>) -> Option<Procedure> {
    let (by, kib, memory) = (read.actor("by"), read.number("kib"), read.number("memory"));
    Some(Procedure::Flood(Flood { by: by?, kib: kib?, memory_mib: limit(memory?) }))
}

fn churn<F: FindActor>(read: &mut Parameters<'_, F>) -> Option<Procedure> {
    let (connections, at_once) = (read.number("connections"), read.number("at_once"));
    let (users, count) = (read.switch("users"), read.switch("count"));
    Some(Procedure::Churn(Churn {
        connections: connections?,
        at_once: at_once?,
        users: users?,
        count_resources: count?,
    }))
}

fn slow_reader<F: FindActor>(read: &mut Parameters<'_, F>) -> Option<Procedure> {
    let (kib, who, memory) = (read.number("kib"), read.keyword("who"), read.number("memory"));
    Some(Procedure::SlowReader(SlowReader { kib: kib?, who: who?, memory_mib: limit(memory?) }))
}

fn many_connections<F: FindActor>(read: &mut Parameters<'_, F>) -> Option<Procedure> {
    let (users, within, broadcasts) = (read.number("users"), read.number("within"), read.number("broadcasts"));
    Some(Procedure::ManyConnections(ManyConnections {
        users: users?,
        simultaneous: within? > 0,
        broadcasts: broadcasts?,
    }))
}

fn trickle<F: FindActor>(read: &mut Parameters<'_, F>) -> Option<Procedure> {
    let (connections, seconds) = (read.number("connections"), read.number("seconds"));
    Some(Procedure::Trickle(Trickle { connections: connections?, seconds: seconds? }))
}

fn fuzz<F: FindActor>(read: &mut Parameters<'_, F>) -> Option<Procedure> {
    let (frames, connections) = (read.number("frames"), read.number("connections"));
    Some(Procedure::Fuzz(Fuzz { frames: frames?, connections: connections? }))
}

fn join_leave<F: FindActor>(read: &mut Parameters<'_, F>) -> Option<Procedure> {
    let (users, times, check) = (read.number("users"), read.number("times"), read.keyword("check"));
    Some(Procedure::JoinLeave(JoinLeave { users: users?, times: times?, check: check? }))
}

fn delivery_history<F: FindActor>(read: &mut Parameters<'_, F>) -> Option<Procedure> {
    let (users, messages, look) = (read.number("users"), read.number("messages"), read.keyword("look"));
    Some(Procedure::DeliveryHistory(DeliveryHistory { users: users?, messages: messages?, look: look? }))
}

fn delivered_or_refused<F: FindActor>(read: &mut Parameters<'_, F>) -> Option<Procedure> {
    let (from, to) = (read.actor("from"), read.actor("to"));
    let (frame, gets) = (read.text("frame"), read.text("gets"));
    Some(Procedure::DeliveredOrRefused(DeliveredOrRefused { from: from?, to: to?, frame: frame?, gets: gets? }))
}

/// A limit of 0 means that there is none.
fn limit(value: usize) -> Option<u64> {
    (value > 0).then_some(value as u64)
}

/// A function that checks the name of an actor.
trait FindActor: Fn(&str) -> Result<String, Wrong> {}

impl<F: Fn(&str) -> Result<String, Wrong>> FindActor for F {}

/// The open map of a procedure's parameters.
struct Parameters<'r, F> {
    fields: Fields<'r>,
    table: &'static Table,
    present: F,
    problems: &'r mut Problems,
}

impl<F: FindActor> Parameters<'_, F> {
    /// The default value of a key, as a file would write it.
    fn default(&self, name: &str) -> Option<&'static str> {
        match self.table.key(name)?.presence {
            Presence::Default(text) => Some(text),
            Presence::Needed => None,
        }
    }

    fn number(&mut self, name: &str) -> Option<usize> {
        let given = self.fields.read(name, self.problems, |text| units::whole(text, 0..=1 << 32));
        given.or_else(|| self.default(name)?.parse().ok()).map(|number: u64| number as usize)
    }

    fn word(&mut self, name: &str) -> Option<&'static str> {
        let Form::Word(words) = self.table.key(name)?.form else { return None };
        let given = self.fields.read(name, self.problems, |text| one_of(text, words));
        given.or_else(|| self.default(name))
    }

    fn keyword<T: Keyword>(&mut self, name: &str) -> Option<T> {
        self.word(name).and_then(T::from_word)
    }

    fn switch(&mut self, name: &str) -> Option<bool> {
        self.word(name).map(|word| word == YES)
    }

    fn text(&mut self, name: &str) -> Option<String> {
        self.fields.read(name, self.problems, |text| Ok(text.to_owned()))
    }

    fn actors(&mut self, name: &str) -> Option<Vec<String>> {
        let nodes = many(self.fields.get(name)?, self.problems);
        let read = |node| scalar(node, &Form::Actor, self.problems, &self.present);
        Some(nodes.iter().filter_map(read).collect())
    }

    /// The first actor: a list of several is legal, and the others do nothing.
    fn actor(&mut self, name: &str) -> Option<String> {
        self.actors(name)?.into_iter().next()
    }
}

fn one_of(text: &str, words: &'static [&'static str]) -> Result<&'static str, Wrong> {
    let known = words.iter().find(|word| **word == text);
    known.copied().ok_or_else(|| Wrong::new(format!("`{text}` is not one of {}", listing(words.iter().copied()))))
}

#[cfg(test)]
mod tests {
    use super::super::keys::STEPS;
    use super::*;

    #[test]
    fn every_default_is_a_legal_value() {
        let tables = STEPS.keys.iter().filter_map(|key| match key.form {
            Form::Map(table) => Some(table),
            _ => None,
        });
        let keys = tables.flat_map(|table| table.keys);
        let mut checked = 0;
        for key in keys {
            match (key.form, key.presence) {
                (Form::Word(words), Presence::Default(default)) => assert!(words.contains(&default), "{}", key.name),
                (Form::Whole, Presence::Default(default)) if default.as_bytes()[0].is_ascii_digit() => {
                    assert!(default.parse::<u64>().is_ok(), "{}", key.name);
                }
                _ => continue,
            }
            checked += 1;
        }
        assert!(checked > 20, "{checked} defaults");
    }
}
