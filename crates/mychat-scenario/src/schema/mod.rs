//! Builds a JSON Schema (draft-07) from the grammar. Editors use it to complete and explain keys and to mark wrong values.
//!
//! The parser does not read it. It is stored as `scenarios/scenario.schema.json`, and a test compares the two.

mod conditions;
mod forms;
mod node;
mod notes;
mod patterns;

use crate::grammar::keys::{self, FieldSpec, MapSpec, Presence};
use crate::grammar::value_type::ValueType;
use node::{Rule, Schema};
use notes::Bound;

/// Returns the schema as the text of its file.
pub fn text() -> serde_json::Result<String> {
    let root = Schema {
        dialect: Some("http://json-schema.org/draft-07/schema#"),
        description: Some("Groups of users, a load over time, and the conditions that must hold.".to_owned()),
        definitions: vec![("step", Rule::from(tagged_map(&keys::STEPS)))],
        ..map(&keys::FILE)
    };
    serde_json::to_string_pretty(&root).map(|text| text + "\n")
}

/// Returns the schema of a map.
fn map(spec: &'static MapSpec) -> Schema {
    let needed = spec.keys.iter().filter(|key| key.presence == Presence::Needed);
    let schema = Schema {
        title: Some(spec.what),
        types: vec!["object"],
        examples: example(spec),
        properties: properties(spec),
        additional_properties: Some(Rule::Is(false)),
        required: needed.map(|key| key.name).collect(),
        ..Schema::default()
    };
    notes::together(spec, schema)
}

/// Returns the schema of a map with exactly one of the keys.
fn tagged_map(spec: &'static MapSpec) -> Schema {
    Schema {
        title: Some(spec.what),
        types: vec!["object"],
        examples: example(spec),
        properties: properties(spec),
        additional_properties: Some(Rule::Is(false)),
        min_properties: Some(1),
        max_properties: Some(1),
        ..Schema::default()
    }
}

/// Returns the example of a map as a value; `None` for a whole file, whose example is abbreviated.
fn example(spec: &'static MapSpec) -> Vec<serde_yaml::Value> {
    let whole = !spec.example.contains('…');
    whole.then(|| serde_yaml::from_str(spec.example).ok()).flatten().into_iter().collect()
}

fn properties(spec: &'static MapSpec) -> Vec<(&'static str, Rule)> {
    spec.keys.iter().map(|key| (key.name, Rule::from(property(spec, key)))).collect()
}

fn property(spec: &'static MapSpec, key: &'static FieldSpec) -> Schema {
    let note = notes::note_on(spec, key.name);
    let mut schema = forms::schema(&key.value_type, note.map_or(Bound::None, |note| note.bound));
    let mut description = vec![key.doc.to_owned()];
    description.extend(note.filter(|note| !note.more.is_empty()).map(|note| note.more.to_owned()));
    if !matches!(
        key.value_type,
        ValueType::Text | ValueType::Map(_) | ValueType::TaggedMap(_) | ValueType::List(_) | ValueType::Names(_)
    ) {
        description.push(format!("It takes {}.", key.value_type.expected()));
    }
    match key.presence {
        Presence::Needed => description.push("Required.".to_owned()),
        Presence::Default("") => {}
        Presence::Default(text) => {
            schema.default = forms::default(&key.value_type, text);
            let what = if schema.default.is_some() { "Default" } else { "If missing" };
            description.push(format!("{what}: {text}."));
        }
    }
    // `broadcast:` with nothing behind it is as good as `broadcast: {}`.
    if matches!(key.value_type, ValueType::Map(inner) if inner.keys.iter().all(|key| key.presence != Presence::Needed))
    {
        schema.types.push("null");
    }
    match note.map(|note| note.bound) {
        Some(Bound::Items(least, most)) if matches!(key.value_type, ValueType::Names(_)) => {
            (schema.min_properties, schema.max_properties) = (Some(least), Some(most));
        }
        Some(Bound::Items(_, most)) => schema.max_items = Some(most),
        _ => {}
    }
    schema.description = Some(description.join(" "));
    schema
}
