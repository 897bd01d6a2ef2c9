//! The stamp that every message carries, so that each single delivery can be accounted for: 36 printable bytes.
//!
//! ```text
//! ~ run  sender session sequence index  intended to  head body  padding…
//! 1  4     3      2      5       5       6      3    2    5
//! ```
//!
//! Digits are base 64, 6 bits per byte. `sequence` counts all messages of a sender; `index` counts its broadcasts, or its
//! private messages to this recipient. A recipient that sees the indices 0, 1, 3 knows that 2 is missing. `head` is a
//! checksum of the stamp before it, `body` of the whole content: a message that was cut or changed can still be identified.

use std::sync::Arc;

use rand::RngExt as _;
use rand::rngs::ChaCha8Rng;

use super::{Addressee, LoadTime, UserId};

/// Length of a stamp in bytes.
pub const STAMP_LEN: usize = 36;

/// Number of distinct run ids.
pub const RUNS: u32 = 1 << 24;

/// Number of offsets at which padding may start. The text goes on for the length of the longest message.
pub(super) const PADDING: usize = 4096;

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const VALUES: [u8; 256] = values();
const HEAD: usize = 1 + 4 + 3 + 2 + 5 + 5 + 6 + 3;

/// The metadata of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Id of the run.
    pub run: u32,
    /// The sender.
    pub sender: UserId,
    /// Number of the sender's session, modulo 4096.
    pub session: u16,
    /// Position among all messages of the sender, from 0.
    pub sequence: u32,
    /// Position among the sender's broadcasts, or among its private messages to this recipient, from 0.
    pub index: u32,
    /// Scheduled time of sending. Its whole microseconds are written.
    pub intended: LoadTime,
    /// The recipient.
    pub to: Addressee,
}

/// Reasons why a content has no valid stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StampError {
    /// It does not start like a stamp: a message of another program.
    Missing,
    /// It starts like a stamp, but the stamp is damaged.
    Header,
    /// The stamp is intact, but the content is not what was sent.
    Body(Stamp),
}

impl Stamp {
    /// Appends the stamp, `text` and `padding` to `out`.
    pub fn write(&self, out: &mut Vec<u8>, text: &str, padding: &str) {
        let start = out.len();
        out.push(b'~');
        put(out, u64::from(self.run), 4);
        put(out, u64::from(self.sender.0), 3);
        put(out, u64::from(self.session), 2);
        put(out, u64::from(self.sequence), 5);
        put(out, u64::from(self.index), 5);
        put(out, self.intended.micros(), 6);
        put(out, u64::from(self.to.number()), 3);
        put(out, fold(hash(&out[start..start + HEAD]), 12), 2);
        let body = out.len();
        out.extend_from_slice(&[0; 5]);
        out.extend_from_slice(text.as_bytes());
        out.extend_from_slice(padding.as_bytes());
        let sum = fold(hash(&out[start..body]) ^ hash(&out[body + 5..]), 30);
        for (place, digit) in out[body..body + 5].iter_mut().zip(digits::<5>(sum)) {
            *place = digit;
        }
    }

    /// Parses the stamp of a content and verifies both checksums.
    pub fn read(content: &[u8]) -> Result<Self, StampError> {
        if content.first() != Some(&b'~') {
            return Err(StampError::Missing);
        }
        let Some(stamp) = content.first_chunk::<STAMP_LEN>() else { return Err(StampError::Header) };
        if get(&stamp[HEAD..HEAD + 2]) != Some(fold(hash(&stamp[..HEAD]), 12)) {
            return Err(StampError::Header);
        }
        let number = |from: usize, digits: usize| get(&stamp[from..from + digits]).ok_or(StampError::Header);
        let read = Self {
            run: number(1, 4)? as u32,
            sender: UserId(number(5, 3)? as u32),
            session: number(8, 2)? as u16,
            sequence: number(10, 5)? as u32,
            index: number(15, 5)? as u32,
            intended: LoadTime::from_micros(number(20, 6)?),
            to: Addressee::from_number(number(26, 3)? as u32),
        };
        let sum = fold(hash(&stamp[..STAMP_LEN - 5]) ^ hash(&content[STAMP_LEN..]), 30);
        if get(&stamp[STAMP_LEN - 5..]) == Some(sum) { Ok(read) } else { Err(StampError::Body(read)) }
    }
}

/// Returns printable ASCII without pipes, commas and spaces, long enough for the padding of any message.
pub(super) fn padding(rng: &mut ChaCha8Rng) -> Arc<str> {
    let text: String =
        (0..PADDING + mychat_proto::MAX_FRAME).map(|_| char::from(DIGITS[rng.random_range(0..64)])).collect();
    text.into()
}

fn put(out: &mut Vec<u8>, value: u64, count: usize) {
    for place in (0..count).rev() {
        out.push(DIGITS[(value >> (6 * place)) as usize & 63]);
    }
}

fn digits<const N: usize>(value: u64) -> [u8; N] {
    std::array::from_fn(|place| DIGITS[(value >> (6 * (N - 1 - place))) as usize & 63])
}

fn get(digits: &[u8]) -> Option<u64> {
    let mut value = 0;
    let mut all = 0;
    for &digit in digits {
        let digit = VALUES[usize::from(digit)];
        all |= digit;
        value = value << 6 | u64::from(digit & 63);
    }
    (all & 64 == 0).then_some(value)
}

const fn values() -> [u8; 256] {
    let mut table = [64; 256];
    let mut value = 0;
    while value < 64 {
        table[DIGITS[value] as usize] = value as u8;
        value += 1;
    }
    table
}

/// Hashes eight bytes per step. Detects accidents (a cut, a swapped or duplicated byte), not attacks.
fn hash(bytes: &[u8]) -> u64 {
    const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut state = (bytes.len() as u64 ^ 0x51_7C_C1_B7).wrapping_mul(MULTIPLIER);
    let (chunks, rest) = bytes.as_chunks::<8>();
    for chunk in chunks {
        state = (state.rotate_left(23) ^ u64::from_le_bytes(*chunk)).wrapping_mul(MULTIPLIER);
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    state = (state.rotate_left(23) ^ u64::from_le_bytes(last)).wrapping_mul(MULTIPLIER);
    state ^ state >> 29
}

fn fold(hash: u64, bits: u32) -> u64 {
    (hash ^ hash >> 33) & ((1 << bits) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str, padding: &str) -> (Stamp, Vec<u8>) {
        let stamp = Stamp {
            run: 77,
            sender: UserId(5),
            session: 3,
            sequence: 1_000_000,
            index: 9,
            intended: LoadTime::from_micros(1 << 35),
            to: Addressee::EVERYBODY,
        };
        let mut out = Vec::new();
        stamp.write(&mut out, text, padding);
        (stamp, out)
    }

    #[test]
    fn a_written_stamp_is_parsed_back() {
        let (stamp, content) = written("hola ", "abcdefgh");
        assert_eq!(content.len(), STAMP_LEN + 13);
        assert_eq!(Stamp::read(&content), Ok(stamp));
        assert!(content.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' '));
    }

    #[test]
    fn every_changed_byte_and_every_cut_is_detected() {
        let (stamp, content) = written("", "some padding text");
        for at in 0..content.len() {
            let mut changed = content.clone();
            changed[at] ^= 1;
            assert!(Stamp::read(&changed).is_err(), "byte {at}");
            let cut = Stamp::read(&content[..at]);
            let wanted = if at == 0 {
                StampError::Missing
            } else if at < STAMP_LEN {
                StampError::Header
            } else {
                StampError::Body(stamp)
            };
            assert_eq!(cut, Err(wanted), "cut at {at}");
        }
    }
}
