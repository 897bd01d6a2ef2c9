//! The accounting of deliveries against a naive implementation of its definitions, over random histories of users; and
//! checksum accounting against message-by-message accounting.

mod histories;

mod counts;
mod definitions;
mod disorder;
mod rooms;

const USERS: u32 = 5;
/// Index of the hostile user.
const HOSTILE: u32 = USERS - 1;
