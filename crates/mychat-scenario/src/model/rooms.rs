//! The chat rooms of a group.

use serde::Serialize;

use super::NamePattern;

/// Rooms that the users of a group join after their login.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rooms {
    /// The number of rooms, at least 1.
    pub count: u32,
    /// The number of rooms that a user joins, at least 1 and at most `count`.
    pub each: u32,
    /// The exponent of Zipf's law, by which a few rooms are popular; `None`: the users are dealt out evenly.
    pub zipf: Option<f64>,
    /// The pattern of the rooms' names.
    pub name_pattern: NamePattern,
}

impl Rooms {
    /// Returns the name of room `number` (from 1) of a group.
    pub fn name(&self, group: &str, number: u32) -> String {
        self.name_pattern.name(group, number)
    }

    /// Returns the share of each room among all joins of the group. The shares add up to 1.
    pub fn shares(&self) -> Vec<f64> {
        let exponent = self.zipf.unwrap_or(0.0);
        let weights: Vec<f64> = (1..=self.count).map(|number| f64::from(number).powf(-exponent)).collect();
        let sum: f64 = weights.iter().sum();
        weights.into_iter().map(|weight| weight / sum).collect()
    }
}
