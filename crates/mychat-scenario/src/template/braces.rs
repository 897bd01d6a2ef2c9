//! Splits text with placeholders in braces into its pieces.

use crate::diagnostic::Problem;

/// A piece of text with braces in it.
pub(crate) enum Piece<'t> {
    /// Plain text, with `{{` and `}}` replaced by one brace.
    Text(String),
    /// The text between braces, and the byte offset of the opening brace.
    Braced { text: &'t str, at: usize },
}

/// Splits text at its braces.
pub(crate) fn braces(text: &str) -> Result<Vec<Piece<'_>>, Problem> {
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
                Problem::new("this brace is not closed").part(at..at + 1).help("write a literal brace as `{{`")
            })?;
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(Piece::Braced { text: &rest[1..end], at });
            at += end + 1;
        } else if c == '}' {
            return Err(Problem::new("this brace has no opening brace")
                .part(at..at + 1)
                .help("write a literal brace as `}}`"));
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
