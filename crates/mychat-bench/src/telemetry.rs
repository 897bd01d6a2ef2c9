//! Telemetry of a run: after each interval, the server's memory and CPU, and a line of NDJSON.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;

use mychat_load::engine::coordinator::TimelineSlice;
use mychat_load::plan::Plan;
use mychat_report::files;
use mychat_report::json::ndjson;
use mychat_report::model::{RunResult, TimelinePoint};
use mychat_target::sample::{Sample, Sampler, ServerUse};

/// Telemetry of one run.
#[derive(Debug)]
pub(crate) struct Telemetry {
    sampler: Option<Sampler>,
    before: Option<Sample>,
    samples: Vec<Option<Sample>>,
    /// Number of written lines, and the end of the last interval in seconds.
    written: (usize, f64),
    ndjson: Option<Arc<File>>,
    /// Percentage of the probe, in a search.
    percent: Option<f64>,
    /// First failure to write a line. It is reported at the end and does not stop the run.
    failed: Option<std::io::Error>,
}

/// Shortest interval in seconds with a CPU value: systems count CPU time in hundredths of a second.
const SHORTEST_FOR_CPU: f64 = 0.1;

impl Telemetry {
    /// Creates the telemetry and takes the first sample, before the first login.
    pub(crate) fn new(sampler: Option<Sampler>, ndjson: Option<&Path>) -> anyhow::Result<Self> {
        let before = sampler.as_ref().and_then(Sampler::sample);
        let ndjson = ndjson.map(files::create).transpose()?;
        let ndjson = ndjson.map(Arc::new);
        Ok(Self { sampler, before, samples: Vec::new(), written: (0, 0.0), ndjson, percent: None, failed: None })
    }

    /// Creates the telemetry of one probe of a search, which writes to the same file.
    pub(crate) fn of_try(&self, percent: f64) -> Self {
        let sampler = self.sampler.clone();
        let before = sampler.as_ref().and_then(Sampler::sample);
        let (ndjson, percent) = (self.ndjson.clone(), Some(percent));
        Self { sampler, before, samples: Vec::new(), written: (0, 0.0), ndjson, percent, failed: None }
    }

    /// Records an interval.
    pub(crate) fn slice(&mut self, plan: &Plan, slice: &TimelineSlice) {
        self.sample();
        if self.ndjson.is_none() {
            return;
        }
        let mut point = mychat_report::timeline_point(plan, slice);
        self.fill(self.samples.len() - 1, self.written.1, &mut point);
        self.write(&point);
    }

    /// Ends the sampling while the server still runs, and returns its resources.
    pub(crate) fn finish(&mut self, timeline: &[TimelineSlice]) -> Option<ServerUse> {
        while self.samples.len() < timeline.len() {
            self.sample();
        }
        let (before, sampler) = (self.before?, self.sampler.as_ref()?);
        let all = || self.samples.iter().flatten();
        let last = all().next_back().copied().unwrap_or(before);
        let busiest = timeline.iter().zip(&self.samples).max_by_key(|(slice, _)| slice.connected);
        let per_user = busiest.and_then(|(slice, sample)| {
            let grown = (*sample)?.rss.saturating_sub(before.rss);
            (slice.connected > 0).then(|| grown / slice.connected)
        });
        Some(ServerUse {
            pid: sampler.pid(),
            cpu_seconds: last.cpu_seconds - before.cpu_seconds,
            rss_peak: all().map(|sample| sample.rss_peak).max().unwrap_or(before.rss_peak),
            rss_per_user: per_user,
            threads: all().map(|sample| sample.threads).max().unwrap_or(before.threads),
            fds: all().filter_map(|sample| sample.fds).max(),
        })
    }

    /// Adds the samples to the result, and the missing lines to the NDJSON file. Fails if any line could not be written.
    pub(crate) fn complete(&mut self, result: &mut RunResult) -> anyhow::Result<()> {
        let mut from = 0.0;
        for (index, point) in result.timeline.iter_mut().enumerate() {
            self.fill(index, from, point);
            from = point.t;
        }
        for point in &result.timeline[self.written.0.min(result.timeline.len())..] {
            self.write(point);
        }
        match self.failed.take() {
            Some(error) => Err(error).context("cannot write the NDJSON file"),
            None => Ok(()),
        }
    }

    fn sample(&mut self) {
        self.samples.push(self.sampler.as_ref().and_then(Sampler::sample));
    }

    fn fill(&self, index: usize, from: f64, point: &mut TimelinePoint) {
        let Some(Some(sample)) = self.samples.get(index) else { return };
        let earlier = index.checked_sub(1).and_then(|index| self.samples[index]).or(self.before);
        let seconds = (point.t - from).max(1e-3);
        point.server_rss = Some(sample.rss);
        point.server_threads = Some(sample.threads);
        point.server_fds = sample.fds;
        let cpu = earlier.map(|earlier| (sample.cpu_seconds - earlier.cpu_seconds).max(0.0) / seconds);
        point.server_cpu = cpu.filter(|_| seconds >= SHORTEST_FOR_CPU);
    }

    fn write(&mut self, point: &TimelinePoint) {
        self.written = (self.written.0 + 1, point.t);
        if let Some(file) = &self.ndjson
            && let Err(error) = ndjson::line(&**file, self.percent, point)
            // The reader of a closed pipe has read enough.
            && error.kind() != std::io::ErrorKind::BrokenPipe
        {
            self.failed.get_or_insert(error);
        }
    }
}
