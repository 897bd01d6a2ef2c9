//! Checks the placeholders inside frames, bytes and patterns: `{alice}`, `{fill:1023}`, `{hex:c3a9}`, `*`, `/…/`, `closed`.

use crate::diagnostic::Problem;
use crate::suggest::{did_you_mean, listing, shown};
use crate::template::braces::{Piece, braces};

/// Placeholders that are not names of actors.
pub(crate) const WORDS: [&str; 7] = ["fill", "hex", "star", "closed", "nothing", "nonce", "rep"];
const LONGEST_FILL: usize = 1 << 20;

/// The use of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextUse {
    /// A frame to send; its terminator is added.
    Frame,
    /// Bytes to send as they are.
    Bytes,
    /// A pattern for received frames.
    Pattern,
}

/// Checks a text and returns it unchanged. The runner of the case parses it again.
pub(crate) fn text(text: &str, kind: TextUse, actors: &[String]) -> Result<String, Problem> {
    if text.is_empty() {
        return Err(Problem::new("the text is empty"));
    }
    if kind == TextUse::Pattern && text.starts_with('/') {
        let Some(expression) = text[1..].strip_suffix('/') else {
            return Err(Problem::new("a regular expression must end with a `/`"));
        };
        // An invalid expression would match nothing, and the failure would be reported as the server's.
        return match regex_lite::Regex::new(expression) {
            Ok(_) => Ok(text.to_owned()),
            Err(error) => Err(Problem::new(format!("not a regular expression: {error}"))),
        };
    }
    if let (Some(at), TextUse::Frame) = (text.find(['\n', '\r']), kind) {
        let problem = Problem::new("a frame cannot contain a line end").part(at..at + 1);
        return Err(problem.help("use `bytes` to send it"));
    }
    let mut fills = 0;
    for piece in braces(text)? {
        if let Piece::Braced { text: inner, at } = piece {
            let part = at..at + inner.len() + 2;
            fills += usize::from(inner.starts_with("fill:"));
            placeholder(inner, kind, actors).map_err(|problem| problem.part(part.clone()))?;
            if fills > 1 {
                return Err(Problem::new("a frame can have one `{fill:N}` only").part(part));
            }
        }
    }
    if kind == TextUse::Pattern {
        stars(text)?;
    }
    Ok(text.to_owned())
}

fn placeholder(inner: &str, kind: TextUse, actors: &[String]) -> Result<(), Problem> {
    let (word, value) = inner.split_once(':').unwrap_or((inner, ""));
    match word {
        "fill" if kind != TextUse::Bytes => match value.parse::<usize>() {
            Ok(1..=LONGEST_FILL) => Ok(()),
            _ => {
                Err(Problem::new("`{fill:N}` pads the frame to N bytes").help("N is from 1 to 1048576: `{fill:1023}`"))
            }
        },
        "hex" if kind != TextUse::Frame => {
            let is_valid = !value.is_empty()
                && value.len().is_multiple_of(2)
                && value.bytes().all(|byte| byte.is_ascii_hexdigit());
            if is_valid {
                Ok(())
            } else {
                Err(Problem::new("`{hex:…}` takes two hexadecimal digits per byte").help("such as `{hex:c3a9}`"))
            }
        }
        "hex" => Err(Problem::new("`{hex:…}` is allowed in `bytes` and patterns only")
            .help("a frame is text; `bytes` sends any bytes")),
        "fill" => {
            Err(Problem::new("`{fill:N}` is allowed in frames and patterns only").help("`bytes` is sent as written"))
        }
        "star" if kind == TextUse::Pattern => Ok(()),
        "nonce" if value.is_empty() => Ok(()),
        "rep" => match value.split_once(':').map(|(count, text)| (count.parse::<usize>(), text)) {
            Some((Ok(1..=LONGEST_FILL), text)) if !text.is_empty() => Ok(()),
            _ => Err(Problem::new("`{rep:N:TEXT}` is TEXT, N times").help("such as `{rep:600:x}`")),
        },
        _ if actors.iter().any(|actor| actor == inner) => Ok(()),
        _ => {
            let names = || actors.iter().map(String::as_str);
            let mut problem = Problem::new(format!("`{}` is not an actor of this case", shown(inner)));
            problem.label = did_you_mean(inner, names());
            Err(problem.help(if actors.is_empty() {
                "there are no actors here; write literal braces as `{{` and `}}`".to_owned()
            } else {
                format!("its actors are {}; write literal braces as `{{{{` and `}}}}`", listing(names()))
            }))
        }
    }
}

fn stars(text: &str) -> Result<(), Problem> {
    let mut at = 0;
    for field in text.split('|') {
        if let (Some(star), true) = (field.find('*'), field != "*") {
            return Err(Problem::new("a `*` matches a whole field")
                .part(at + star..at + star + 1)
                .help("such as `ERROR|404|*`; a literal asterisk is `{star}`"));
        }
        at += field.len() + 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{TextUse, text};

    #[test]
    fn texts_of_each_kind() {
        let actors = ["alice".to_owned(), "bob".to_owned()];
        let legal = |kind, written: &str| text(written, kind, &actors).is_ok();
        assert!(legal(TextUse::Frame, "MESSAGE|{bob}|{fill:1023}"));
        assert!(legal(TextUse::Bytes, "caf{hex:c3a9}\n"));
        assert!(legal(TextUse::Pattern, "ERROR|*|*"));
        assert!(legal(TextUse::Pattern, "/^ERROR.*\\{x$/"));
        assert!(!legal(TextUse::Pattern, "/[/"), "an invalid expression must be an error of the file");
        assert!(legal(TextUse::Pattern, "BROADCAST|{alice}|{star}"));
        assert!(!legal(TextUse::Frame, "MESSAGE|{eve}|x"));
        assert!(!legal(TextUse::Frame, "a\nb"));
        assert!(!legal(TextUse::Bytes, "{hex:c}"));
        assert!(!legal(TextUse::Bytes, "{fill:3}"));
        assert!(!legal(TextUse::Pattern, "ERROR|4*|x"));
        assert!(!legal(TextUse::Pattern, "/x"));
        assert!(!legal(TextUse::Frame, "{fill:1}{fill:2}"));
    }
}
