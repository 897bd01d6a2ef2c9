//! Addition of the counts of several machines. It works on all numeric fields, so a new count needs no code here.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Number, Value};

/// Adds two structs of numbers, or maps of numbers, field by field.
pub(super) fn add_counts<T: Serialize + DeserializeOwned>(one: &T, other: &T) -> serde_json::Result<T> {
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
            let whole = to.as_u64().zip(from.as_u64()).map(|(one, other)| one.saturating_add(other).into());
            let part = || Number::from_f64(to.as_f64().unwrap_or(0.0) + from.as_f64().unwrap_or(0.0));
            *to = whole.or_else(part).unwrap_or_else(|| 0.into());
        }
        (to @ Value::Null, from) => *to = from,
        _ => {}
    }
}
