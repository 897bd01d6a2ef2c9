//! The MyChat reference server.

fn main() {}
