//! Turns the YAML parser's errors into advice, and refuses texts that must not reach the parser.

use crate::diagnostic::{Problem, line_and_column};

/// The deepest nesting of `[` and `{`; the parser's work grows with the square of it.
const DEEPEST: usize = 64;

/// Refuses texts that would keep the parser busy for minutes, or that it would misread without an error.
pub(crate) fn refuse(text: &str) -> Option<(Problem, Option<usize>)> {
    if text.trim().is_empty() {
        let help = "the smallest scenario has `name`, `users`, `load` and `expect`: see scenarios/smoke.yaml";
        return Some((Problem::new("the file is empty").help(help), None));
    }
    if let Some(byte) = text.find(is_forbidden) {
        let c = text[byte..].chars().next().map_or(0, u32::from);
        let problem = Problem::new(format!("a control character (U+{c:04X}) in the text"))
            .help("inside double quotes it can be written as an escape, such as \"\\x07\"");
        return Some((problem, Some(byte)));
    }
    if let Some(byte) = text.lines().find(|line| line.starts_with("%TAG")).map(|line| offset(text, line)) {
        return Some((Problem::new("`%TAG` has no meaning in a scenario"), Some(byte)));
    }
    let byte = too_deep(text)?;
    Some((Problem::new(format!("brackets are nested more than {DEEPEST} levels deep")), Some(byte)))
}

/// Returns the byte offset of `part` in `text`.
fn offset(text: &str, part: &str) -> usize {
    part.as_ptr() as usize - text.as_ptr() as usize
}

fn is_forbidden(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{85}')
}

/// Returns the byte where brackets nest too deeply, not counting comments and quoted text.
fn too_deep(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    let mut comment = false;
    let mut before = '\n';
    let mut chars = text.char_indices().peekable();
    while let Some((byte, c)) = chars.next() {
        let doubled = c == '\'' && chars.peek().is_some_and(|(_, next)| *next == '\'');
        match (c, quote) {
            ('\n', _) => comment = false,
            _ if comment => {}
            ('\\', Some('"')) => {
                chars.next();
            }
            ('\'', Some('\'')) if doubled => {
                chars.next();
            }
            (_, Some(open)) if c == open => quote = None,
            ('#', None) if before.is_whitespace() => comment = true,
            ('"' | '\'', None) if before.is_whitespace() || "[{,:-".contains(before) => quote = Some(c),
            ('[' | '{', None) => depth += 1,
            (']' | '}', None) => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return Some(byte);
        }
        before = c;
    }
    None
}

/// Explains the parser's message and adds advice.
pub(crate) fn explain(message: &str, text: &str, byte: Option<usize>) -> (Problem, Option<usize>) {
    if message.contains("more than one document") {
        let problem = Problem::new("a second document starts here, but a file is one scenario")
            .help("put the second scenario into a file of its own");
        return (problem, second_document(text));
    }
    if message.contains("recursion limit") {
        return (Problem::new("the values are nested more than 128 levels deep"), byte);
    }
    if message.contains("repetition limit") {
        return (Problem::new("too many aliases").help("write out what they stand for"), byte);
    }
    if message.contains("unknown anchor") {
        let problem = Problem::new("this alias has no anchor before it")
            .help("`*name` repeats what `&name` stands before; a value that starts with an asterisk needs quotes");
        return (problem, byte);
    }
    if let Some(opened) = context(message, "while scanning a quoted scalar", text) {
        return (Problem::new("this quote is never closed"), Some(opened));
    }
    let reason = message.split(" at line ").next().unwrap_or(message);
    let reason = reason.split(" at position ").next().unwrap_or(reason);
    let problem = Problem::new(format!("not YAML: {reason}"));
    let opened = context(message, "while parsing a flow", text).filter(|_| reason.contains("',' or"));
    if let Some(opened) = opened {
        let (line, column) = line_and_column(text, opened);
        let help = format!(
            "the bracket of line {line}, column {column} is not closed before this place, or a comma is missing"
        );
        return (problem.help(help), byte);
    }
    match byte.and_then(|byte| hint(reason, text, byte)) {
        Some(help) => (problem.help(help), byte),
        None => (problem, byte),
    }
}

/// Returns the start of the construct that the parser's message refers to.
fn context(message: &str, what: &str, text: &str) -> Option<usize> {
    let place = &message[message.find(what)?..];
    let mut numbers = place.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse::<usize>().ok());
    let (line, column) = (numbers.next()?, numbers.next()?);
    let line = text.split_inclusive('\n').nth(line.checked_sub(1)?)?;
    let (at, _) = line.char_indices().nth(column.checked_sub(1)?)?;
    Some(offset(text, line) + at)
}

fn hint(reason: &str, text: &str, byte: usize) -> Option<&'static str> {
    let start = text[..byte].rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[start..].lines().next().unwrap_or_default();
    let indent = &line[..line.len() - line.trim_start().len()];
    if indent.contains('\t') || text[byte..].starts_with('\t') {
        return Some("YAML must be indented with spaces, not with tabs");
    }
    if reason.contains("cannot start any token") {
        return Some("a value that starts with @, `, % or another special character of YAML needs quotes");
    }
    if reason.contains("mapping values are not allowed") {
        return Some(
            "a value that contains `: ` needs quotes; otherwise check the indentation of this line and the one before",
        );
    }
    if reason.contains("end of stream") {
        return Some("a quote is not closed");
    }
    if reason.contains("expected key") || reason.contains("expected '-' indicator") || reason.contains("block") {
        return Some("the keys of a map, and the dashes of a list, must have the same indentation");
    }
    if reason.contains("could not find expected ':'") {
        return Some("a key is followed by a colon and a space: `key: value`");
    }
    None
}

/// Returns the start of the second document: the first marker after some content.
fn second_document(text: &str) -> Option<usize> {
    let mut content = false;
    for line in text.split_inclusive('\n') {
        let marker = line.starts_with("---") || line.starts_with("...");
        if marker && content {
            return Some(offset(text, line));
        }
        let rest = line.trim_start_matches('-').trim();
        content |= !rest.is_empty() && !rest.starts_with(['#', '%']);
    }
    None
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use crate::parse;

    #[test]
    fn hostile_texts_are_refused_at_once() {
        let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n\
                    d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n";
        let texts = [
            "{a: ".repeat(100_000),
            "[".repeat(500_000),
            "- ".repeat(100_000),
            "%TAG !a! b\n".repeat(50_000),
            "a: &a [*a, *a]".to_owned(),
            bomb.to_owned(),
            format!("a: &a {}\nb: [{}]", "x".repeat(500_000), "*a,".repeat(50_000)),
            format!("name: {}", "x".repeat(900_000)),
            "a: 1\n".repeat(100_000),
        ];
        for text in texts {
            let before = Instant::now();
            let errors = parse("bomb.yaml", &text).expect_err("none of these is a scenario");
            assert!(errors.to_string().len() < 40_000);
            assert!(before.elapsed() < Duration::from_secs(5), "{}: {:?}", &text[..10], before.elapsed());
        }
    }
}
