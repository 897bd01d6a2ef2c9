//! `init`: a first scenario to change, and the two other things that fit the tool into a shell: completions and manual.

use std::io::Write as _;

use anyhow::Context as _;
use clap::CommandFactory as _;

use crate::exit::Exit;
use crate::{cli, out};

const FIRST: &str = include_str!("first.yaml");

/// Writes the commented first scenario; never over something that is there.
pub(crate) fn init(args: &cli::Init) -> anyhow::Result<Exit> {
    let mut file = match std::fs::File::create_new(&args.file) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            out::complain(&format!("error: {} is there already: name another file\n", args.file.display()));
            return Ok(Exit::Usage);
        }
        Err(error) => return Err(error).with_context(|| format!("cannot write {}", args.file.display())),
    };
    file.write_all(FIRST.as_bytes()).with_context(|| format!("cannot write {}", args.file.display()))?;
    let name = args.file.display();
    out::print(&format!(
        "wrote {name}\n\n  mychat-bench run {name}                            against the reference server\n  \
         mychat-bench run {name} --target 127.0.0.1:5000   against yours\n"
    ));
    Ok(Exit::Held)
}

/// Prints a shell's completions.
pub(crate) fn completions(args: &cli::Completions) -> Exit {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut cli::Cli::command(), "mychat-bench", &mut text);
    out::print(&String::from_utf8_lossy(&text));
    Exit::Held
}

/// Writes a page of the manual for each command.
pub(crate) fn man(args: &cli::Man) -> anyhow::Result<Exit> {
    std::fs::create_dir_all(&args.directory).with_context(|| format!("cannot create {}", args.directory.display()))?;
    let written = clap_mangen::generate_to(cli::Cli::command(), &args.directory);
    written.with_context(|| format!("cannot write to {}", args.directory.display()))?;
    Ok(Exit::Held)
}

#[cfg(test)]
mod tests {
    use crate::scenario;

    #[test]
    fn the_first_scenario_is_a_good_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("first.yaml");
        std::fs::write(&path, super::FIRST).unwrap();
        assert!(scenario::load(&path).is_ok());
    }
}
