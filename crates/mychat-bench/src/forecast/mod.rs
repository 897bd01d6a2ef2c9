//! Forecast of a scenario: its load and its needs, computed without running it.

mod host;
mod load;
mod text;

pub use host::{HostCapacity, ResourceNeed};
pub use load::Forecast;
pub use text::text;
