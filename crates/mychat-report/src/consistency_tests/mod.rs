//! Tests that all formats of one result agree on counts, verdicts, ids and histograms.

mod conformance;
mod run;
mod reasons;
