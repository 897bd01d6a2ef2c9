//! The console program `mychat`. The module [`console`] implements it on top of the library.

mod console;

use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            // Standard error may be closed; there is no other place for this error.
            let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("mychat: {error:#}\n"));
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(console::run(std::env::args_os().collect()))
}
