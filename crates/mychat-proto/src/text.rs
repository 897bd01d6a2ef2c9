//! Makes text from others safe to show (rule S5).
//!
//! Control characters could drive the reader's terminal, and format characters could change how the surrounding text looks.
//! All programs find them with [`hidden_characters`].

use std::borrow::Cow;

use crate::name::is_invisible;

/// Zero-width non-joiner and joiner. Emoji sequences and Persian and Indic words need them.
const JOINERS: [char; 2] = ['\u{200c}', '\u{200d}'];

/// Black flag, the first character of the flags of England, Scotland and Wales.
const FLAG: char = '\u{1f3f4}';

/// Returns the places and values of the characters that must be escaped before a text is shown: the
/// [invisible](is_invisible) ones, except joiners and tags where a script or an emoji needs them.
pub fn hidden_characters(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut before = ' ';
    let mut flag_end = 0;
    text.char_indices().filter(move |&(at, c)| {
        let next = || text[at + c.len_utf8()..].chars().next();
        let joins = JOINERS.contains(&c) && is_joinable(before) && next().is_some_and(is_joinable);
        if c == FLAG {
            flag_end = at + flag_length(&text[at..]);
        }
        before = c;
        is_invisible(c) && !joins && at >= flag_end
    })
}

/// Escapes the hidden characters of a text except line feeds and tabs, for example `\u{202e}`.
pub fn visible(text: &str) -> Cow<'_, str> {
    escaped(text, |c| !matches!(c, '\n' | '\t'))
}

/// Escapes all hidden characters of a text, so that it stays on one line.
pub fn visible_line(text: &str) -> Cow<'_, str> {
    escaped(text, |_| true)
}

/// Replaces the hidden characters of a text: `show` writes the replacement of each.
pub fn replace_hidden(text: &str, mut show: impl FnMut(char, &mut String)) -> Cow<'_, str> {
    let mut out = String::new();
    let mut copied = 0;
    for (at, c) in hidden_characters(text) {
        out.push_str(&text[copied..at]);
        show(c, &mut out);
        copied = at + c.len_utf8();
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

fn escaped(text: &str, is_escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    replace_hidden(text, |c, out| if is_escaped(c) { out.extend(c.escape_default()) } else { out.push(c) })
}

/// Returns true if a joiner is useful next to `c`. Between ASCII letters it would only make two names look alike.
fn is_joinable(c: char) -> bool {
    !c.is_ascii() && !is_invisible(c)
}

/// Returns the bytes of a flag with its tags, which name a region by lowercase letters and digits; 0 if there is no
/// complete sequence.
fn flag_length(text: &str) -> usize {
    const LONGEST: usize = 6;
    let Some(tags) = text.strip_prefix(FLAG) else { return 0 };
    let is_tag = |c: &char| matches!(c, '\u{e0030}'..='\u{e0039}' | '\u{e0061}'..='\u{e007a}');
    let region: usize = tags.chars().take(LONGEST).take_while(is_tag).map(char::len_utf8).sum();
    let ends = region > 0 && tags[region..].starts_with('\u{e007f}');
    if ends { text.len() - tags.len() + region + '\u{e007f}'.len_utf8() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s5_what_could_deceive_is_escaped() {
        for (text, shown) in [
            ("\u{1b}[2J\0", "\\u{1b}[2J\\u{0}"),
            ("abc\u{202e}fed", "abc\\u{202e}fed"),
            ("ad\u{200d}min", "ad\\u{200d}min"),
            ("ends in a joiner 👩\u{200d}", "ends in a joiner 👩\\u{200d}"),
            ("hidden\u{e0068}\u{e0069}", "hidden\\u{e0068}\\u{e0069}"),
            ("🏴\u{e0067}\u{e0062}", "🏴\\u{e0067}\\u{e0062}"),
            ("🏴\u{e007f}", "🏴\\u{e007f}"),
            ("🏴\u{e0067}\u{e007f}\u{202e}fed", "🏴\u{e0067}\u{e007f}\\u{202e}fed"),
            ("over\rwritten\n\t", "over\\rwritten\n\t"),
        ] {
            assert_eq!(visible(text), shown);
        }
        assert_eq!(visible_line("two\nlines\t"), "two\\nlines\\t");
    }

    #[test]
    fn s5_honest_text_stays_as_it_is() {
        let england = "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}";
        for text in ["¿qué?", "👩\u{200d}👩\u{200d}👧 👍🏽 ❤\u{fe0f}\u{200d}🔥", "می\u{200c}خواهم", "e\u{301}", england]
        {
            assert!(matches!(visible_line(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn escaping_again_changes_nothing(text in "\\PC{0,20}|.{0,20}|[🏴\u{e0061}\u{e007f}\u{200d}👩a]{0,9}") {
            let once = visible_line(&text);
            proptest::prop_assert_eq!(visible_line(&once), once.as_ref());
            proptest::prop_assert!(once.chars().all(|c| !c.is_control()));
        }
    }
}
