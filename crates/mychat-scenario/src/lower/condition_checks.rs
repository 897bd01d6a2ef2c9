//! Checks that a condition can have a value: its action occurs in a stage that it covers.

use std::fmt;

use super::symbols::SymbolTable;
use crate::diagnostic::Problem;
use crate::model::{Action, Metric, Selector, StageKind};

const NO_VALUE: &str = "the condition would never have a value";

/// A part of a selector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SelectorPart {
    Group,
    Action,
    Stage,
}

impl fmt::Display for SelectorPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Group => "group",
            Self::Action => "action",
            Self::Stage => "stage",
        })
    }
}

/// Fails if a metric can never have a value with this selector. `part` is the part that was read last, and `name` its name.
pub(crate) fn check_selector(
    metric: Metric,
    selector: &Selector,
    part: SelectorPart,
    name: &str,
    symbols: &SymbolTable,
) -> Result<(), Problem> {
    use Metric::{
        Achieved, CasesFailed, Connect, Corrupted, Delivered, Delivery, Disconnects, Disordered, Duplicated, Errors,
        Lateness, Lost, Refused, Reordered, Roster, Sent, ServerCpu, ServerRss, WrongReplies,
    };
    let metric_name = metric.name();
    let joining = selector.stage == Some(symbols.join());
    let never = |why: String| Err(Problem::new(why).help(NO_VALUE));
    match metric {
        CasesFailed => return never(format!("`{metric_name}` counts cases, which have no {part}")),
        ServerRss | ServerCpu if part != SelectorPart::Stage => {
            return never(format!("`{metric_name}` measures the whole server: it can be selected by stage only"));
        }
        Connect | Roster | Refused | Disconnects if part == SelectorPart::Action => {
            return never(format!("`{metric_name}` does not measure actions"));
        }
        Connect | Roster | Refused | Disconnects | Errors | Corrupted | WrongReplies | ServerRss | ServerCpu => {}
        _ if joining => return never(format!("`{metric_name}` measures messages, and no user sends while joining")),
        _ => {}
    }
    if let (true, Some(action)) = (joining, selector.action) {
        return never(format!("no user performs `{}` while joining", Action::NAMES[action]));
    }
    if let (SelectorPart::Action, Some(done), Some(action)) = (part, symbols.done, selector.action)
        && !done[action]
    {
        return never(format!("no group of this file performs `{name}`"));
    }
    if let (SelectorPart::Stage, Some(stage)) = (part, selector.stage)
        && let Some((_, Some(StageKind::FindMax(_)))) = symbols.stages.get(stage)
    {
        return never(format!("`{name}` is a search, and each of its probes is evaluated on its own"));
    }
    let Some(group) =
        selector.group.filter(|_| part == SelectorPart::Group).and_then(|group| symbols.groups.get(group))
    else {
        return Ok(());
    };
    if group.silent && matches!(metric, Lateness | Achieved | Sent | WrongReplies) {
        return never(format!("`{name}` only reads, and `{metric_name}` measures senders"));
    }
    let received = matches!(metric, Delivery | Delivered | Lost | Duplicated | Reordered | Disordered | Corrupted);
    if group.hostile && received {
        return never(format!("`{name}` is hostile, and what hostile users receive does not count"));
    }
    Ok(())
}

/// Fails if nothing that the metric measures happens in the selected stages.
pub(crate) fn check_coverage(metric: Metric, selector: &Selector, symbols: &SymbolTable) -> Result<(), Problem> {
    use Metric::{
        Achieved, Ack, Delivered, Delivery, DeliveryFirst, DeliveryLast, DeliverySpread, Lateness, Sent, Service,
    };
    let of_senders = matches!(metric, Achieved | Ack | DeliveryFirst | DeliveryLast | DeliverySpread | Lateness | Sent);
    // Counts of errors cover the whole run. A stage with an error has an unknown kind.
    let unknown = symbols.stages.iter().any(|(_, kind)| kind.is_none());
    if unknown || symbols.stages.is_empty() || !(of_senders || matches!(metric, Delivered | Delivery | Service)) {
        return Ok(());
    }
    let sender = selector.group.filter(|_| of_senders);
    let acts = |stage: usize| {
        let listed = symbols.only.get(stage).and_then(Option::as_ref);
        !matches!(symbols.stages[stage].1, Some(StageKind::Pause))
            && sender.is_none_or(|group| listed.is_none_or(|only| only.contains(&group)))
    };
    let group = sender.and_then(|group| symbols.groups.get(group)).map(|group| group.name.as_str());
    let name = metric.name();
    match selector.stage.filter(|stage| *stage < symbols.stages.len()) {
        Some(stage) if !acts(stage) => {
            let (who, stage) = (group.map_or("no user acts".to_owned(), |g| format!("`{g}` does not act")), stage);
            Err(Problem::new(format!("{who} in `{}`", symbols.stages[stage].0)).help(NO_VALUE))
        }
        Some(_) => Ok(()),
        None if selector.stage.is_some() => Ok(()),
        None => {
            let covered = |kind: &Option<StageKind>| {
                matches!(kind, Some(StageKind::Hold | StageKind::Spike | StageKind::FindMax(_)))
            };
            if (0..symbols.stages.len()).any(|stage| covered(&symbols.stages[stage].1) && acts(stage)) {
                return Ok(());
            }
            let who = group.map_or("the load has no `hold` and no `spike`".to_owned(), |group| {
                format!("`{group}` acts in no `hold` and no `spike`")
            });
            let problem = Problem::new(format!("{who}, and without a stage `{name}` covers only these"));
            Err(match (0..symbols.stages.len()).find(|stage| acts(*stage)) {
                Some(stage) => {
                    problem.help(format!("name a stage in the brackets: `{name}[{}]`", symbols.stages[stage].0))
                }
                None => problem.help(NO_VALUE),
            })
        }
    }
}
