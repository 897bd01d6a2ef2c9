//! What every message carries so that each single delivery can be accounted for: a stamp of 36 printable bytes.
//!
//! ```text
//! ~ run  sender visit sequence index  intended to  head body  padding…
//! 1  4     3      2      5       5       6      3    2    5
//! ```
//!
//! Digits are base 64, 6 bits a byte. `sequence` counts all that a sender sends, `index` what it sends to everybody, or
//! to this one recipient; a recipient that sees the indices 0, 1, 3 knows that 2 is missing without asking anybody.
//! `head` checks the stamp before it, `body` the whole content: a message that was cut or changed is still known for
//! what it was.

use std::sync::Arc;

use rand::RngExt as _;
use rand::rngs::ChaCha8Rng;

/// Bytes of a stamp.
pub const STAMP: usize = 36;

/// `to` of a broadcast.
pub const EVERYBODY: u32 = (1 << 18) - 1;

/// How many run numbers there are.
pub const RUNS: u32 = 1 << 24;

/// Length of the text that paddings are cut from; behind it stand as many bytes as a message can have.
pub(super) const PADDING: usize = 4096;

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const VALUES: [u8; 256] = values();
const HEAD: usize = 1 + 4 + 3 + 2 + 5 + 5 + 6 + 3;

/// What a message says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Which run it belongs to.
    pub run: u32,
    /// Index of the user that sent it.
    pub sender: u32,
    /// Which of the sender's visits it was sent in, modulo 4096.
    pub visit: u16,
    /// Which of all the sender's messages it is, from 0.
    pub sequence: u32,
    /// Which of the sender's messages to this recipient, or to everybody, it is, from 0.
    pub index: u32,
    /// When it was meant to be sent, in microseconds from the start of the load.
    pub intended: u64,
    /// Index of the user it goes to, or [`EVERYBODY`].
    pub to: u32,
}

/// What is wrong with a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// It has no stamp: somebody else's message.
    Foreign,
    /// It starts as a stamp does and the stamp is damaged.
    Head,
    /// The stamp is whole, the content is not what was sent.
    Body(Stamp),
}

impl Stamp {
    /// Appends the stamp and the rest of the content, of `size` bytes in all.
    pub fn write(&self, out: &mut Vec<u8>, text: &str, padding: &str) {
        let start = out.len();
        out.push(b'~');
        put(out, u64::from(self.run), 4);
        put(out, u64::from(self.sender), 3);
        put(out, u64::from(self.visit), 2);
        put(out, u64::from(self.sequence), 5);
        put(out, u64::from(self.index), 5);
        put(out, self.intended, 6);
        put(out, u64::from(self.to), 3);
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

    /// Reads the stamp of a content and checks all of it.
    pub fn read(content: &[u8]) -> Result<Self, Unreadable> {
        if content.first() != Some(&b'~') {
            return Err(Unreadable::Foreign);
        }
        let Some(stamp) = content.first_chunk::<STAMP>() else { return Err(Unreadable::Head) };
        if get(&stamp[HEAD..HEAD + 2]) != Some(fold(hash(&stamp[..HEAD]), 12)) {
            return Err(Unreadable::Head);
        }
        let number = |from: usize, digits: usize| get(&stamp[from..from + digits]).ok_or(Unreadable::Head);
        let read = Self {
            run: number(1, 4)? as u32,
            sender: number(5, 3)? as u32,
            visit: number(8, 2)? as u16,
            sequence: number(10, 5)? as u32,
            index: number(15, 5)? as u32,
            intended: number(20, 6)?,
            to: number(26, 3)? as u32,
        };
        let sum = fold(hash(&stamp[..STAMP - 5]) ^ hash(&content[STAMP..]), 30);
        if get(&stamp[STAMP - 5..]) == Some(sum) { Ok(read) } else { Err(Unreadable::Body(read)) }
    }
}

/// Printable ASCII without a pipe, a comma or a blank, long enough to cut any padding from.
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
    let mut seen = 0;
    for &digit in digits {
        let digit = VALUES[usize::from(digit)];
        seen |= digit;
        value = value << 6 | u64::from(digit & 63);
    }
    (seen & 64 == 0).then_some(value)
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

/// Eight bytes a step. It guards against accidents (a cut, a swapped or doubled byte), not against an attacker.
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
        let stamp =
            Stamp { run: 77, sender: 5, visit: 3, sequence: 1_000_000, index: 9, intended: 1 << 35, to: EVERYBODY };
        let mut out = Vec::new();
        stamp.write(&mut out, text, padding);
        (stamp, out)
    }

    #[test]
    fn a_stamp_comes_back_as_it_was_written() {
        let (stamp, content) = written("hola ", "abcdefgh");
        assert_eq!(content.len(), STAMP + 13);
        assert_eq!(Stamp::read(&content), Ok(stamp));
        assert!(content.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' '));
    }

    #[test]
    fn every_changed_byte_and_every_cut_is_noticed() {
        let (stamp, content) = written("", "some padding text");
        for at in 0..content.len() {
            let mut changed = content.clone();
            changed[at] ^= 1;
            assert!(Stamp::read(&changed).is_err(), "byte {at}");
            let cut = Stamp::read(&content[..at]);
            let wanted = if at == 0 {
                Unreadable::Foreign
            } else if at < STAMP {
                Unreadable::Head
            } else {
                Unreadable::Body(stamp)
            };
            assert_eq!(cut, Err(wanted), "cut at {at}");
        }
    }
}
