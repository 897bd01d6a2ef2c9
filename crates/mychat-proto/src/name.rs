//! Checks user names (rule U1).

use std::borrow::Borrow;
use std::fmt;

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// Maximum length of a name in bytes (rule U1).
pub const MAX_NAME: usize = 64;

/// A legal user name. Names are equal if their bytes are equal (rule U2).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserName(Box<str>);

/// The reason for which a name is illegal (rule U1). A server answers with `CONNECT_ACK|FAIL` and `ERROR|422`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The name has no bytes.
    #[error("a name has at least 1 byte")]
    Empty,
    /// The name is longer than [`MAX_NAME`] bytes.
    #[error("a name has at most {MAX_NAME} bytes, this one has {bytes}")]
    TooLong {
        /// Length of the name in bytes.
        bytes: usize,
    },
    /// The name contains a pipe, which separates fields, or a comma, which separates the names of a list.
    #[error("a name contains no {}", if *.0 == '|' { "pipe" } else { "comma" })]
    Separator(char),
    /// The name contains an invisible character (see [`is_invisible`]), which could make two names look alike.
    #[error("a name contains no control or format character, this one has U+{:04X}", u32::from(*.0))]
    Invisible(char),
    /// The name contains a blank: a character that is no space and shows as nothing, such as U+3164.
    #[error("a name contains no blank character, this one has U+{:04X}", u32::from(*.0))]
    Blank(char),
    /// The name starts with a combining mark, which would change the look of the character before the name.
    #[error("a name starts with no combining mark, this one with U+{:04X}", u32::from(*.0))]
    LeadingMark(char),
    /// The name starts or ends with white space.
    #[error("a name neither starts nor ends with a space")]
    OuterWhitespace,
}

impl UserName {
    /// Returns `name` as a `UserName` if it is legal.
    pub fn new(name: &str) -> Result<Self, NameError> {
        check(name).map(|()| Self(name.into()))
    }

    /// Returns the name as a string slice.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for UserName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for UserName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Returns an error if `name` is illegal.
pub fn check(name: &str) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if name.len() > MAX_NAME {
        return Err(NameError::TooLong { bytes: name.len() });
    }
    for c in name.chars() {
        if matches!(c, '|' | ',') {
            return Err(NameError::Separator(c));
        }
        if is_invisible(c) {
            return Err(NameError::Invisible(c));
        }
        if is_blank(c) {
            return Err(NameError::Blank(c));
        }
    }
    if let Some(mark) = name.chars().next().filter(|c| is_mark(*c)) {
        return Err(NameError::LeadingMark(mark));
    }
    if name.starts_with(char::is_whitespace) || name.ends_with(char::is_whitespace) {
        return Err(NameError::OuterWhitespace);
    }
    Ok(())
}

/// Returns true for control and format characters and for line and paragraph separators. They can change how the
/// surrounding text looks, so programs must escape them before they show names or content (rule S5).
pub fn is_invisible(c: char) -> bool {
    // Most names are ASCII, which needs no lookup in the Unicode table.
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    matches!(
        c.general_category(),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
    )
}

/// Returns true for letters, marks and symbols that show as nothing: they could make two names look alike. Variation
/// selectors, which emoji and Japanese names need, are not among them.
fn is_blank(c: char) -> bool {
    matches!(
        c,
        // The combining grapheme joiner, fillers of Hangul, inherent vowels of Khmer, variation selectors of Mongolian, the
        // empty Braille pattern.
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'
            ..='\u{180f}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}'
    )
}

/// Returns true for characters that are drawn onto the character before them.
fn is_mark(c: char) -> bool {
    !c.is_ascii()
        && matches!(
            c.general_category(),
            GeneralCategory::NonspacingMark | GeneralCategory::SpacingMark | GeneralCategory::EnclosingMark
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn u1_legal_names() {
        for name in [
            "a",
            "Ana María",
            "名前",
            "O'Neil; DROP TABLE",
            "ERROR",
            "👩🏽",
            "❤\u{fe0f}",
            "葛\u{e0100}城",
            "e\u{301}va",
            "a\u{a0}b",
            "\u{fffe}",
            &"x".repeat(64),
        ] {
            assert_eq!(UserName::new(name).map(|name| name.to_string()), Ok(name.to_owned()));
        }
    }

    #[test]
    fn u1_each_illegal_name_has_its_error() {
        for (name, fault) in [
            ("", NameError::Empty),
            (&"x".repeat(65), NameError::TooLong { bytes: 65 }),
            (&"ñ".repeat(33), NameError::TooLong { bytes: 66 }),
            ("a|b", NameError::Separator('|')),
            ("a,b", NameError::Separator(',')),
            ("a\nb", NameError::Invisible('\n')),
            ("a\u{7f}", NameError::Invisible('\u{7f}')),
            ("a\u{85}b", NameError::Invisible('\u{85}')),
            ("a\u{202e}b", NameError::Invisible('\u{202e}')),
            ("a\u{200b}b", NameError::Invisible('\u{200b}')),
            ("a\u{2028}b", NameError::Invisible('\u{2028}')),
            ("a\u{2029}b", NameError::Invisible('\u{2029}')),
            ("\u{3164}", NameError::Blank('\u{3164}')),
            ("ana\u{34f}", NameError::Blank('\u{34f}')),
            ("a\u{2800}b", NameError::Blank('\u{2800}')),
            ("\u{301}ana", NameError::LeadingMark('\u{301}')),
            ("\u{20e3}", NameError::LeadingMark('\u{20e3}')),
            ("\u{fe0f}", NameError::LeadingMark('\u{fe0f}')),
            (" a", NameError::OuterWhitespace),
            ("a\u{a0}", NameError::OuterWhitespace),
            ("a\u{3000}", NameError::OuterWhitespace),
            (" ", NameError::OuterWhitespace),
        ] {
            assert_eq!(UserName::new(name), Err(fault), "{name:?}");
        }
    }

    #[test]
    fn u2_names_compare_byte_for_byte() {
        let name = |text| UserName::new(text).expect("a legal name");
        assert_ne!(name("ana"), name("Ana"));
        assert_ne!(name("\u{e9}"), name("e\u{301}"), "nothing is normalised");
    }

    #[test]
    fn a_set_of_names_is_searched_by_str() {
        let names = std::collections::HashSet::from([UserName::new("Ana").expect("a legal name")]);
        assert!(names.contains("Ana"));
        assert!(names.iter().all(|name| AsRef::<str>::as_ref(name) == "Ana"));
    }

    #[test]
    fn errors_have_readable_texts() {
        assert_eq!(NameError::Separator('|').to_string(), "a name contains no pipe");
        assert_eq!(NameError::Separator(',').to_string(), "a name contains no comma");
        let bidi = NameError::Invisible('\u{202e}').to_string();
        assert_eq!(bidi, "a name contains no control or format character, this one has U+202E");
    }
}
