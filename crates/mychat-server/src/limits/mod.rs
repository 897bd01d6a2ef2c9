//! The limits of the server: connections, frames per user, bytes of rosters, bytes that may wait.

mod byte_budget;
mod connections;
pub(crate) mod memory;
mod rate;
mod rate_debts;
mod send;

pub(crate) use byte_budget::ByteBudget;
pub(crate) use connections::{AdmissionDecision, ConnectionLimiter, ConnectionPermit, raise_connection_capacity};
pub(crate) use rate::RateLimiter;
pub use rate::{RateAction, RateLimit};
pub(crate) use rate_debts::RateDebts;
pub use send::SendLimit;
