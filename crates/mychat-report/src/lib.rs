//! One result, written in several ways: for people in a terminal and a browser, for programs and pipelines.

#[cfg(test)]
mod agreement;
mod build;
mod cases;
mod chart;
pub mod compare;
pub mod conformance;
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
#[cfg(any(test, feature = "test-fixture"))]
#[doc(hidden)]
pub mod sample;
pub mod terminal;
mod words;

pub use build::{Circumstances, build, point};
pub use result::RunResult;

pub use mychat_load::format::{duration, grouped};

/// A size in bytes as a person reads it.
pub fn bytes(bytes: u64) -> String {
    match mychat_proto::units::scale(bytes as f64) {
        (_, "B") => format!("{bytes} B"),
        (gibibytes, "GiB") => format!("{gibibytes:.2} GiB"),
        (value, unit) => format!("{value:.1} {unit}"),
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
