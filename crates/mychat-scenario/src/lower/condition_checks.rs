//! Checks that a condition can have figures: its action occurs, in a stage that it covers.

use super::symbols::SymbolTable;
use crate::diagnostic::Problem;
use crate::model::{Action, Metric, Selector, StageKind};

const NOTHING: &str = "the condition would have nothing to judge";

/// Fails if a metric can never have figures with this selector.
pub(crate) fn check_selector(
    metric: Metric,
    selector: &Selector,
    what: &str,
    name: &str,
    symbols: &SymbolTable,
) -> Result<(), Problem> {
    use Metric::{
        Achieved, CasesFailed, Connect, Corrupted, Delivered, Delivery, Disconnects, Duplicated, Errors, Lateness,
        Lost, Reordered, Roster, Sent, ServerCpu, ServerRss, WrongReplies,
    };
    let metric_name = metric.name();
    let joining = selector.stage == Some(symbols.join());
    let never = |why: String| Err(Problem::new(why).help(NOTHING));
    match metric {
        CasesFailed => return never(format!("`{metric_name}` counts cases, which have no {what}")),
        ServerRss | ServerCpu if what != "stage" => {
            return never(format!("`{metric_name}` is the whole server's: it can be selected by stage alone"));
        }
        Connect | Roster | Disconnects if what == "action" => {
            return never(format!("`{metric_name}` is not about an action"));
        }
        Connect | Roster | Disconnects | Errors | Corrupted | WrongReplies | ServerRss | ServerCpu => {}
        _ if joining => return never(format!("`{metric_name}` is about messages, and nobody sends any while joining")),
        _ => {}
    }
    if let (true, Some(action)) = (joining, selector.action) {
        return never(format!("nobody does `{}` while joining", Action::NAMES[action]));
    }
    if let ("action", Some(done), Some(action)) = (what, symbols.done, selector.action)
        && !done[action]
    {
        return never(format!("nobody in this file does `{name}`"));
    }
    if let ("stage", Some(stage)) = (what, selector.stage)
        && let Some((_, Some(StageKind::FindMax(_)))) = symbols.stages.get(stage)
    {
        return never(format!("`{name}` is a search, which is judged apart from the rest"));
    }
    let Some(group) = selector.group.filter(|_| what == "group").and_then(|group| symbols.groups.get(group)) else {
        return Ok(());
    };
    if group.silent && matches!(metric, Lateness | Achieved | Sent | WrongReplies) {
        return never(format!("`{name}` only reads, and `{metric_name}` is about those who send"));
    }
    let received = matches!(metric, Delivery | Delivered | Lost | Duplicated | Reordered | Corrupted);
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
    // What is counted as wrong covers the whole run; and of a stage that is not understood nothing is known.
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
            let (who, stage) = (group.map_or("nobody acts".to_owned(), |g| format!("`{g}` does not act")), stage);
            Err(Problem::new(format!("{who} in `{}`", symbols.stages[stage].0)).help(NOTHING))
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
            let problem = Problem::new(format!("{who}, and without a stage `{name}` covers these alone"));
            Err(match (0..symbols.stages.len()).find(|stage| acts(*stage)) {
                Some(stage) => {
                    problem.help(format!("name a stage in the brackets: `{name}[{}]`", symbols.stages[stage].0))
                }
                None => problem.help(NOTHING),
            })
        }
    }
}
