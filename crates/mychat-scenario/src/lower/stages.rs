//! Reads the list of `load` into stages.

use std::time::Duration;

use super::fields::{Fields, TaggedMap, many, scalar, tagged_map};
use super::name_pattern;
use super::symbols::{DRAIN, RESERVED, SymbolTable};
use super::units;
use crate::diagnostic::Problem;
use crate::grammar::keys;
use crate::grammar::value_type::ValueType;
use crate::model::{Action, FindMax, Stage, StageKind};
use crate::syntax::node::{Body, Node};
use crate::syntax::problems::Problems;

const FULL: f64 = 100.0;

/// Reads all stages. Adds their names to the symbol table, even if a stage has an error.
pub(crate) fn stages<'n>(
    items: &'n [Node],
    symbols: &mut SymbolTable,
    problems: &mut Problems,
) -> Vec<(Stage, &'n Node)> {
    let mut stages = Vec::new();
    let mut kinds: Vec<&'static str> = Vec::new();
    for node in items {
        let Some(item) = tagged_map(node, &keys::STAGES, problems) else {
            continue;
        };
        kinds.push(item.name);
        let number = kinds.iter().filter(|kind| **kind == item.name).count();
        let (name, place) = match given_name(item.value) {
            Some(node) => (scalar(node, &ValueType::Text, problems, |text| stage_name(text, symbols)), node),
            None => (Some(format!("{}-{number}", item.name)), item.key),
        };
        let stage = stage(&item, symbols, problems);
        if let Some(name) = &name {
            if symbols.stages.iter().any(|(known, _)| known == name) {
                let problem = Problem::new(format!("two stages have the name `{name}`"))
                    .help("conditions cannot tell them apart: give one of them another name");
                problems.add(place, problem);
            }
            symbols.only.push(stage.as_ref().and_then(|stage| stage.only.clone()));
            symbols.stages.push((name.clone(), stage.as_ref().map(|stage| stage.kind.clone())));
        }
        if let (Some(name), Some(stage)) = (name, stage) {
            stages.push((Stage { name, ..stage }, item.key));
        }
    }
    stages
}

fn given_name(value: &Node) -> Option<&Node> {
    let Body::Map(entries) = &value.body else {
        return None;
    };
    entries.iter().find(|(key, value)| key.scalar() == Some("name") && !value.is_null()).map(|(_, value)| value)
}

fn stage_name(text: &str, symbols: &SymbolTable) -> Result<String, Problem> {
    let name = name_pattern::identifier(text, "a stage")?;
    let taken = if symbols.groups.iter().any(|group| group.name == name) {
        Some("a group")
    } else if Action::NAMES.contains(&name.as_str()) {
        Some("an action")
    } else if name == DRAIN || RESERVED.contains(&name.as_str()) {
        Some("a word of the language")
    } else {
        None
    };
    match taken {
        Some(what) => Err(Problem::new(format!("`{name}` is already the name of {what}"))
            .help(format!("a condition such as `delivery[{name}].p99` could mean either: choose another name"))),
        None => Ok(name),
    }
}

/// Reads a stage, except for its name.
fn stage(item: &TaggedMap<'_>, symbols: &SymbolTable, problems: &mut Problems) -> Option<Stage> {
    let value_type = keys::STAGES.key(item.name)?.value_type;
    let new = |kind, from, to, duration, only| Stage { name: String::new(), kind, from, to, duration, only };
    let for_whole = |problems: &mut Problems| scalar(item.value, &value_type, problems, units::duration);
    match item.name {
        "warmup" => for_whole(problems).map(|time| new(StageKind::Warmup, FULL, FULL, time, None)),
        "pause" => for_whole(problems).map(|time| new(StageKind::Pause, 0.0, 0.0, time, None)),
        "hold" if item.value.scalar().is_some() => {
            for_whole(problems).map(|time| new(StageKind::Hold, FULL, FULL, time, None))
        }
        "hold" => {
            let fields = Fields::open(item.key, item.value, &keys::HOLD, problems)?;
            let time = fields.read("for", problems, units::duration);
            let only = only(&fields, symbols, problems);
            Some(new(StageKind::Hold, FULL, FULL, time?, only))
        }
        "ramp" => {
            let fields = Fields::open(item.key, item.value, &keys::RAMP, problems)?;
            let from = fields.read("from", problems, units::percent);
            let to = fields.read("to", problems, units::percent);
            let time = fields.read("over", problems, units::duration);
            if let (Some(0.0), Some(0.0)) = (from, to) {
                problems.add(item.key, Problem::new("no user acts from 0% to 0%").help("use `pause` for that"));
            }
            Some(new(StageKind::Ramp, from?, to?, time?, None))
        }
        "spike" => {
            let fields = Fields::open(item.key, item.value, &keys::SPIKE, problems)?;
            let to = fields.read("to", problems, units::percent_above_zero);
            let time = fields.read("for", problems, units::duration);
            Some(new(StageKind::Spike, to?, to?, time?, None))
        }
        _ => {
            let search = find_max(item, problems)?;
            Some(new(StageKind::FindMax(search.clone()), search.start, search.max, Duration::ZERO, None))
        }
    }
}

fn only(fields: &Fields<'_>, symbols: &SymbolTable, problems: &mut Problems) -> Option<Vec<usize>> {
    let mut groups = Vec::new();
    let node = fields.get("only")?;
    for node in many(node, problems) {
        let Some(index) = scalar(node, &ValueType::Group, problems, |text| symbols.group(text)) else {
            continue;
        };
        if groups.contains(&index) {
            problems.add(node, Problem::new("the group is listed twice"));
        } else if symbols.groups[index].silent {
            let problem = Problem::new(format!("`{}` has no actions and only reads", symbols.groups[index].name));
            problems.add(
                node,
                problem.help("`only` lists the groups that act in this stage; all others stay connected and read"),
            );
        }
        groups.push(index);
    }
    Some(groups)
}

fn find_max(item: &TaggedMap<'_>, problems: &mut Problems) -> Option<FindMax> {
    let fields = Fields::open(item.key, item.value, &keys::FIND_MAX, problems)?;
    let start = fields.read("start", problems, units::percent_above_zero);
    let max = fields.read("max", problems, units::percent_above_zero);
    let seconds = |name: &str, usual: u64, problems: &mut Problems| match fields.get(name) {
        Some(_) => fields.read(name, problems, units::duration),
        None => Some(Duration::from_secs(usual)),
    };
    let probe = seconds("probe", 10, problems);
    let settle = seconds("settle", 3, problems);
    let confirm = seconds("confirm", 30, problems);
    let grow = match fields.get("grow") {
        Some(_) => fields.read("grow", problems, |text| match units::factor(text)? {
            factor if factor > 1.0 && factor <= 10.0 => Ok(factor),
            _ => Err(Problem::new("`grow` is out of bounds").help("it takes more than 1x, up to 10x")),
        }),
        None => Some(1.5),
    };
    let within = match fields.get("within") {
        Some(_) => fields.read("within", problems, |text| match units::percent(text)? {
            part if part > 0.0 && part <= 50.0 => Ok(part / 100.0),
            _ => Err(Problem::new("`within` is out of bounds").help("it takes more than 0%, up to 50%")),
        }),
        None => Some(0.05),
    };
    let (start, max) = (start?, max?);
    if start >= max {
        problems.add(fields.get("max")?, Problem::new("`max` is not above `start`"));
    }
    Some(FindMax { start, max, grow: grow?, probe: probe?, settle: settle?, within: within?, confirm: confirm? })
}
