//! `serve`: the reference server, in this process.

use std::io::Read as _;
use std::process::ExitCode;

use crate::cli;
use mychat_load::Exit;

/// Serves until a signal comes, or the program that started it is gone.
pub(crate) fn serve(args: cli::Serve) -> ExitCode {
    if args.with_parent {
        std::thread::spawn(|| {
            // Nobody writes to this pipe: it ends when the parent does, however that comes about.
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            std::process::exit(0);
        });
    }
    let code = mychat_server::main_with(args.server);
    // The server's own program says 1 where it cannot listen; here 1 is a verdict.
    if code == ExitCode::FAILURE { Exit::CouldNotRun.into() } else { code }
}
