//! The MyChat reference server.
