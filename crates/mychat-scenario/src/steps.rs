//! The steps of a case into steps: what is done, and by which actor.

use std::collections::HashSet;

use super::diagnostic::Wrong;
use super::fields::{Fields, Sentence, many, scalar, sentence, unexpected};
use super::form::Form;
use super::keys;
use super::model::{CloseKind, Step};
use super::naming;
use super::node::{Body, Node, Problems};
use super::procedures;
use super::script::{self, Kind, WORDS};
use super::suggest::{did_you_mean, listing, shown};
use super::units;

pub(super) const MOST_TIMES: u32 = 100_000;
/// Bytes of a piece.
pub(super) const MOST_PIECE: u64 = 1 << 20;
const CLOSES: [(&str, CloseKind); 4] = [
    ("disconnect", CloseKind::Disconnect),
    ("fin", CloseKind::Fin),
    ("half", CloseKind::Half),
    ("rst", CloseKind::Rst),
];

/// Who acts in a case.
pub(super) struct Script {
    /// All actors, whether or not they have come yet.
    actors: Vec<String>,
    /// Those who have.
    here: HashSet<String>,
}

impl Script {
    /// The actors of these steps: all who connect or open a socket.
    pub(super) fn of(items: &[Node]) -> Self {
        let mut script = Self { actors: Vec::new(), here: HashSet::new() };
        script.collect_all(items);
        script
    }

    fn collect_all(&mut self, items: &[Node]) {
        for item in items {
            self.collect(item);
        }
    }

    fn collect(&mut self, node: &Node) {
        let Body::Map(entries) = &node.body else {
            return;
        };
        for (key, value) in entries {
            match (key.scalar(), &value.body) {
                (Some("connect" | "open"), Body::Map(actors)) => actors.iter().for_each(|(actor, _)| self.note(actor)),
                (Some("connect" | "open"), Body::List(actors)) => actors.iter().for_each(|actor| self.note(actor)),
                (Some("connect" | "open"), Body::Scalar { .. }) => self.note(value),
                (Some("together"), Body::List(items)) => self.collect_all(items),
                (Some("repeat" | "if_open" | "if_user"), Body::Map(entries)) => self.collect_from(entries),
                (Some("profile"), Body::Map(entries)) => {
                    self.collect_from(entries);
                    for (_, value) in entries {
                        if let Body::Map(readings) = &value.body {
                            self.collect_from(readings);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn collect_from(&mut self, entries: &[(Node, Node)]) {
        for (_, value) in entries {
            if let Body::List(items) = &value.body {
                self.collect_all(items);
            }
        }
    }

    fn note(&mut self, actor: &Node) {
        if let Some(name) = actor.scalar().filter(|name| !self.actors.iter().any(|known| known == name)) {
            self.actors.push(name.to_owned());
        }
    }

    fn known(&self, name: &str) -> Result<String, Wrong> {
        if self.actors.iter().any(|actor| actor == name) {
            return Ok(name.to_owned());
        }
        let legal = || self.actors.iter().map(String::as_str);
        let mut wrong = Wrong::new(format!("`{}` is not an actor of this case", shown(name)));
        wrong.label = did_you_mean(name, legal());
        Err(wrong.help(if self.actors.is_empty() {
            "actors come with `connect: alice` or `open: alice`".to_owned()
        } else {
            format!("its actors are {}", listing(legal()))
        }))
    }

    fn present(&self, name: &str) -> Result<String, Wrong> {
        let name = self.known(name)?;
        if self.here.contains(&name) {
            Ok(name)
        } else {
            Err(Wrong::new(format!("`{name}` is not here yet"))
                .help(format!("`connect: {name}`, or `open: {name}`, comes first")))
        }
    }
}

fn new_actor(text: &str) -> Result<String, Wrong> {
    if WORDS.contains(&text) {
        return Err(Wrong::new(format!("an actor cannot be called `{text}`"))
            .help("that word has a meaning of its own; find another"));
    }
    naming::identifier(text, "an actor")
}

/// Reads steps, in order.
pub(super) fn steps(items: &[Node], script: &mut Script, problems: &mut Problems) -> Vec<Step> {
    items
        .iter()
        .filter_map(|node| {
            let item = sentence(node, &keys::STEPS, problems)?;
            step(&item, script, problems)
        })
        .collect()
}

fn step(item: &Sentence<'_>, script: &mut Script, problems: &mut Problems) -> Option<Step> {
    let value = item.value;
    let form = keys::STEPS.key(item.name)?.form;
    Some(match item.name {
        "connect" => Step::Connect(connect(value, script, problems)),
        "open" => {
            let actor = scalar(value, &form, problems, new_actor)?;
            script.here.insert(actor.clone());
            Step::Open(actor)
        }
        "send" => Step::Send(each(item, script, problems, |node, script, problems| {
            scalar(node, &Form::Frame, problems, |text| script::text(text, Kind::Frame, &script.actors))
        })),
        "bytes" => bytes(item, script, problems)?,
        "gets" => {
            Step::Gets(each(item, script, problems, |node, script, problems| Some(patterns(node, script, problems))))
        }
        "list" => list(item, script, problems)?,
        "silence" => Step::Silence(actors(value, script, problems, Script::present)),
        "closed" => Step::Closed(actors(value, script, problems, Script::present)),
        "alive" => Step::Alive(actors(value, script, problems, Script::present)),
        "close" => Step::Close(each(item, script, problems, |node, _, problems| {
            scalar(node, &Form::Word(&["disconnect", "fin", "half", "rst"]), problems, |text| {
                units::word(text, &CLOSES)
            })
        })),
        "wait" => Step::Wait(scalar(value, &form, problems, units::duration)?),
        "observe" => Step::Observe(actors(value, script, problems, Script::present)),
        "first" => {
            Step::First(each(item, script, problems, |node, script, problems| Some(patterns(node, script, problems))))
        }
        "no_list" => Step::NoList(actors(value, script, problems, Script::present)),
        "within_limit" => Step::WithinLimit(actors(value, script, problems, Script::present)),
        "if_open" | "if_user" => {
            let fields = Fields::open(item.key, value, &keys::IF_OPEN, problems)?;
            let actor = fields.read("actor", problems, |text| script.present(text));
            let steps = steps(fields.list("steps", problems), script, problems);
            Step::IfOpen { actor: actor?, as_user: item.name == "if_user", steps }
        }
        "profile" => profile(item, script, problems)?,
        "repeat" => {
            let fields = Fields::open(item.key, value, &keys::REPEAT, problems)?;
            let times = fields.read("times", problems, |text| units::count(text, 1..=MOST_TIMES));
            let steps = steps(fields.list("steps", problems), script, problems);
            Step::Repeat { times: times?, steps }
        }
        "together" => {
            let Body::List(items) = &value.body else {
                problems.add(value, unexpected(value, &form));
                return None;
            };
            if items.is_empty() {
                problems.add(value, Wrong::new("the list is empty"));
            }
            Step::Together(steps(items, script, problems))
        }
        _ => {
            let Form::Map(table) = form else { return None };
            Step::Procedure(procedures::procedure(item, table, |text| script.present(text), problems)?)
        }
    })
}

fn profile(item: &Sentence<'_>, script: &mut Script, problems: &mut Problems) -> Option<Step> {
    let fields = Fields::open(item.key, item.value, &keys::PROFILE, problems)?;
    let key = fields.read("key", problems, |text| Ok(text.to_owned()));
    let mut is = Vec::new();
    if let Some(Node { body: Body::Map(entries), .. }) = fields.get("is") {
        for (value, list) in entries {
            let Body::List(items) = &list.body else {
                problems.add(list, unexpected(list, &keys::SCRIPT));
                continue;
            };
            is.push((value.scalar()?.to_owned(), steps(items, script, problems)));
        }
    }
    let otherwise = steps(fields.list("otherwise", problems), script, problems);
    Some(Step::Profile { key: key?, is, otherwise })
}

fn connect(value: &Node, script: &mut Script, problems: &mut Problems) -> Vec<(String, Option<String>)> {
    let mut list = Vec::new();
    if let Body::Map(entries) = &value.body {
        for (actor, name) in entries {
            let actor = scalar(actor, &Form::Actor, problems, new_actor);
            let name = scalar(name, &Form::Actor, problems, |text| script.known(text));
            list.extend(actor.zip(name).map(|(actor, name)| (actor, Some(name))));
        }
    } else {
        for node in many(value, problems) {
            list.extend(scalar(node, &Form::Actor, problems, new_actor).map(|actor| (actor, None)));
        }
    }
    script.here.extend(list.iter().map(|(actor, _)| actor.clone()));
    list
}

/// A map with a value per actor.
fn each<T>(
    item: &Sentence<'_>,
    script: &Script,
    problems: &mut Problems,
    mut read: impl FnMut(&Node, &Script, &mut Problems) -> Option<T>,
) -> Vec<(String, T)> {
    let Body::Map(entries) = &item.value.body else {
        let wrong = Wrong::new(format!("`{}` needs an actor", item.name))
            .help(format!("such as `{}: {{ alice: … }}`", item.name));
        problems.add(item.value, wrong);
        return Vec::new();
    };
    let mut list = Vec::new();
    for (actor, value) in entries {
        let actor = scalar(actor, &Form::Actor, problems, |text| script.present(text));
        let value = read(value, script, problems);
        list.extend(actor.zip(value));
    }
    list
}

/// The one entry of a map with a value per actor.
fn only_one<T>(item: &Sentence<'_>, mut list: Vec<(String, T)>, problems: &mut Problems) -> Option<(String, T)> {
    if let Body::Map(entries) = &item.value.body
        && entries.len() > 1
    {
        let wrong =
            Wrong::new(format!("`{}` takes one actor a step", item.name)).help("give each actor a step of its own");
        problems.add(&entries[1].0, wrong);
    }
    list.pop()
}

fn actors(
    node: &Node,
    script: &Script,
    problems: &mut Problems,
    known: impl Fn(&Script, &str) -> Result<String, Wrong>,
) -> Vec<String> {
    let nodes = many(node, problems);
    nodes.iter().filter_map(|node| scalar(node, &Form::Actor, problems, |text| known(script, text))).collect()
}

fn patterns(node: &Node, script: &Script, problems: &mut Problems) -> Vec<String> {
    let nodes = many(node, problems);
    let read = |text: &str| script::text(text, Kind::Pattern, &script.actors);
    nodes.iter().filter_map(|node| scalar(node, &Form::Pattern, problems, read)).collect()
}

fn bytes(item: &Sentence<'_>, script: &Script, problems: &mut Problems) -> Option<Step> {
    let list = each(item, script, problems, |node, script, problems| {
        let read = |text: &str| script::text(text, Kind::Bytes, &script.actors);
        if node.scalar().is_some() {
            return Some((scalar(node, &Form::RawBytes, problems, read)?, None, None));
        }
        let fields = Fields::open(item.key, node, &keys::BYTES, problems)?;
        let text = fields.read("text", problems, read);
        let split = fields.read("split", problems, |text| units::whole(text, 1..=MOST_PIECE));
        let every = fields.read("every", problems, units::duration);
        if let (Some(key), None) = (fields.key("every"), fields.key("split")) {
            problems.add(key, Wrong::new("`every` has no effect without `split`"));
        }
        Some((text?, split.map(|split| split as usize), every))
    });
    let (actor, (text, split, every)) = only_one(item, list, problems)?;
    Some(Step::Bytes { actor, text, split, every })
}

fn list(item: &Sentence<'_>, script: &Script, problems: &mut Problems) -> Option<Step> {
    let list = each(item, script, problems, |node, script, problems| {
        let fields = Fields::open(item.key, node, &keys::LIST, problems)?;
        let mut names = |name: &str| fields.get(name).map(|node| actors(node, script, problems, Script::known));
        let (is, has, lacks) = (names("is"), names("has"), names("lacks"));
        if is.is_none() && has.is_none() && lacks.is_none() {
            problems.add(node, Wrong::new("the list is compared with nothing").help("it takes `is`, `has` or `lacks`"));
        }
        Some((is, has.unwrap_or_default(), lacks.unwrap_or_default()))
    });
    let (actor, (is, has, lacks)) = only_one(item, list, problems)?;
    Some(Step::List { actor, is, has, lacks })
}
