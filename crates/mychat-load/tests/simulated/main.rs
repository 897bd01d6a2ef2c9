//! The load engine in simulated time, over connections in memory, against a modelled server of known latency. Minutes of
//! load take seconds, and the expected figures are exact.

mod chaos;
mod net;
mod room_model;
mod run;
mod server;

mod latencies;
mod damage;
mod logins;
mod order;
mod rooms;
mod sessions;
mod throughput;
