//! Servers with one fault: for load tests, with a count of the faults, and for the conformance suite.

mod delivery_faults;
mod load;
pub mod conformance;

pub use delivery_faults::MixedCounts;
pub use load::{FaultyServer, LoadFault};
