//! Notes that the key tables do not hold: bounds of values, rules between the keys of one map, and longer descriptions
//! that editors show for a key.

use super::node::{Rule, Schema};
use crate::grammar::keys::MapSpec;
use crate::lower::actions::{LONGEST_CONTENT, LONGEST_FRAME, MOST_WEIGHT, SHORTEST_OVERSIZE, STAMP};
use crate::lower::document::MOST_CONDITIONS;
use crate::lower::groups::{MOST_GROUPS, MOST_USERS};
use crate::lower::rooms::{MOST_ROOMS, MOST_ROOMS_EACH};
use crate::lower::steps::{MAX_PART_BYTES, MAX_REPETITIONS};

/// The bounds of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    /// Only those of its type.
    None,
    /// The number of characters, from and to.
    Length(u64, u64),
    /// The range of a number without a unit.
    Numbers(u64, Option<u64>),
    /// The number of items of a list or entries of a map.
    Items(u64, u64),
    /// Not zero, where the type would allow it.
    AboveZero,
    /// A condition that may have a duration after its value.
    Window,
}

/// Additional text and bounds for a key.
#[derive(Debug)]
pub(super) struct Note {
    spec: &'static str,
    key: &'static str,
    pub(super) bound: Bound,
    pub(super) more: &'static str,
}

const fn note(spec: &'static str, key: &'static str, bound: Bound, more: &'static str) -> Note {
    Note { spec, key, bound, more }
}

const fn numbers(least: u32, most: u32) -> Bound {
    Bound::Numbers(least as u64, Some(most as u64))
}

const FILE: &str = "a scenario";
const GROUP: &str = "a group of users";
const ACTION: &str = "an action";
const STAGE: &str = "a stage";
const CASE: &str = "a case";
const STEP: &str = "a step";
const LINE: Bound = Bound::Length(1, 200);
const CONTENT: Bound = numbers(STAMP, LONGEST_CONTENT);
const WEIGHT: Bound = numbers(1, MOST_WEIGHT);

#[rustfmt::skip]
static NOTES: &[Note] = &[
    note(FILE, "name", LINE, "One line of at most 200 characters."),
    note(FILE, "target", Bound::None, "An IPv6 address stands in brackets: `[::1]:5000`."),
    note(FILE, "framing", Bound::None, "`lf` and `crlf`: each frame ends with it; `raw`: a segment is a message; `auto`: detected at the start."),
    note(FILE, "seed", Bound::Numbers(0, None), "It determines the schedule, all random choices and the content of the messages."),
    note(FILE, "timeout", Bound::None, "A later answer counts as missing."),
    note(FILE, "verify", Bound::None, "`full` follows each delivery; `counts` compares a count and a sum per recipient, and needs users that stay; `none` does not look for lost, duplicated, reordered or disordered messages."),
    note(FILE, "users", Bound::Items(1, MOST_GROUPS as u64), "A name is a letter, then letters, digits, `_` and `-`, at most 40 characters, and not the name of an action or a stage. It needs `load`."),
    note(FILE, "load", Bound::None, "Before the first stage all users join. A stage scales the rates of all groups in percent, never the number of users."),
    note(FILE, "cases", Bound::None, "Each is a script for a few connections, the actors, which are not part of `users`."),
    note(FILE, "expect", Bound::Items(1, MOST_CONDITIONS as u64), "Conditions such as `lost == 0` or `delivery[steady].p99 < 50ms`, evaluated once, at the end."),
    note(FILE, "abort_if", Bound::Window, "Conditions as in `expect`, with the time for which they must be true: `errors > 5% for 5s`."),

    note(GROUP, "count", numbers(1, MOST_USERS), "At most 262,142 in all groups together."),
    note(GROUP, "name", Bound::None, "{n} is the user's number, from 1; {n:04} has zeros in front. The result must be a valid user name of 1 to 64 bytes that no other user has."),
    note(GROUP, "join", Bound::None, "The whole group must be able to join within an hour."),
    note(GROUP, "rate", Bound::None, "The schedule is computed before the run. It excludes `think` and needs `do`."),
    note(GROUP, "think", Bound::None, "These users send less to a slow server, so `delivery`, `ack` and `achieved` leave them out. It excludes `rate` and needs `do`."),
    note(GROUP, "arrivals", Bound::None, "`poisson`: independent of each other; `even`: equally far apart. It needs `rate`."),
    note(GROUP, "do", Bound::None, "Each time, one action is drawn by `weight`. It needs `rate` or `think`."),
    note(GROUP, "rooms", Bound::None, "It needs `verify: full`. A group without rooms negotiates no extension."),
    note(GROUP, "session", Bound::AboveZero, "From a span, a value is drawn each time."),
    note(GROUP, "leave", Bound::None, "`disconnect`: with the DISCONNECT frame; `fin`: the socket is closed; `rst`: the connection is reset. [fin, fin, rst] means two `fin` for each `rst`. It needs `session`, or a `reconnect` among the actions."),
    note(GROUP, "read", Bound::None, "A slow reader also has a small receive buffer, so that the server's queue fills."),
    note(GROUP, "hostile", Bound::None, "Messages that these users lose do not count; errors that other users see do."),
    note("a read policy", "rate", Bound::None, "It excludes `pause` and `every`."),
    note("a read policy", "pause", Bound::None, "Shorter than `every`."),

    note("`rooms`", "count", numbers(1, MOST_ROOMS), "Users and rooms together: at most 262,142."),
    note("`rooms`", "each", numbers(1, MOST_ROOMS_EACH), "At most `count`, and what the server allows."),
    note("`rooms`", "zipf", Bound::None, "Above 0, at most 5."),

    note(ACTION, "broadcast", Bound::None, "It counts as lost for each connected user that does not receive it."),
    note(ACTION, "private", Bound::None, "It counts as `misrouted` if another user receives it."),
    note(ACTION, "frame", Bound::None, "For frames that no other action sends."),
    note(ACTION, "half_frame", Bound::None, "It has no stamp, so its delivery is not verified."),
    note("`broadcast`", "weight", WEIGHT, ""),
    note("`broadcast`", "size", CONTENT, "They include the stamp that identifies the message."),
    note("`broadcast`", "text", Bound::Length(1, 800), "One line, at most 800 bytes."),
    note("`private`", "weight", WEIGHT, ""),
    note("`private`", "size", CONTENT, "They include the stamp that identifies the message."),
    note("`private`", "text", Bound::Length(1, 800), "One line, at most 800 bytes."),
    note("`frame`", "weight", WEIGHT, ""),
    note("`oversize`", "weight", WEIGHT, ""),
    note("`oversize`", "size", numbers(SHORTEST_OVERSIZE, LONGEST_FRAME), "At most 1 MiB."),
    note("`duplicate_name`", "weight", WEIGHT, ""),
    note("`garbage`", "weight", WEIGHT, ""),
    note("`garbage`", "size", numbers(1, LONGEST_FRAME), "The first byte is 0xFF; none is a line feed."),
    note("`half_frame`", "weight", WEIGHT, ""),
    note("`reconnect`", "weight", WEIGHT, ""),
    note(ACTION, "say", Bound::None, "It counts as lost for each member that does not receive it."),
    note(ACTION, "join_room", Bound::None, "Left out while the user is in `each` rooms."),
    note(ACTION, "leave_room", Bound::None, "Left out while the user is in no room."),
    note("`say`", "weight", WEIGHT, ""),
    note("`say`", "size", CONTENT, "They include the stamp that identifies the message."),
    note("`say`", "text", Bound::Length(1, 800), "One line, at most 800 bytes."),
    note("`join_room`", "weight", WEIGHT, ""),
    note("`leave_room`", "weight", WEIGHT, ""),

    note(STAGE, "hold", Bound::None, "Selected in conditions by its name, or as `hold-1`, `hold-2`."),
    note(STAGE, "find_max", Bound::None, "It must be the only stage of the load."),
    note("`hold`", "only", Bound::None, "The other groups stay connected and read."),
    note("`spike`", "to", Bound::AboveZero, "In percent of the groups' own rates."),
    note("`find_max`", "start", Bound::AboveZero, ""),
    note("`find_max`", "max", Bound::AboveZero, "Above `start`."),
    note("`find_max`", "grow", Bound::None, "Above 1x, at most 10x."),
    note("`find_max`", "within", Bound::AboveZero, "At most 50%."),

    note(CASE, "case", LINE, "One line of at most 200 characters."),
    note(CASE, "id", Bound::Length(1, 80), "Small letters, digits, `-` and `.`; no two cases have the same."),
    note(CASE, "level", Bound::None, "`must`: a failure violates the text of the protocol; `should`: a robust server passes; `may`: recorded only."),
    note(STEP, "bytes", Bound::Items(1, 1), "One actor per step."),
    note(STEP, "list", Bound::Items(1, 1), "One actor per step."),
    note(STEP, "pages", Bound::Items(1, 1), "One actor per step."),
    note("`bytes`", "split", Bound::Numbers(1, Some(MAX_PART_BYTES)), ""),
    note("`bytes`", "every", Bound::None, "It needs `split`."),
    note("`repeat`", "times", numbers(1, MAX_REPETITIONS), ""),
];

/// The note on a key of a table.
pub(super) fn note_on(spec: &MapSpec, key: &str) -> Option<&'static Note> {
    NOTES.iter().find(|note| note.spec == spec.what && note.key == key)
}

/// Adds the rules between the keys of one map.
pub(super) fn together(spec: &MapSpec, schema: Schema) -> Schema {
    let needs = |keys: &[&'static str]| Rule::from(Schema::with_keys(keys));
    let one_of = |keys: &[&'static str]| keys.iter().map(|key| Schema::with_keys(&[key])).collect();
    let without = |needed: &[&'static str], excluded: &[&'static str]| {
        let properties = excluded.iter().map(|key| (*key, Rule::Is(false))).collect();
        Rule::from(Schema { properties, ..Schema::with_keys(needed) })
    };
    match spec.what {
        FILE => Schema {
            dependencies: vec![("users", needs(&["load"])), ("load", needs(&["users"]))],
            any_of: one_of(&["users", "cases"]),
            ..schema
        },
        GROUP => Schema {
            dependencies: vec![
                ("rate", without(&["do"], &["think"])),
                ("think", without(&["do"], &["rate"])),
                ("arrivals", needs(&["rate"])),
                ("do", Rule::from(Schema { any_of: one_of(&["rate", "think"]), ..Schema::default() })),
                (
                    "leave",
                    Rule::from(Schema {
                        any_of: vec![Schema::with_keys(&["session"]), reconnects()],
                        ..Schema::default()
                    }),
                ),
            ],
            ..schema
        },
        "a read policy" => Schema {
            dependencies: vec![
                ("rate", without(&[], &["pause", "every"])),
                ("pause", needs(&["every"])),
                ("every", needs(&["pause"])),
            ],
            min_properties: Some(1),
            ..schema
        },
        "`bytes`" => Schema { dependencies: vec![("every", needs(&["split"]))], ..schema },
        "`list`" => Schema { min_properties: Some(1), ..schema },
        _ => schema,
    }
}

/// A group with a `reconnect` among its actions.
fn reconnects() -> Schema {
    let some = Schema { contains: Some(Box::new(Schema::with_keys(&["reconnect"]))), ..Schema::default() };
    Schema { properties: vec![("do", Rule::from(some))], ..Schema::with_keys(&["do"]) }
}

#[cfg(test)]
mod tests {
    use super::NOTES;
    use crate::grammar::keys::{self, MapSpec};
    use crate::grammar::value_type::ValueType;

    fn tables(value_type: &ValueType, found: &mut Vec<&'static MapSpec>) {
        match value_type {
            ValueType::Many(inner) | ValueType::List(inner) | ValueType::Names(inner) => tables(inner, found),
            ValueType::Either(one, other) => [one, other].into_iter().for_each(|value_type| tables(value_type, found)),
            ValueType::Map(spec) | ValueType::TaggedMap(spec) if !found.iter().any(|known| known.what == spec.what) => {
                found.push(spec);
                spec.keys.iter().for_each(|key| tables(&key.value_type, found));
            }
            _ => {}
        }
    }

    #[test]
    fn every_note_is_on_a_key_that_there_is() {
        let mut found = Vec::new();
        tables(&ValueType::Map(&keys::FILE), &mut found);
        for note in NOTES {
            let spec = found.iter().find(|spec| spec.what == note.spec);
            assert!(spec.is_some_and(|spec| spec.key(note.key).is_some()), "{note:?}");
        }
    }
}
