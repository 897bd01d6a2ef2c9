//! Texts with placeholders, such as `{ana}` for a user's name on the wire: converts them into bytes to send and into
//! patterns for received frames.

pub mod actor_names;
pub(crate) mod braces;
pub mod pattern;
pub mod text;
