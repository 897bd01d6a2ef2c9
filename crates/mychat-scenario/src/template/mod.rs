//! Texts with gaps: frames as cases write them, with `{ana}` for a user's name on the wire, into bytes and into tests of
//! received frames.

pub mod actor_names;
pub(crate) mod braces;
pub mod pattern;
pub mod text;
