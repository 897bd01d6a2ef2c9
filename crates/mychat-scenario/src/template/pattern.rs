//! Patterns that received frames are matched with.

use super::actor_names::ActorNames;
use super::text;

/// One alternative of a `gets`.
#[derive(Debug, Clone)]
pub enum Pattern {
    /// The server closes the connection.
    Closed,
    /// No frame arrives, proven by a fence.
    Nothing,
    /// Fields (`None` matches any field), and true if the last one matches the rest of the frame.
    Fields(Vec<Option<Vec<u8>>>, bool),
    /// A regular expression over the whole frame.
    Expression(Box<regex_lite::Regex>),
    /// An invalid expression, which matches nothing.
    Unreadable,
}

impl Pattern {
    /// Reads a pattern.
    pub fn new(written: &str, names: &ActorNames) -> Self {
        match written {
            "closed" => return Self::Closed,
            "nothing" => return Self::Nothing,
            _ => {}
        }
        if let Some(expression) = written.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
            return regex_lite::Regex::new(expression)
                .map_or(Self::Unreadable, |regex| Self::Expression(Box::new(regex)));
        }
        let mut fields: Vec<Option<Vec<u8>>> = Vec::new();
        // Filled up over the whole frame, so the stars are taken out only afterwards.
        let whole = text::bytes(written, names);
        let stars: Vec<bool> = written.split('|').map(|field| field == "*").collect();
        for (field, star) in
            whole.split(|byte| *byte == b'|').zip(stars.iter().copied().chain(std::iter::repeat(false)))
        {
            fields.push((!star).then(|| field.to_vec()));
        }
        let rest = matches!(fields.last(), Some(None));
        Self::Fields(fields, rest)
    }

    /// Returns true if a frame matches.
    pub fn matches(&self, frame: &[u8]) -> bool {
        match self {
            Self::Closed | Self::Nothing | Self::Unreadable => false,
            Self::Expression(regex) => std::str::from_utf8(frame).is_ok_and(|text| regex.is_match(text)),
            Self::Fields(fields, rest) => {
                let found: Vec<&[u8]> = if *rest {
                    frame.splitn(fields.len(), |byte| *byte == b'|').collect()
                } else {
                    frame.split(|byte| *byte == b'|').collect()
                };
                found.len() == fields.len()
                    && fields.iter().zip(found).all(|(want, got)| want.as_ref().is_none_or(|want| want == got))
            }
        }
    }
}

/// Formats all alternatives for reports.
pub fn listed(written: &[String], names: &ActorNames) -> String {
    let each = written.iter().map(|pattern| match pattern.as_str() {
        "closed" => "the connection closed".to_owned(),
        "nothing" => "nothing".to_owned(),
        expression if expression.starts_with('/') => expression.to_owned(),
        fields => names.humanize(text::shown(&text::bytes(fields, names)).trim_matches('"')),
    });
    each.collect::<Vec<_>>().join("  or  ")
}

#[cfg(test)]
mod tests {
    use super::{ActorNames, Pattern};

    #[test]
    fn stars_and_rests() {
        let names = ActorNames::new("abcde", &["bob".to_owned()]);
        let matches = |pattern: &str, frame: &str| Pattern::new(pattern, &names).matches(frame.as_bytes());
        assert!(matches("ERROR|*|*", "ERROR|404|no|such|user"));
        assert!(!matches("ERROR|*|*", "ERROR|404"));
        assert!(matches("ERROR|404|*", "ERROR|404|"));
        assert!(matches("MESSAGE|*|hi", "MESSAGE|ana|hi"));
        assert!(!matches("MESSAGE|*|hi", "MESSAGE|ana|hi|x"));
        assert!(matches("MESSAGE|{bob}|a|b", "MESSAGE|bobabcde00|a|b"));
        assert!(matches("/^ERROR.*x$/", "ERROR|1|x"));
    }
}
