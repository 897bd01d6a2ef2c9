//! The pattern of user names into its pieces; and which names files may use for groups, stages and actors.

use super::diagnostic::Wrong;
use super::form::Form;
use super::model::{NamePattern, NamePiece};
use super::suggest::{did_you_mean, shown};

/// `{group}{n}`: how users are called where the file does not say.
pub(super) fn default_pattern() -> NamePattern {
    NamePattern { pieces: vec![NamePiece::Group, NamePiece::Number { width: 0 }] }
}

/// Reads a pattern of names.
pub(super) fn pattern(text: &str) -> Result<NamePattern, Wrong> {
    let mut pieces = Vec::new();
    for piece in braces(text)? {
        pieces.push(match piece {
            Piece::Text(text) => NamePiece::Text(text),
            Piece::Braced { text: "group", .. } => NamePiece::Group,
            Piece::Braced { text: "n", .. } => NamePiece::Number { width: 0 },
            Piece::Braced { text: other, at } => {
                if let Some(width @ 1..=20_usize) = other.strip_prefix("n:0").and_then(|width| width.parse().ok()) {
                    NamePiece::Number { width }
                } else {
                    let mut wrong = Wrong::new(format!("`{{{}}}` has no meaning in a name", shown(other)))
                        .part(at..at + other.len() + 2)
                        .help("it takes {group}, {n}, or {n:04} for a number of four digits; {{ and }} are braces");
                    wrong.label = did_you_mean(other, ["group", "n"]);
                    return Err(wrong);
                }
            }
        });
    }
    if pieces.is_empty() {
        return Err(Wrong::new("the name is empty").help(format!("it takes {}", Form::Naming.expected())));
    }
    Ok(NamePattern { pieces })
}

/// A piece of text with braces in it.
pub(crate) enum Piece<'t> {
    /// As it stands, `{{` and `}}` already one brace.
    Text(String),
    /// What stands between braces, and where the opening one is.
    Braced { text: &'t str, at: usize },
}

/// Cuts text at its braces.
pub(crate) fn braces(text: &str) -> Result<Vec<Piece<'_>>, Wrong> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        if rest.starts_with("{{") || rest.starts_with("}}") {
            plain.push(c);
            at += 2;
        } else if c == '{' {
            let end = rest.find('}').ok_or_else(|| {
                Wrong::new("this brace is never closed").part(at..at + 1).help("a brace itself is written `{{`")
            })?;
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(Piece::Braced { text: &rest[1..end], at });
            at += end + 1;
        } else if c == '}' {
            return Err(Wrong::new("this brace was never opened")
                .part(at..at + 1)
                .help("a brace itself is written `}}`"));
        } else {
            plain.push(c);
            at += c.len_utf8();
        }
    }
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    Ok(pieces)
}

/// A name that conditions and other keys refer to: a letter, then letters, digits, `_` and `-`.
pub(super) fn identifier(text: &str, what: &str) -> Result<String, Wrong> {
    const LONGEST: usize = 40;
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if text.len() <= LONGEST && text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(legal) {
        return Ok(text.to_owned());
    }
    Err(Wrong::new(format!("`{}` is not a name for {what}", shown(text))).help(format!(
        "it starts with a letter a-z, goes on with letters, digits, `_` and `-`, and has at most {LONGEST}"
    )))
}

#[cfg(test)]
mod tests {
    use super::pattern;

    #[test]
    fn patterns_name_users() {
        let name = |text: &str| pattern(text).expect("a pattern").name("talkers", 7);
        assert_eq!(name("{group}{n}"), "talkers7");
        assert_eq!(name("reg{n:04}"), "reg0007");
        assert_eq!(name("{{ü}}-{n}"), "{ü}-7");
    }

    #[test]
    fn other_braces_are_errors() {
        for text in ["{m}", "{n:4}", "{n:099}", "{", "a}", "", "{n:0}", "{n:0x}"] {
            assert!(pattern(text).is_err(), "{text}");
        }
    }
}
