//! `serve`: runs the reference server in this process.

use std::io::Read as _;
use std::process::ExitCode;

use clap::Args;

use mychat_load::Exit;

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  mychat-bench serve --listen 127.0.0.1:5000
      the server that `run` and `conformance` start if no other server is given

Exit codes: 0 stopped by a signal, 2 wrong options, 3 it could not listen or continue, 130 a second signal interrupted the shutdown.")]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) server: mychat_server::Args,

    /// Stop when standard input closes: `run` sets this for the server that it starts
    #[arg(long, hide = true)]
    pub(crate) with_parent: bool,
}

/// Serves until a signal arrives or the parent process ends.
pub(crate) fn serve(args: ServeArgs) -> ExitCode {
    if args.with_parent {
        std::thread::spawn(|| {
            // The parent never writes to this pipe. It closes when the parent ends, for any reason.
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            std::process::exit(0);
        });
    }
    let code = mychat_server::main_with(args.server);
    // The program mychat-server exits with 1 if it cannot listen; here 1 is a verdict.
    if code == ExitCode::FAILURE { Exit::CouldNotRun.into() } else { code }
}
