//! Spanish.

use std::io;

use mychat_client::{ErrorCode, Loss, NameError, Refusal, SendError, ServerError};

use super::{Lang, Phrase, list, usage};
use crate::console::input::InputError;

pub(super) fn say(phrase: &Phrase<'_>) -> String {
    match phrase {
        Phrase::AskName => "tu nombre: ".into(),
        Phrase::Connecting => "conectando… ".into(),
        Phrase::Connected { addr, name } => {
            format!("conectado a {addr} como {name}; /ayuda explica las órdenes")
        }
        Phrase::Here(users) if users.len() == 1 => format!("1 aquí: {}", names(users)),
        Phrase::Here(users) => format!("{} aquí: {}", users.len(), names(users)),
        Phrase::Came(users) if users.len() == 1 => format!("{} entró", names(users)),
        Phrase::Came(users) => format!("{} entraron", names(users)),
        Phrase::Went(users) if users.len() == 1 => format!("{} salió", names(users)),
        Phrase::Went(users) => format!("{} salieron", names(users)),
        Phrase::Lost(why) => format!("conexión perdida ({}); reconectando", loss(why)),
        Phrase::Offline => "sin conexión".into(),
        Phrase::Back => "conectado de nuevo".into(),
        Phrase::Gone(why) => format!("conexión perdida: {}", loss(why)),
        Phrase::Goodbye => "adiós".into(),
        Phrase::Refused { name, why } => format!("el servidor rechazó el nombre {name}: {}", refusal(why)),
        Phrase::IllegalName(why) => format!("nombre no válido: {}", name_error(why)),
        Phrase::Unreachable { addr, why } => format!("no se puede llegar a {addr}: {}", io_error(why)),
        Phrase::NoAnswer { addr, waited } => {
            format!("{addr} aceptó la conexión y no respondió en {} s; prueba --framing auto", waited.as_secs())
        }
        Phrase::NotSent(why) => format!("no enviado: {}", send_error(why)),
        Phrase::NotSentLine { line, why } => format!("no se envió nada: línea {line}: {}", send_error(why)),
        Phrase::Misunderstood(why) => input_error(why),
        Phrase::NobodyToAnswer => "todavía nadie te ha escrito".into(),
        Phrase::ServerSays(error) => format!("servidor: {}", server_error(error)),
        Phrase::NoSuchUser(name) => format!("aquí nadie se llama {name}"),
        Phrase::Unreadable => "el servidor envió algo sin sentido".into(),
        Phrase::Help => HELP.into(),
        Phrase::UnknownArgument(argument) => format!("no existe {argument}; --help muestra lo que hay"),
        Phrase::BadValue { argument, value, allowed } => {
            let fault = value.map_or_else(
                || format!("falta el valor de {argument}"),
                |value| format!("{argument} no puede ser {value}"),
            );
            if allowed.is_empty() { fault } else { format!("{fault}; puede ser {allowed}") }
        }
        Phrase::NeedName => "hace falta un nombre: --name NOMBRE".into(),
        Phrase::OnceIsAMessage => "--once lleva un mensaje: TEXTO o @NOMBRE TEXTO".into(),
        Phrase::NotUtf8 => "no enviado: no es UTF-8".into(),
    }
}

const HELP: &str = "\
texto              a todos
@bob texto         solo a bob; @\"Ana María\" si el nombre tiene espacios
/msg NOMBRE TEXTO  lo mismo
/responder TEXTO   a quien te escribió por última vez
/usuarios          quién está
/ayuda             esto
/salir             salir (también Ctrl-D)
//texto  @@texto   un texto que empieza con / o @

Tab completa órdenes, y nombres tras @ · Arriba y Abajo: lo que escribiste antes
marcas:  › tuyo   ← solo para ti   → tuyo para uno   · novedades   ! problemas";

pub(super) fn help(id: &str) -> &'static str {
    match id {
        "about" => "Un cliente de MyChat: un chat en la terminal, líneas en una tubería",
        "usage" => "Uso",
        "arguments" => "Argumentos",
        "options" => "Opciones",
        "addr" => "Servidor, HOST o HOST:PUERTO [por defecto: 127.0.0.1:5000]",
        "name" => "Tu nombre; en una terminal se pregunta si falta",
        "framing" => {
            "Cómo termina una trama: lf (salto de línea), raw (un segmento es una trama, como el servidor original), auto (averiguarlo)"
        }
        "lang" => "Idioma, en o es [por defecto: según LANG]",
        "color" => "Colores: auto, always o never; se respeta NO_COLOR",
        "reconnect" => "Volver tras perder la conexión (en una terminal: por defecto)",
        "no_reconnect" => "Salir al perder la conexión (en una tubería: por defecto)",
        "json" => "Eventos en JSON, un objeto por línea",
        "stay" => "Quedarse cuando la entrada estándar termina, hasta que el servidor cierre o llegue una señal",
        "once" => "Enviar este único mensaje (@bob hola es privado) y salir",
        "help" => "Mostrar esto",
        "version" => "Mostrar la versión",
        "after" => {
            "\
En una terminal es un chat: allí /ayuda muestra lo que se puede escribir. Si la entrada o la salida \
estándar no es una terminal, cada línea se envía como si se escribiera, y los eventos salen en líneas \
de campos separados por tabuladores: connected NOMBRE TRAMA, broadcast DE TEXTO, message DE TEXTO, \
users LISTA, joined LISTA, left LISTA, error CÓDIGO TEXTO, lost MOTIVO, back, closed MOTIVO. \
Los problemas van a la salida de errores.

Códigos de salida:
  0    todo se envió, y se salió en orden
  1    un mensaje fue rechazado, aquí (muy largo, …) o por el servidor (usuario desconocido, …)
  2    uso incorrecto, o un nombre no válido
  3    no se llega al servidor, o se perdió la conexión
  4    el servidor rechazó el nombre
  130  detenido con Ctrl-C u otra señal"
        }
        _ => "",
    }
}

fn names(users: &[String]) -> String {
    list(users, |more| format!("y {more} más"))
}

fn loss(why: &Loss) -> String {
    match why {
        Loss::ServerClosed => "la cerró el servidor".into(),
        Loss::Io(kind) => io_kind(*kind).map_or_else(|| "error de red".into(), str::to_owned),
        Loss::Unterminated => "el servidor no envía terminadores; prueba --framing auto".into(),
        Loss::NoAnswer => "el servidor no responde".into(),
        Loss::Refused(why) => format!("el servidor rechazó el nombre: {}", refusal(why)),
        _ => why.to_string(),
    }
}

fn refusal(why: &Refusal) -> String {
    match why {
        Refusal::InUse => "está en uso".into(),
        Refusal::IllegalName => "allí no es válido".into(),
        Refusal::Unavailable => "el servidor está lleno o se está cerrando".into(),
        Refusal::Unexplained => "no da motivo; quizá el nombre está en uso".into(),
        Refusal::Other { code, text } => format!("{code} {text}"),
        _ => why.to_string(),
    }
}

fn name_error(why: &NameError) -> String {
    match why {
        NameError::Empty => "está vacío".into(),
        NameError::TooLong { bytes } => format!("tiene {bytes} bytes, y 64 es lo máximo"),
        NameError::Separator(c) => format!("contiene {c}"),
        NameError::Invisible(c) => format!("contiene el carácter invisible U+{:04X}", u32::from(*c)),
        NameError::OuterWhitespace => "empieza o termina con un espacio".into(),
    }
}

fn send_error(why: &SendError) -> String {
    match why {
        SendError::Empty => "vacío".into(),
        SendError::LineBreak { .. } => "un mensaje es una línea".into(),
        SendError::TooLong { over: 1 } => "sobra 1 byte".into(),
        SendError::TooLong { over } => format!("sobran {over} bytes"),
        SendError::IllegalName(why) => format!("nadie puede llamarse así: {}", name_error(why)),
        SendError::PipeInRaw => "un servidor raw no admite |".into(),
        SendError::Offline => "ahora no hay conexión".into(),
        SendError::Closed => "desconectado".into(),
        _ => why.to_string(),
    }
}

fn input_error(why: &InputError) -> String {
    match why {
        InputError::UnknownCommand(command) => {
            format!("no existe la orden {command} (//… envía un texto que empieza con /)")
        }
        InputError::Incomplete(verb) => format!("escribe: {}", usage(*verb, Lang::Es)),
        InputError::NoText { to } => format!("falta el texto para {to}: escribe @{to} TEXTO"),
        InputError::OpenQuote => "falta la \" que cierra el nombre".into(),
    }
}

fn server_error(error: &ServerError) -> String {
    match error.kind() {
        Some(ErrorCode::Malformed) => "no entendió".into(),
        Some(ErrorCode::NotConnected) => "no hay sesión".into(),
        Some(ErrorCode::NoSuchUser) => "no existe ese usuario".into(),
        Some(ErrorCode::TooLarge) => "mensaje muy largo".into(),
        Some(ErrorCode::TooFast) => "demasiados mensajes, más despacio".into(),
        Some(ErrorCode::Unavailable) => "lleno o cerrándose".into(),
        Some(ErrorCode::Conflict | ErrorCode::IllegalName) | None => format!("{} {}", error.code, error.text),
    }
}

fn io_error(why: &io::Error) -> String {
    io_kind(why.kind()).map_or_else(|| why.to_string(), str::to_owned)
}

fn io_kind(kind: io::ErrorKind) -> Option<&'static str> {
    Some(match kind {
        io::ErrorKind::ConnectionRefused => "conexión rechazada, nadie escucha allí",
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "conexión interrumpida",
        io::ErrorKind::TimedOut => "sin respuesta a tiempo",
        io::ErrorKind::HostUnreachable => "máquina inalcanzable",
        io::ErrorKind::NetworkUnreachable => "red inalcanzable",
        _ => return None,
    })
}
