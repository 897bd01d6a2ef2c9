//! Compares the resources of this machine with the needs of a plan.

use mychat_os::proc;

use super::load::Forecast;
use mychat_report::grouped;

/// Number of descriptors besides one per user.
const SPARE: u64 = 64;
/// Deliveries per second that one worker can check: an empirical value, not measured on this machine.
const PER_WORKER: f64 = 2e6;

/// Resources of a machine; `None` if the system does not report them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostCapacity {
    /// Descriptor limit of a process.
    pub descriptors: u64,
    /// Port range of outgoing connections.
    pub ports: Option<(u16, u16)>,
    /// Bytes of free memory.
    pub memory: Option<u64>,
    /// Number of cores.
    pub cores: u32,
}

/// Resource that a plan needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceNeed {
    /// Name of the resource.
    pub what: &'static str,
    /// Need and supply as text.
    pub figure: String,
    /// True if the supply suffices; `None` if it is unknown.
    pub met: bool,
    /// Advice or explanation.
    pub note: Option<String>,
}

impl HostCapacity {
    /// Reads the resources of this machine.
    pub fn detect() -> Self {
        Self {
            descriptors: descriptors(),
            ports: proc::local_ports(),
            memory: proc::available_memory(),
            cores: std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32),
        }
    }

    /// Returns the needs of a plan with their supply.
    pub fn needs(&self, forecast: &Forecast) -> Vec<ResourceNeed> {
        vec![self.descriptors(forecast), self.ports(forecast), self.memory(forecast), self.cores(forecast)]
    }

    fn descriptors(&self, forecast: &Forecast) -> ResourceNeed {
        let needed = forecast.users as u64 + SPARE;
        let met = needed <= self.descriptors;
        ResourceNeed {
            what: "descriptors",
            figure: format!("{} of {}", grouped(needed), grouped(self.descriptors)),
            met,
            note: (!met).then(|| "raise the hard limit (`ulimit -Hn`), or run fewer users".to_owned()),
        }
    }

    fn ports(&self, forecast: &Forecast) -> ResourceNeed {
        let needed = forecast.ports.ceil() as u64;
        let Some((first, last)) = self.ports else {
            return ResourceNeed { what: "ports", figure: grouped(needed), met: true, note: None };
        };
        let there = u64::from(last.saturating_sub(first)) + 1;
        // Each user takes a port of one address; a server on this machine is reached from several addresses.
        let note = if needed > there {
            Some(
                "more than one address has: for a server on this machine several addresses 127.0.0.x are used, for \
                 another one give --source-ip",
            )
        } else if forecast.returns > 0.0 {
            Some("with those in TIME_WAIT: the system keeps a port for a minute after its user has left")
        } else {
            None
        };
        let addresses = needed.div_ceil(there);
        ResourceNeed {
            what: "ports",
            figure: format!("{} of {}", grouped(needed), grouped(there)),
            met: addresses <= 254,
            note: note.map(str::to_owned),
        }
    }

    fn memory(&self, forecast: &Forecast) -> ResourceNeed {
        let needed = forecast.memory as u64;
        let figure = match self.memory {
            Some(there) => format!("about {} of {}", bytes(needed as f64), bytes(there as f64)),
            None => format!("about {}", bytes(needed as f64)),
        };
        let met = self.memory.is_none_or(|there| needed <= there);
        let note = if met {
            forecast.load.verify_note.clone()
        } else {
            Some("shorten the load, or let fewer users broadcast".to_owned())
        };
        ResourceNeed { what: "memory", figure, met, note }
    }

    fn cores(&self, forecast: &Forecast) -> ResourceNeed {
        let most = forecast.most_deliveries();
        let workers = self.cores.saturating_sub(1).max(1);
        let met = most <= PER_WORKER * f64::from(workers);
        let share =
            if self.cores > 1 { "one core is left for a server on this machine" } else { "shared with the server" };
        let note = if met {
            share.to_owned()
        } else {
            let workers = if workers == 1 { "one worker".to_owned() } else { format!("{workers} workers") };
            format!("{} deliveries/s are probably too many for {workers}", grouped(most as u64))
        };
        ResourceNeed { what: "cores", figure: self.cores.to_string(), met, note: Some(note) }
    }
}

/// Formats bytes for readers.
pub(super) fn bytes(count: f64) -> String {
    match mychat_proto::units::scale(count) {
        (value, "B") => format!("{value:.0} B"),
        (value, unit) if value < 10.0 => format!("{value:.1} {unit}"),
        (value, unit) => format!("{value:.0} {unit}"),
    }
}
/// Returns the descriptor limit of this process.
#[cfg(unix)]
fn descriptors() -> u64 {
    rlimit::Resource::NOFILE.get_hard().unwrap_or(u64::MAX)
}

/// Sockets are no descriptors on this system, so there is no such limit.
#[cfg(not(unix))]
fn descriptors() -> u64 {
    u64::MAX
}
