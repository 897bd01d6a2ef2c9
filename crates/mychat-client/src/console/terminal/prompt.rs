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
    /// The user's name, and `(offline)`.
    pub(super) user: String,
    /// The room that is shown, and its state if the user is not in it.
    pub(super) room: Option<String>,
    /// The names of other conversations with their numbers of unread messages and of mentions.
    pub(super) unread: Vec<(String, usize, usize)>,
}

impl PromptParts {
    /// Returns prompts from the longest to the shortest, of which a screen shows the first that leaves enough space.
    pub(super) fn prompts(&self) -> Vec<String> {
        let marks = self.marks();
        let room = self.room.as_ref().map(|room| format!(" {room}")).unwrap_or_default();
        if room.is_empty() && marks.is_none() {
            return vec![format!("{}> ", self.user)];
        }
        let Some((long, short)) = marks else {
            return vec![format!("{}{room}> ", self.user), format!("{}> ", self.short_name())];
        };
        vec![
            format!("{}{room} [{long}]> ", self.user),
            format!("{}{room} [{short}]> ", self.user),
            format!("{} [{short}]> ", self.short_name()),
            format!("{}> ", self.short_name()),
        ]
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
        }
    }

    #[test]
    fn prompts_shrink_to_what_is_typed_to() {
        assert_eq!(parts(None, &[]).prompts(), ["Alice> "]);
        assert_eq!(parts(Some("#garden"), &[]).prompts(), ["Alice #garden> ", "#garden> "]);
        assert_eq!(
            parts(Some("#rose garden and trees"), &[("all", 2, 0), ("#shed", 3, 1)]).prompts(),
            [
                "Alice #rose garden and trees [all 2, #shed 3!]> ",
                "Alice #rose garden and trees [+5!]> ",
                "#rose gar… [+5!]> ",
                "#rose gar…> ",
            ]
        );
        let many: Vec<_> = ["#a", "#b", "#c", "#d"].map(|name| (name, 1, 0)).to_vec();
        assert_eq!(parts(None, &many).prompts()[0], "Alice [+4]> ");
        assert_eq!(parts(Some("#日本語日本語日本語"), &[]).prompts()[1], "#日本語日…> ");
    }

    proptest::proptest! {
        #[test]
        fn the_last_prompt_is_short(
            user in "\\PC{1,64}", room in proptest::option::of("#(\\PC|日|👍|\u{301}){1,64}"),
            unread in proptest::collection::vec(("#\\PC{1,20}", 1usize..5000, 0usize..3), 0..6),
        ) {
            let prompts = PromptParts { user, room, unread }.prompts();
            let widths: Vec<_> = prompts.iter().map(|prompt| sanitize(prompt).width()).collect();
            proptest::prop_assert!(widths.len() == 1 || *widths.last().unwrap() <= SHORT_ROOM_COLUMNS + 4, "{prompts:?}");
        }
    }
}
