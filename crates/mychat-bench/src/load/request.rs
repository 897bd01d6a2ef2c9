//! The request that the command line of `run` stands for.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use crate::report_files::ReportFiles;
use crate::target::ServerChoice;
use crate::terminal::progress::View;
use mychat_load::plan::Shard;
use mychat_load::record::receive_figures::ArrivalSource;
use mychat_scenario::model::FramingChoice;

/// Request to run a scenario.
#[derive(Debug)]
pub(crate) struct RunRequest {
    pub(crate) file: PathBuf,
    pub(crate) server: ServerChoice,
    pub(crate) profile: Option<PathBuf>,
    pub(crate) framing: Option<FramingChoice>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) seed: Option<u64>,
    pub(crate) load: LoadOptions,
    pub(crate) view: View,
    pub(crate) reports: ReportFiles,
}

/// Options of the load generator.
#[derive(Debug)]
pub(crate) struct LoadOptions {
    /// Worker threads; `None` leaves one core to a server on this machine.
    pub(crate) threads: Option<NonZeroU32>,
    pub(crate) shard: Shard,
    /// The clock of arrivals.
    pub(crate) arrivals: ArrivalSource,
    pub(crate) source_ips: Vec<IpAddr>,
    /// Length of an interval of the timeline.
    pub(crate) interval: Duration,
}
