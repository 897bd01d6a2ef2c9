//! `init`: writes a commented first scenario.

use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use crate::error::CommandError;
use crate::terminal::print;
use mychat_load::Exit;
use mychat_report::files::WriteError;

const FIRST: &str = include_str!("first.yaml");

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  mychat-bench init mine.yaml && mychat-bench run mine.yaml
      a scenario to change, with a comment for every line

Exit codes: 0 written, 2 there is a file of that name, 3 it cannot be written.")]
pub(crate) struct InitArgs {
    /// File to create
    #[arg(value_name = "FILE", default_value = "scenario.yaml")]
    pub(crate) file: PathBuf,
}

/// Writes the scenario. Never overwrites a file.
pub(crate) fn init(args: &InitArgs) -> Result<Exit, CommandError> {
    let mut file = std::fs::File::create_new(&args.file).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            CommandError::usage(format!("{} already exists", args.file.display())).hint("name another file")
        }
        _ => WriteError::new(&args.file, &error).into(),
    })?;
    file.write_all(FIRST.as_bytes()).with_context(|| format!("cannot write {}", args.file.display()))?;
    let name = args.file.display();
    print::result(&format!(
        "wrote {name}\n\n  mychat-bench run {name}                           against the reference server\n  \
         mychat-bench run {name} --target 127.0.0.1:5000   against yours\n"
    ));
    Ok(Exit::Success)
}

#[cfg(test)]
mod tests {

    #[test]
    fn the_first_scenario_is_a_good_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("first.yaml");
        std::fs::write(&path, super::FIRST).unwrap();
        assert!(mychat_scenario::load(&path).is_ok());
    }
}
