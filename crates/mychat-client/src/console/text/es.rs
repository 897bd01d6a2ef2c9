//! Spanish texts.

use std::io;

use mychat_client::{DisconnectCause, ErrorCode, NameError, Refusal, SendError, ServerError};

use super::phrase::{Phrase, list, mode_words, usage};
use crate::console::input::{InputError, room_label};
use crate::console::lang::Lang;

pub(super) fn say(phrase: &Phrase<'_>) -> String {
    match phrase {
        Phrase::AskName => "tu nombre: ".into(),
        Phrase::Connecting => "conectando… ".into(),
        Phrase::Connected { addr, name } => {
            format!("conectado a {addr} como {name}; /ayuda explica las órdenes")
        }
        Phrase::UserCount(users) if users.len() == 1 => format!("1 aquí: {}", names(users)),
        Phrase::UserCount(users) => format!("{} aquí: {}", users.len(), names(users)),
        Phrase::UsersJoined(users) if users.len() == 1 => format!("{} entró", names(users)),
        Phrase::UsersJoined(users) => format!("{} entraron", names(users)),
        Phrase::UsersLeft(users) if users.len() == 1 => format!("{} salió", names(users)),
        Phrase::UsersLeft(users) => format!("{} salieron", names(users)),
        Phrase::Reconnecting(error) => format!("conexión perdida ({}); reconectando", loss(error)),
        Phrase::Offline => "sin conexión".into(),
        Phrase::Reconnected => "conectado de nuevo".into(),
        Phrase::ConnectionLost(error) => format!("conexión perdida: {}", loss(error)),
        Phrase::Leaving => "adiós".into(),
        Phrase::Refused { name, error } => format!("el servidor rechazó el nombre {name}: {}", refusal(error)),
        Phrase::IllegalName(error) => format!("nombre no válido: {}", name_error(error)),
        Phrase::Unreachable { addr, error } => format!("no se puede llegar a {addr}: {}", io_error(error)),
        Phrase::NoAnswer { addr, waited } => {
            format!("{addr} aceptó la conexión y no respondió en {} s; prueba --framing auto", waited.as_secs())
        }
        Phrase::NotSent(error) => format!("no enviado: {}", send_error(error)),
        Phrase::NotSentLine { line, error } => format!("no se envió nada: línea {line}: {}", send_error(error)),
        Phrase::InvalidInput(error) => input_error(error),
        Phrase::NoReplyTarget => "todavía nadie te ha escrito".into(),
        Phrase::ServerError(error) => format!("servidor: {}", server_error(error)),
        Phrase::NoSuchUser(name) => format!("no existe el usuario {name}"),
        Phrase::Unreadable => "el servidor envió un mensaje no válido".into(),
        Phrase::Help => HELP.into(),
        Phrase::MoreHelp => "salas: /ayuda salas".into(),
        Phrase::RoomHelp => ROOM_HELP.into(),
        Phrase::UnknownArgument(argument) => format!("argumento desconocido {argument}; consulta --help"),
        Phrase::BadValue { argument, value, allowed } => {
            let fault = value.map_or_else(
                || format!("falta el valor de {argument}"),
                |value| format!("{argument} no puede ser {value}"),
            );
            if allowed.is_empty() { fault } else { format!("{fault}; puede ser {allowed}") }
        }
        Phrase::NeedName => "hace falta un nombre: --name NOMBRE".into(),
        Phrase::OnceNeedsMessage => "--once lleva un mensaje: TEXTO, @NOMBRE TEXTO o #SALA TEXTO".into(),
        Phrase::NotUtf8 => "no enviado: no es UTF-8".into(),
    }
}

const HELP: &str = "\
texto              a todos
@bob texto         solo a bob; @\"Ana María\" si el nombre tiene espacios
/msg NOMBRE TEXTO  lo mismo
/responder TEXTO   a quien te escribió por última vez
/usuarios          quién está
/ayuda             mostrar esta ayuda
/salir             salir (también Ctrl-D)
//texto  @@texto   un texto que empieza con / o @

Tab completa órdenes, y nombres tras @ · Arriba y Abajo: lo que escribiste antes
marcas:  › tuyo   * te nombra   ← solo para ti   → tuyo para uno
         · avisos   ! errores";

const ROOM_HELP: &str = "\
/entrar #SALA      entrar en una sala, o abrirla; #\"mi sala\" con espacios
/dejar [#SALA]     dejar una sala; sin #SALA, la que se ve
/salas             las salas, y en las tuyas lo que no has leído
texto              a la sala que dice la línea de entrada, o a todos
#SALA TEXTO        a otra de tus salas (##texto empieza con #)
/todos [TEXTO]     a todos; sin TEXTO, mostrar la charla de todos
/miembros [#SALA]  quién está en una sala, y sus operadores
/tema [#SALA] [TEXTO]       mostrar o poner el tema; \"\" lo quita
/invitar NOMBRE [#SALA]     dejar entrar a alguien en una sala privada
/expulsar NOMBRE [#SALA]    sacar a un miembro
/vetar NOMBRE [#SALA]       no dejarlo entrar; /readmitir lo acaba
/nombrar NOMBRE [#SALA]     hacerlo operador; /degradar lo acaba
/modo MODO [#SALA]          privada o pública, callada o abierta,
                            guardada o efímera

Tab en una línea vacía muestra la sala siguiente, Mayús-Tab la anterior, Alt-A
una con mensajes sin leer. [#taller 3!]: 3 sin leer, uno te nombra.";

pub(super) fn help(id: &str) -> &'static str {
    match id {
        "about" => "Un cliente de MyChat para la terminal y para scripts",
        "usage" => "Uso",
        "arguments" => "Argumentos",
        "options" => "Opciones",
        "addr" => "Servidor, HOST o HOST:PUERTO [por defecto: 127.0.0.1:5000]",
        "name" => "Tu nombre; en una terminal se pregunta si falta",
        "framing" => {
            "Cómo termina una trama: lf (salto de línea), raw (un segmento es una trama, como el servidor original), auto (detectarlo)"
        }
        "lang" => "Idioma, en o es [por defecto: según LANG]",
        "color" => "Colores: auto, always o never; se respeta NO_COLOR",
        "reconnect" => "Volver tras perder la conexión (en una terminal: por defecto)",
        "no_reconnect" => "Salir al perder la conexión (en una tubería: por defecto)",
        "json" => "Eventos en JSON, un objeto por línea",
        "stay" => "Quedarse cuando la entrada estándar termina, hasta que el servidor cierre o llegue una señal",
        "once" => "Enviar este único mensaje (@bob hola es privado, #jardín hola va a una sala) y salir",
        "help" => "Mostrar esta ayuda",
        "version" => "Mostrar la versión",
        "after" => {
            "\
En una terminal es un chat: allí /ayuda muestra lo que se puede escribir. Si la entrada o la salida \
estándar no es una terminal, cada línea se envía como si se escribiera, y los eventos salen en líneas \
de campos separados por tabuladores: connected NOMBRE TRAMA, broadcast DE TEXTO, message DE TEXTO, \
users LISTA, joined LISTA, left LISTA, error CÓDIGO TEXTO, lost MOTIVO, back, closed MOTIVO; de salas: say SALA DE TEXTO, \
room_joined SALA QUIÉN, room_left SALA QUIÉN, members SALA LISTA, operators SALA LISTA, topic SALA POR TEXTO, mode SALA POR \
MODO, rooms LISTA, e invite, kick, ban, unban, grant, revoke SALA POR QUIÉN. Una línea #jardín hola entra antes en la sala si \
hace falta. Los errores van a la salida de errores.

Códigos de salida:
  0    se enviaron todos los mensajes
  1    un mensaje fue rechazado, aquí (muy largo, …) o por el servidor (usuario desconocido, …)
  2    uso incorrecto, o un nombre no válido
  3    no se llega al servidor, o se perdió la conexión
  4    el servidor rechazó el nombre
  130  detenido con Ctrl-C u otra señal"
        }
        _ => "",
    }
}

pub(super) fn names(users: &[String]) -> String {
    list(users, |more| format!("y {more} más"))
}

fn loss(error: &DisconnectCause) -> String {
    match error {
        DisconnectCause::ServerClosed => "la cerró el servidor".into(),
        DisconnectCause::Io(kind) => io_kind(*kind).map_or_else(|| "error de red".into(), str::to_owned),
        DisconnectCause::Unterminated => "el servidor no envía terminadores; prueba --framing auto".into(),
        DisconnectCause::NoAnswer => "el servidor no responde".into(),
        DisconnectCause::Refused(error) => format!("el servidor rechazó el nombre: {}", refusal(error)),
        _ => error.to_string(),
    }
}

fn refusal(error: &Refusal) -> String {
    match error {
        Refusal::InUse => "está en uso".into(),
        Refusal::IllegalName => "allí no es válido".into(),
        Refusal::Unavailable => "el servidor está lleno o se está cerrando".into(),
        Refusal::Unexplained => "no da motivo; quizá el nombre está en uso".into(),
        Refusal::Other { code, text } => format!("{code} {text}"),
        _ => error.to_string(),
    }
}

fn name_error(error: &NameError) -> String {
    match error {
        NameError::Empty => "está vacío".into(),
        NameError::TooLong { bytes } => format!("tiene {bytes} bytes; el máximo es 64"),
        NameError::Separator(c) => format!("contiene {c}"),
        NameError::Invisible(c) => format!("contiene el carácter invisible U+{:04X}", u32::from(*c)),
        NameError::Blank(c) => format!("contiene el carácter vacío U+{:04X}", u32::from(*c)),
        NameError::LeadingMark(c) => format!("empieza con la marca combinable U+{:04X}", u32::from(*c)),
        NameError::OuterWhitespace => "empieza o termina con un espacio".into(),
    }
}

fn send_error(error: &SendError) -> String {
    match error {
        SendError::Empty => "vacío".into(),
        SendError::LineBreak { .. } => "un mensaje es una línea".into(),
        SendError::TooLong { over: 1 } => "sobra 1 byte".into(),
        SendError::TooLong { over } => format!("sobran {over} bytes"),
        SendError::IllegalName(error) => format!("nombre no válido: {}", name_error(error)),
        SendError::NoRooms => "este servidor no tiene salas".into(),
        SendError::PipeInRaw => "un servidor raw no admite |".into(),
        SendError::Offline => "ahora no hay conexión".into(),
        SendError::Closed => "desconectado".into(),
        _ => error.to_string(),
    }
}

fn input_error(error: &InputError) -> String {
    match error {
        InputError::UnknownCommand(command) => {
            format!("no existe la orden {command} (//… envía un texto que empieza con /)")
        }
        InputError::Incomplete(command) => format!("escribe: {}", usage(*command, Lang::Es)),
        InputError::TooManyWords(command) => {
            format!("sobran palabras; escribe: {} (un nombre con espacios: \"Ana María\")", usage(*command, Lang::Es))
        }
        InputError::UnknownMode(word) => format!("no existe el modo {word}; un modo es {}", mode_words(Lang::Es)),
        InputError::NoRoomText { room } => {
            let room = room_label(room);
            format!("falta el texto para {room}: escribe {room} TEXTO, o /entrar {room} para entrar")
        }
        InputError::NoText { to } => format!("falta el texto para {to}: escribe @{to} TEXTO"),
        InputError::OpenQuote => "falta la \" que cierra el nombre".into(),
    }
}

pub(super) fn server_error(error: &ServerError) -> String {
    match error.kind() {
        Some(ErrorCode::Malformed) => "mensaje mal formado".into(),
        Some(ErrorCode::NotConnected) => "no hay sesión".into(),
        Some(ErrorCode::Forbidden) => "no está permitido en esta sala".into(),
        Some(ErrorCode::NoSuchUser) => "no existe ese usuario".into(),
        Some(ErrorCode::TooLarge) => "mensaje muy largo".into(),
        Some(ErrorCode::TooFast) => "demasiados mensajes, más despacio".into(),
        Some(ErrorCode::Unavailable) => "lleno o cerrándose".into(),
        Some(ErrorCode::Conflict | ErrorCode::IllegalName) | None => format!("{} {}", error.code, error.text),
    }
}

fn io_error(error: &io::Error) -> String {
    io_kind(error.kind()).map_or_else(|| error.to_string(), str::to_owned)
}

fn io_kind(kind: io::ErrorKind) -> Option<&'static str> {
    Some(match kind {
        io::ErrorKind::ConnectionRefused => "conexión rechazada",
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "conexión interrumpida",
        io::ErrorKind::TimedOut => "sin respuesta a tiempo",
        io::ErrorKind::HostUnreachable => "máquina inalcanzable",
        io::ErrorKind::NetworkUnreachable => "red inalcanzable",
        _ => return None,
    })
}
