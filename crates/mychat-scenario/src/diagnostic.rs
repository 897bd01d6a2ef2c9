//! Errors in a scenario file, with their positions.

use std::error::Error;
use std::fmt::{self, Write};
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

/// The number of errors that are shown; further ones often follow from the first.
pub const MAX_SHOWN: usize = 20;

/// One error in a scenario file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The error.
    pub message: String,
    /// A note at the place itself, often "did you mean …?".
    pub label: Option<String>,
    /// Advice on a correct value.
    pub help: Option<String>,
    /// The file, as it was named.
    pub path: String,
    /// The line, from 1; `None` if the error concerns the whole file.
    pub line: Option<usize>,
    /// The column in characters, from 1.
    pub column: Option<usize>,
    /// The bytes of the text that are wrong.
    pub span: Option<Range<usize>>,
}

/// All errors of a file, by place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics {
    text: String,
    list: Vec<Diagnostic>,
    hidden: usize,
}

/// An error before its place in the file is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// See [`Diagnostic::message`].
    pub(crate) message: String,
    /// See [`Diagnostic::label`].
    pub(crate) label: Option<String>,
    /// See [`Diagnostic::help`].
    pub(crate) help: Option<String>,
    /// The bytes of the value that are wrong; `None`: all of it.
    pub(crate) part: Option<Range<usize>>,
}

impl Problem {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), label: None, help: None, part: None }
    }

    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn part(mut self, part: Range<usize>) -> Self {
        self.part = Some(part);
        self
    }

    /// Moves the part, for a value of `len` bytes that starts at byte `by` of a longer one.
    pub(crate) fn shift(mut self, by: usize, len: usize) -> Self {
        let part = self.part.unwrap_or(0..len);
        self.part = Some(part.start + by..part.end + by);
        self
    }

    /// Adds the position.
    pub(crate) fn at(self, path: &str, text: &str, span: Option<Range<usize>>) -> Diagnostic {
        let place = span.as_ref().map(|span| line_and_column(text, span.start));
        Diagnostic {
            message: self.message,
            label: self.label,
            help: self.help,
            path: path.to_owned(),
            line: place.map(|(line, _)| line),
            column: place.map(|(_, column)| column),
            span,
        }
    }
}

/// Returns the line and the column of a byte, both from 1, columns in characters.
pub(crate) fn line_and_column(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[start..].chars().count() + 1)
}

impl Diagnostics {
    /// Collects the errors of a file with this text; `hidden` counts the errors that the list leaves out.
    pub(crate) fn new(text: &str, mut list: Vec<Diagnostic>, hidden: usize) -> Self {
        list.sort_by_key(|diagnostic| diagnostic.span.as_ref().map_or(0, |span| span.start));
        Self { text: text.to_owned(), list, hidden }
    }

    /// Returns the errors in the order of their places.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    /// Returns the number of errors, those beyond [`MAX_SHOWN`] included.
    pub fn count(&self) -> usize {
        self.list.len() + self.hidden
    }

    /// Returns all errors as text for people, with the lines that they are in. The text ends with a newline.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let mut all = String::new();
        for diagnostic in &self.list {
            all.push_str(&renderer.render(&[self.group(diagnostic)]));
            all.push_str("\n\n");
        }
        if self.hidden > 0 {
            let _ = write!(all, "and {} more\n\n", self.hidden);
        }
        all.pop();
        all
    }

    fn group<'a>(&'a self, diagnostic: &'a Diagnostic) -> Group<'a> {
        let title = Level::ERROR.primary_title(diagnostic.message.as_str());
        let mut group = match (&diagnostic.span, diagnostic.line) {
            (Some(span), Some(line)) => {
                // Only the lines in question: the renderer's work grows with the text it is given.
                let from = self.text[..span.start].rfind('\n').map_or(0, |newline| newline + 1);
                let to = self.text[span.end..].find('\n').map_or(self.text.len(), |newline| span.end + newline);
                let to = to - usize::from(self.text[span.end..to].ends_with('\r'));
                let annotation =
                    AnnotationKind::Primary.span(span.start - from..span.end - from).label(diagnostic.label.as_deref());
                title.element(
                    Snippet::source(&self.text[from..to])
                        .line_start(line)
                        .path(diagnostic.path.as_str())
                        .annotation(annotation),
                )
            }
            _ => title.element(Origin::path(diagnostic.path.as_str())),
        };
        if let Some(help) = &diagnostic.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        group
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl Error for Diagnostics {}
