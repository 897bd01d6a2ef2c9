//! `completions`: prints completions for a shell.

use clap::Args;

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

fn script(shell: clap_complete::Shell, mut program: clap::Command) -> String {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut program, "mychat-bench", &mut text);
    // clap_complete 4.6 confuses the hyphen of the name with a subcommand separator in one of two places that must agree.
    String::from_utf8_lossy(&text).replace("mychat__subcmd__bench", "mychat__bench")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use crate::cli::Cli;

    #[test]
    fn bash_finds_the_options_of_every_command() {
        let script = super::script(clap_complete::Shell::Bash, Cli::command());
        let assigned: Vec<&str> =
            script.lines().filter_map(|line| line.trim().strip_prefix("cmd=\"")?.strip_suffix('"')).collect();
        assert!(assigned.len() > 10, "{assigned:?}");
        for name in assigned.into_iter().filter(|name| !name.is_empty()) {
            assert!(script.contains(&format!("        {name})\n            opts=")), "no options for {name}");
        }
    }
}
