//! What steps cannot say: many connections at once, floods, readers that stall, long series.

use super::outcome::Played;
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
    match procedure {
        Procedure::EverySplit(split) => split::every_split(stage, split).await,
        Procedure::Stream(stream) => stream::stream(stage, stream).await,
        Procedure::Race(race) => race::race(stage, race).await,
        Procedure::Flood(flood) => flood::flood(stage, flood).await,
        Procedure::Fuzz(fuzz) => fuzz::fuzz(stage, fuzz).await,
        Procedure::Churn(churn) => crowd::churn(stage, churn).await,
        Procedure::ManyConnections(many) => crowd::many_connections(stage, many).await,
        Procedure::Trickle(trickle) => crowd::trickle(stage, trickle).await,
        Procedure::SlowReader(reader) => stall::slow_reader(stage, reader).await,
        Procedure::JoinLeave(join_leave) => turnover::join_leave(stage, join_leave).await,
        Procedure::OverlongList { users } => turnover::overlong_list(stage, *users).await,
        Procedure::DeliveryHistory(history) => history::delivery_history(stage, history).await,
        Procedure::OneName { of, with } => names::one_name(stage, of, with).await,
        Procedure::ListFormat { of, lacks } => names::list_format(stage, of, lacks.as_deref()).await,
        Procedure::LastList { of, has } => names::last_list(stage, of, has),
        Procedure::DeliveredOrRefused(procedure) => refused::delivered_or_refused(stage, procedure).await,
        Procedure::Restart { connections } => restart::restart(stage, *connections).await,
    }
}
