//! `init`: a first scenario to change, and the two other things that fit the tool into a shell: completions and manual.

use std::io::Write as _;

use anyhow::Context as _;
use clap::CommandFactory as _;

use crate::{cli, out};
use mychat_load::Exit;
use mychat_report::files::WriteError;

const FIRST: &str = include_str!("first.yaml");

/// Writes the commented first scenario; never over something that is there.
pub(crate) fn init(args: &cli::Init) -> anyhow::Result<Exit> {
    let mut file = match std::fs::File::create_new(&args.file) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            out::complain(&format!("error: {} is there already: name another file\n", args.file.display()));
            return Ok(Exit::Usage);
        }
        Err(error) => return Err(WriteError::new(&args.file, &error).into()),
    };
    file.write_all(FIRST.as_bytes()).with_context(|| format!("cannot write {}", args.file.display()))?;
    let name = args.file.display();
    out::print(&format!(
        "wrote {name}\n\n  mychat-bench run {name}                           against the reference server\n  \
         mychat-bench run {name} --target 127.0.0.1:5000   against yours\n"
    ));
    Ok(Exit::Success)
}

/// Prints a shell's completions.
pub(crate) fn completions(args: &cli::Completions) -> Exit {
    out::print(&completions_of(args.shell));
    Exit::Success
}

fn completions_of(shell: clap_complete::Shell) -> String {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut cli::Cli::command(), "mychat-bench", &mut text);
    // clap_complete 4.6 takes the hyphen of the name for the step to a subcommand, in one of the two places that must agree.
    String::from_utf8_lossy(&text).replace("mychat__subcmd__bench", "mychat__bench")
}

/// Writes a page of the manual for each command.
pub(crate) fn man(args: &cli::Man) -> anyhow::Result<Exit> {
    std::fs::create_dir_all(&args.directory).with_context(|| format!("cannot create {}", args.directory.display()))?;
    let written = clap_mangen::generate_to(cli::Cli::command(), &args.directory);
    written.with_context(|| format!("cannot write to {}", args.directory.display()))?;
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

    #[test]
    fn bash_finds_the_options_of_every_command() {
        let script = super::completions_of(clap_complete::Shell::Bash);
        let assigned: Vec<&str> =
            script.lines().filter_map(|line| line.trim().strip_prefix("cmd=\"")?.strip_suffix('"')).collect();
        assert!(assigned.len() > 10, "{assigned:?}");
        for name in assigned.into_iter().filter(|name| !name.is_empty()) {
            assert!(script.contains(&format!("        {name})\n            opts=")), "no options for {name}");
        }
    }
}
