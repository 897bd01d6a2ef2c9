//! The parameter of `CAPABILITIES`: names of extensions, in the answer with a limit each (rule N1).

/// One extension in a `CAPABILITIES` frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capability<'a> {
    /// The name, such as `rooms`.
    pub name: &'a str,
    /// The text after `=`: in an answer, the limit of the extension.
    pub limit: Option<&'a str>,
}

impl Capability<'_> {
    /// The name of the extension for chat rooms. Its limit is the number of rooms that a user may be in.
    pub const ROOMS: &'static str = "rooms";
}

/// Returns the extensions in the parameter of a `CAPABILITIES` frame. Empty names are skipped.
pub fn capabilities(list: &str) -> impl Iterator<Item = Capability<'_>> {
    list.split(',').filter(|part| !part.is_empty()).map(|part| match part.split_once('=') {
        Some((name, limit)) => Capability { name, limit: Some(limit) },
        None => Capability { name: part, limit: None },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n1_names_and_limits_are_split() {
        let all: Vec<_> = capabilities("rooms=50,,ids,history=").collect();
        let expected = [("rooms", Some("50")), ("ids", None), ("history", Some(""))];
        assert_eq!(all, expected.map(|(name, limit)| Capability { name, limit }));
        assert_eq!(capabilities("").count(), 0);
    }
}
