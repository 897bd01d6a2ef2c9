//! Regular expressions that values and conditions share.

/// A regular expression for digits with optional `_` between them and an optional decimal part.
pub(super) const NUMBER: &str = r"[0-9][0-9_]*(\.[0-9][0-9_]*)?";
pub(super) const TIME_UNIT: &str = "(us|µs|ms|s|m|h)";
pub(super) const SIZE_UNIT: &str = "(B|KiB|MiB|GiB)";
/// A lookahead before a number: at least one of its digits is not zero.
pub(super) const ABOVE_ZERO: &str = r"(?=[0_.]*[1-9])";
