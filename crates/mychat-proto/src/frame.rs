//! One frame: UTF-8 text (rule F1) that is cut at pipes from the left, nothing interpreted yet; and fields joined to one.

use memchr::memchr;

use crate::framing::MAX_FRAME;

/// The text of one frame. Cutting it follows rule S2: a command takes the fields it needs, and the last of them is
/// all that is left, pipes included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    text: &'a str,
}

/// The frame is not UTF-8 (rule F6, §3.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not UTF-8: byte {at} of the frame is invalid")]
pub struct NotUtf8 {
    /// Offset of the first invalid byte in the frame.
    pub at: usize,
}

/// Why a frame cannot be written. Nothing is appended to the output when this is returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The frame would have more than [`MAX_FRAME`] bytes (rule F3).
    #[error("a frame of {bytes} bytes, where {MAX_FRAME} are allowed")]
    TooLong {
        /// Length that the frame would have had, in bytes, terminator not counted.
        bytes: usize,
    },
    /// A field holds a line feed, which would end the frame early (rule F2).
    #[error("a line feed inside a field would end the frame early")]
    LineFeed,
    /// A field that is not the last one holds a pipe, which would end that field early (rule S2).
    #[error("a pipe inside a field that is not the last would end that field early")]
    Pipe,
    /// A parameter of a command is empty, which a server answers with `ERROR|400` (rule S4).
    #[error("a parameter is empty")]
    Empty,
}

impl<'a> Frame<'a> {
    /// Takes the bytes of a frame, without terminator.
    pub fn new(bytes: &'a [u8]) -> Result<Self, NotUtf8> {
        std::str::from_utf8(bytes).map(|text| Self { text }).map_err(|error| NotUtf8 { at: error.valid_up_to() })
    }

    /// The whole text.
    pub const fn text(self) -> &'a str {
        self.text
    }

    /// The first field and what follows its pipe, if there is one (rule S1).
    pub fn command(self) -> (&'a str, Option<&'a str>) {
        cut(self.text)
    }
}

/// Cuts at the first pipe: the field before it, and the rest if there was a pipe.
pub(crate) fn cut(text: &str) -> (&str, Option<&str>) {
    match memchr(b'|', text.as_bytes()) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

/// Appends one frame, its fields joined by pipes and without terminator, or nothing where that breaks F2, F3 or S2.
pub(crate) fn join(out: &mut Vec<u8>, fields: &[&str]) -> Result<(), EncodeError> {
    let bytes = fields.iter().map(|field| field.len()).sum::<usize>() + fields.len().saturating_sub(1);
    if bytes > MAX_FRAME {
        return Err(EncodeError::TooLong { bytes });
    }
    if fields.iter().any(|field| memchr(b'\n', field.as_bytes()).is_some()) {
        return Err(EncodeError::LineFeed);
    }
    // The last field takes the rest of the frame, so a pipe in it is content.
    if fields.iter().rev().skip(1).any(|field| memchr(b'|', field.as_bytes()).is_some()) {
        return Err(EncodeError::Pipe);
    }
    // Once for all fields and an ending behind them.
    out.reserve(bytes + 2);
    for (index, field) in fields.iter().enumerate() {
        if index > 0 {
            out.push(b'|');
        }
        out.extend_from_slice(field.as_bytes());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f6_the_first_byte_that_is_not_utf8_is_named() {
        assert_eq!(Frame::new(b"a\xc3\xb1\xff"), Err(NotUtf8 { at: 3 }));
        assert_eq!(Frame::new("añ".as_bytes()).map(Frame::text), Ok("añ"));
    }

    #[test]
    fn s1_the_command_ends_at_the_first_pipe() {
        for (text, cut) in
            [("A|b|c", ("A", Some("b|c"))), ("A|", ("A", Some(""))), ("A", ("A", None)), ("", ("", None))]
        {
            assert_eq!(Frame::new(text.as_bytes()).map(Frame::command), Ok(cut));
        }
    }

    #[test]
    fn what_cannot_be_written_leaves_no_trace() {
        let long = "x".repeat(MAX_FRAME - 1);
        for (fields, fault) in [
            (["ab", long.as_str()], EncodeError::TooLong { bytes: MAX_FRAME + 2 }),
            (["a", long.as_str()], EncodeError::TooLong { bytes: MAX_FRAME + 1 }),
            (["a", "b\n"], EncodeError::LineFeed),
            (["a|", "b"], EncodeError::Pipe),
        ] {
            let mut out = b"before".to_vec();
            assert_eq!(join(&mut out, &fields), Err(fault));
            assert_eq!(out, b"before");
        }
    }

    #[test]
    fn f3_1024_bytes_can_be_written() {
        let mut out = Vec::new();
        assert_eq!(join(&mut out, &["a", &"|".repeat(MAX_FRAME - 2)]), Ok(()));
        assert_eq!(out.len(), MAX_FRAME);
    }
}
