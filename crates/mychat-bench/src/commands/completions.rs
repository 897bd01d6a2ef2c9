//! `completions`: prints completions for a shell.

use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::terminal::print;
use mychat_load::Exit;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mychat-bench completions bash > ~/.local/share/bash-completion/completions/mychat-bench
  mychat-bench completions zsh > ~/.zfunc/_mychat-bench
  mychat-bench completions fish > ~/.config/fish/completions/mychat-bench.fish")]
pub(crate) struct CompletionsArgs {
    /// Name of the shell
    pub(crate) shell: clap_complete::Shell,
}

/// Prints the completions for the commands of `program`.
pub(crate) fn completions(args: &CompletionsArgs, program: clap::Command) -> Exit {
    print::result(&script(args.shell, program));
    Exit::Success
}

fn script(shell: clap_complete::Shell, program: clap::Command) -> String {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut with_check_ids(program), "mychat-bench", &mut text);
    // clap_complete 4.6 confuses the hyphen of the name with a subcommand separator in one of two places that must agree.
    let script = String::from_utf8_lossy(&text).replace("mychat__subcmd__bench", "mychat__bench");
    // It splits file names at blanks. Without a candidate, bash itself completes file names (`complete -o default`).
    script.replace(r#"COMPREPLY=($(compgen -f "${cur}"))"#, "COMPREPLY=()")
}

/// Adds the ids of the checks as values of the options that select checks. The program itself also takes globs.
fn with_check_ids(program: clap::Command) -> clap::Command {
    let checks = mychat_conformance::suite::catalogue();
    // The library wants static texts. The program prints its script and ends.
    let ids: Vec<&'static str> = checks.iter().map(|check| &*check.case.id.clone().leak()).collect();
    program.mut_subcommand("conformance", |conformance| {
        ["only", "skip", "explain"].into_iter().fold(conformance, |command, option| {
            command.mut_arg(option, |arg| arg.value_parser(PossibleValuesParser::new(ids.clone())))
        })
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use clap_complete::Shell;

    use crate::cli::Cli;

    #[test]
    fn checks_are_offered_by_their_ids() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = super::script(shell, Cli::command());
            let offered = script.matches("frame.two-in-one").count();
            assert!(offered >= 3, "{shell} offers it {offered} times");
        }
    }

    #[test]
    fn bash_itself_completes_file_names_because_they_may_have_blanks() {
        let script = super::script(Shell::Bash, Cli::command());
        assert!(!script.contains("compgen -f"));
        assert!(script.contains("COMPREPLY=()") && script.contains("-o bashdefault -o default mychat-bench"));
    }

    #[test]
    fn bash_finds_the_options_of_every_command() {
        let script = super::script(Shell::Bash, Cli::command());
        let assigned: Vec<&str> =
            script.lines().filter_map(|line| line.trim().strip_prefix("cmd=\"")?.strip_suffix('"')).collect();
        assert!(assigned.len() > 10, "{assigned:?}");
        for name in assigned.into_iter().filter(|name| !name.is_empty()) {
            assert!(script.contains(&format!("        {name})\n            opts=")), "no options for {name}");
        }
    }
}
