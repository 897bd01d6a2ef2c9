//! The real `mychat-server`, for tests.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    mychat_server::main_with(mychat_server::Args::parse())
}
