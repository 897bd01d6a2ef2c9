//! The users of the load engine in simulated time, over memory, against a modelled server of known latency: figures
//! that are exact, from minutes of load in seconds of work.

mod chaos;
mod net;
mod run;
mod server;

mod clocks;
mod damage;
mod lives;
