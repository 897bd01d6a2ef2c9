//! One result, written in several ways: for people in a terminal and a browser, for programs and pipelines.

#[cfg(test)]
mod agreement;
mod build;
mod chart;
pub mod compare;
pub mod files;
pub mod histogram;
pub mod hlog;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod matrix;
pub mod merge;
mod moments;
pub mod ndjson;
pub mod result;
#[cfg(test)]
mod sample;
pub mod terminal;

pub use build::{Circumstances, build, point};
pub use result::RunResult;

/// A time in microseconds as a person reads it, to three digits: `87 µs`, `1.93 ms`, `12.4 s`.
pub fn duration(micros: f64) -> String {
    let digits = |value: f64| {
        let places = if value >= 100.0 {
            0
        } else if value >= 10.0 {
            1
        } else {
            2
        };
        format!("{value:.places$}")
    };
    if micros < 999.5 {
        format!("{micros:.0} µs")
    } else if micros < 999_500.0 {
        format!("{} ms", digits(micros / 1e3))
    } else {
        format!("{} s", digits(micros / 1e6))
    }
}

/// A size in bytes as a person reads it.
pub fn bytes(bytes: u64) -> String {
    const MIB: f64 = 1024.0 * 1024.0;
    let size = bytes as f64;
    if size < 1024.0 {
        format!("{bytes} B")
    } else if size < MIB {
        format!("{:.1} KiB", size / 1024.0)
    } else if size < 1024.0 * MIB {
        format!("{:.1} MiB", size / MIB)
    } else {
        format!("{:.2} GiB", size / MIB / 1024.0)
    }
}

/// A measured value in its unit, as results name units.
pub fn value(value: f64, unit: &str) -> String {
    match unit {
        "us" => duration(value),
        "percent" => format!("{value:.2} %"),
        "bytes" => bytes(value as u64),
        _ => grouped(value as u64),
    }
}

/// Text with anything visible that a screen would not show or would obey: control bytes from frames, names or notes.
pub fn visible(text: &str) -> String {
    let mut visible = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && !matches!(c, '\n' | '\t') {
            visible.extend(c.escape_default());
        } else {
            visible.push(c);
        }
    }
    visible
}

/// A count with a comma between groups of three digits.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_read_well() {
        assert_eq!(super::grouped(0), "0");
        assert_eq!(super::grouped(999), "999");
        assert_eq!(super::grouped(1_234_567), "1,234,567");
        assert_eq!(super::duration(87.0), "87 µs");
        assert_eq!(super::duration(999.7), "1.00 ms");
        assert_eq!(super::duration(12_400.0), "12.4 ms");
        assert_eq!(super::duration(1_500_000.0), "1.50 s");
    }
}
