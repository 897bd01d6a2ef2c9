//! The answer to `/rooms`: the user's rooms with their members and unread messages, then all others.

use unicode_width::UnicodeWidthStr;

use super::conversations::{Conversations, JoinedRoom};
use crate::console::input::room_label;
use crate::console::lang::Lang;
use crate::console::sanitize::sanitize;
use crate::console::text::RoomPhrase;

/// Maximum width of the column of names. A longer name moves its row to the right.
const MAX_NAME_COLUMNS: usize = 20;

/// Returns the lines of the list. `listed` are the rooms that the server has named.
pub(super) fn room_table(conversations: &Conversations, listed: &[String], lang: Lang) -> String {
    let own = conversations.rooms();
    let mut lines = Vec::new();
    if !own.is_empty() {
        lines.push(lang.say_room(&RoomPhrase::OwnRooms));
    }
    let width = |room: &JoinedRoom| sanitize(&room_label(&room.name)).width();
    let columns = own.iter().map(width).max().unwrap_or(0).min(MAX_NAME_COLUMNS);
    for room in own {
        let counts = RoomPhrase::Counts {
            present: room.members.len(),
            unread: room.unread.messages(),
            mentions: room.unread.mentions(),
        };
        let shown = if conversations.shown() == Some(&room.name) { ">" } else { " " };
        let padding = columns.saturating_sub(width(room));
        let topic = room.topic.as_deref().map(|topic| format!("  {topic}")).unwrap_or_default();
        lines.push(format!("{shown} {}{:padding$}  {}{topic}", room_label(&room.name), "", lang.say_room(&counts)));
    }
    let mut others: Vec<_> = listed.iter().filter(|room| conversations.room(room).is_none()).cloned().collect();
    others.sort();
    lines.push(lang.say_room(&if others.is_empty() {
        RoomPhrase::NoOtherRooms
    } else {
        RoomPhrase::OtherRooms(&others)
    }));
    // The text of other users must not begin a line.
    lines.iter().map(|line| sanitize(line)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::conversations::LineKind;
    use super::*;
    use crate::console::chat_line::ChatLine;

    #[test]
    fn own_rooms_have_counts_and_others_follow() {
        let mut all = Conversations::default();
        for (name, topic) in [("garden", Some("spring\ntime")), ("日本", None)] {
            all.enter(name);
            let room = all.room_mut(name).unwrap();
            room.members = vec!["Alice".into(), "Bob".into()];
            room.topic = topic.map(str::to_owned);
        }
        all.show(Some("garden"));
        all.deliver(Some("日本"), LineKind::Mention, "15:04", ChatLine::Notice(String::new()));
        let listed = ["日本", "shed", "garden", "my room"].map(str::to_owned);
        let table = room_table(&all, &listed, Lang::En);
        let expected = "your rooms:\n> #garden  2 here  spring␊time\n  #日本    2 here  1! unread\n\
                        other rooms: #\"my room\", #shed (/join #NAME)";
        assert_eq!(table, expected);
        assert!(room_table(&Conversations::default(), &[], Lang::Es).starts_with("no hay otras salas"));
    }
}
