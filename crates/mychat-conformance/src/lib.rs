//! The conformance suite: checks played against a MyChat server, each into exactly one outcome with its transcript.
//!
//! Reading order: [`suite::catalogue`] (the checks), [`suite::run`] (their order), [`script`] (one check and its steps).

pub mod script;
pub mod suite;
