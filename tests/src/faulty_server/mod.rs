//! Servers with one fault: for load tests, with a count of the faults, and for the conformance suite.

mod delivery_faults;
mod load;
mod load_fault;
mod rooms;
pub mod conformance;

pub use delivery_faults::MixedCounts;
pub use load::FaultyServer;
pub use load_fault::LoadFault;

/// Serves on a port until the process ends. The fault is one of the conformance suite, or `load:NAME:EVERY` with a fault
/// that shows under load. An unknown fault is an error.
pub fn serve(port: u16, fault: &str) -> std::io::Result<()> {
    let Some(load) = fault.strip_prefix("load:") else { return conformance::serve(port, fault) };
    let (name, every) = load.split_once(':').unwrap_or((load, "1"));
    if let (Some(fault), Ok(every @ 1..)) = (LoadFault::named(name), every.parse()) {
        return load::serve_process(port, fault, every);
    }
    let message = format!("no fault under load is called `{load}`");
    Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, message))
}
