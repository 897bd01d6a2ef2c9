//! The command line → [`Settings`] → [`Config`].

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::Config;
use crate::health_check::HealthCheckArgs;
use crate::program;
use crate::settings::{Settings, SettingsError};

/// The MyChat reference server.
///
/// Every setting can be given as a flag, as an environment variable or in a file. A flag overrides the environment, and
/// the environment overrides the file. In the file (TOML) the settings have the names of their flags:
/// `send-queue = "64KiB"`. SIGHUP reads the file again: limits change at once, other settings need a restart.
#[derive(Debug, Clone, Parser)]
#[command(name = "mychat-server", version, max_term_width = 100, args_conflicts_with_subcommands = true)]
pub struct ServerCli {
    #[command(subcommand)]
    command: Option<ServerCommand>,

    #[command(flatten)]
    args: Args,
}

#[derive(Debug, Clone, Subcommand)]
enum ServerCommand {
    Check(HealthCheckArgs),
}

impl ServerCli {
    /// Runs the command, or the server if there is none. Returns the exit code of the program.
    pub fn run(self) -> ExitCode {
        match self.command {
            Some(ServerCommand::Check(check)) => check.run(),
            None => program::main_with(self.args),
        }
    }
}

/// The options of the server.
#[derive(Debug, Clone, Parser)]
#[command(name = "mychat-server", max_term_width = 100)]
pub struct Args {
    /// Read settings from this file (TOML)
    #[arg(long, env = "MYCHAT_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,

    /// Check all settings, print the first error, and exit: 0 if there is none, else 2
    #[arg(long)]
    check_config: bool,

    /// Print all settings with the values in force, as a file for --config, and exit
    #[arg(long)]
    print_config: bool,

    #[command(flatten)]
    settings: Settings,
}

/// The task of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Serve.
    Serve,
    /// Check the settings.
    Check,
    /// Print the settings.
    Print,
}

impl Args {
    /// Returns the task that the flags ask for.
    pub const fn task(&self) -> Task {
        match (self.print_config, self.check_config) {
            (true, _) => Task::Print,
            (false, true) => Task::Check,
            (false, false) => Task::Serve,
        }
    }

    /// Combines the flags, the environment and the file, which it reads, into a configuration.
    pub fn config(&self) -> Result<Config, SettingsError> {
        let file = self.config.as_deref().map(Settings::load).transpose()?;
        self.settings.clone().or(file.unwrap_or_default()).into_config()
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::settings::print;

    fn config(args: &[&str]) -> Result<Config, String> {
        let args = Args::try_parse_from([&["mychat-server"], args].concat()).map_err(|error| error.to_string())?;
        args.config().map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_of_the_flags_are_those_of_the_config() {
        let mut expected = Config::default();
        expected.send.total = crate::limits::memory::default_send_total();
        assert_eq!(config(&[]).unwrap(), expected);
    }

    #[test]
    fn help_names_the_default_of_every_setting() {
        let help = Args::command().term_width(0).render_long_help().to_string();
        for row in print(&Config::default()).lines().filter(|row| !row.starts_with('#')) {
            let (name, value) = row.split_once(" = ").unwrap();
            let at = help.find(&format!("--{name} <")).unwrap_or_else(|| panic!("--{name} is not in the help"));
            let depends =
                if name == "send-total" { ", or a quarter of the memory there is where that is less" } else { "" };
            let default = format!("[default: {}{depends}]", value.trim_matches(['"', '[', ']']));
            let text: String =
                help[at..].split("\n      --").next().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(text.contains(&default), "{default} is not in {text:?}");
            assert!(text.contains(&format!("MYCHAT_{}", name.to_uppercase().replace('-', "_"))), "{text:?}");
        }
    }

    #[test]
    fn a_flag_wins_over_the_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "max-users = 3\nrate = 7\n").unwrap();
        let path = file.path().to_str().unwrap();
        let config = config(&["--config", path, "--max-users", "9"]).unwrap();
        assert_eq!(config.admission.max_users.unwrap().get(), 9);
        assert_eq!(config.rate_limit.unwrap().rate.get(), 7);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for args in [&["--framing", "morse"][..], &["--workers", "0"], &["--send-queue", "1"], &["--rate", "fast"]] {
            config(args).unwrap_err();
        }
        assert!(config(&["--config", "/nowhere/at all"]).unwrap_err().contains("/nowhere/at all"));
    }
}
