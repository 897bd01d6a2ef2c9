//! Finds a user's name in a text.

/// Returns true if `text` contains the name as a word of its own, in upper or lower case.
pub(super) fn names_user(text: &str, name: &str) -> bool {
    let (text, name) = (text.to_lowercase(), name.to_lowercase());
    text.match_indices(&name).any(|(at, found)| {
        let before = text[..at].chars().next_back();
        let after = text[at + found.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_whole_word() {
        for text in ["Alice", "hola alice!", "@Alice: ven", "¿ALICE?", "malice or Alice"] {
            assert!(names_user(text, "Alice"), "{text}");
        }
        for text in ["", "malice", "Alices", "Ali ce"] {
            assert!(!names_user(text, "Alice"), "{text}");
        }
        assert!(names_user("gracias, ana maría.", "Ana María"));
        assert!(names_user("👍👍!", "👍👍"));
    }
}
