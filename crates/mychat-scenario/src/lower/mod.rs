//! Reads a tree of nodes into the parts of a scenario, one module per part of the file.

pub(crate) mod actions;
mod actors;
mod amount;
mod cases;
mod condition;
mod condition_checks;
pub(crate) mod document;
mod fields;
pub(crate) mod rooms;
pub(crate) mod groups;
mod measure;
pub(crate) mod name_pattern;
mod procedures;
mod stages;
pub(crate) mod step_text;
pub(crate) mod steps;
pub(crate) mod symbols;
pub(crate) mod units;
