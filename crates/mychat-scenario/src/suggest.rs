//! Finds the known word that an unknown word most likely stands for.

use std::fmt::Write;

/// Returns the candidate that is nearest to `word`, if one is near enough.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > 64 {
        return None;
    }
    let plain = |text: &str| text.to_lowercase().replace(['-', ' '], "_");
    let wanted = plain(word);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&wanted, &plain(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len().max(word.len()) / 3).max(1))
        // A word of one letter is within one edit of everything: only its own spelling counts.
        .filter(|(distance, candidate)| *distance < candidate.chars().count().min(word.chars().count()).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Returns "did you mean …?" if a candidate is near enough.
pub(crate) fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(word, candidates).map(|candidate| format!("did you mean `{candidate}`?"))
}

/// Formats words as `a, b or c`; a long list is shortened.
pub(crate) fn listing<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 24;
    let words: Vec<&str> = words.into_iter().collect();
    let mut text = String::new();
    for (index, word) in words.iter().take(SHOWN).enumerate() {
        let before = match index {
            0 => "",
            _ if index + 1 == words.len() => " or ",
            _ => ", ",
        };
        let _ = write!(text, "{before}{}", shown(word));
    }
    if words.len() > SHOWN {
        let _ = write!(text, " and {} more", words.len() - SHOWN);
    }
    text
}

/// Returns text from a file in a form for messages: shortened, without control characters.
pub(crate) fn shown(text: &str) -> String {
    const SHOWN: usize = 48;
    let mut short: String =
        text.chars().take(SHOWN).map(|c| if mychat_proto::name::is_invisible(c) { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(SHOWN).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::{listing, nearest, shown};

    #[test]
    fn the_nearest_word_is_found() {
        let words = ["broadcast", "private", "garbage"];
        assert_eq!(nearest("brodcast", words), Some("broadcast"));
        assert_eq!(nearest("PRIVATE", words), Some("private"));
        assert_eq!(nearest("zebra", words), None);
        assert_eq!(nearest("x", ["a", "b"]), None);
    }

    #[test]
    fn words_are_listed_as_a_sentence() {
        assert_eq!(listing(["a"]), "a");
        assert_eq!(listing(["a", "b", "c"]), "a, b or c");
    }

    #[test]
    fn long_and_odd_words_are_shown_short_and_harmless() {
        assert_eq!(shown("a\u{1b}[31m"), "a\u{fffd}[31m");
        assert_eq!(shown(&"x".repeat(1000)).chars().count(), 49);
    }
}
