//! Reads the whole tree into a scenario. Each part has a module of its own; parts are read before those that refer to them.

use std::time::Duration;

use super::cases;
use super::condition::condition;
use super::fields::{self, Fields, scalar};
use super::groups::{self, GroupDraft};
use super::stages;
use super::symbols::SymbolTable;
use super::units;
use crate::diagnostic::{Problem, line_and_column};
use crate::grammar::keys;
use crate::grammar::value_type::ValueType;
use crate::model::{Condition, FramingChoice, Pace, Scenario, Stage, Verify};
use crate::suggest::shown;
use crate::syntax::node::{Body, Node};
use crate::syntax::problems::Problems;

const USUAL_TIMEOUT: Duration = Duration::from_secs(2);
pub(crate) const MOST_CONDITIONS: usize = 500;
const FRAMINGS: [(&str, FramingChoice); 4] = [
    ("auto", FramingChoice::Auto),
    ("lf", FramingChoice::Lf),
    ("crlf", FramingChoice::CrLf),
    ("raw", FramingChoice::Raw),
];
const VERIFIES: [(&str, Verify); 3] = [("full", Verify::Full), ("counts", Verify::Counts), ("none", Verify::None)];

/// A scenario with the nodes that later checks across its parts need.
pub(crate) struct Draft<'n> {
    pub(crate) root: &'n Node,
    pub(crate) fields: Fields<'n>,
    /// The scenario without its groups and stages, which are in the two lists below.
    pub(crate) scenario: Scenario,
    /// `None` if the group has an error.
    pub(crate) groups: Vec<Option<GroupDraft<'n>>>,
    pub(crate) stages: Vec<(Stage, &'n Node)>,
}

/// Reads the whole file. Returns `None` if it is not a map.
pub(crate) fn document<'n>(root: &'n Node, text: &str, problems: &mut Problems) -> Option<Draft<'n>> {
    fields::twice(root, problems);
    let fields = Fields::open(root, root, &keys::FILE, problems)?;
    let mut symbols = SymbolTable::default();
    let entries = match fields.get("users") {
        Some(users) => groups::members(users, &mut symbols, problems),
        None => &[],
    };
    let groups = read_groups(entries, &mut symbols, problems);
    let stages = stages::stages(fields.list("load", problems), &mut symbols, problems);
    let cases = cases::cases(fields.list("cases", problems), text, problems);
    let expect = conditions("expect", &fields, text, &symbols, problems);
    let abort_if = conditions("abort_if", &fields, text, &symbols, problems);
    let scenario = Scenario {
        name: fields.read("name", problems, |text| cases::line(text).map(str::to_owned)).unwrap_or_default(),
        about: fields.read("about", problems, |text| Ok(text.to_owned())),
        target: fields.read("target", problems, address),
        framing: framing(&fields, problems),
        seed: fields.read("seed", problems, |text| units::whole(text, 0..=u64::MAX)),
        timeout: fields.read("timeout", problems, units::duration).unwrap_or(USUAL_TIMEOUT),
        verify: verify(&fields, problems),
        groups: Vec::new(),
        stages: Vec::new(),
        cases,
        expect,
        abort_if,
    };
    Some(Draft { root, fields, scenario, groups, stages })
}

fn read_groups<'n>(
    entries: &'n [(Node, Node)],
    symbols: &mut SymbolTable,
    problems: &mut Problems,
) -> Vec<Option<GroupDraft<'n>>> {
    let mut drafts = Vec::new();
    for (index, (key, value)) in entries.iter().enumerate() {
        let draft = groups::group(index, key, value, symbols, problems);
        if let (Some(draft), Some(member)) = (&draft, symbols.groups.get_mut(index)) {
            member.silent = matches!(draft.group.pace, Pace::Silent);
            member.hostile = draft.group.hostile;
        }
        drafts.push(draft);
    }
    let mut done = [false; _];
    for action in drafts.iter().flatten().flat_map(|draft| &draft.group.actions) {
        done[action.action.kind()] = true;
    }
    symbols.done = drafts.iter().all(Option::is_some).then_some(done);
    drafts
}

fn conditions(
    name: &'static str,
    fields: &Fields<'_>,
    text: &str,
    symbols: &SymbolTable,
    problems: &mut Problems,
) -> Vec<Condition> {
    let items = fields.list(name, problems);
    if items.len() > MOST_CONDITIONS {
        problems.add(&items[MOST_CONDITIONS], Problem::new(format!("more than {MOST_CONDITIONS} conditions")));
        return Vec::new();
    }
    let mut list = Vec::new();
    for node in items {
        let (line, _) = line_and_column(text, node.content.unwrap_or_default());
        let read = |written: &str| condition(written, line, name == "abort_if", symbols);
        if let Some(right) = as_text(node) {
            let problem = Problem::new("expected a condition, found a map").label(format!("did you mean `{right}`?"));
            problems.add(node, problem.help("a condition is one text with a metric, a comparison and a value"));
            continue;
        }
        let Some(condition) = scalar(node, &ValueType::Condition, problems, read) else {
            continue;
        };
        list.push(condition);
    }
    list
}

/// Returns a map such as `lost: 0` as a condition, `lost == 0`.
fn as_text(node: &Node) -> Option<String> {
    let Body::Map(entries) = &node.body else {
        return None;
    };
    let [(key, value)] = entries.as_slice() else {
        return None;
    };
    Some(format!("{} == {}", shown(key.scalar()?), shown(value.scalar()?)))
}

fn framing(fields: &Fields<'_>, problems: &mut Problems) -> FramingChoice {
    fields.read("framing", problems, |text| units::word(text, &FRAMINGS)).unwrap_or(FramingChoice::Auto)
}

fn verify(fields: &Fields<'_>, problems: &mut Problems) -> Verify {
    fields.read("verify", problems, |text| units::word(text, &VERIFIES)).unwrap_or_default()
}

/// Checks `HOST:PORT`; an IPv6 address needs brackets.
fn address(text: &str) -> Result<String, Problem> {
    let help = "it takes HOST:PORT, such as `127.0.0.1:5000`, `chat.example.org:5000` or `[::1]:5000`";
    let Some((host, port)) = text.rsplit_once(':') else {
        return Err(Problem::new(format!("`{}` has no port", shown(text))).help(help));
    };
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let valid = match bare {
        Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c.is_control() || ":[]/".contains(c)),
    };
    if !valid {
        return Err(Problem::new(format!("`{}` is not a host", shown(host))).part(0..host.len()).help(help));
    }
    if let Ok(1..) = port.parse::<u16>() {
        Ok(text.to_owned())
    } else {
        let problem = Problem::new(format!("`{}` is not a port", shown(port))).part(host.len() + 1..text.len());
        Err(problem.help("a port is a number from 1 to 65535"))
    }
}
