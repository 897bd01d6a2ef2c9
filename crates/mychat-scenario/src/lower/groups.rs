//! Reads the map of `users` into groups.

use std::time::Duration;

use super::actions::{self, LEAVES};
use super::fields::{Fields, many, scalar, unexpected};
use super::name_pattern;
use super::rooms;
use super::symbols::{GroupInfo, RESERVED, SymbolTable};
use super::units;
use crate::diagnostic::Problem;
use crate::grammar::keys;
use crate::grammar::value_type::ValueType;
use crate::model::{Action, Arrivals, Group, Leave, Pace, ReadPolicy, Span};
use crate::syntax::node::{Body, Node};
use crate::syntax::problems::Problems;

/// The limit on users of a file.
pub(crate) const MOST_USERS: u32 = 262_142;
pub(crate) const MOST_GROUPS: usize = 200;
const DEFAULT_JOIN_RATE: f64 = 100.0;

/// A group with the nodes that later checks against the rest of the file need.
pub(crate) struct GroupDraft<'n> {
    pub(crate) group: Group,
    pub(crate) key: &'n Node,
    /// The node of `name`.
    pub(crate) name_pattern: Option<&'n Node>,
    /// The node of the rate.
    pub(crate) rate: Option<&'n Node>,
    /// The node of `rooms`.
    pub(crate) rooms: Option<&'n Node>,
    /// The nodes of the actions' sizes.
    pub(crate) sizes: Vec<&'n Node>,
}

/// Adds the names of all groups to the symbol table, because every other part may refer to them. Returns their entries.
pub(crate) fn members<'n>(users: &'n Node, symbols: &mut SymbolTable, problems: &mut Problems) -> &'n [(Node, Node)] {
    let Body::Map(entries) = &users.body else {
        problems.add(users, unexpected(users, &keys::USERS));
        return &[];
    };
    if entries.is_empty() || entries.len() > MOST_GROUPS {
        let problem = Problem::new(format!("`users` has {} groups", entries.len()));
        problems.add(users, problem.help(format!("it takes from 1 to {MOST_GROUPS}")));
        return &[];
    }
    for (key, _) in entries {
        let name = scalar(key, &ValueType::Group, problems, group_name);
        let name = name.or_else(|| key.scalar().map(str::to_owned)).unwrap_or_default();
        symbols.groups.push(GroupInfo { name, ..GroupInfo::default() });
    }
    entries
}

fn group_name(text: &str) -> Result<String, Problem> {
    if RESERVED.contains(&text) {
        return Err(Problem::new(format!("a group cannot have the name `{text}`"))
            .help("the word is reserved; choose another name"));
    }
    name_pattern::identifier(text, "a group")
}

/// Reads one group.
pub(crate) fn group<'n>(
    index: usize,
    key: &'n Node,
    value: &'n Node,
    symbols: &SymbolTable,
    problems: &mut Problems,
) -> Option<GroupDraft<'n>> {
    if value.is_null() {
        let expected = ValueType::Map(&keys::GROUP).expected();
        problems.add(key, Problem::new("the group is empty").help(format!("it takes {expected}")));
        return None;
    }
    let before = problems.list.len();
    let fields = Fields::open(key, value, &keys::GROUP, problems)?;
    let count = fields.read("count", problems, |text| units::count(text, 1..=MOST_USERS));
    let name_pattern = match fields.get("name") {
        Some(_) => fields.read("name", problems, name_pattern::pattern),
        None => Some(name_pattern::default_pattern()),
    };
    let join = match fields.get("join") {
        Some(_) => fields.read("join", problems, |text| units::per_second(text, &ValueType::Rate)),
        None => Some(DEFAULT_JOIN_RATE),
    };
    let mut sizes = Vec::new();
    let mut list = Vec::new();
    for node in fields.list("do", problems) {
        if let Some((action, place)) = actions::action(node, symbols, problems) {
            list.push(action);
            sizes.push(place);
        }
    }
    let pace = pace(key, &fields, problems);
    let rooms = rooms::rooms(&fields, problems);
    let session = session(&fields, problems);
    let reconnects = list.iter().any(|weighted| matches!(weighted.action, Action::Reconnect { .. }));
    let leave = leave(&fields, reconnects, problems);
    let read = read(&fields, problems);
    let hostile = hostile(&fields, problems);
    if problems.list.len() > before {
        return None;
    }
    let group = Group {
        name: symbols.groups.get(index)?.name.clone(),
        count: count?,
        name_pattern: name_pattern?,
        join: join?,
        pace: pace?,
        actions: list,
        rooms,
        session,
        leave,
        read,
        hostile,
    };
    let (name_pattern, rate, rooms) = (fields.get("name"), fields.get("rate"), fields.key("rooms"));
    Some(GroupDraft { group, key, name_pattern, rate, rooms, sizes })
}

fn pace(key: &Node, fields: &Fields<'_>, problems: &mut Problems) -> Option<Pace> {
    let arrivals = fields
        .read("arrivals", problems, |text| {
            units::word(text, &[("poisson", Arrivals::Poisson), ("even", Arrivals::Even)])
        })
        .unwrap_or_default();
    let acts = fields.key("do").is_some();
    let pace = match (fields.key("rate"), fields.key("think")) {
        (Some(_), Some(think)) => {
            let problem = Problem::new("`rate` and `think` exclude each other").help(
                "`rate` follows a schedule (open loop), `think` waits for the server (closed loop): remove one of them",
            );
            problems.add(think, problem);
            return None;
        }
        (Some(_), None) => Pace::Open { rate: fields.read("rate", problems, units::rate)?, arrivals },
        (None, Some(_)) => {
            Pace::Closed { think: fields.read("think", problems, |text| units::span(text, units::pause))? }
        }
        (None, None) => Pace::Silent,
    };
    if let (Some(node), false) = (fields.key("arrivals"), matches!(pace, Pace::Open { .. })) {
        problems.add(node, Problem::new("`arrivals` has no effect without `rate`"));
    }
    match pace {
        Pace::Silent if acts => {
            let problem = Problem::new("these users have actions, but neither `rate` nor `think`")
                .help("add `rate: 50/s` for the whole group, or `rate: 0.5/s each`");
            problems.add(fields.key("do").unwrap_or(key), problem);
        }
        Pace::Open { .. } | Pace::Closed { .. } if !acts => {
            let problem = Problem::new("these users have a rate or a think time, but no actions")
                .help("add `do: [ { broadcast: {} } ]`, or remove the rate or think time: then they only read");
            problems.add(fields.key("rate").or(fields.key("think")).unwrap_or(key), problem);
        }
        _ => {}
    }
    Some(pace)
}

fn session(fields: &Fields<'_>, problems: &mut Problems) -> Option<Span<Duration>> {
    fields.read("session", problems, |text| units::span(text, units::duration))
}

fn leave(fields: &Fields<'_>, reconnects: bool, problems: &mut Problems) -> Vec<Leave> {
    let Some(node) = fields.get("leave") else {
        return vec![Leave::Disconnect];
    };
    let value_type = ValueType::Word(&["disconnect", "fin", "rst"]);
    let kinds = many(node, problems);
    let leave = kinds
        .iter()
        .filter_map(|node| scalar(node, &value_type, problems, |text| units::word(text, &LEAVES)))
        .collect();
    if let (Some(key), None, false) = (fields.key("leave"), fields.key("session"), reconnects) {
        let problem = Problem::new("`leave` has no effect without `session`")
            .help("`session: 5s..20s` is the time until users leave");
        problems.add(key, problem);
    }
    leave
}

fn read(fields: &Fields<'_>, problems: &mut Problems) -> ReadPolicy {
    let (Some(key), Some(node)) = (fields.key("read"), fields.get("read")) else {
        return ReadPolicy::Fast;
    };
    if node.scalar().is_some() {
        let words = [("fast", ReadPolicy::Fast), ("never", ReadPolicy::Never)];
        return fields.read("read", problems, |text| units::word(text, &words)).unwrap_or_default();
    }
    let Some(inner) = Fields::open(key, node, &keys::READ, problems) else {
        return ReadPolicy::Fast;
    };
    let rate = inner.read("rate", problems, units::bandwidth);
    let pause = inner.read("pause", problems, units::duration);
    let every = inner.read("every", problems, units::duration);
    let given = ["rate", "pause", "every"].map(|name| inner.key(name).is_some());
    match (given, rate, pause, every) {
        ([true, false, false], Some(rate), ..) => return ReadPolicy::Rate(rate),
        ([false, true, true], _, Some(pause), Some(every)) if pause < every => {
            return ReadPolicy::Pauses { pause, every };
        }
        ([false, true, true], _, Some(_), Some(_)) => {
            problems.add(node, Problem::new("`pause` is not shorter than `every`"));
        }
        ([true, false, false] | [false, true, true], ..) => {}
        _ => {
            let problem = Problem::new("`read` takes either `rate`, or `pause` and `every`")
                .help("`read: { rate: 256B/s }`, `read: { pause: 2s, every: 5s }`, `read: never` or `read: fast`");
            problems.add(key, problem);
        }
    }
    ReadPolicy::Fast
}

fn hostile(fields: &Fields<'_>, problems: &mut Problems) -> bool {
    fields.read("hostile", problems, units::truth).unwrap_or_default()
}
