//! The record of a run: sent messages ([`sent`]), deliveries by recipient ([`inbox`]), latencies and counts
//! ([`recorder`]). Nothing here decides what should have arrived; that is [`crate::reconcile`].

pub mod sent;
pub mod message_sum;
pub mod inbox;
pub mod local_failures;
pub mod room_stay;
pub mod session;
pub mod failed_login;
pub mod broadcast_cache;
pub mod common_order;
pub mod recorder;
pub mod packed;
pub mod fanout;
pub mod roster;
pub mod order_log;
pub mod example;
pub mod receive_figures;
