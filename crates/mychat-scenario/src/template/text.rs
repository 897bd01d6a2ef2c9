//! Converts texts with placeholders, such as `{ana}` for an actor's name on the wire, into bytes.

use super::actor_names::ActorNames;
use super::braces::{Piece, braces};
use std::fmt::Write as _;

/// Returns the bytes of a `send` or `bytes` text.
pub fn bytes(text: &str, names: &ActorNames) -> Vec<u8> {
    let mut out = Vec::new();
    let mut fill = None;
    for piece in braces(text).unwrap_or_default() {
        match piece {
            Piece::Text(plain) => out.extend_from_slice(plain.as_bytes()),
            Piece::Braced { text, .. } => {
                let (word, value) = text.split_once(':').unwrap_or((text, ""));
                match word {
                    "fill" => {
                        let shorter = |size: usize| size - usize::from(names.two_byte_ends && size == 1023);
                        fill = value.parse::<usize>().ok().map(|size| (out.len(), shorter(size)));
                    }
                    "hex" => out.extend(hex(value)),
                    "rep" => out.extend(repeated(value)),
                    "star" => out.push(b'*'),
                    "nonce" => out.extend_from_slice(names.nonce().as_bytes()),
                    actor => out.extend_from_slice(names.known(actor).unwrap_or(actor).as_bytes()),
                }
            }
        }
    }
    if let Some((at, size)) = fill {
        let padding = padding(size.saturating_sub(out.len()));
        out.splice(at..at, padding);
    }
    out
}

/// Parses hexadecimal digits into bytes.
pub fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Returns padding in which a cut or a repetition is visible.
pub fn padding(size: usize) -> Vec<u8> {
    (0..size).map(|at| b'a' + (at % 26) as u8).collect()
}

fn hex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks_exact(2);
    pairs.filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

fn repeated(value: &str) -> Vec<u8> {
    let Some((count, text)) = value.split_once(':') else { return Vec::new() };
    text.repeat(count.parse().unwrap_or(0)).into_bytes()
}

/// Formats bytes for reports: quoted and escaped; long ones are shortened in the middle and followed by their length.
pub fn shown(bytes: &[u8]) -> String {
    const LONGEST: usize = 160;
    if bytes.len() > LONGEST {
        return format!("{} … {} ({} B)", quoted(&bytes[..96]), quoted(&bytes[bytes.len() - 40..]), bytes.len());
    }
    quoted(bytes)
}

fn quoted(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' => out.push('⏎'),
                '\r' => out.push_str("\\r"),
                '"' => out.push_str("\\\""),
                '\0' => out.push_str("\\0"),
                c if c.is_control() || mychat_proto::name::is_invisible(c) => {
                    let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
                }
                c => out.push(c),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out.push('"');
    out
}

/// Inserts a carriage return before each line feed.
pub fn crlf(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 2);
    for (at, byte) in bytes.iter().enumerate() {
        if *byte == b'\n' && (at == 0 || bytes[at - 1] != b'\r') {
            out.push(b'\r');
        }
        out.push(*byte);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{ActorNames, bytes, shown};

    #[test]
    fn words_become_bytes() {
        let names = ActorNames::new("abcde", &["bob".to_owned()]);
        assert_eq!(bytes("MESSAGE|{bob}|x{{y", &names), b"MESSAGE|bobabcde00|x{y");
        assert_eq!(bytes("BROADCAST|{fill:20}!", &names).len(), 20);
        assert_eq!(bytes("{hex:c3a9}{rep:2:ab}", &names), b"\xc3\xa9abab");
    }

    #[test]
    fn bytes_are_escaped_and_cut() {
        assert_eq!(shown(b"a\r\n\0\xff\"\x1b"), "\"a\\r⏎\\0\\xff\\\"\\u{1b}\"");
        assert!(shown(&[b'x'; 500]).ends_with("(500 B)"));
    }
}
