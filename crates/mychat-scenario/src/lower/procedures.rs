//! Reads the parameters of a procedure.

use std::time::Duration;

use super::fields::{Fields, TaggedMap, many, scalar};
use super::units;
use crate::diagnostic::Problem;
use crate::grammar::keys::{MapSpec, Presence, YES};
use crate::grammar::value_type::ValueType;
use crate::model::Keyword;
use crate::model::procedures::{
    Churn, DeliveredOrRefused, DeliveryHistory, EverySplit, Flood, Fuzz, JoinLeave, ManyConnections, Procedure, Race,
    RoomRace, SlowReader, StreamStep, Trickle,
};
use crate::suggest::listing;
use crate::syntax::problems::Problems;

/// Reads the parameters of the procedure that `item` names; `present` checks that an actor is connected.
pub(crate) fn procedure(
    item: &TaggedMap<'_>,
    spec: &'static MapSpec,
    present: impl Fn(&str) -> Result<String, Problem>,
    problems: &mut Problems,
) -> Option<Procedure> {
    let fields = Fields::open(item.key, item.value, spec, problems)?;
    let mut read = Parameters { fields, spec, present, problems };
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
        "raw_session" => {
            let (sends, gets) = (read.text("sends"), read.text("gets"));
            Some(Procedure::RawSession { sends: sends?, gets: gets? })
        }
        "same_answers" => {
            let (of, first, second) = (read.actor("of"), read.text("first"), read.text("second"));
            Some(Procedure::SameAnswers { of: of?, first: first?, second: second? })
        }
        "room_race" => {
            let (of, rounds) = (read.keyword("of"), read.number("rounds"));
            Some(Procedure::RoomRace(RoomRace { of: of?, rounds: rounds? }))
        }
        "room_pages" => Some(Procedure::RoomPages { users: read.number("users")? }),
        "room_limit" => Some(Procedure::RoomLimit { most: read.number("most")? }),
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
    Some(Procedure::Stream(StreamStep {
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

/// Returns `None`, which is no limit, for 0.
fn limit(value: usize) -> Option<u64> {
    (value > 0).then_some(value as u64)
}

/// A function that checks the name of an actor.
trait FindActor: Fn(&str) -> Result<String, Problem> {}

impl<F: Fn(&str) -> Result<String, Problem>> FindActor for F {}

/// The open map of a procedure's parameters.
struct Parameters<'r, F> {
    fields: Fields<'r>,
    spec: &'static MapSpec,
    present: F,
    problems: &'r mut Problems,
}

impl<F: FindActor> Parameters<'_, F> {
    /// Returns the default value of a key in the spelling of a file.
    fn default(&self, name: &str) -> Option<&'static str> {
        match self.spec.key(name)?.presence {
            Presence::Default(text) => Some(text),
            Presence::Needed => None,
        }
    }

    fn number(&mut self, name: &str) -> Option<usize> {
        let given = self.fields.read(name, self.problems, |text| units::whole(text, 0..=1 << 32));
        given.or_else(|| self.default(name)?.parse().ok()).map(|number: u64| number as usize)
    }

    fn word(&mut self, name: &str) -> Option<&'static str> {
        let ValueType::Word(words) = self.spec.key(name)?.value_type else { return None };
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
        let read = |node| scalar(node, &ValueType::Actor, self.problems, &self.present);
        Some(nodes.iter().filter_map(read).collect())
    }

    /// Returns the first actor; further actors of a list are allowed and ignored.
    fn actor(&mut self, name: &str) -> Option<String> {
        self.actors(name)?.into_iter().next()
    }
}

fn one_of(text: &str, words: &'static [&'static str]) -> Result<&'static str, Problem> {
    let known = words.iter().find(|word| **word == text);
    known.copied().ok_or_else(|| Problem::new(format!("`{text}` is not one of {}", listing(words.iter().copied()))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::keys::STEPS;

    #[test]
    fn every_default_is_a_valid_value() {
        let tables = STEPS.keys.iter().filter_map(|key| match key.value_type {
            ValueType::Map(spec) => Some(spec),
            _ => None,
        });
        let keys = tables.flat_map(|spec| spec.keys);
        let mut checked = 0;
        for key in keys {
            match (key.value_type, key.presence) {
                (ValueType::Word(words), Presence::Default(default)) => {
                    assert!(words.contains(&default), "{}", key.name);
                }
                (ValueType::Whole, Presence::Default(default)) if default.as_bytes()[0].is_ascii_digit() => {
                    assert!(default.parse::<u64>().is_ok(), "{}", key.name);
                }
                _ => continue,
            }
            checked += 1;
        }
        assert!(checked > 20, "{checked} defaults");
    }
}
