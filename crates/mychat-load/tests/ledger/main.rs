//! The reckoning of deliveries against a naive one that follows the definitions word by word, over lives of users that
//! are drawn at random; and counts alone against that reckoning.

mod lives;

mod counts;
mod naive;

const USERS: u32 = 5;
/// The last of them.
const HOSTILE: u32 = USERS - 1;
