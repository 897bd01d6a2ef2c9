//! What steps cannot say: many connections at once, floods, readers that stall, long series.

use super::outcome::{Played, Trouble};
use super::stage::Stage;
use mychat_scenario::model::Procedure;

mod crowd;
mod flood;
mod fuzz;
mod history;
pub(crate) mod names;
mod race;
mod refused;
mod restart;
mod split;
mod stall;
mod stream;
mod turnover;

/// Plays a procedure.
pub(super) async fn run(stage: &mut Stage, procedure: &Procedure) -> Played {
    match procedure.name {
        "every_split" => split::every_split(stage, procedure).await,
        "stream" => stream::stream(stage, procedure).await,
        "race" => race::race(stage, procedure).await,
        "flood" => flood::flood(stage, procedure).await,
        "fuzz" => fuzz::fuzz(stage, procedure).await,
        "churn" => crowd::churn(stage, procedure).await,
        "crowd" => crowd::crowd(stage, procedure).await,
        "drip" => crowd::drip(stage, procedure).await,
        "stall" => stall::stall(stage, procedure).await,
        "turnover" => turnover::turnover(stage, procedure).await,
        "overlong_list" => turnover::overlong_list(stage, procedure).await,
        "history" => history::history(stage, procedure).await,
        "one_name" => names::one_name(stage, procedure).await,
        "list_format" => names::list_format(stage, procedure).await,
        "last_list" => names::last_list(stage, procedure),
        "delivered_or_refused" => refused::delivered_or_refused(stage, procedure).await,
        "restart" => restart::restart(stage, procedure).await,
        other => Err(Trouble::Skipped(format!("`{other}` is no procedure of this version"))),
    }
}
