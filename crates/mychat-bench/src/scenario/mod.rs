//! A scenario file's text into a [`Scenario`], or into every error in it with its place.

pub mod model;

pub use model::Scenario;
