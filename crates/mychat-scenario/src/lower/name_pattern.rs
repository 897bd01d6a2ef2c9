//! Reads the pattern of user names, and checks the names of groups, stages and actors.

use crate::diagnostic::Problem;
use crate::grammar::value_type::ValueType;
use crate::model::{NamePattern, NamePiece};
use crate::suggest::{did_you_mean, shown};
use crate::template::braces::{Piece, braces};

/// Returns the default pattern of user names, `{group}{n}`.
pub(crate) fn default_pattern() -> NamePattern {
    NamePattern { pieces: vec![NamePiece::Group, NamePiece::Number { width: 0 }] }
}

/// Reads a pattern of names.
pub(crate) fn pattern(text: &str) -> Result<NamePattern, Problem> {
    let mut pieces = Vec::new();
    for piece in braces(text)? {
        pieces.push(match piece {
            Piece::Text(text) => NamePiece::Text(text),
            Piece::Braced { text: "group", .. } => NamePiece::Group,
            Piece::Braced { text: "n", .. } => NamePiece::Number { width: 0 },
            Piece::Braced { text: other, at } => {
                if let Some(width @ 1..=20_usize) = other.strip_prefix("n:0").and_then(|width| width.parse().ok()) {
                    NamePiece::Number { width }
                } else {
                    let mut problem = Problem::new(format!("`{{{}}}` is not a placeholder of a name", shown(other)))
                        .part(at..at + other.len() + 2)
                        .help("it takes {group}, {n}, or {n:04} for a number of four digits; {{ and }} are braces");
                    problem.label = did_you_mean(other, ["group", "n"]);
                    return Err(problem);
                }
            }
        });
    }
    if pieces.is_empty() {
        return Err(Problem::new("the name is empty").help(format!("it takes {}", ValueType::Naming.expected())));
    }
    Ok(NamePattern { pieces })
}

/// Checks a name that conditions and other keys refer to: a letter, then letters, digits, `_` and `-`.
pub(crate) fn identifier(text: &str, what: &str) -> Result<String, Problem> {
    const LONGEST: usize = 40;
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if text.len() <= LONGEST && text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(legal) {
        return Ok(text.to_owned());
    }
    Err(Problem::new(format!("`{}` is not a name for {what}", shown(text)))
        .help(format!("it is a letter a-z, then letters, digits, `_` and `-`, at most {LONGEST} characters")))
}

#[cfg(test)]
mod tests {
    use super::pattern;

    #[test]
    fn patterns_name_users() {
        let name = |text: &str| pattern(text).expect("a pattern").name("talkers", 7);
        assert_eq!(name("{group}{n}"), "talkers7");
        assert_eq!(name("reg{n:04}"), "reg0007");
        assert_eq!(name("{{ü}}-{n}"), "{ü}-7");
    }

    #[test]
    fn other_braces_are_errors() {
        for text in ["{m}", "{n:4}", "{n:099}", "{", "a}", "", "{n:0}", "{n:0x}"] {
            assert!(pattern(text).is_err(), "{text}");
        }
    }
}
