//! `mychat-faulty-server PORT FAULT`: a server with one thing wrong, for the tool to find.

use std::process::ExitCode;

#[expect(clippy::print_stderr, reason = "the error of a program belongs on standard error")]
fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let port = args.next().and_then(|port| port.parse().ok()).unwrap_or(0);
    let fault = args.next().unwrap_or_else(|| "none".to_owned());
    match mychat_tests::faulty_server::serve(port, &fault) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
