//! The result of a conformance run, written for people and for programs. All writings are made from one struct.

mod card;
mod html;
mod junit;
mod markdown;
pub mod result;
pub mod terminal;

pub use html::html;
pub use junit::junit;
pub use markdown::markdown;
pub use result::{ConformanceResult, build};
