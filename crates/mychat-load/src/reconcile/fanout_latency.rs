//! Fan-out latencies of a whole run: from the intended send of a broadcast to its first and last recipient.

use super::lost_latency::LostLatency;
use crate::plan::{Plan, RunTime};
use crate::record::fanout::FanOut;
use crate::record::recorder::{LatencyMetric, Place, Recorder};

/// Records each broadcast that at least one user received, at its sender's group and the stage it was scheduled in.
///
/// If a recipient never got it, its last arrival counts as `end`, the end of the run.
pub fn record_fanout(
    fanout: &FanOut,
    plan: &Plan,
    load_start: RunTime,
    (lost_latency, end): (&LostLatency, RunTime),
    recorder: &mut Recorder,
) {
    for (sender, index, span) in fanout.spans() {
        let last = if lost_latency.has_broadcast(sender, index) { end.max(span.last) } else { span.last };
        let stage = plan.stage_at(span.intended.in_load(load_start));
        let place = Place { stage, group: plan.users[sender.index()].group, action: 0 };
        let place = if plan.is_closed_loop(sender) { place.closed() } else { place };
        recorder.time(place, LatencyMetric::DeliveryFirst, span.first.since(span.intended));
        recorder.time(place, LatencyMetric::DeliveryLast, last.since(span.intended));
        recorder.time(place, LatencyMetric::DeliverySpread, last.since(span.first));
    }
}
