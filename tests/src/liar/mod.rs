//! Servers that do one thing wrong, and count how often they did it.

mod courier;
mod load;

pub use load::{LoadFault, LoadLiar};
