//! Spanish texts about rooms.

use mychat_client::{ErrorCode, Moderation, RoomMode};

use super::es::{names, server_error};
use super::phrase::{list_up_to, usage};
use super::room_phrase::{Refused, RoomPhrase};
use crate::console::input::{mode_word, room_label as label};
use crate::console::lang::Lang;
use crate::console::request::RoomRequest;

/// Maximum number of rooms in a list.
const MAX_LISTED_ROOMS: usize = 60;

pub(super) fn say(phrase: &RoomPhrase<'_>) -> String {
    match *phrase {
        RoomPhrase::Everybody => "todos".into(),
        RoomPhrase::NoRooms => "este servidor no tiene salas".into(),
        RoomPhrase::NoRoomsForText => {
            "no enviado: este servidor no tiene salas (##… envía un texto que empieza con #)".into()
        }
        RoomPhrase::RoomsLost(rooms) => {
            format!("el servidor ya no tiene salas; estabas en {}; Tab muestra a todos", labels(rooms))
        }
        RoomPhrase::Joined { room, user: None } => format!("entraste en {}", label(room)),
        RoomPhrase::Joined { room, user: Some(user) } => format!("{user} entró en {}", label(room)),
        RoomPhrase::JoinedAgain(room) => format!("de nuevo en {}", label(room)),
        RoomPhrase::Left { room, user: None } => format!("saliste de {}", label(room)),
        RoomPhrase::Left { room, user: Some(user) } => format!("{user} salió de {}", label(room)),
        RoomPhrase::Present { room, members, operators } => {
            let (count, room) = (members.len(), label(room));
            format!("{count} en {room}: {} (operadores: {})", names(members), names(operators))
        }
        RoomPhrase::Topic { room, by, text: "" } => format!("{by} quitó el tema de {}", label(room)),
        RoomPhrase::Topic { room, by, text } => format!("tema de {}, puesto por {by}: {text}", label(room)),
        RoomPhrase::TopicIs { room, text: Some(text) } => format!("tema de {}: {text}", label(room)),
        RoomPhrase::TopicIs { room, text: None } => format!("{} no tiene tema; /tema TEXTO lo pone", label(room)),
        RoomPhrase::Promoted { room, users } => format!("operadores de {} desde ahora: {}", label(room), names(users)),
        RoomPhrase::Moderated { action, room, by, user } => moderated(action, &label(room), by, user),
        RoomPhrase::Invited { room, by } => {
            let room = label(room);
            format!("{by} te invita a {room}; /entrar {room} acepta")
        }
        RoomPhrase::Removed { room, by } => format!("{by} te sacó de {}; Tab muestra otra sala", label(room)),
        RoomPhrase::Mode { room, by, mode } => mode_set(&label(room), by, mode),
        RoomPhrase::Heading { room, present, topic } => {
            let name = room.map_or_else(|| "todos".into(), label);
            format!("{name} · {present} aquí{}", topic.map(|topic| format!(" · {topic}")).unwrap_or_default())
        }
        RoomPhrase::Dropped(1) => "no se guardó 1 línea anterior".into(),
        RoomPhrase::Dropped(count) => format!("no se guardaron {count} líneas anteriores"),
        RoomPhrase::OwnRooms => "tus salas:".into(),
        RoomPhrase::Counts { present, unread, mentions } => {
            let mentions = if mentions > 0 { "!" } else { "" };
            let unread = if unread > 0 { format!("  {unread}{mentions} sin leer") } else { String::new() };
            format!("{present} aquí{unread}")
        }
        RoomPhrase::OtherRooms(rooms) => format!("otras salas: {} (/entrar #NOMBRE)", labels(rooms)),
        RoomPhrase::NoOtherRooms => "no hay otras salas públicas; /entrar #NOMBRE abre una nueva".into(),
        RoomPhrase::NotIn(room) => {
            let room = label(room);
            format!("no estás en {room}: /entrar {room} entra, Tab muestra otra sala, /todos TEXTO va a todos")
        }
        RoomPhrase::NotInMark => "(no estás)".into(),
        RoomPhrase::NeedRoom(command) => {
            let usage = usage(command, Lang::Es).replace("[#SALA]", "#SALA");
            format!("¿qué sala? escribe {usage}, o muestra antes una sala con Tab")
        }
        RoomPhrase::NameRoom(command) => {
            format!(
                "¿qué sala? escribe {}",
                usage(command, Lang::Es).replace("[#SALA]", "#SALA").replace("[TEXTO]", "TEXTO")
            )
        }
        RoomPhrase::Refused { request, error, because } => {
            refused(request, error.kind(), because).unwrap_or_else(|| format!("servidor: {}", server_error(error)))
        }
    }
}

fn labels(rooms: &[String]) -> String {
    let labels: Vec<_> = rooms.iter().map(|room| label(room)).collect();
    list_up_to(MAX_LISTED_ROOMS, &labels, |more| format!("y {more} más"))
}

fn moderated(action: Moderation, room: &str, by: &str, user: &str) -> String {
    match action {
        Moderation::Invite => format!("{by} invitó a {user} a {room}"),
        Moderation::Kick => format!("{by} sacó a {user} de {room}"),
        Moderation::Ban => format!("{by} vetó a {user} en {room}"),
        Moderation::Unban => format!("{by} levantó el veto de {user} en {room}"),
        Moderation::Grant => format!("{by} nombró a {user} operador de {room}"),
        Moderation::Revoke => format!("{by} quitó a {user} el cargo de operador de {room}"),
    }
}

fn mode_set(room: &str, by: &str, mode: &str) -> String {
    let Some(mode) = RoomMode::from_text(mode) else { return format!("{by}: {room} {mode}") };
    let meaning = match mode {
        RoomMode::Private => "solo entran invitados",
        RoomMode::Public => "todos pueden entrar",
        RoomMode::Quiet => "solo hablan los operadores",
        RoomMode::Open => "hablan todos los miembros",
        RoomMode::Stored => "el servidor guarda sus mensajes",
        RoomMode::Unstored => "el servidor no guarda sus mensajes",
    };
    format!("{by} hizo {room} {}: {meaning}", mode_word(mode, Lang::Es))
}

fn refused(request: &RoomRequest, code: Option<ErrorCode>, because: Refused<'_>) -> Option<String> {
    let room = request.room().map(label).unwrap_or_default();
    let ask =
        if because.operators.is_empty() { String::new() } else { format!("; pídelo a {}", names(because.operators)) };
    Some(match (request, code?) {
        (RoomRequest::Mode { .. }, ErrorCode::Malformed) => "este servidor no guarda mensajes de salas".into(),
        (RoomRequest::Join { .. }, ErrorCode::Forbidden) => {
            format!("{room} no te deja entrar: estás vetado o es privada; pide una invitación a un operador")
        }
        (RoomRequest::Join { .. }, ErrorCode::Conflict) => format!("ya estás en {room}"),
        (RoomRequest::Join { .. }, ErrorCode::Unavailable) => match because.room_limit {
            Some(limit) => format!("no entraste en {room}: estás en {limit} salas, el máximo; usa /dejar en una"),
            None => format!("no entraste en {room}: está llena o no caben más salas en el servidor; prueba más tarde"),
        },
        (RoomRequest::Join { .. } | RoomRequest::Moderate { .. }, ErrorCode::IllegalName) => {
            "el servidor no acepta ese nombre".into()
        }
        (RoomRequest::Say { .. }, ErrorCode::Forbidden) => {
            format!("no enviado: en {room} solo hablan los operadores{ask}")
        }
        (RoomRequest::Say { .. } | RoomRequest::Topic { .. }, ErrorCode::TooLarge) => {
            "muy largo para el servidor; acórtalo".into()
        }
        (RoomRequest::Moderate { action: Moderation::Ban, .. }, ErrorCode::Forbidden) if because.is_about_self => {
            "no puedes vetarte a ti mismo".into()
        }
        (_, ErrorCode::Forbidden) => format!("eso solo lo pueden hacer los operadores de {room}{ask}"),
        (RoomRequest::Moderate { action, user, .. }, ErrorCode::NoSuchUser) if because.is_member => match action {
            Moderation::Invite => {
                format!("no se puede invitar a {user}: no está conectado o su programa no tiene salas")
            }
            Moderation::Unban => format!("{user} no está vetado en {room}"),
            _ => format!("{user} no está en {room}; /miembros {room} muestra quién está"),
        },
        (_, ErrorCode::NoSuchUser) => format!("no estás en {room}; /entrar {room} entra"),
        (RoomRequest::Moderate { user, .. }, ErrorCode::Unavailable) => {
            format!("no se pudo con {user}: {room} tiene ya todos los vetos o invitaciones que el servidor permite")
        }
        (RoomRequest::List, ErrorCode::TooFast) => "acabas de pedir la lista de salas; espera un segundo".into(),
        _ => return None,
    })
}
