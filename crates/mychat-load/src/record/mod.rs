//! What the users sent and received: who sent what when ([`sent`]), what arrived where ([`inbox`]), how long it took
//! ([`recorder`]). Nothing here decides what should have arrived; that is [`crate::reconcile`].

pub mod sent;
pub mod message_sum;
pub mod inbox;
pub mod session;
pub mod broadcast_cache;
pub mod recorder;
pub mod packed;
pub mod fanout;
pub mod roster;
pub mod example;
