//! English texts about rooms.

use mychat_client::{ErrorCode, Moderation};

use super::en::{names, server_error};
use super::phrase::{list_up_to, usage};
use super::room_phrase::{Refused, RoomPhrase};
use crate::console::input::room_label as label;
use crate::console::lang::Lang;
use crate::console::request::RoomRequest;

/// Maximum number of rooms in a list.
const MAX_LISTED_ROOMS: usize = 60;

pub(super) fn say(phrase: &RoomPhrase<'_>) -> String {
    match *phrase {
        RoomPhrase::Everybody => "all".into(),
        RoomPhrase::NoRooms => "this server has no rooms".into(),
        RoomPhrase::NoRoomsForText => "not sent: this server has no rooms (##… sends text that begins with #)".into(),
        RoomPhrase::RoomsLost(rooms) => {
            format!("the server has no rooms any more; you were in {}; Tab shows all users", labels(rooms))
        }
        RoomPhrase::Joined { room, user: None } => format!("you joined {}", label(room)),
        RoomPhrase::Joined { room, user: Some(user) } => format!("{user} joined {}", label(room)),
        RoomPhrase::JoinedAgain(room) => format!("joined {} again", label(room)),
        RoomPhrase::Left { room, user: None } => format!("you left {}", label(room)),
        RoomPhrase::Left { room, user: Some(user) } => format!("{user} left {}", label(room)),
        RoomPhrase::Present { room, members, operators } => {
            let (count, room) = (members.len(), label(room));
            format!("{count} in {room}: {} (operators: {})", names(members), names(operators))
        }
        RoomPhrase::Topic { room, by, text: "" } => format!("{by} removed the topic of {}", label(room)),
        RoomPhrase::Topic { room, by, text } => format!("topic of {}, set by {by}: {text}", label(room)),
        RoomPhrase::TopicIs { room, text: Some(text) } => format!("topic of {}: {text}", label(room)),
        RoomPhrase::TopicIs { room, text: None } => format!("{} has no topic; /topic TEXT sets one", label(room)),
        RoomPhrase::Promoted { room, users } => format!("operators of {} are now: {}", label(room), names(users)),
        RoomPhrase::Moderated { action, room, by, user } => moderated(action, &label(room), by, user),
        RoomPhrase::Invited { room, by } => {
            let room = label(room);
            format!("{by} invites you to {room}; /join {room} accepts")
        }
        RoomPhrase::Removed { room, by } => format!("{by} removed you from {}; Tab shows another room", label(room)),
        RoomPhrase::Mode { room, by, mode } => {
            format!("{by} made {} {mode}{}", label(room), meaning(mode))
        }
        RoomPhrase::Heading { room, present, topic } => {
            let name = room.map_or_else(|| "all users".into(), label);
            format!("{name} · {present} here{}", topic.map(|topic| format!(" · {topic}")).unwrap_or_default())
        }
        RoomPhrase::Dropped(1) => "1 older line was not kept".into(),
        RoomPhrase::Dropped(count) => format!("{count} older lines were not kept"),
        RoomPhrase::OwnRooms => "your rooms:".into(),
        RoomPhrase::Counts { present, unread, mentions } => {
            let mentions = if mentions > 0 { "!" } else { "" };
            let unread = if unread > 0 { format!("  {unread}{mentions} unread") } else { String::new() };
            format!("{present} here{unread}")
        }
        RoomPhrase::OtherRooms(rooms) => format!("other rooms: {} (/join #NAME)", labels(rooms)),
        RoomPhrase::NoOtherRooms => "no other public rooms; /join #NAME opens a new one".into(),
        RoomPhrase::NotIn(room) => {
            let room = label(room);
            format!(
                "you are not in {room}: /join {room} enters it, Tab shows another room, /all TEXT goes to all users"
            )
        }
        RoomPhrase::NotInMark => "(not in it)".into(),
        RoomPhrase::NeedRoom(command) => {
            let usage = usage(command, Lang::En).replace("[#ROOM]", "#ROOM");
            format!("which room? type {usage}, or show a room with Tab first")
        }
        RoomPhrase::NameRoom(command) => {
            format!(
                "which room? type {}",
                usage(command, Lang::En).replace("[#ROOM]", "#ROOM").replace("[TEXT]", "TEXT")
            )
        }
        RoomPhrase::Refused { request, error, because } => {
            refused(request, error.kind(), because).unwrap_or_else(|| format!("server: {}", server_error(error)))
        }
    }
}

fn labels(rooms: &[String]) -> String {
    let labels: Vec<_> = rooms.iter().map(|room| label(room)).collect();
    list_up_to(MAX_LISTED_ROOMS, &labels, |more| format!("and {more} more"))
}

fn moderated(action: Moderation, room: &str, by: &str, user: &str) -> String {
    match action {
        Moderation::Invite => format!("{by} invited {user} to {room}"),
        Moderation::Kick => format!("{by} removed {user} from {room}"),
        Moderation::Ban => format!("{by} banned {user} from {room}"),
        Moderation::Unban => format!("{by} lifted the ban of {user} in {room}"),
        Moderation::Grant => format!("{by} made {user} an operator of {room}"),
        Moderation::Revoke => format!("{by} made {user} a plain member of {room}"),
    }
}

fn meaning(mode: &str) -> &'static str {
    match mode {
        "private" => ": only invited users may join",
        "public" => ": everybody may join",
        "quiet" => ": only operators may speak",
        "open" => ": all members may speak",
        "stored" => ": the server keeps its messages",
        "unstored" => ": the server does not keep its messages",
        _ => "",
    }
}

fn refused(request: &RoomRequest, code: Option<ErrorCode>, because: Refused<'_>) -> Option<String> {
    let room = request.room().map(label).unwrap_or_default();
    let ask = if because.operators.is_empty() { String::new() } else { format!("; ask {}", names(because.operators)) };
    Some(match (request, code?) {
        (RoomRequest::Mode { .. }, ErrorCode::Malformed) => "this server keeps no messages of rooms".into(),
        (RoomRequest::Join { .. }, ErrorCode::Forbidden) => format!(
            "{room} does not let you in: you are banned, or it is private; ask one of its operators for an invitation"
        ),
        (RoomRequest::Join { .. }, ErrorCode::Conflict) => format!("you are in {room} already"),
        (RoomRequest::Join { .. }, ErrorCode::Unavailable) => match because.room_limit {
            Some(limit) => {
                format!("{room} not joined: you are in {limit} rooms, as many as a user may be in; /leave one")
            }
            None => format!("{room} not joined: it is full, or the server has no space for a new room; try later"),
        },
        (RoomRequest::Join { .. } | RoomRequest::Moderate { .. }, ErrorCode::IllegalName) => {
            "the server does not accept this name".into()
        }
        (RoomRequest::Say { .. }, ErrorCode::Forbidden) => {
            format!("not sent: {room} is quiet, only operators may speak{ask}")
        }
        (RoomRequest::Say { .. } | RoomRequest::Topic { .. }, ErrorCode::TooLarge) => {
            "too long for the server; shorten it".into()
        }
        (RoomRequest::Moderate { action: Moderation::Ban, .. }, ErrorCode::Forbidden) if because.is_about_self => {
            "you cannot ban yourself".into()
        }
        (_, ErrorCode::Forbidden) => format!("only operators of {room} may do this{ask}"),
        (RoomRequest::Moderate { action, user, .. }, ErrorCode::NoSuchUser) if because.is_member => match action {
            Moderation::Invite => {
                format!("{user} cannot be invited: not connected, or with a program that has no rooms")
            }
            Moderation::Unban => format!("{user} is not banned from {room}"),
            _ => format!("{user} is not in {room}; /members {room} lists who is"),
        },
        (_, ErrorCode::NoSuchUser) => format!("you are not in {room}; /join {room} enters it"),
        (RoomRequest::Moderate { action, user, .. }, ErrorCode::Unavailable) => {
            let done = if *action == Moderation::Ban { "banned" } else { "invited" };
            format!("{user} was not {done}: {room} has as many bans or invitations as the server allows")
        }
        (RoomRequest::List, ErrorCode::TooFast) => "you asked for the rooms a moment ago; wait a second".into(),
        _ => return None,
    })
}
