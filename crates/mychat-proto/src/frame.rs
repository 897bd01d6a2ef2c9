//! Splits the text of a frame at pipes, and joins fields into a frame. It does not interpret the fields.

use memchr::memchr;

use crate::framing::MAX_FRAME;

/// The UTF-8 text of a frame (rule F1). Fields are split from the left; the last one takes the rest of the frame, pipes
/// included (rule S2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    text: &'a str,
}

/// The error for a frame that is not UTF-8 (rule F6, §3.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not UTF-8: byte {at} of the frame is invalid")]
pub struct NotUtf8 {
    /// Offset of the first invalid byte in the frame.
    pub at: usize,
}

/// The reason for which a frame cannot be written. The output is then unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The frame would have more than [`MAX_FRAME`] bytes (rule F3).
    #[error("a frame of {bytes} bytes, where {MAX_FRAME} are allowed")]
    TooLong {
        /// Length of the rejected frame in bytes, without a terminator.
        bytes: usize,
    },
    /// A field contains a line feed, which would end the frame early (rule F2).
    #[error("a line feed inside a field would end the frame early")]
    LineFeed,
    /// A field other than the last one contains a pipe, which would end that field early (rule S2).
    #[error("a pipe inside a field that is not the last would end that field early")]
    Pipe,
    /// A parameter of a command is empty, which a server answers with `ERROR|400` (rule S4).
    #[error("a parameter is empty")]
    Empty,
}

impl<'a> Frame<'a> {
    /// Checks that `bytes`, a frame without its terminator, are UTF-8.
    pub fn new(bytes: &'a [u8]) -> Result<Self, NotUtf8> {
        std::str::from_utf8(bytes).map(|text| Self { text }).map_err(|error| NotUtf8 { at: error.valid_up_to() })
    }

    /// Returns the whole text.
    pub const fn text(self) -> &'a str {
        self.text
    }

    /// Returns the command and, if a pipe follows it, the rest of the frame (rule S1).
    pub fn command(self) -> (&'a str, Option<&'a str>) {
        cut(self.text)
    }
}

/// Returns the field before the first pipe and, if there is a pipe, the text after it.
pub(crate) fn cut(text: &str) -> (&str, Option<&str>) {
    match memchr(b'|', text.as_bytes()) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

/// Appends the fields, joined by pipes, as a frame without a terminator. It appends nothing if that would break rule F2,
/// F3 or S2.
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
    // One allocation for all fields and the terminator that the caller appends.
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
    fn f6_the_error_gives_the_first_invalid_byte() {
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
