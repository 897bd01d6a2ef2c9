//! Counts of several machines, whatever counts there are: a count that is added later is summed without a line here.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Two structs of numbers, and maps of numbers, added field by field.
pub(super) fn sum<T: Serialize + DeserializeOwned>(one: &T, other: &T) -> serde_json::Result<T> {
    let (mut sum, other) = (serde_json::to_value(one)?, serde_json::to_value(other)?);
    add(&mut sum, other);
    serde_json::from_value(sum)
}

fn add(to: &mut Value, from: Value) {
    match (to, from) {
        (Value::Object(to), Value::Object(from)) => {
            for (key, value) in from {
                match to.get_mut(&key) {
                    Some(place) => add(place, value),
                    None => drop(to.insert(key, value)),
                }
            }
        }
        (Value::Number(to), Value::Number(from)) => {
            *to = match (to.as_u64(), from.as_u64()) {
                (Some(one), Some(other)) => one.saturating_add(other).into(),
                _ => {
                    let sum = to.as_f64().unwrap_or(0.0) + from.as_f64().unwrap_or(0.0);
                    serde_json::Number::from_f64(sum).unwrap_or_else(|| 0.into())
                }
            };
        }
        (to @ Value::Null, from) => *to = from,
        _ => {}
    }
}
