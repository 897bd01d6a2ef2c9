//! Sockets: a worker thread, the table of its sockets, and how it waits for them and for the time.

pub(super) mod affinity;
mod connect;
mod event_poller;
mod joined_segments;
mod pacer;
mod receive_lag;
mod socket_table;
mod spin_policy;
pub(super) mod thread;
mod turn;
