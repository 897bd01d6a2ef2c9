//! The live view: how far the run has come, drawn on a terminal and nowhere else.

use std::io::IsTerminal as _;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::drive::conduct::{Phase, Slice, Watch};
use crate::drive::shared::Shared;
use crate::judge::Alarm;
use crate::observe::recorder::Recorder;
use crate::report::{duration, grouped};

/// Whether a live view is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// A bar, where standard error is a terminal.
    Live,
    /// Nothing.
    Quiet,
}

/// The live view of one run.
pub(crate) struct Progress {
    bar: ProgressBar,
    /// When, how many sent, how many delivered: to make rates of.
    last: Option<(Instant, u64, u64)>,
    rates: (f64, f64),
}

impl Progress {
    pub(crate) fn new(view: View) -> Self {
        let shown = view == View::Live && std::io::stderr().is_terminal();
        let target = if shown { ProgressDrawTarget::stderr_with_hz(10) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(1), target);
        let style = ProgressStyle::with_template("{prefix:>9.bold} [{bar:24}] {msg}");
        bar.set_style(style.expect("the template is right").progress_chars("█▌ "));
        Self { bar, last: None, rates: (0.0, 0.0) }
    }

    /// Takes the view off the screen.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn rates(&mut self, shared: &Shared) -> (f64, f64) {
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

/// The live view, and the conditions that end a run early.
pub(crate) struct Watcher {
    pub(crate) progress: Progress,
    pub(crate) alarm: Alarm,
}

impl Watch for Watcher {
    fn look(&mut self, phase: Phase, shared: &Shared, latest: Option<&Slice>) {
        self.progress.look(phase, shared, latest);
    }

    fn interval(&mut self, shared: &Shared, recorded: &Recorder) -> Option<usize> {
        self.alarm.ring(&shared.plan, recorded)
    }
}

impl Progress {
    fn look(&mut self, phase: Phase, shared: &Shared, latest: Option<&Slice>) {
        if self.bar.is_hidden() {
            return;
        }
        let (sent, delivered) = self.rates(shared);
        let users = shared.plan.users.len() as u64;
        let connected = shared.live.connected.load(Ordering::Relaxed);
        let (name, length, position) = match phase {
            Phase::Joining => ("join", users, shared.live.settled.load(Ordering::Relaxed)),
            Phase::Load(at) => {
                let name = shared.plan.stages.get(shared.plan.stage_at(at)).map_or("load", |stage| &stage.name);
                (name, shared.plan.end(), at)
            }
            Phase::Draining => ("drain", 1, 1),
        };
        self.bar.set_prefix(name.to_owned());
        self.bar.set_length(length.max(1));
        self.bar.set_position(position.min(length));
        let p99 = latest.filter(|slice| slice.delivery.count() > 0).map_or(String::new(), |slice| {
            format!(" · p99 {}", duration(slice.delivery.histogram.value_at_quantile(0.99) as f64))
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
