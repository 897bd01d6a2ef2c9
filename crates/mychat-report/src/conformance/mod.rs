//! The result of a conformance run, written for people and for programs. All writings are made from one struct.

#[cfg(test)]
mod agreement;
pub(crate) mod card;
mod html;
mod junit;
pub(crate) mod markdown;
pub mod result;
pub mod terminal;

pub use html::html;
pub use junit::junit;
pub use markdown::markdown;
pub use result::{ConformanceResult, build};
