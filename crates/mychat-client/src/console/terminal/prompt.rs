//! The prompt of the input row: the user, the room that is shown, and the conversations with unread messages.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::console::sanitize::sanitize;

/// Maximum number of conversations that the prompt names; a sum stands for more.
const MAX_MARKS: usize = 3;

/// Maximum width of the name of a room on a narrow screen.
const SHORT_ROOM_COLUMNS: usize = 10;

/// The parts of a prompt, in the words that it shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct PromptParts {
    /// The user's name.
    pub(super) user: String,
    /// `(offline)`, while the connection is lost.
    pub(super) offline: Option<String>,
    /// The room that is shown.
    pub(super) room: Option<String>,
    /// `(not in it)`, if the user is not in the room that is shown.
    pub(super) not_in_it: Option<String>,
    /// The names of other conversations with their numbers of unread messages and of mentions.
    pub(super) unread: Vec<(String, usize, usize)>,
}

impl PromptParts {
    /// Returns prompts from the longest to the shortest, of which a screen shows the first that leaves enough space.
    pub(super) fn prompts(&self) -> Vec<String> {
        let full = [Some(&self.user), self.offline.as_ref(), self.room.as_ref(), self.not_in_it.as_ref()];
        let full = full.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ");
        let marks = self.marks();
        if self.room.is_none() && marks.is_none() {
            return vec![format!("{full}> ")];
        }
        let name = self.short_name();
        let state = self.offline.as_ref().or(self.not_in_it.as_ref());
        let short = state.map_or_else(|| name.clone(), |state| format!("{name} {state}"));
        let mut prompts = Vec::new();
        if let Some((all, sum)) = &marks {
            prompts.push(format!("{full} [{all}]> "));
            prompts.push(format!("{full} [{sum}]> "));
            prompts.push(format!("{short} [{sum}]> "));
        } else {
            prompts.push(format!("{full}> "));
        }
        prompts.push(format!("{short}> "));
        prompts.push(if state.is_some() { format!("{name} (?)> ") } else { format!("{name}> ") });
        prompts
    }

    /// Returns the unread marks, one by one and as a sum. `!` stands for mentions.
    fn marks(&self) -> Option<(String, String)> {
        if self.unread.is_empty() {
            return None;
        }
        let sign = |mentions: usize| if mentions > 0 { "!" } else { "" };
        let one = |(name, messages, mentions): &(String, usize, usize)| format!("{name} {messages}{}", sign(*mentions));
        let messages: usize = self.unread.iter().map(|(_, messages, _)| messages).sum();
        let mentions: usize = self.unread.iter().map(|(_, _, mentions)| mentions).sum();
        let sum = format!("+{messages}{}", sign(mentions));
        let all = self.unread.iter().map(one).collect::<Vec<_>>().join(", ");
        Some((if self.unread.len() > MAX_MARKS { sum.clone() } else { all }, sum))
    }

    /// Returns what is typed to, in a few columns: the room, or the user's name.
    fn short_name(&self) -> String {
        let name = sanitize(self.room.as_deref().unwrap_or(&self.user));
        if name.width() <= SHORT_ROOM_COLUMNS {
            return name.into_owned();
        }
        let mut short = String::new();
        for grapheme in name.graphemes(true) {
            if short.width() + grapheme.width() >= SHORT_ROOM_COLUMNS {
                break;
            }
            short.push_str(grapheme);
        }
        short + "…"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(room: Option<&str>, unread: &[(&str, usize, usize)]) -> PromptParts {
        PromptParts {
            user: "Alice".into(),
            room: room.map(str::to_owned),
            unread: unread.iter().map(|&(name, messages, mentions)| (name.to_owned(), messages, mentions)).collect(),
            ..PromptParts::default()
        }
    }

    #[test]
    fn prompts_shrink_to_what_is_typed_to() {
        assert_eq!(parts(None, &[]).prompts(), ["Alice> "]);
        assert_eq!(parts(Some("#garden"), &[]).prompts(), ["Alice #garden> ", "#garden> ", "#garden> "]);
        assert_eq!(
            parts(Some("#rose garden and trees"), &[("all", 2, 0), ("#shed", 3, 1)]).prompts(),
            [
                "Alice #rose garden and trees [all 2, #shed 3!]> ",
                "Alice #rose garden and trees [+5!]> ",
                "#rose gar… [+5!]> ",
                "#rose gar…> ",
                "#rose gar…> ",
            ]
        );
        let many: Vec<_> = ["#a", "#b", "#c", "#d"].map(|name| (name, 1, 0)).to_vec();
        assert_eq!(parts(None, &many).prompts()[0], "Alice [+4]> ");
        assert_eq!(parts(Some("#日本語日本語日本語"), &[]).prompts()[1], "#日本語日…> ");
    }

    #[test]
    fn a_prompt_of_any_length_tells_that_nothing_can_be_sent() {
        let offline = PromptParts { offline: Some("(offline)".into()), ..parts(None, &[]) };
        assert_eq!(offline.prompts(), ["Alice (offline)> "]);
        let removed = PromptParts { not_in_it: Some("(not in it)".into()), ..parts(Some("#garden"), &[("all", 1, 0)]) };
        assert_eq!(
            removed.prompts(),
            [
                "Alice #garden (not in it) [all 1]> ",
                "Alice #garden (not in it) [+1]> ",
                "#garden (not in it) [+1]> ",
                "#garden (not in it)> ",
                "#garden (?)> ",
            ]
        );
        let both = PromptParts { offline: Some("(offline)".into()), ..removed };
        assert_eq!(both.prompts()[0], "Alice (offline) #garden (not in it) [all 1]> ");
    }

    proptest::proptest! {
        #[test]
        fn the_last_prompt_is_short(
            user in "\\PC{1,64}", room in "#(\\PC|日|👍|\u{301}){1,64}", states in proptest::option::of("\\PC{1,20}"),
            unread in proptest::collection::vec(("#\\PC{1,20}", 1usize..5000, 0usize..3), 0..6),
        ) {
            let prompts = PromptParts { user, offline: states.clone(), room: Some(room), not_in_it: states, unread }.prompts();
            let last = sanitize(prompts.last().unwrap()).width();
            proptest::prop_assert!(last <= SHORT_ROOM_COLUMNS + " (?)> ".len(), "{prompts:?}");
        }
    }
}
