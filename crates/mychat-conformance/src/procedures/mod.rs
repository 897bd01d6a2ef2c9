//! Steps with a program of their own: many connections, floods, slow readers, long series of messages.

use crate::harness::context::CaseContext;
use crate::harness::failure::StepResult;
use mychat_scenario::model::Procedure;

mod many_connections;
mod flood;
mod fuzz;
mod delivery_history;
pub(crate) mod names;
mod race;
mod delivered_or_refused;
mod restart;
mod rooms;
mod every_split;
mod slow_reader;
mod stream;
mod join_leave;

/// Runs a procedure.
pub(crate) async fn run(ctx: &mut CaseContext, procedure: &Procedure) -> StepResult {
    match procedure {
        Procedure::EverySplit(split) => every_split::every_split(ctx, split).await,
        Procedure::Stream(stream) => stream::stream(ctx, stream).await,
        Procedure::Race(race) => race::race(ctx, race).await,
        Procedure::Flood(flood) => flood::flood(ctx, flood).await,
        Procedure::Fuzz(fuzz) => fuzz::fuzz(ctx, fuzz).await,
        Procedure::Churn(churn) => many_connections::churn(ctx, churn).await,
        Procedure::ManyConnections(many) => many_connections::many_connections(ctx, many).await,
        Procedure::Trickle(trickle) => many_connections::trickle(ctx, trickle).await,
        Procedure::SlowReader(reader) => slow_reader::slow_reader(ctx, reader).await,
        Procedure::JoinLeave(join_leave) => join_leave::join_leave(ctx, join_leave).await,
        Procedure::OverlongList { users } => join_leave::overlong_list(ctx, *users).await,
        Procedure::DeliveryHistory(delivery_history) => delivery_history::delivery_history(ctx, delivery_history).await,
        Procedure::OneName { of, with } => names::one_name(ctx, of, with).await,
        Procedure::ListFormat { of, lacks } => names::list_format(ctx, of, lacks.as_deref()).await,
        Procedure::LastList { of, has } => names::last_list(ctx, of, has),
        Procedure::DeliveredOrRefused(procedure) => delivered_or_refused::delivered_or_refused(ctx, procedure).await,
        Procedure::RawSession { sends, gets } => rooms::raw::raw_session(ctx, sends, gets).await,
        Procedure::SameAnswers { of, first, second } => rooms::answers::same_answers(ctx, of, first, second).await,
        Procedure::RoomRace(race) => rooms::race::room_race(ctx, race).await,
        Procedure::RoomPages { users } => rooms::pages::room_pages(ctx, *users).await,
        Procedure::RoomLimit { most } => rooms::limit::room_limit(ctx, *most).await,
        Procedure::Restart { connections } => restart::restart(ctx, *connections).await,
    }
}
