//! Which names a user may have (rule U1).

use std::borrow::Borrow;
use std::fmt;

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// The longest name in bytes (rule U1).
pub const MAX_NAME: usize = 64;

/// A legal user name. Names compare byte for byte (rule U2): nothing is trimmed, folded or normalised.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserName(Box<str>);

/// Why a name is not legal (rule U1); answered by `CONNECT_ACK|FAIL` and `ERROR|422`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It has no bytes.
    #[error("a name has at least 1 byte")]
    Empty,
    /// It has more than [`MAX_NAME`] bytes.
    #[error("a name has at most {MAX_NAME} bytes, this one has {bytes}")]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// It holds a pipe, which separates fields, or a comma, which separates names in a list.
    #[error("a name holds no {}", if *.0 == '|' { "pipe" } else { "comma" })]
    Separator(char),
    /// It holds a control character, a format character (such as a bidi override), or a line or paragraph separator:
    /// each of them lets a name look like something it is not.
    #[error("a name holds no control or format character, this one has U+{:04X}", u32::from(*.0))]
    Invisible(char),
    /// It starts or ends with a blank.
    #[error("a name neither starts nor ends with a blank")]
    Blank,
}

impl UserName {
    /// Takes a name that is legal.
    pub fn new(name: &str) -> Result<Self, NameError> {
        check(name).map(|()| Self(name.into()))
    }

    /// The name.
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

/// Whether `name` is legal, without keeping it.
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
    }
    if name.starts_with(char::is_whitespace) || name.ends_with(char::is_whitespace) {
        return Err(NameError::Blank);
    }
    Ok(())
}

/// Whether a character takes no place of its own but changes how the rest looks: control and format characters, line
/// and paragraph separators. Programs that show names or content make these harmless (rule S5).
pub fn is_invisible(c: char) -> bool {
    // Most names are ASCII, and for those the table need not be asked.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn u1_legal_names() {
        for name in ["a", "Ana María", "名前", "O'Neil; DROP TABLE", "ERROR", "👩🏽", &"x".repeat(64)] {
            assert_eq!(UserName::new(name).map(|name| name.to_string()), Ok(name.to_owned()));
        }
    }

    #[test]
    fn u1_illegal_names_say_why() {
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
            (" a", NameError::Blank),
            ("a\u{3000}", NameError::Blank),
            (" ", NameError::Blank),
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
    fn a_name_is_found_by_its_text() {
        let names = std::collections::HashSet::from([UserName::new("Ana").expect("a legal name")]);
        assert!(names.contains("Ana"));
    }

    #[test]
    fn faults_read_well() {
        assert_eq!(NameError::Separator('|').to_string(), "a name holds no pipe");
        assert_eq!(NameError::Separator(',').to_string(), "a name holds no comma");
        let bidi = NameError::Invisible('\u{202e}').to_string();
        assert_eq!(bidi, "a name holds no control or format character, this one has U+202E");
    }
}
