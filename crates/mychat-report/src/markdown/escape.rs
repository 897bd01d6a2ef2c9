//! Escapes text from peers and files for Markdown.

use crate::visible;

/// Escapes what Markdown and HTML would interpret, and joins lines.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in visible(text).chars() {
        match c {
            '\n' => safe.push(' '),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' => safe.extend(['\\', c]),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            c => safe.push(c),
        }
    }
    safe
}

/// Formats text as code. Uses HTML's tag: a table would split backticked text at a pipe.
pub(crate) fn code(text: &str) -> String {
    format!("<code>{}</code>", escaped(text))
}
