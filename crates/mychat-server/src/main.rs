//! `mychat-server`: the reference server as a program.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    mychat_server::main_with(mychat_server::Args::parse())
}
