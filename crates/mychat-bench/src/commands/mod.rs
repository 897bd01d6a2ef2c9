//! The commands: each file holds one command's arguments, its help and its body.

pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod conformance;
pub(crate) mod explain;
mod find_max;
pub(crate) mod init;
pub(crate) mod man;
pub(crate) mod merge;
pub(crate) mod probe;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod serve;
pub(crate) mod validate;
