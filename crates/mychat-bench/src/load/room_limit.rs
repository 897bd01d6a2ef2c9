//! A user before the run that asks a server for chat rooms, so that a server without them is one clear error instead of
//! thousands of losses.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::error::CommandError;
use mychat_load::engine::shared::ProtocolSettings;
use mychat_proto::extension::capabilities;
use mychat_proto::{AckStatus, Capability, Deframer, ExtensionReply, Inbound, Reply};
use mychat_scenario::Scenario;

/// The answer of a server to `CAPABILITIES|rooms`.
#[derive(Debug, PartialEq, Eq)]
enum RoomsOffer {
    /// Rooms, and how many a user may be in, if it says so.
    Rooms(Option<u32>),
    /// No rooms, for this reason.
    None(String),
}

/// Fails if the scenario has rooms and the server at `address` has none, or not as many for a user.
pub(crate) async fn check_rooms(
    scenario: &Scenario,
    address: SocketAddr,
    protocol: ProtocolSettings,
) -> Result<(), CommandError> {
    let with_rooms = scenario.groups.iter().filter_map(|group| Some((group, group.rooms.as_ref()?)));
    let Some((group, most)) = with_rooms.max_by_key(|(_, rooms)| rooms.each) else { return Ok(()) };
    let offer = timeout(2 * protocol.reply_timeout, ask(address, protocol)).await;
    let why = match offer.unwrap_or_else(|_| Ok(RoomsOffer::None("it did not answer CAPABILITIES|rooms".to_owned()))) {
        Ok(RoomsOffer::Rooms(limit)) if limit.is_none_or(|limit| most.each <= limit) => return Ok(()),
        Ok(RoomsOffer::Rooms(limit)) => {
            let message = format!(
                "a user of `{}` joins {} rooms, and the server allows {}",
                group.name,
                most.each,
                limit.unwrap_or_default()
            );
            return Err(
                CommandError::could_not_run(message).hint("lower `each` of `rooms`, or raise the server's limit")
            );
        }
        Ok(RoomsOffer::None(why)) => why,
        // A server that lets nobody in is judged by the run.
        Err(_) => return Ok(()),
    };
    let message = format!("the server has no chat rooms, and the users of `{}` have `rooms`: {why}", group.name);
    Err(CommandError::could_not_run(message)
        .hint("rooms are an extension of the protocol; PROTOCOL.md, part two, has its rules"))
}

async fn ask(address: SocketAddr, protocol: ProtocolSettings) -> std::io::Result<RoomsOffer> {
    let mut stream = TcpStream::connect(address).await?;
    let mut request = format!("CONNECT|rooms{:08x}", rand::random::<u32>()).into_bytes();
    protocol.framing.end(&mut request, 0);
    stream.write_all(&request).await?;
    let mut deframer = Deframer::for_replies(protocol.reply_framing).lenient();
    let mut buffer = vec![0; 8192];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(RoomsOffer::None("it closed the connection".to_owned()));
        }
        let (mut feed, mut is_welcome, mut offer) = (deframer.feed(&buffer[..count]), false, None);
        while let Some(inbound) = feed.next() {
            let Inbound::Frame(frame) = inbound else { continue };
            is_welcome |= matches!(Reply::parse(frame), Ok(Reply::ConnectAck(AckStatus::Ok)));
            offer = offer.or_else(|| answer(frame));
        }
        if let Some(offer) = offer {
            let mut request = b"DISCONNECT".to_vec();
            protocol.framing.end(&mut request, 0);
            stream.write_all(&request).await?;
            return Ok(offer);
        }
        if is_welcome {
            let mut request = b"CAPABILITIES|rooms".to_vec();
            protocol.framing.end(&mut request, 0);
            stream.write_all(&request).await?;
        }
    }
}

/// Returns what a frame says about rooms; `None` if it is about something else.
fn answer(frame: &[u8]) -> Option<RoomsOffer> {
    match (Reply::parse(frame), ExtensionReply::parse(frame)) {
        (Ok(Reply::Error { code, text }), _) => {
            Some(RoomsOffer::None(format!("it answered CAPABILITIES|rooms by ERROR|{code}|{text}")))
        }
        (_, Ok(ExtensionReply::Capabilities { list })) => {
            let rooms = capabilities(list).find(|capability| capability.name == Capability::ROOMS);
            Some(match rooms {
                Some(rooms) => RoomsOffer::Rooms(rooms.limit.and_then(|limit| limit.parse().ok())),
                None => RoomsOffer::None(format!("it answered CAPABILITIES|{list}")),
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_whether_there_are_rooms() {
        let none = |why: &str| Some(RoomsOffer::None(format!("it answered {why}")));
        assert_eq!(answer(b"CAPABILITIES|history=5,rooms=50"), Some(RoomsOffer::Rooms(Some(50))));
        assert_eq!(answer(b"CAPABILITIES|rooms"), Some(RoomsOffer::Rooms(None)));
        assert_eq!(answer(b"CAPABILITIES|"), none("CAPABILITIES|"));
        assert_eq!(answer(b"ERROR|400|unknown"), none("CAPABILITIES|rooms by ERROR|400|unknown"));
        assert_eq!(answer(b"USER_LIST|a"), None);
    }
}
