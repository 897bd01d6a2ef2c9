//! Live view of the progress, drawn only on a terminal.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::{print, progress_term};
use crate::target::ProcessWatch;
use crate::telemetry::Telemetry;
use mychat_load::engine::coordinator::{Phase, RunObserver, TimelineSlice};
use mychat_load::engine::shared::SharedState;
use mychat_load::record::recorder::Recorder;
use mychat_load::verdict::AbortMonitor;
use mychat_report::{duration, grouped};

/// Kind of progress output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// A bar, if standard error is a terminal.
    Live,
    /// One line per interval, on a terminal or not.
    Lines,
    /// No output.
    Quiet,
}

impl View {
    /// Chooses the view from the options.
    pub(crate) fn of(quiet: bool, verbose: bool) -> Self {
        match (quiet, verbose) {
            (true, _) => Self::Quiet,
            (false, true) => Self::Lines,
            (false, false) => Self::Live,
        }
    }
}

/// Live view of one run.
pub(crate) struct Progress {
    view: View,
    bar: ProgressBar,
    /// Time and counts of the last interval, to compute rates: seconds, sent, delivered.
    last: Option<(Instant, u64, u64)>,
    rates: (f64, f64),
    /// Prefix of the stage: the probe of a search.
    title: String,
}

impl Progress {
    pub(crate) fn new(view: View, title: &str) -> Self {
        let bar = ProgressBar::with_draw_target(Some(1), progress_term::target_if(view == View::Live));
        let style = ProgressStyle::with_template("{prefix:>9.bold} [{bar:24}] {msg}");
        bar.set_style(style.expect("the template is right").progress_chars("█▌ "));
        Self { view, bar, last: None, rates: (0.0, 0.0), title: title.to_owned() }
    }

    /// Removes the view from the screen.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    /// Prints a line for an interval if the view is [`View::Lines`].
    fn slice(&self, shared: &SharedState, slice: &TimelineSlice) {
        if self.view != View::Lines {
            return;
        }
        let stage = slice.part.name(&shared.plan);
        let delivery = slice.delivery.unpack();
        let at = |quantile| match delivery.count() {
            0 => "–".to_owned(),
            _ => duration(delivery.histogram.value_at_quantile(quantile) as f64),
        };
        print::message(&format!(
            "{:>7.1} s  {}{stage:<12} {:>7} users  {:>9} sent  {:>11} delivered  {} errors  p50 {}  p99 {}  max {}\n",
            slice.at.seconds(),
            self.title,
            grouped(slice.connected),
            grouped(slice.sent),
            grouped(slice.delivered),
            grouped(slice.errors),
            at(0.5),
            at(0.99),
            at(1.0)
        ));
    }

    fn rates(&mut self, shared: &SharedState) -> (f64, f64) {
        const EVERY: Duration = Duration::from_millis(500);
        let now = Instant::now();
        let counts = (shared.live.sent.load(Ordering::Relaxed), shared.live.delivered.load(Ordering::Relaxed));
        let Some((at, sent, delivered)) = self.last else {
            self.last = Some((now, counts.0, counts.1));
            return self.rates;
        };
        let passed = now.duration_since(at);
        if passed >= EVERY {
            let per_second = |now: u64, then: u64| now.saturating_sub(then) as f64 / passed.as_secs_f64();
            self.rates = (per_second(counts.0, sent), per_second(counts.1, delivered));
            self.last = Some((now, counts.0, counts.1));
        }
        self.rates
    }
}

/// Observer of a run: live view, abort conditions, telemetry, and the end of the server's process.
pub(crate) struct LiveObserver<'w, 's> {
    pub(crate) progress: Progress,
    pub(crate) abort_monitor: AbortMonitor,
    pub(crate) telemetry: &'w mut Telemetry,
    pub(crate) process: ProcessWatch<'s>,
}

impl RunObserver for LiveObserver<'_, '_> {
    fn progress(&mut self, phase: Phase, shared: &SharedState, latest: Option<&TimelineSlice>) {
        self.process.observe();
        self.progress.draw(phase, shared, latest);
    }

    fn interval_ended(&mut self, shared: &SharedState, recorded: &Recorder, length: Duration) -> Option<usize> {
        self.abort_monitor.check_interval(&shared.plan, recorded, length)
    }

    fn timeline_slice(&mut self, shared: &SharedState, slice: &TimelineSlice) {
        self.telemetry.slice(&shared.plan, slice);
        self.progress.slice(shared, slice);
    }
}

impl Progress {
    fn draw(&mut self, phase: Phase, shared: &SharedState, latest: Option<&TimelineSlice>) {
        if self.bar.is_hidden() {
            return;
        }
        let (sent, delivered) = self.rates(shared);
        let users = shared.plan.users.len() as u64;
        let connected = shared.live.connected.load(Ordering::Relaxed);
        let (name, length, position) = match phase {
            Phase::Joining => ("join", users, shared.live.logins_done.load(Ordering::Relaxed)),
            Phase::Load(at) => {
                let name = shared.plan.stages.get(shared.plan.stage_at(at).index()).map_or("load", |stage| &stage.name);
                (name, shared.plan.end().nanos(), at.nanos())
            }
            Phase::Draining => ("drain", 1, 1),
        };
        self.bar.set_prefix(format!("{}{name}", self.title));
        self.bar.set_length(length.max(1));
        self.bar.set_position(position.min(length));
        let p99 = latest.filter(|slice| !slice.delivery.is_empty()).map_or(String::new(), |slice| {
            format!(" · p99 {}", duration(slice.delivery.unpack().histogram.value_at_quantile(0.99) as f64))
        });
        self.bar.set_message(format!(
            "{} of {} users · {}/s sent · {}/s delivered{p99}",
            grouped(connected),
            grouped(users),
            grouped(sent as u64),
            grouped(delivered as u64),
        ));
    }
}
