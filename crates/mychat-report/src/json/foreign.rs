//! Makes a parsed JSON document harmless before any of it is used: its texts are printed, and its numbers are added up.

use serde_json::Value;

use mychat_proto::text::{visible, visible_line};

/// Largest count in a result: the largest integer that all JSON readers keep exact. Sums of such counts fit into 64 bits.
const LARGEST_COUNT: u64 = 1 << 53;

/// Fields whose texts may have several lines. Other texts with a line feed could imitate lines of a report.
const MULTI_LINE: [&str; 10] =
    ["want", "got", "reason", "observed", "likely", "after", "note", "command", "what", "server_output"];

/// Escapes hidden characters in all texts and keys of a document. Returns true if any text changed.
pub(crate) fn make_visible(document: &mut Value) -> bool {
    walk(document, "", "")
}

fn walk(value: &mut Value, key: &str, parent: &str) -> bool {
    match value {
        Value::String(text) => {
            let is_multi_line = MULTI_LINE.contains(&key) || (parent, key) == ("scenario", "text");
            let shown = if is_multi_line { visible(text) } else { visible_line(text) };
            let changed = shown != text.as_str();
            if changed {
                *text = shown.into_owned();
            }
            changed
        }
        // `|` would skip the rest of the list.
        Value::Array(values) => values.iter_mut().fold(false, |changed, value| walk(value, key, parent) | changed),
        Value::Object(map) => {
            let renamed = map.keys().any(|key| visible_line(key) != key.as_str());
            if renamed {
                let fields = std::mem::take(map).into_iter();
                map.extend(fields.map(|(key, value)| (visible_line(&key).into_owned(), value)));
            }
            map.iter_mut().fold(renamed, |changed, (name, value)| walk(value, name, key) | changed)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Returns a description of the first count that no run can have.
pub(crate) fn impossible_count(document: &Value) -> Option<String> {
    match document {
        Value::Array(values) => values.iter().find_map(impossible_count),
        Value::Object(map) => map.iter().find_map(|(key, value)| match value.as_u64() {
            Some(count) if count > LARGEST_COUNT && key != "seed" => {
                Some(format!("`{}` is {count}, and no run has more than {LARGEST_COUNT}", visible_line(key)))
            }
            _ => impossible_count(value),
        }),
        _ => None,
    }
}
