//! What helps before a run: scenarios to write and check, shells, manuals, a server.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  mychat-bench init mine.yaml && mychat-bench run mine.yaml
      a scenario to change, with a comment for every line

Exit codes: 0 written, 2 there is a file of that name, 3 it cannot be written.")]
pub(crate) struct Init {
    /// Where to
    #[arg(value_name = "FILE", default_value = "scenario.yaml")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mychat-bench completions bash > ~/.local/share/bash-completion/completions/mychat-bench
  mychat-bench completions zsh > ~/.zfunc/_mychat-bench
  mychat-bench completions fish > ~/.config/fish/completions/mychat-bench.fish")]
pub(crate) struct Completions {
    /// Of which shell
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  mychat-bench man ~/.local/share/man/man1")]
pub(crate) struct Man {
    /// Where to, a file a command
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  mychat-bench validate scenarios/*.yaml
      every mistake with its line, its column and what was probably meant

Exit codes: 0 all files are right, 2 one is not.")]
pub(crate) struct Validate {
    /// Scenario files
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  mychat-bench explain scenarios/broadcast_storm.yaml
      users, messages and bytes per second, memory, descriptors and ports, before anything runs

Exit codes: 0 this machine can do it, 2 the file is wrong, 3 this machine cannot do it.")]
pub(crate) struct Explain {
    /// The scenario
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  mychat-bench serve --listen 127.0.0.1:5000
      the server that `run` and `conformance` start where no other is named

Exit codes: 0 stopped by a signal, 2 wrong options, 3 it could not listen or go on, 130 a second signal cut its end short.")]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) server: mychat_server::Args,

    /// Stop when standard input closes: set by `run` for the server that it starts
    #[arg(long, hide = true)]
    pub(crate) with_parent: bool,
}
