//! `mychat-bench`: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    mychat_bench::main()
}
