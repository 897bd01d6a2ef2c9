//! `man`: writes the manual pages.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use crate::error::CommandError;
use mychat_load::Exit;

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  mychat-bench man ~/.local/share/man/man1")]
pub(crate) struct ManArgs {
    /// Directory for one file per command
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
}

/// Writes a manual page for each command of `program`.
pub(crate) fn man(args: &ManArgs, program: clap::Command) -> Result<Exit, CommandError> {
    std::fs::create_dir_all(&args.directory).with_context(|| format!("cannot create {}", args.directory.display()))?;
    let written = clap_mangen::generate_to(program, &args.directory);
    written.with_context(|| format!("cannot write to {}", args.directory.display()))?;
    Ok(Exit::Success)
}
