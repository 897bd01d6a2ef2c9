//! The words of a command: names of users, and names of rooms after `#`. A name with spaces is in quotation marks.

use super::InputError;

/// A word of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// The word without `#` and quotation marks.
    pub(super) text: String,
    /// True if it began with `#`.
    pub(super) is_room: bool,
}

/// Cuts the first word off. Returns the word and the text after one space, or `None` if there is no word.
pub(super) fn first_word(text: &str) -> Result<Option<(Word, &str)>, InputError> {
    let text = text.trim_start();
    if text.is_empty() {
        return Ok(None);
    }
    let after_mark = text.strip_prefix('#');
    let (word, rest) = cut_name(after_mark.unwrap_or(text))?;
    Ok(Some((Word { text: word.to_owned(), is_room: after_mark.is_some() }, rest)))
}

/// Returns all words.
pub(super) fn words(mut text: &str) -> Result<Vec<Word>, InputError> {
    let mut words = Vec::new();
    while let Some((word, rest)) = first_word(text)? {
        words.push(word);
        text = rest;
    }
    Ok(words)
}

/// Splits `name text` or `"a name" text`. One space separates them; the rest is unchanged content (rule S5).
pub(super) fn cut_name(text: &str) -> Result<(&str, &str), InputError> {
    match text.strip_prefix('"') {
        Some(quoted) => {
            let (name, rest) = quoted.split_once('"').ok_or(InputError::OpenQuote)?;
            Ok((name, rest.strip_prefix(' ').unwrap_or(rest)))
        }
        None => Ok(text.split_once(' ').unwrap_or((text, ""))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_marks_and_quotes() {
        let word = |text: &str, is_room| Word { text: text.to_owned(), is_room };
        let split = |text| words(text).unwrap();
        assert_eq!(split(" bob  #garden "), [word("bob", false), word("garden", true)]);
        assert_eq!(split("#\"my room\" \"Ana María\""), [word("my room", true), word("Ana María", false)]);
        assert_eq!(split("##x \"#y\""), [word("#x", true), word("#y", false)]);
        assert_eq!(split("  "), []);
        assert_eq!(words("bob #\"my room"), Err(InputError::OpenQuote));
    }
}
