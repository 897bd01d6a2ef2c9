//! Reads the key `rooms` of a group.

use super::fields::Fields;
use super::{name_pattern, units};
use crate::diagnostic::Problem;
use crate::grammar::keys;
use crate::model::Rooms;
use crate::syntax::problems::Problems;

/// The limit on rooms of one group.
pub(crate) const MOST_ROOMS: u32 = 100_000;
/// The limit on rooms of one user.
pub(crate) const MOST_ROOMS_EACH: u32 = 1000;
const HIGHEST_EXPONENT: f64 = 5.0;

/// Reads `rooms`. Returns `None` if the group has no rooms, or if there is a problem.
pub(super) fn rooms(fields: &Fields<'_>, problems: &mut Problems) -> Option<Rooms> {
    let (key, node) = (fields.key("rooms")?, fields.get("rooms")?);
    let inner = Fields::open(key, node, &keys::ROOMS, problems)?;
    let count = inner.read("count", problems, |text| units::count(text, 1..=MOST_ROOMS));
    let each = match inner.get("each") {
        Some(_) => inner.read("each", problems, |text| units::count(text, 1..=MOST_ROOMS_EACH)),
        None => Some(1),
    };
    let zipf = match inner.get("zipf") {
        Some(_) => Some(inner.read("zipf", problems, exponent)?),
        None => None,
    };
    let name_pattern = match inner.get("name") {
        Some(_) => inner.read("name", problems, name_pattern::pattern),
        None => Some(name_pattern::default_pattern()),
    };
    let rooms = Rooms { count: count?, each: each?, zipf, name_pattern: name_pattern? };
    if rooms.each > rooms.count {
        let problem = Problem::new(format!("a user cannot be in {} of {} rooms", rooms.each, rooms.count));
        problems.add(inner.key("each").unwrap_or(key), problem.help("lower `each`, or raise `count`"));
        return None;
    }
    Some(rooms)
}

fn exponent(text: &str) -> Result<f64, Problem> {
    let exponent = units::number(text)?;
    if exponent > 0.0 && exponent <= HIGHEST_EXPONENT {
        return Ok(exponent);
    }
    Err(Problem::new(format!("{exponent} is no exponent of Zipf's law here"))
        .help("it takes a number above 0, at most 5; without `zipf` all rooms are equally popular"))
}
