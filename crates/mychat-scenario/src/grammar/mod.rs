//! The grammar of scenario files as data: every key, with the type of its value and a description.
//!
//! The parser, the JSON Schema and the error messages all work from these tables. `keys` and `value_type` refer to each
//! other, because a value can be a map with keys of its own.

pub(crate) mod keys;
mod procedure_keys;
mod step_keys;
pub(crate) mod value_type;
