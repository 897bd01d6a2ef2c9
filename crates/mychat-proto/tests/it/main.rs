//! What holds for any bytes and any values, and for the page that describes them.

mod allocation;
mod any;
mod framing;
mod page;
mod roster;
mod words;
