//! Exceptions that a server printed: recognised in its output, by language, and told in one line.

/// An exception in the output of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PrintedException {
    /// The exception and its place, such as `IndexError: list index out of range (server.py, line 23, in handle)`.
    pub(crate) summary: String,
    /// The index of its first line.
    pub(crate) start: usize,
}

/// Returns the last exception in these lines.
pub(crate) fn last_exception(lines: &[String]) -> Option<PrintedException> {
    (0..lines.len())
        .rev()
        .find_map(|start| exception_at(&lines[start..]).map(|summary| PrintedException { summary, start }))
}

/// Returns the summary of an exception that begins at the first line.
fn exception_at(lines: &[String]) -> Option<String> {
    let (first, rest) = lines.split_first()?;
    if first.trim_end() == "Traceback (most recent call last):" {
        return python(rest);
    }
    if let Some(message) = first.strip_prefix("panic: ").or_else(|| first.strip_prefix("fatal error: ")) {
        return Some(with_place(&format!("panic: {message}"), go_place(rest)));
    }
    if first.starts_with("thread '") && first.contains("panicked at ") {
        let place = first.split("panicked at ").nth(1).map(|place| place.trim_end_matches(':').to_owned());
        return Some(with_place(&format!("panic: {}", rest.first()?), place));
    }
    let words =
        first.strip_prefix("Exception in thread ").and_then(|rest| rest.rsplit_once("\" ")).map(|(_, name)| name);
    let words = words.or_else(|| first.strip_prefix("Unhandled exception. ")).unwrap_or(first);
    let name = words.split([':', ' ']).next().unwrap_or_default();
    let is_named = name.ends_with("Error") || name.ends_with("Exception");
    let frame = rest.iter().take(4).find_map(|line| line.trim_start().strip_prefix("at "));
    if is_named && let Some(frame) = frame {
        return Some(with_place(words, Some(frame.to_owned())));
    }
    let crashed = ["Segmentation fault", "core dumped", "stack smashing detected", "free(): ", "AddressSanitizer:"];
    crashed.iter().any(|words| first.contains(words)).then(|| first.trim().to_owned())
}

/// Reads the lines after Python's headline: the frames, and the exception as the first line that is not indented.
fn python(lines: &[String]) -> Option<String> {
    let end = lines.iter().position(|line| !line.is_empty() && !line.starts_with(' '))?;
    let frame = lines[..end].iter().rev().find_map(|line| line.trim_start().strip_prefix("File "));
    let place = frame.map(|frame| {
        let (path, rest) = frame.trim_start_matches('"').split_once('"').unwrap_or((frame, ""));
        format!("{}{rest}", path.rsplit('/').next().unwrap_or(path))
    });
    Some(with_place(&lines[end], place))
}

/// Returns the first place in a stack of Go that is not in its runtime.
fn go_place(lines: &[String]) -> Option<String> {
    let place = |line: &String| line.strip_prefix("    ").filter(|line| !line.contains("/runtime/")).map(str::to_owned);
    lines.iter().find_map(place).map(|place| place.split(" +0x").next().unwrap_or_default().to_owned())
}

fn with_place(message: &str, place: Option<String>) -> String {
    place.map_or_else(|| message.trim().to_owned(), |place| format!("{} ({})", message.trim(), place.trim()))
}

/// The number of lines of an exception that are kept.
const MAX_LINES: usize = 14;
/// The number of other lines that are kept.
const OTHER_LINES: usize = 5;

/// Returns the lines to show: those of the last exception, or else the last lines.
pub(crate) fn telling_lines(lines: &[String], exception: Option<&PrintedException>) -> Vec<String> {
    let start = exception.map_or(lines.len().saturating_sub(OTHER_LINES), |exception| exception.start);
    let shown = &lines[start..];
    if shown.len() <= MAX_LINES {
        return shown.to_vec();
    }
    // The beginning has the kind of trouble, the end its place (Python), or the other way round (Java, Go).
    let (head, tail) = (&shown[..MAX_LINES / 2], &shown[shown.len() - MAX_LINES / 2..]);
    let left_out = format!("… {} more lines", shown.len() - head.len() - tail.len());
    head.iter().cloned().chain([left_out]).chain(tail.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(text: &str) -> Option<String> {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        last_exception(&lines).map(|exception| exception.summary)
    }

    #[test]
    fn an_exception_is_told_with_its_place_in_every_usual_language() {
        for (text, expected) in [
            (
                "listening\nTraceback (most recent call last):\n  File \"/srv/chat/server.py\", line 23, in handle\n    to = parts[1]\n         ~~~~~^^^\nIndexError: list index out of range",
                "IndexError: list index out of range (server.py, line 23, in handle)",
            ),
            (
                "panic: runtime error: index out of range [1]\n\ngoroutine 7 [running]:\nmain.handle(0x1)\n    /srv/chat/main.go:33 +0x1d",
                "panic: runtime error: index out of range [1] (/srv/chat/main.go:33)",
            ),
            (
                "thread '<unnamed>' panicked at src/main.rs:10:5:\nindex out of bounds\nnote: run with",
                "panic: index out of bounds (src/main.rs:10:5)",
            ),
            (
                "Exception in thread \"Thread-3\" java.lang.NullPointerException: name\n    at Server.handle(Server.java:41)",
                "java.lang.NullPointerException: name (Server.handle(Server.java:41))",
            ),
            (
                "TypeError: Cannot read properties of undefined\n    at handle (/srv/chat/server.js:12:3)",
                "TypeError: Cannot read properties of undefined (handle (/srv/chat/server.js:12:3))",
            ),
            ("Segmentation fault (core dumped)", "Segmentation fault (core dumped)"),
        ] {
            assert_eq!(summary(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn other_lines_are_no_exceptions() {
        for text in [
            "",
            "listening on 5000",
            "Error: ana left",
            "ConnectionError was handled",
            "Traceback (most recent call last):",
        ] {
            assert_eq!(summary(text), None, "{text}");
        }
    }

    #[test]
    fn the_lines_of_the_exception_are_shown_and_not_those_before() {
        let lines: Vec<String> = (0..40).map(|number| format!("line {number}")).collect();
        assert_eq!(telling_lines(&lines, None), lines[35..]);
        let exception = PrintedException { summary: String::new(), start: 10 };
        let shown = telling_lines(&lines, Some(&exception));
        assert_eq!((shown[0].as_str(), shown.len()), ("line 10", MAX_LINES + 1));
        assert_eq!(shown[MAX_LINES / 2], "… 16 more lines");
    }
}
