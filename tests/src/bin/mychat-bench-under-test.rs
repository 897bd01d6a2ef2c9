//! The real `mychat-bench`, for tests.

use std::process::ExitCode;

fn main() -> ExitCode {
    mychat_bench::main()
}
