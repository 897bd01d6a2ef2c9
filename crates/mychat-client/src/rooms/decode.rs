//! Frames of rooms → updates.

use mychat_proto::extension::capabilities;
use mychat_proto::{Capability, ExtensionReply, ReplyError, RosterReader, UserList};

use super::update::RoomUpdate;

/// Decodes the frames of rooms. Lists come in pages, and no other frame comes between two of them.
#[derive(Debug, Default)]
pub(crate) struct RoomDecoder {
    pages: RosterReader,
}

impl RoomDecoder {
    /// Decodes one frame that is not of MyChat/1. Returns `None` for a page after which another follows.
    pub(crate) fn decode(&mut self, frame: &[u8]) -> Result<Option<RoomUpdate>, ReplyError> {
        let own = str::to_owned;
        Ok(Some(match ExtensionReply::parse(frame)? {
            ExtensionReply::Capabilities { list } => {
                match capabilities(list).find(|capability| capability.name == Capability::ROOMS) {
                    Some(rooms) => RoomUpdate::Available { limit: rooms.limit.and_then(|limit| limit.parse().ok()) },
                    None => RoomUpdate::Unavailable,
                }
            }
            ExtensionReply::Join { room, user } => RoomUpdate::Joined { room: own(room), user: own(user) },
            ExtensionReply::Leave { room, user } => RoomUpdate::Left { room: own(room), user: own(user) },
            ExtensionReply::Say { room, sender, content } => {
                RoomUpdate::Said { room: own(room), from: own(sender), content: own(content) }
            }
            ExtensionReply::Rooms(list) => return Ok(self.complete(list).map(RoomUpdate::List)),
            ExtensionReply::Members { room, users } => {
                return Ok(self.complete(users).map(|users| RoomUpdate::Members { room: own(room), users }));
            }
            ExtensionReply::Operators { room, users } => {
                return Ok(self.complete(users).map(|users| RoomUpdate::Operators { room: own(room), users }));
            }
            ExtensionReply::Topic { room, by, text } => {
                RoomUpdate::Topic { room: own(room), by: own(by), text: own(text) }
            }
            ExtensionReply::Moderated { action, room, by, user } => {
                RoomUpdate::Moderated { action, room: own(room), by: own(by), user: own(user) }
            }
            ExtensionReply::Mode { room, by, mode } => {
                RoomUpdate::Mode { room: own(room), by: own(by), mode: own(mode) }
            }
        }))
    }

    fn complete(&mut self, page: UserList<'_>) -> Option<Vec<String>> {
        Some(self.pages.push(page)?.names().map(str::to_owned).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_of_a_list_are_one_update() {
        let mut decoder = RoomDecoder::default();
        assert_eq!(decoder.decode(b"MEMBERS|r|a,b,"), Ok(None));
        let users = ["a", "b", "c"].map(str::to_owned).to_vec();
        assert_eq!(decoder.decode(b"MEMBERS|r|c"), Ok(Some(RoomUpdate::Members { room: "r".to_owned(), users })));
        assert_eq!(decoder.decode(b"FOO|r"), Err(ReplyError::Unknown));
    }

    #[test]
    fn n1_an_answer_without_rooms_means_that_there_are_none() {
        let mut decoder = RoomDecoder::default();
        assert_eq!(decoder.decode(b"CAPABILITIES|ids,rooms=7"), Ok(Some(RoomUpdate::Available { limit: Some(7) })));
        assert_eq!(decoder.decode(b"CAPABILITIES|ids"), Ok(Some(RoomUpdate::Unavailable)));
        assert_eq!(decoder.decode(b"CAPABILITIES|"), Ok(Some(RoomUpdate::Unavailable)));
    }
}
