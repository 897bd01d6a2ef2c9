//! Merges the latencies of several machines: adds their histograms and computes the percentiles again.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use crate::model::histogram::{HistogramError, decode, encode};
use crate::model::{LatencyBlock, LatencyBreakdown, LatencyResult, RunResult, TimelinePoint};

/// Adds the latencies of one machine to `into`.
pub(super) fn add_latencies(
    mine: &mut BTreeMap<String, LatencyBlock>,
    theirs: &RunResult,
) -> Result<(), HistogramError> {
    for (name, block) in &theirs.latency {
        match mine.get_mut(name) {
            Some(mine) => add_block(mine, block)?,
            None => drop(mine.insert(name.clone(), block.clone())),
        }
    }
    Ok(())
}

fn add_block(mine: &mut LatencyBlock, theirs: &LatencyBlock) -> Result<(), HistogramError> {
    add_latency(&mut mine.whole, &theirs.whole)?;
    let LatencyBreakdown { stage, group, action, selector } = &mut mine.by;
    add_parts(stage, &theirs.by.stage)?;
    add_parts(group, &theirs.by.group)?;
    add_parts(action, &theirs.by.action)?;
    add_parts(selector, &theirs.by.selector)
}

fn add_parts(
    mine: &mut BTreeMap<String, LatencyResult>,
    theirs: &BTreeMap<String, LatencyResult>,
) -> Result<(), HistogramError> {
    for (name, latency) in theirs {
        match mine.get_mut(name) {
            Some(mine) => add_latency(mine, latency)?,
            None => drop(mine.insert(name.clone(), latency.clone())),
        }
    }
    Ok(())
}

fn add_latency(mine: &mut LatencyResult, theirs: &LatencyResult) -> Result<(), HistogramError> {
    let sum = added(&mine.hdr, &theirs.hdr)?;
    *mine = LatencyResult::new(&sum, mine.independent + theirs.independent, mine.overflow + theirs.overflow);
    Ok(())
}

/// Adds a distribution that not every machine has.
pub(super) fn add_optional(
    mine: &mut Option<LatencyResult>,
    theirs: Option<&LatencyResult>,
) -> Result<(), HistogramError> {
    match (mine.as_mut(), theirs) {
        (Some(mine), Some(theirs)) => add_latency(mine, theirs),
        (None, Some(theirs)) => {
            *mine = Some(theirs.clone());
            Ok(())
        }
        (_, None) => Ok(()),
    }
}

fn added(a: &str, b: &str) -> Result<Histogram<u64>, HistogramError> {
    let mut sum = decode(a)?;
    let _ = sum.add(decode(b)?);
    Ok(sum)
}

/// Merges the intervals that have the same number within the same stage: the machines start each stage together, each by
/// its own clock. An interval without a counterpart is added to the last one of its stage.
pub(super) fn timeline(results: &[RunResult]) -> Result<Vec<TimelinePoint>, HistogramError> {
    let longest = results.iter().map(|result| result.timeline.len()).max().unwrap_or(0);
    let Some(fullest) = results.iter().find(|result| result.timeline.len() == longest) else { return Ok(Vec::new()) };
    let mut points = fullest.timeline.clone();
    for result in results.iter().filter(|result| !std::ptr::eq(*result, fullest)) {
        for of_stage in result.timeline.chunk_by(|a, b| a.stage == b.stage) {
            let stage = &of_stage[0].stage;
            let place = points.iter().position(|point| point.stage == *stage);
            let there = points.iter().filter(|point| point.stage == *stage).count();
            match place {
                Some(first) => {
                    for (number, point) in of_stage.iter().enumerate() {
                        add_point(&mut points[first + number.min(there - 1)], point)?;
                    }
                }
                // This machine alone had such a stage, as for a drain after an interruption.
                None => points.extend(of_stage.iter().cloned()),
            }
        }
    }
    Ok(points)
}

fn add_point(merged: &mut TimelinePoint, point: &TimelinePoint) -> Result<(), HistogramError> {
    merged.connected += point.connected;
    merged.sent += point.sent;
    merged.delivered += point.delivered;
    merged.errors += point.errors;
    merged.lateness_p99 = merged.lateness_p99.max(point.lateness_p99);
    merged.server_rss = merged.server_rss.or(point.server_rss);
    merged.server_cpu = merged.server_cpu.or(point.server_cpu);
    merged.server_threads = merged.server_threads.or(point.server_threads);
    merged.server_fds = merged.server_fds.or(point.server_fds);
    let sum = added(&merged.hdr, &point.hdr)?;
    let at = |wanted| (!sum.is_empty()).then(|| sum.value_at_quantile(wanted));
    (merged.p50, merged.p99, merged.max, merged.hdr) = (at(0.5), at(0.99), at(1.0), encode(&sum));
    Ok(())
}
