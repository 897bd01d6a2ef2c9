//! `mychat-server`: the reference server as a program.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    mychat_server::ServerCli::parse().run()
}
