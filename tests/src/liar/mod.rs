//! Servers that do one thing wrong, and count how often they did it.

mod courier;
mod load;
pub mod wrong;

pub use courier::Mixed;
pub use load::{LoadFault, LoadLiar};
