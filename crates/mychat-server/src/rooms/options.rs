//! The options of chat rooms. They apply from the start of the server on: all workers must decide alike.

use std::num::NonZeroUsize;
use std::time::Duration;

/// The options of chat rooms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomOptions {
    /// The most rooms at one time; 0 switches the extension off.
    pub max_rooms: usize,
    /// The most rooms that one user may be in.
    pub max_per_user: usize,
    /// The most members of one room; `None` for no limit.
    pub max_members: Option<NonZeroUsize>,
    /// The most bytes of a topic.
    pub max_topic: usize,
    /// The most bans of one room, and the most invitations.
    pub max_bans: usize,
    /// The time between two `ROOMS` of one user; zero for no limit.
    pub list_interval: Duration,
    /// Names of rooms that exist without members.
    pub names: Vec<String>,
}

impl Default for RoomOptions {
    fn default() -> Self {
        Self {
            max_rooms: 10_000,
            max_per_user: 50,
            max_members: None,
            max_topic: 390,
            max_bans: 100,
            list_interval: Duration::from_secs(1),
            names: Vec::new(),
        }
    }
}
