//! Finds the bytes of a node, or of a part of its value, in the text.

use std::ops::Range;

use super::node::Body;
use super::yaml_tree::Document;

/// Returns the bytes of a node. With `part` it returns the bytes of this part of the value, if the text contains the value
/// unchanged.
pub(crate) fn span(text: &str, document: &Document, id: usize, part: Option<&Range<usize>>) -> Option<Range<usize>> {
    let start = behind_properties(text, document.start(text, id)?);
    let node = document.root.find(id)?;
    let range = match &node.body {
        Body::Scalar { text: value, .. } => scalar(text, start, value, part),
        Body::List(_) | Body::Map(_) => start..start + line(&text[start..]).len(),
    };
    Some(range)
}

/// Returns the range of the character at a byte; the last character if the byte is beyond the end.
pub(crate) fn character(text: &str, byte: usize) -> Range<usize> {
    let range = within(text, 0, &(byte..byte));
    let length = text[range.start..].chars().next().filter(|c| *c != '\n').map_or(0, char::len_utf8);
    range.start..range.start + length
}

/// Skips `&anchor` and `!!tag` before a value.
fn behind_properties(text: &str, mut start: usize) -> usize {
    while text[start..].starts_with(['&', '!']) {
        let rest = &text[start..];
        let word = rest.find(char::is_whitespace).unwrap_or(rest.len());
        start += word + rest[word..].len() - rest[word..].trim_start().len();
    }
    start
}

fn scalar(text: &str, start: usize, value: &str, part: Option<&Range<usize>>) -> Range<usize> {
    let rest = &text[start..];
    let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
        // A value that is folded over lines, or written as a block, is shown by its first line.
        let whole = if rest.starts_with(value) { value.len() } else { line(rest).len() };
        return match part {
            Some(part) if rest.starts_with(value) => within(rest, start, part),
            _ => start..start + whole,
        };
    };
    if let (Some(part), true) = (part, rest[1..].starts_with(value)) {
        return within(rest, start, &(part.start + 1..part.end + 1));
    }
    start..start + quoted(rest, quote)
}

/// Returns the range of a part of a value, limited to the text and rounded to whole characters.
fn within(rest: &str, start: usize, part: &Range<usize>) -> Range<usize> {
    let border = |mut byte: usize| {
        byte = byte.min(rest.len());
        while !rest.is_char_boundary(byte) {
            byte -= 1;
        }
        byte
    };
    let from = border(part.start);
    start + from..start + border(part.end.max(part.start)).max(from)
}

/// Returns the length of a quoted value on its first line, quotes included.
fn quoted(rest: &str, quote: char) -> usize {
    let first = line(rest).len();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((byte, c)) = chars.next() {
        if byte >= first {
            break;
        }
        match c {
            '\\' if quote == '"' => {
                chars.next();
            }
            _ if c == quote && quote == '\'' && chars.peek().is_some_and(|(_, next)| *next == '\'') => {
                chars.next();
            }
            _ if c == quote => return byte + 1,
            _ => {}
        }
    }
    first
}

/// Returns the rest of the line, without a comment and trailing spaces.
fn line(rest: &str) -> &str {
    let line = rest.lines().next().unwrap_or_default();
    line.find(" #").map_or(line, |comment| &line[..comment]).trim_end()
}

#[cfg(test)]
mod tests {
    use super::span;
    use crate::syntax::yaml_tree::Document;

    #[expect(clippy::needless_pass_by_value, reason = "a range reads better in the tests")]
    fn at(text: &str, id: usize, part: Option<std::ops::Range<usize>>) -> &str {
        let document = Document::new(text).expect("the text is YAML");
        &text[span(text, &document, id, part.as_ref()).expect("the node is there")]
    }

    #[test]
    fn a_node_is_found_where_it_stands() {
        let text = "a: 1  # one\nb:\n  - \"it's\"\n  - 'don''t' # two\n  - { c: d e }\n";
        assert_eq!(at(text, 0, None), "a: 1");
        assert_eq!(at(text, 1, None), "a");
        assert_eq!(at(text, 2, None), "1");
        assert_eq!(at(text, 5, None), "\"it's\"");
        assert_eq!(at(text, 6, None), "'don''t'");
        assert_eq!(at(text, 7, None), "{ c: d e }");
        assert_eq!(at(text, 9, Some(2..3)), "e");
    }

    #[test]
    fn parts_are_found_in_quotes_and_behind_wide_characters() {
        assert_eq!(at("ä: \"öü x\"", 2, Some(5..6)), "x");
        assert_eq!(at("ä: öü x", 2, Some(5..6)), "x");
        assert_eq!(at("a: \"\\u00e4 x\"", 2, Some(3..4)), "\"\\u00e4 x\"");
    }

    #[test]
    fn anchors_and_tags_are_left_out_and_nothing_is_a_place_too() {
        assert_eq!(at("a: &x !!str 12", 2, None), "12");
        assert_eq!(at("a:\nb: 1", 2, None), "");
        assert_eq!(at("a: &x 12\nb: *x", 4, None), "12");
    }
}
