//! Results for a terminal. The text contains ANSI styles; the printing program strips them if the
//! output is no terminal. Each function takes the columns of the terminal, or `None` for lines of any length.

mod check_lines;
mod layout;
pub mod conformance;
pub mod run;
#[cfg(test)]
mod tests;

/// Lays out the lines of a text for a terminal of `columns`: one that is too long continues below.
pub fn laid_out(text: &str, columns: Option<usize>) -> String {
    let mut lines = layout::TextLayout::new(columns);
    text.lines().for_each(|line| lines.add(line));
    lines.finish()
}
