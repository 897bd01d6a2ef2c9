//! What a scenario will do, computed before anything runs, and what it needs of the machine.

mod host;
mod load;
mod text;

pub use host::{HostCapacity, ResourceNeed};
pub use load::Forecast;
pub use text::text;
