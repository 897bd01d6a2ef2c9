//! Reports of mychat-bench: one result in formats for people, for programs and for build servers.
//!
//! ```text
//! engine, verdict ─► model ─┬─► terminal, html, markdown, junit, hlog, json
//!                     ▲  ▲  ├─► compare   two sets of results
//!                     │  └──┴── merge     one result of several machines
//!                    json       (stored results)
//! ```
//!
//! [`model`] holds the results as data and as the stored JSON. Each output format is a folder that renders both kinds of
//! result, of `run` and of `conformance`, and takes shared phrases from `wording`.
//!
//! Reading order: [`model`], `wording`, [`terminal`], then any other format.

pub mod files;
pub mod model;
mod wording;
mod reasons;
mod failure_card;
mod fix_first;
mod server_death;
mod timeline_buckets;
mod undecided;
mod charts;

pub mod hlog;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod terminal;

pub mod compare;
pub mod matrix;
pub mod merge;

#[cfg(test)]
mod consistency_tests;
#[cfg(test)]
mod foreign_tests;
#[cfg(any(test, feature = "test-fixture"))]
#[doc(hidden)]
pub mod test_fixture;

pub use model::conformance::ConformanceResult;
pub use model::{RunInfo, RunResult, build, timeline_point};

pub use mychat_load::format::{duration, grouped, load_percent};
pub use mychat_proto::text::visible;

/// Formats a size in bytes with a binary unit.
pub fn bytes(bytes: u64) -> String {
    match mychat_proto::units::scale(bytes as f64) {
        (_, "B") => format!("{bytes} B"),
        (gibibytes, "GiB") => format!("{gibibytes:.2} GiB"),
        (value, unit) => format!("{value:.1} {unit}"),
    }
}
