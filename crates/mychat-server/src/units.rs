//! Times and amounts of bytes as a person writes them, and back.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{self, Deserialize, Deserializer, Visitor};

/// A time such as `500ms` or `1m 30s`; a number alone means seconds. At most a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Time(Duration);

impl Time {
    /// As the rest of the program takes it.
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
pub(crate) struct Size(NonZeroUsize);

/// The units of a [`Size`], largest first.
const UNITS: [(&str, usize); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

impl Size {
    /// As the rest of the program takes it.
    pub(crate) const fn bytes(self) -> NonZeroUsize {
        self.0
    }
}

impl From<NonZeroUsize> for Size {
    fn from(bytes: NonZeroUsize) -> Self {
        Self(bytes)
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = &text[digits.len()..];
        let factor = match UNITS.iter().find(|(name, _)| *name == unit || name[..1] == *unit) {
            Some((_, factor)) => *factor,
            None if unit.is_empty() || unit == "B" => 1,
            None => return Err(format!("unknown unit {unit:?}: bytes alone, or KiB, MiB, GiB")),
        };
        let number: usize =
            digits.trim().parse().map_err(|_| "not a number of bytes (such as 65536 or 1MiB)".to_owned())?;
        let bytes = number.checked_mul(factor).filter(|bytes| *bytes <= 1 << 40).ok_or("more than 1024GiB")?;
        NonZeroUsize::new(bytes)
            .filter(|bytes| bytes.get() >= 1024)
            .map(Self)
            .ok_or_else(|| "less than 1KiB".to_owned())
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS.iter().find(|(_, factor)| self.0.get().is_multiple_of(*factor)) {
            Some((unit, factor)) => write!(f, "{}{unit}", self.0.get() / factor),
            None => self.0.fmt(f),
        }
    }
}

/// Reads a value that has a text form from a text, or from a whole number as if it were written as one.
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

impl<'de> Deserialize<'de> for Size {
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
        assert_eq!("64KiB".parse::<Size>().unwrap().bytes().get(), 65536);
        assert_eq!("3".parse::<Time>().unwrap().duration(), Duration::from_secs(3));
        assert_eq!("250ms".parse::<Time>().unwrap().duration(), Duration::from_millis(250));
        for bad in ["0", "10", "-1", "1XB", "MiB", "99999999999999999999", "9999999GiB", "1é", "é"] {
            bad.parse::<Size>().unwrap_err();
        }
        for bad in ["forever", "18446744073709551615", "", "-1", "1 parsec"] {
            bad.parse::<Time>().unwrap_err();
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_again(bytes in 1024..1usize << 40, millis in 0..31_000_000_000u64) {
            let size = Size(NonZeroUsize::new(bytes).unwrap());
            prop_assert_eq!(size.to_string().parse(), Ok(size));
            let time = Time(Duration::from_millis(millis));
            prop_assert_eq!(time.to_string().parse(), Ok(time));
        }
    }
}
