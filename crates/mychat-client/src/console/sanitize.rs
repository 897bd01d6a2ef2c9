//! Replaces control and format characters in the text of other users by visible characters (rule S5).

use std::borrow::Cow;
use std::fmt::Write as _;

use mychat_proto::text::replace_hidden;

/// Returns the text with escape sequences, bidi overrides and other invisible characters in a visible form.
pub(crate) fn sanitize(text: &str) -> Cow<'_, str> {
    replace_hidden(text, show)
}

fn show(c: char, out: &mut String) {
    match c {
        '\t' => out.push_str("    "),
        '\u{7f}' => out.push('\u{2421}'),
        // The Unicode block of control pictures has the same order.
        '\0'..='\u{1f}' => out.extend(char::from_u32(0x2400 + u32::from(c))),
        _ => {
            let _ = write!(out, "<U+{:04X}>", u32::from(c));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dangerous_characters_become_visible() {
        let cases = [
            ("\u{1b}[2J\u{1b}]0;title\u{7}", "␛[2J␛]0;title␇"),
            ("a\rb\u{8}c\0d\u{7f}", "a␍b␈c␀d␡"),
            ("\u{9b}31m", "<U+009B>31m"),
            ("abc\u{202e}fed\u{2066}", "abc<U+202E>fed<U+2066>"),
            ("zero\u{200b}width\u{feff}", "zero<U+200B>width<U+FEFF>"),
            ("ad\u{200d}min", "ad<U+200D>min"),
            ("a\tb", "a    b"),
            ("line\u{2028}sep", "line<U+2028>sep"),
        ];
        for (text, shown) in cases {
            assert_eq!(sanitize(text), shown);
        }
    }

    #[test]
    fn honest_text_stays_as_it_is() {
        for text in ["¿qué tal?", "日本語", "👩\u{200d}👩\u{200d}👧 👍🏽 🇨🇴 ❤\u{fe0f}", "می\u{200c}خواهم", "e\u{301}"]
        {
            assert_eq!(sanitize(text), text);
        }
    }
}
