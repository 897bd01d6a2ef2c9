//! A JSON Schema as data. Its maps are lists, so that the output always has the same order.

use serde::{Serialize, Serializer};

/// One schema; keywords that are not set are left out of the output.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Schema {
    #[serde(rename = "$schema", skip_serializing_if = "unset")]
    pub(super) dialect: Option<&'static str>,
    #[serde(skip_serializing_if = "unset")]
    pub(super) title: Option<&'static str>,
    #[serde(skip_serializing_if = "unset")]
    pub(super) description: Option<String>,
    #[serde(rename = "$ref", skip_serializing_if = "unset")]
    pub(super) reference: Option<&'static str>,
    #[serde(rename = "type", skip_serializing_if = "unset", serialize_with = "one_or_many")]
    pub(super) types: Vec<&'static str>,
    #[serde(rename = "enum", skip_serializing_if = "unset")]
    pub(super) words: Vec<&'static str>,
    #[serde(skip_serializing_if = "unset")]
    pub(super) default: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "unset")]
    pub(super) examples: Vec<serde_yaml::Value>,
    #[serde(skip_serializing_if = "unset")]
    pub(super) pattern: Option<String>,
    /// The text that an editor shows for a value of the wrong type or pattern. A keyword outside the standard that editors support.
    #[serde(skip_serializing_if = "unset")]
    pub(super) error_message: Option<String>,
    #[serde(skip_serializing_if = "unset")]
    pub(super) min_length: Option<u64>,
    #[serde(skip_serializing_if = "unset")]
    pub(super) max_length: Option<u64>,
    #[serde(skip_serializing_if = "unset")]
    pub(super) minimum: Option<u64>,
    #[serde(skip_serializing_if = "unset")]
    pub(super) maximum: Option<u64>,
    #[serde(skip_serializing_if = "unset")]
    pub(super) items: Option<Box<Schema>>,
    #[serde(skip_serializing_if = "unset")]
    pub(super) contains: Option<Box<Schema>>,
    #[serde(skip_serializing_if = "unset")]
    pub(super) min_items: Option<u64>,
    #[serde(skip_serializing_if = "unset")]
    pub(super) max_items: Option<u64>,
    #[serde(skip_serializing_if = "unset")]
    pub(super) property_names: Option<Box<Schema>>,
    #[serde(skip_serializing_if = "unset", serialize_with = "as_map")]
    pub(super) properties: Vec<(&'static str, Rule)>,
    #[serde(skip_serializing_if = "unset")]
    pub(super) additional_properties: Option<Rule>,
    #[serde(skip_serializing_if = "unset")]
    pub(super) required: Vec<&'static str>,
    #[serde(skip_serializing_if = "unset")]
    pub(super) min_properties: Option<u64>,
    #[serde(skip_serializing_if = "unset")]
    pub(super) max_properties: Option<u64>,
    #[serde(skip_serializing_if = "unset", serialize_with = "as_map")]
    pub(super) dependencies: Vec<(&'static str, Rule)>,
    #[serde(skip_serializing_if = "unset")]
    pub(super) any_of: Vec<Schema>,
    #[serde(skip_serializing_if = "unset")]
    pub(super) not: Option<Box<Schema>>,
    #[serde(skip_serializing_if = "unset", serialize_with = "as_map")]
    pub(super) definitions: Vec<(&'static str, Rule)>,
}

/// A schema, or `true` or `false` in its place.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(super) enum Rule {
    /// `true` accepts every value, `false` none.
    Is(bool),
    /// A schema for the value.
    Fits(Box<Schema>),
}

impl From<Schema> for Rule {
    fn from(schema: Schema) -> Self {
        Self::Fits(Box::new(schema))
    }
}

impl Schema {
    /// Returns the schema of maps that have at least these keys.
    pub(super) fn with_keys(keys: &[&'static str]) -> Self {
        Self { required: keys.to_vec(), ..Self::default() }
    }
}

fn unset<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn as_map<S: Serializer>(entries: &[(&'static str, Rule)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(entries.iter().map(|(name, rule)| (name, rule)))
}

fn one_or_many<S: Serializer>(types: &[&'static str], serializer: S) -> Result<S::Ok, S::Error> {
    match types {
        [one] => serializer.serialize_str(one),
        many => serializer.collect_seq(many),
    }
}
