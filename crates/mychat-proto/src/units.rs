//! Units of byte counts, as settings and scenarios are written in them and reports print them.
//!
//! The reader decides about the form of the number before the unit: settings take whole numbers, scenarios take
//! decimals and suggest corrections.

/// The units with their bytes, smallest first.
pub const SIZES: [(&str, u64); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// Returns the largest unit that `bytes` reaches, and `bytes` in that unit. Less than 1 KiB is in bytes.
pub fn scale(bytes: f64) -> (f64, &'static str) {
    let reached = SIZES.iter().rev().find(|&&(_, size)| bytes >= size as f64);
    let (unit, size) = reached.unwrap_or(&SIZES[0]);
    (bytes / *size as f64, unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_begins_where_it_is_reached() {
        assert_eq!(scale(0.0), (0.0, "B"));
        assert_eq!(scale(1023.0), (1023.0, "B"));
        assert_eq!(scale(1024.0), (1.0, "KiB"));
        assert_eq!(scale(1536.0 * 1024.0), (1.5, "MiB"));
        assert_eq!(scale(4096.0 * 1024.0 * 1024.0 * 1024.0), (4096.0, "GiB"));
    }
}
