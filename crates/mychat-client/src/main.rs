//! `mychat`: the console program. Everything it does is in [`console`]; everything it knows of the protocol is the
//! library's.

mod console;

use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            // Standard error may be closed, and then there is nobody to tell.
            let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("mychat: {error:#}\n"));
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(console::run(std::env::args_os().collect()))
}
