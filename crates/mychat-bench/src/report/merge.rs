//! Results of several machines into one: histograms added bit for bit, counts summed, the timeline laid side by side.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use super::histogram::{Unreadable, decode, encode, quantile};
use super::result::{By, Counts, LatencyBlock, LatencyResult, Point, RunResult};
use crate::judge::Verdict;

/// Why results cannot be one.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// There is none.
    #[error("there is nothing to merge")]
    Nothing,
    /// They did different things.
    #[error("`{0}` and `{1}` are runs of different scenarios or seeds")]
    Different(String, String),
    /// One is damaged.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

/// Makes one result of several of the same scenario and seed.
pub fn merge(results: &[RunResult]) -> Result<RunResult, MergeError> {
    let [first, rest @ ..] = results else { return Err(MergeError::Nothing) };
    let mut merged = first.clone();
    for result in rest {
        let (a, b) = (&first.scenario, &result.scenario);
        if a.sha256 != b.sha256 || a.seed != b.seed {
            return Err(MergeError::Different(a.name.clone(), b.name.clone()));
        }
        add(&mut merged, result)?;
    }
    merged.timeline = timeline(results)?;
    Ok(merged)
}

fn add(merged: &mut RunResult, result: &RunResult) -> Result<(), MergeError> {
    merged.started = merged.started.clone().min(result.started.clone());
    merged.seconds = merged.seconds.max(result.seconds);
    merged.verdict = worse(merged.verdict, result.verdict);
    merged.exit_code =
        if rank(result.exit_code) > rank(merged.exit_code) { result.exit_code } else { merged.exit_code };
    merged.validity = merged.validity.max(result.validity);
    merged.validity_reasons.extend(result.validity_reasons.iter().cloned());
    for (mine, theirs) in merged.expectations.iter_mut().zip(&result.expectations) {
        mine.ok = match (mine.ok, theirs.ok) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (None, _) | (_, None) => None,
            _ => Some(true),
        };
        mine.actual = match mine.unit.as_str() {
            "count" => mine.actual.zip(theirs.actual).map(|(a, b)| a + b),
            // A percentile of two machines is in neither of them.
            _ => None,
        };
        mine.note = Some("each machine judged its own share".to_owned());
    }
    for (name, block) in &result.latency {
        match merged.latency.get_mut(name) {
            Some(mine) => add_block(mine, block)?,
            None => drop(merged.latency.insert(name.clone(), block.clone())),
        }
    }
    add_counts(&mut merged.counts, &result.counts);
    merged.examples.extend(result.examples.iter().cloned());
    merged.examples.sort_by_key(|example| example.kind);
    merged.server = merged.server.take().or_else(|| result.server.clone());
    merged.generator.cpu_seconds += result.generator.cpu_seconds;
    merged.generator.rss_peak += result.generator.rss_peak;
    merged.generator.threads += result.generator.threads;
    if !merged.generator.machine.contains(&result.generator.machine) {
        merged.generator.machine = format!("{}; {}", merged.generator.machine, result.generator.machine);
    }
    Ok(())
}

/// Of the rule where several endings hold: 130, 3, 1, 4.
const fn rank(code: u8) -> u8 {
    match code {
        0 => 0,
        4 => 1,
        1 => 2,
        2 | 3 => 3,
        _ => 4,
    }
}

fn worse(a: Verdict, b: Verdict) -> Verdict {
    let order = [Verdict::Interrupted, Verdict::Fail, Verdict::Inconclusive];
    order.into_iter().find(|verdict| a == *verdict || b == *verdict).unwrap_or(Verdict::Pass)
}

fn add_block(mine: &mut LatencyBlock, theirs: &LatencyBlock) -> Result<(), Unreadable> {
    add_latency(&mut mine.whole, &theirs.whole)?;
    let By { stage, group, action, selector } = &mut mine.by;
    add_parts(stage, &theirs.by.stage)?;
    add_parts(group, &theirs.by.group)?;
    add_parts(action, &theirs.by.action)?;
    add_parts(selector, &theirs.by.selector)
}

fn add_parts(
    mine: &mut BTreeMap<String, LatencyResult>,
    theirs: &BTreeMap<String, LatencyResult>,
) -> Result<(), Unreadable> {
    for (name, latency) in theirs {
        match mine.get_mut(name) {
            Some(mine) => add_latency(mine, latency)?,
            None => drop(mine.insert(name.clone(), latency.clone())),
        }
    }
    Ok(())
}

fn add_latency(mine: &mut LatencyResult, theirs: &LatencyResult) -> Result<(), Unreadable> {
    let sum = added(&mine.hdr, &theirs.hdr)?;
    let independent = mine.independent + theirs.independent;
    let at = |wanted| quantile(&sum, independent, wanted);
    *mine = LatencyResult {
        unit: mine.unit.clone(),
        count: sum.len(),
        independent,
        min: if sum.is_empty() { 0 } else { sum.min() },
        mean: sum.mean(),
        stdev: sum.stdev(),
        p50: at(0.5),
        p90: at(0.9),
        p95: at(0.95),
        p99: at(0.99),
        p99_9: at(0.999),
        p99_99: at(0.9999),
        max: sum.max(),
        overflow: mine.overflow + theirs.overflow,
        hdr: encode(&sum),
    };
    Ok(())
}

fn added(a: &str, b: &str) -> Result<Histogram<u64>, Unreadable> {
    let mut sum = decode(a)?;
    let _ = sum.add(decode(b)?);
    Ok(sum)
}

fn add_counts(mine: &mut Counts, theirs: &Counts) {
    mine.users += theirs.users;
    mine.connected += theirs.connected;
    mine.refused += theirs.refused;
    mine.disconnects += theirs.disconnects;
    mine.sent += theirs.sent;
    mine.scheduled += theirs.scheduled;
    mine.achieved = (mine.scheduled > 0).then(|| 100.0 * mine.sent as f64 / mine.scheduled as f64);
    mine.expected_deliveries += theirs.expected_deliveries;
    mine.delivered += theirs.delivered;
    mine.lost += theirs.lost;
    mine.duplicated += theirs.duplicated;
    mine.reordered += theirs.reordered;
    mine.misrouted += theirs.misrouted;
    mine.corrupted += theirs.corrupted;
    mine.uncertain += theirs.uncertain;
    mine.refused_returns += theirs.refused_returns;
    mine.blocked_seconds += theirs.blocked_seconds;
    mine.wrong_replies += theirs.wrong_replies;
    for (code, count) in &theirs.errors {
        *mine.errors.entry(code.clone()).or_default() += count;
    }
}

/// Intervals of the same number belong together: the machines begin together, each by its own clock.
fn timeline(results: &[RunResult]) -> Result<Vec<Point>, Unreadable> {
    let longest = results.iter().map(|result| result.timeline.len()).max().unwrap_or(0);
    let Some(fullest) = results.iter().find(|result| result.timeline.len() == longest) else { return Ok(Vec::new()) };
    let mut points = fullest.timeline.clone();
    for result in results.iter().filter(|result| !std::ptr::eq(*result, fullest)) {
        for (merged, point) in points.iter_mut().zip(&result.timeline) {
            add_point(merged, point)?;
        }
    }
    Ok(points)
}

fn add_point(merged: &mut Point, point: &Point) -> Result<(), Unreadable> {
    merged.connected += point.connected;
    merged.sent += point.sent;
    merged.delivered += point.delivered;
    merged.errors += point.errors;
    merged.lateness_p99 = merged.lateness_p99.max(point.lateness_p99);
    merged.server_rss = merged.server_rss.or(point.server_rss);
    merged.server_cpu = merged.server_cpu.or(point.server_cpu);
    let sum = added(&merged.hdr, &point.hdr)?;
    let at = |wanted| (!sum.is_empty()).then(|| sum.value_at_quantile(wanted));
    (merged.p50, merged.p99, merged.max, merged.hdr) = (at(0.5), at(0.99), at(1.0), encode(&sum));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn counts_add_up_and_histograms_are_those_of_all_samples() {
        let (a, b) = (sample::run(10), sample::run(14));
        let merged = merge(&[a.clone(), b.clone()]).unwrap();
        for ((name, sum), ((_, a), (_, b))) in
            merged.counts.named().into_iter().zip(a.counts.named().into_iter().zip(b.counts.named()))
        {
            assert_eq!(sum, a + b, "{name}");
        }
        for (name, block) in &merged.latency {
            let mut expected = decode(&a.latency[name].whole.hdr).unwrap();
            expected.add(decode(&b.latency[name].whole.hdr).unwrap()).unwrap();
            assert_eq!(decode(&block.whole.hdr).unwrap(), expected, "{name}");
        }
        assert_eq!(merged.timeline.len(), 14);
    }

    #[test]
    fn one_result_stays_as_it_is_and_the_order_does_not_matter() {
        let (a, b) = (sample::run(5), sample::run(5));
        assert_eq!(merge(std::slice::from_ref(&a)).unwrap(), a);
        assert_eq!(merge(&[a.clone(), b.clone()]).unwrap().counts, merge(&[b, a]).unwrap().counts);
    }

    #[test]
    fn runs_of_different_seeds_are_not_one_run() {
        let (a, mut b) = (sample::run(1), sample::run(1));
        b.scenario.seed += 1;
        assert!(matches!(merge(&[a, b]), Err(MergeError::Different(..))));
    }
}
