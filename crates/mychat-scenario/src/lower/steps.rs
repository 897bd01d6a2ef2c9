//! Reads the steps of a case.

use super::actors::{CaseActors, new_actor};
use super::fields::{Fields, TaggedMap, many, scalar, tagged_map, unexpected};
use super::procedures;
use super::step_text::{self, TextUse};
use super::units;
use crate::diagnostic::Problem;
use crate::grammar::keys;
use crate::grammar::value_type::ValueType;
use crate::model::{CloseKind, Step};
use crate::syntax::node::{Body, Node};
use crate::syntax::problems::Problems;

pub(crate) const MAX_REPETITIONS: u32 = 100_000;
pub(crate) const MAX_PART_BYTES: u64 = 1 << 20;
const CLOSES: [(&str, CloseKind); 4] = [
    ("disconnect", CloseKind::Disconnect),
    ("fin", CloseKind::Fin),
    ("half", CloseKind::Half),
    ("rst", CloseKind::Rst),
];

/// Reads steps, in order.
pub(crate) fn steps(items: &[Node], actors: &mut CaseActors, problems: &mut Problems) -> Vec<Step> {
    items
        .iter()
        .filter_map(|node| {
            let item = tagged_map(node, &keys::STEPS, problems)?;
            step(&item, actors, problems)
        })
        .collect()
}

fn step(item: &TaggedMap<'_>, actors: &mut CaseActors, problems: &mut Problems) -> Option<Step> {
    let value = item.value;
    let value_type = keys::STEPS.key(item.name)?.value_type;
    Some(match item.name {
        "connect" => Step::Connect(connect(value, actors, problems)),
        "open" => {
            let actor = scalar(value, &value_type, problems, new_actor)?;
            actors.connected.insert(actor.clone());
            Step::Open(actor)
        }
        "send" => Step::Send(each(item, actors, problems, |node, actors, problems| {
            scalar(node, &ValueType::Frame, problems, |text| step_text::text(text, TextUse::Frame, &actors.names))
        })),
        "bytes" => bytes(item, actors, problems)?,
        "gets" => {
            Step::Gets(each(item, actors, problems, |node, actors, problems| Some(patterns(node, actors, problems))))
        }
        "list" => list(item, actors, problems)?,
        "silence" => Step::Silence(read_actors(value, actors, problems, CaseActors::present)),
        "closed" => Step::Closed(read_actors(value, actors, problems, CaseActors::present)),
        "alive" => Step::Alive(read_actors(value, actors, problems, CaseActors::present)),
        "close" => Step::Close(each(item, actors, problems, |node, _, problems| {
            scalar(node, &ValueType::Word(&["disconnect", "fin", "half", "rst"]), problems, |text| {
                units::word(text, &CLOSES)
            })
        })),
        "wait" => Step::Wait(scalar(value, &value_type, problems, units::duration)?),
        "observe" => Step::Observe(read_actors(value, actors, problems, CaseActors::present)),
        "first" => {
            Step::First(each(item, actors, problems, |node, actors, problems| Some(patterns(node, actors, problems))))
        }
        "no_list" => Step::NoList(read_actors(value, actors, problems, CaseActors::present)),
        "within_limit" => Step::WithinLimit(read_actors(value, actors, problems, CaseActors::present)),
        "if_open" | "if_user" => {
            let fields = Fields::open(item.key, value, &keys::IF_OPEN, problems)?;
            let actor = fields.read("actor", problems, |text| actors.present(text));
            let steps = steps(fields.list("steps", problems), actors, problems);
            Step::IfOpen { actor: actor?, as_user: item.name == "if_user", steps }
        }
        "profile" => profile(item, actors, problems)?,
        "pages" => pages(item, actors, problems)?,
        "room" => {
            let fields = Fields::open(item.key, value, &keys::ROOM, problems)?;
            let name = fields.read("name", problems, |text| step_text::text(text, TextUse::Frame, &actors.names));
            let members = fields.get("members").map(|node| read_actors(node, actors, problems, CaseActors::present));
            Step::Room { name: name?, members: members? }
        }
        "repeat" => {
            let fields = Fields::open(item.key, value, &keys::REPEAT, problems)?;
            let times = fields.read("times", problems, |text| units::count(text, 1..=MAX_REPETITIONS));
            let steps = steps(fields.list("steps", problems), actors, problems);
            Step::Repeat { times: times?, steps }
        }
        "together" | "control" => {
            let Body::List(items) = &value.body else {
                problems.add(value, unexpected(value, &value_type));
                return None;
            };
            if items.is_empty() {
                problems.add(value, Problem::new("the list is empty"));
            }
            let steps = steps(items, actors, problems);
            if item.name == "control" { Step::Control(steps) } else { Step::Together(steps) }
        }
        _ => {
            let ValueType::Map(spec) = value_type else { return None };
            Step::Procedure(procedures::procedure(item, spec, |text| actors.present(text), problems)?)
        }
    })
}

fn profile(item: &TaggedMap<'_>, actors: &mut CaseActors, problems: &mut Problems) -> Option<Step> {
    let fields = Fields::open(item.key, item.value, &keys::PROFILE, problems)?;
    let key = fields.read("key", problems, |text| Ok(text.to_owned()));
    let mut is = Vec::new();
    if let Some(Node { body: Body::Map(entries), .. }) = fields.get("is") {
        for (value, list) in entries {
            let Body::List(items) = &list.body else {
                problems.add(list, unexpected(list, &keys::SCRIPT));
                continue;
            };
            is.push((value.scalar()?.to_owned(), steps(items, actors, problems)));
        }
    }
    let otherwise = steps(fields.list("otherwise", problems), actors, problems);
    Some(Step::Profile { key: key?, is, otherwise })
}

fn connect(value: &Node, actors: &mut CaseActors, problems: &mut Problems) -> Vec<(String, Option<String>)> {
    let mut list = Vec::new();
    if let Body::Map(entries) = &value.body {
        for (actor, name) in entries {
            let actor = scalar(actor, &ValueType::Actor, problems, new_actor);
            let name = scalar(name, &ValueType::Actor, problems, |text| actors.known(text));
            list.extend(actor.zip(name).map(|(actor, name)| (actor, Some(name))));
        }
    } else {
        for node in many(value, problems) {
            list.extend(scalar(node, &ValueType::Actor, problems, new_actor).map(|actor| (actor, None)));
        }
    }
    actors.connected.extend(list.iter().map(|(actor, _)| actor.clone()));
    list
}

/// Reads a map with a value per actor.
fn each<T>(
    item: &TaggedMap<'_>,
    actors: &CaseActors,
    problems: &mut Problems,
    mut read: impl FnMut(&Node, &CaseActors, &mut Problems) -> Option<T>,
) -> Vec<(String, T)> {
    let Body::Map(entries) = &item.value.body else {
        let problem = Problem::new(format!("`{}` needs an actor", item.name))
            .help(format!("such as `{}: {{ alice: … }}`", item.name));
        problems.add(item.value, problem);
        return Vec::new();
    };
    let mut list = Vec::new();
    for (actor, value) in entries {
        let actor = scalar(actor, &ValueType::Actor, problems, |text| actors.present(text));
        let value = read(value, actors, problems);
        list.extend(actor.zip(value));
    }
    list
}

/// Returns the only entry of a map with a value per actor; adds a problem if there are several.
fn only_one<T>(item: &TaggedMap<'_>, mut list: Vec<(String, T)>, problems: &mut Problems) -> Option<(String, T)> {
    if let Body::Map(entries) = &item.value.body
        && entries.len() > 1
    {
        let problem =
            Problem::new(format!("`{}` takes one actor per step", item.name)).help("write one step for each actor");
        problems.add(&entries[1].0, problem);
    }
    list.pop()
}

fn read_actors(
    node: &Node,
    actors: &CaseActors,
    problems: &mut Problems,
    known: impl Fn(&CaseActors, &str) -> Result<String, Problem>,
) -> Vec<String> {
    let nodes = many(node, problems);
    nodes.iter().filter_map(|node| scalar(node, &ValueType::Actor, problems, |text| known(actors, text))).collect()
}

fn patterns(node: &Node, actors: &CaseActors, problems: &mut Problems) -> Vec<String> {
    let nodes = many(node, problems);
    let read = |text: &str| step_text::text(text, TextUse::Pattern, &actors.names);
    nodes.iter().filter_map(|node| scalar(node, &ValueType::Pattern, problems, read)).collect()
}

fn bytes(item: &TaggedMap<'_>, actors: &CaseActors, problems: &mut Problems) -> Option<Step> {
    let list = each(item, actors, problems, |node, actors, problems| {
        let read = |text: &str| step_text::text(text, TextUse::Bytes, &actors.names);
        if node.scalar().is_some() {
            return Some((scalar(node, &ValueType::RawBytes, problems, read)?, None, None));
        }
        let fields = Fields::open(item.key, node, &keys::BYTES, problems)?;
        let text = fields.read("text", problems, read);
        let split = fields.read("split", problems, |text| units::whole(text, 1..=MAX_PART_BYTES));
        let every = fields.read("every", problems, units::duration);
        if let (Some(key), None) = (fields.key("every"), fields.key("split")) {
            problems.add(key, Problem::new("`every` has no effect without `split`"));
        }
        Some((text?, split.map(|split| split as usize), every))
    });
    let (actor, (text, split, every)) = only_one(item, list, problems)?;
    Some(Step::Bytes { actor, text, split, every })
}

fn pages(item: &TaggedMap<'_>, actors: &CaseActors, problems: &mut Problems) -> Option<Step> {
    let list = each(item, actors, problems, |node, actors, problems| {
        let fields = Fields::open(item.key, node, &keys::PAGES, problems)?;
        let read = |text: &str| step_text::text(text, TextUse::Frame, &actors.names);
        let of = fields.read("of", problems, read);
        let mut names = |name: &str| {
            let nodes = many(fields.get(name)?, problems);
            Some(nodes.iter().filter_map(|node| scalar(node, &ValueType::Frame, problems, read)).collect::<Vec<_>>())
        };
        let (is, has, lacks) = (names("is"), names("has"), names("lacks"));
        if is.is_none() && has.is_none() && lacks.is_none() {
            problems.add(node, Problem::new("`pages` has no condition").help("it takes `is`, `has` or `lacks`"));
        }
        Some((of?, is, has.unwrap_or_default(), lacks.unwrap_or_default()))
    });
    let (actor, (of, is, has, lacks)) = only_one(item, list, problems)?;
    Some(Step::Pages { actor, of, is, has, lacks })
}

fn list(item: &TaggedMap<'_>, actors: &CaseActors, problems: &mut Problems) -> Option<Step> {
    let list = each(item, actors, problems, |node, actors, problems| {
        let fields = Fields::open(item.key, node, &keys::LIST, problems)?;
        let mut names =
            |name: &str| fields.get(name).map(|node| read_actors(node, actors, problems, CaseActors::known));
        let (is, has, lacks) = (names("is"), names("has"), names("lacks"));
        if is.is_none() && has.is_none() && lacks.is_none() {
            problems.add(node, Problem::new("`list` has no condition").help("it takes `is`, `has` or `lacks`"));
        }
        Some((is, has.unwrap_or_default(), lacks.unwrap_or_default()))
    });
    let (actor, (is, has, lacks)) = only_one(item, list, problems)?;
    Some(Step::List { actor, is, has, lacks })
}
