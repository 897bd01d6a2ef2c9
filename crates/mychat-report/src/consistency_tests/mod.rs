//! Every output format must say the same of one result: counts, verdicts, ids and histograms.

mod conformance;
mod run;
