//! Durations and sizes in settings: text → value, and back.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

use mychat_proto::units::SIZES;
use serde::de::{self, Deserialize, Deserializer, Visitor};

/// A duration such as `500ms` or `1m 30s`; a number alone means seconds. At most a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Time(Duration);

impl Time {
    /// Returns the duration.
    pub(crate) const fn duration(self) -> Duration {
        self.0
    }
}

impl From<Duration> for Time {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let time = match text.parse() {
            Ok(seconds) => Duration::from_secs(seconds),
            Err(_) => humantime::parse_duration(text).map_err(|error| format!("{error} (such as 500ms, 10s, 2m)"))?,
        };
        // Beyond a year, sums of times could overflow.
        if time > Duration::from_hours(365 * 24) { Err("longer than a year".to_owned()) } else { Ok(Self(time)) }
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

/// A number of bytes, alone or with `KiB`, `MiB` or `GiB`. At least 1 KiB, or one frame would not fit; at most 1 TiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ByteSize(NonZeroUsize);

/// The smallest [`ByteSize`] in bytes.
const SMALLEST: usize = 1 << 10;

/// The largest [`ByteSize`] in bytes.
const LARGEST: u64 = 1 << 40;

impl ByteSize {
    /// Returns the number of bytes.
    pub(crate) const fn bytes(self) -> NonZeroUsize {
        self.0
    }
}

impl From<NonZeroUsize> for ByteSize {
    fn from(bytes: NonZeroUsize) -> Self {
        Self(bytes)
    }
}

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = &text[digits.len()..];
        let is_meant = |&&(name, _): &&(&str, u64)| name == unit || name[..1] == *unit;
        let factor = match SIZES.iter().find(is_meant) {
            Some((_, factor)) => *factor,
            None if unit.is_empty() => 1,
            None => return Err(format!("unknown unit {unit:?}: bytes alone, or KiB, MiB, GiB")),
        };
        let number: u64 =
            digits.trim().parse().map_err(|_| "not a number of bytes (such as 65536 or 1MiB)".to_owned())?;
        let bytes = number.checked_mul(factor).filter(|bytes| *bytes <= LARGEST);
        let bytes = bytes.and_then(|bytes| usize::try_from(bytes).ok()).ok_or("more than 1024GiB")?;
        let bytes = NonZeroUsize::new(bytes).filter(|bytes| bytes.get() >= SMALLEST);
        bytes.map(Self).ok_or_else(|| "less than 1KiB".to_owned())
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0.get() as u64;
        // The largest unit without a fraction; bytes have none.
        match SIZES[1..].iter().rev().find(|(_, factor)| bytes.is_multiple_of(*factor)) {
            Some((unit, factor)) => write!(f, "{}{unit}", bytes / factor),
            None => bytes.fmt(f),
        }
    }
}

/// Deserializes a value from its text, or from a whole number as if it were that text.
fn from_text_or_number<'de, T: FromStr<Err = String>, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    struct Either<T>(std::marker::PhantomData<T>);
    impl<T: FromStr<Err = String>> Visitor<'_> for Either<T> {
        type Value = T;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text with a unit, or a whole number")
        }
        fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(E::custom)
        }
        fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
            self.visit_str(&number.to_string())
        }
        fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
            self.visit_str(&number.to_string())
        }
    }
    from.deserialize_any(Either(std::marker::PhantomData))
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from_text_or_number(from)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from_text_or_number(from)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn units_are_understood_and_nonsense_is_not() {
        assert_eq!("64KiB".parse::<ByteSize>().unwrap().bytes().get(), 65536);
        assert_eq!("3".parse::<Time>().unwrap().duration(), Duration::from_secs(3));
        assert_eq!("250ms".parse::<Time>().unwrap().duration(), Duration::from_millis(250));
        for bad in ["0", "10", "-1", "1XB", "MiB", "99999999999999999999", "9999999GiB", "1é", "é"] {
            bad.parse::<ByteSize>().unwrap_err();
        }
        for bad in ["forever", "18446744073709551615", "", "-1", "1 parsec"] {
            bad.parse::<Time>().unwrap_err();
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_again(bytes in 1024..1usize << 40, millis in 0..31_000_000_000u64) {
            let size = ByteSize(NonZeroUsize::new(bytes).unwrap());
            prop_assert_eq!(size.to_string().parse(), Ok(size));
            let time = Time(Duration::from_millis(millis));
            prop_assert_eq!(time.to_string().parse(), Ok(time));
        }
    }
}
