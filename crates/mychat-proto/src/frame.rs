//! One frame: UTF-8 text (rule F1) that is cut at pipes from the left, nothing interpreted yet.

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
    match memchr::memchr(b'|', text.as_bytes()) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}
