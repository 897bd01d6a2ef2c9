//! Maps actors' names in a file to names on the wire, and back for people.

use std::collections::BTreeMap;

/// The names of one case. On the wire they all have the same length, consist of lower-case letters and digits, and contain
/// a nonce so that concurrent runs do not use the same names.
#[derive(Debug, Clone)]
pub struct ActorNames {
    nonce: String,
    width: usize,
    names: BTreeMap<String, String>,
    /// Part of each name, so that branches that run concurrently create different names.
    offset: usize,
    /// True if a line end has two bytes; the longest valid message is then one byte shorter.
    pub two_byte_ends: bool,
}

const LONGEST_STEM: usize = 6;

impl ActorNames {
    /// Creates names that contain this nonce.
    pub fn new(nonce: &str, actors: &[String]) -> Self {
        let width = actors.iter().map(|actor| stem(actor).len()).max().unwrap_or(1).clamp(3, LONGEST_STEM);
        let mut names =
            Self { nonce: nonce.to_owned(), width, names: BTreeMap::new(), offset: 0, two_byte_ends: false };
        for actor in actors {
            names.wire(actor);
        }
        names
    }

    /// Copies the names for a branch that runs concurrently.
    #[must_use]
    pub fn fork(&self, branch: usize) -> Self {
        Self { offset: self.offset + 17 * (branch + 1), ..self.clone() }
    }

    /// Adds the names of a branch.
    pub fn join(&mut self, branch: Self) {
        self.names.extend(branch.names);
    }

    /// Returns the nonce that all names of the case contain, and no others.
    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    /// Returns the wire name of an actor: its own letters, padding, the nonce, and one or two digits that make it unique.
    pub fn wire(&mut self, actor: &str) -> String {
        if let Some(name) = self.names.get(actor) {
            return name.clone();
        }
        let mut name = stem(actor);
        name.truncate(self.width);
        let name =
            format!("{name:0<width$}{}{:02}", self.nonce, (self.names.len() + self.offset) % 100, width = self.width);
        self.names.insert(actor.to_owned(), name.clone());
        name
    }

    /// Records a literal name that an actor requests. It must contain the nonce and belong to no other actor.
    pub fn rename(&mut self, actor: &str, name: &str) {
        let legal = name.contains(&self.nonce) && !name.contains(['|', ',']);
        if legal && !self.names.values().any(|other| other == name) {
            self.names.insert(actor.to_owned(), name.to_owned());
        }
    }

    /// Returns the wire name of an actor that has one.
    pub fn known(&self, actor: &str) -> Option<&str> {
        self.names.get(actor).map(String::as_str)
    }

    /// Replaces wire names by actors' names.
    pub fn humanize(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (actor, wire) in &self.names {
            text = text.replace(wire, actor);
        }
        text
    }
}

fn stem(actor: &str) -> String {
    let letters: String = actor.chars().filter(char::is_ascii_alphanumeric).collect();
    letters.to_ascii_lowercase()
}

/// Returns a nonce of five letters and digits for a number.
pub fn nonce(number: u64) -> String {
    const DIGITS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut rest = number;
    let mut nonce = String::with_capacity(5);
    for _ in 0..5 {
        nonce.push(char::from(DIGITS[(rest % 36) as usize]));
        rest /= 36;
    }
    nonce
}

#[cfg(test)]
mod tests {
    use super::{ActorNames, nonce};

    #[test]
    fn wire_names_are_equally_long_and_distinct() {
        let actors = ["ana", "bob", "newcomer", "newcomer2"].map(str::to_owned);
        let table = ActorNames::new(&nonce(7), &actors);
        let names: Vec<&str> = actors.iter().filter_map(|actor| table.known(actor)).collect();
        assert!(names.iter().all(|name| name.len() == names[0].len() && name.len() <= 16), "{names:?}");
        assert_ne!(names[2], names[3]);
        assert_eq!(table.humanize(&format!("USER_LIST|{},x", names[0])), "USER_LIST|ana,x");
    }
}
