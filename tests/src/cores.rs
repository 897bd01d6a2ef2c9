//! Separate cores for the server and for the tool: measurements in microseconds need them.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Two cores that this process may use.
#[derive(Debug, Clone, Copy)]
pub struct Cores {
    /// For the server under test.
    pub server: usize,
    /// For the tool that measures it.
    pub tool: usize,
}

/// The two, as the process was given them at its start; nothing where there is one core only, or no telling.
pub fn cores() -> Option<Cores> {
    static CORES: std::sync::OnceLock<Option<Cores>> = std::sync::OnceLock::new();
    *CORES.get_or_init(|| {
        let mine = sched_getaffinity(None).ok()?;
        let mut usable = (0..CpuSet::MAX_CPU).filter(|core| mine.is_set(*core));
        Some(Cores { server: usable.next()?, tool: usable.next()? })
    })
}

/// Keeps the calling thread, and what it starts from now on, on this core. A hint: without it figures are less exact.
pub fn stay_on(core: Option<usize>) {
    let Some(core) = core else { return };
    let mut set = CpuSet::new();
    set.set(core);
    let _ = sched_setaffinity(None, &set);
}
