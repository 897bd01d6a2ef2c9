//! Parses the command line into a [`Config`].

use std::ffi::OsString;
use std::io::{IsTerminal, Write as _};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgAction, CommandFactory, FromArgMatches, Parser, ValueEnum};
use mychat_client::{Backoff, ConnectOptions, FramingChoice};

use super::lang::Lang;
use super::text::Phrase;

const PORT: u16 = 5000;

#[derive(Debug)]
pub(crate) struct Config {
    /// `host:port`.
    pub(crate) addr: String,
    /// As given, legal or illegal.
    pub(crate) name: Option<String>,
    pub(crate) lang: Lang,
    pub(crate) color: bool,
    pub(crate) options: ConnectOptions,
    pub(crate) mode: RunMode,
}

/// The way in which the program takes input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RunMode {
    /// A chat on a terminal.
    Terminal,
    /// Lines from standard input, and events as lines.
    Pipe { json: bool, stay: bool },
    /// One message.
    Once(String),
}

#[derive(Debug, Parser)]
#[expect(clippy::struct_excessive_bools, reason = "flags as they are typed; Config has what they mean")]
#[command(name = "mychat", version, disable_help_flag = true, disable_version_flag = true)]
struct CliArgs {
    #[arg(value_name = "ADDR", default_value = "127.0.0.1:5000", hide_default_value = true)]
    addr: String,
    #[arg(short, long, env = "MYCHAT_NAME", hide_env = true, value_name = "NAME")]
    name: Option<String>,
    #[arg(long, value_enum, default_value = "lf", hide_possible_values = true, hide_default_value = true)]
    framing: FramingFlag,
    #[arg(long, value_enum, hide_possible_values = true)]
    lang: Option<LangFlag>,
    #[arg(long, value_enum, default_value = "auto", hide_possible_values = true, hide_default_value = true)]
    color: ColorFlag,
    #[arg(long, overrides_with = "no_reconnect")]
    reconnect: bool,
    #[arg(long, overrides_with = "reconnect")]
    no_reconnect: bool,
    #[arg(long, conflicts_with = "once")]
    json: bool,
    #[arg(long, conflicts_with = "once")]
    stay: bool,
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    once: Option<String>,
    #[arg(short, long, action = ArgAction::Help)]
    help: (),
    #[arg(short = 'V', long, action = ArgAction::Version)]
    version: (),
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FramingFlag {
    Lf,
    Raw,
    Auto,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LangFlag {
    En,
    Es,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ColorFlag {
    Auto,
    Always,
    Never,
}

impl Config {
    pub(crate) fn parse(args: Vec<OsString>) -> Result<Self, ArgsRejected> {
        let lang = early_lang(&args);
        Self::try_parse(args, lang).map_err(|error| ArgsRejected { error, lang })
    }

    fn try_parse(args: Vec<OsString>, lang: Lang) -> Result<Self, clap::Error> {
        let matches = command(lang).try_get_matches_from(args)?;
        Ok(Self::from_args(CliArgs::from_arg_matches(&matches)?, lang))
    }

    fn from_args(args: CliArgs, lang: Lang) -> Self {
        let on_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        let mode = match args.once {
            Some(text) => RunMode::Once(text),
            // Both flags ask for lines, even on a terminal.
            None if on_terminal && !args.json && !args.stay => RunMode::Terminal,
            None => RunMode::Pipe { json: args.json, stay: args.stay },
        };
        let framing = match args.framing {
            FramingFlag::Lf => FramingChoice::Lf,
            FramingFlag::Raw => FramingChoice::Raw,
            FramingFlag::Auto => FramingChoice::Auto,
        };
        let mut options = ConnectOptions::new().framing(framing);
        // One message asks for rooms only if it needs them.
        if !matches!(mode, RunMode::Once(_)) {
            options = options.rooms();
        }
        let reconnects = args.reconnect || (mode == RunMode::Terminal && !args.no_reconnect);
        if reconnects && !matches!(mode, RunMode::Once(_)) {
            options = options.reconnect(Backoff::default());
        }
        let color = match args.color {
            ColorFlag::Always => true,
            ColorFlag::Never => false,
            ColorFlag::Auto => {
                mode == RunMode::Terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            }
        };
        Self { addr: with_port(&args.addr), name: args.name, lang, color, options, mode }
    }
}

/// The arguments are invalid or ask for help.
#[derive(Debug)]
pub(crate) struct ArgsRejected {
    error: clap::Error,
    lang: Lang,
}

impl ArgsRejected {
    /// Prints the error or the help. Returns true for an error.
    pub(crate) fn print(&self) -> bool {
        let is_error = self.error.use_stderr();
        // A closed output is not an error of the arguments.
        let _ = match self.localized() {
            Some(words) => writeln!(std::io::stderr(), "mychat: {words}"),
            None => self.error.print(),
        };
        is_error
    }

    /// Returns a text in the chosen language. clap's own text is English and serves for rare errors.
    fn localized(&self) -> Option<String> {
        let context = |kind| match self.error.get(kind) {
            Some(ContextValue::String(text)) => Some(text.clone()),
            Some(ContextValue::Strings(texts)) => Some(texts.join(", ")),
            _ => None,
        };
        let argument = context(ContextKind::InvalidArg)?;
        let phrase = match self.error.kind() {
            ErrorKind::UnknownArgument => Phrase::UnknownArgument(&argument),
            ErrorKind::InvalidValue => {
                let value = context(ContextKind::InvalidValue).filter(|value| !value.is_empty());
                let allowed = context(ContextKind::ValidValue).unwrap_or_default();
                return Some(self.lang.say(&Phrase::BadValue {
                    argument: &argument,
                    value: value.as_deref(),
                    allowed: &allowed,
                }));
            }
            _ => return None,
        };
        Some(self.lang.say(&phrase))
    }
}

/// Returns the clap command with all its texts in one language.
fn command(lang: Lang) -> clap::Command {
    let template = format!("{{about}}\n\n{}: {{usage}}\n\n{{all-args}}{{after-help}}\n", lang.help("usage"));
    CliArgs::command()
        .about(lang.help("about"))
        .after_help(lang.help("after"))
        .override_usage("mychat [ADDR] --name NAME [--framing lf|raw|auto]")
        .help_template(template)
        .max_term_width(100)
        .mut_args(|arg| {
            let heading = if arg.is_positional() { "arguments" } else { "options" };
            let help = lang.help(arg.get_id().as_str());
            arg.help(help).help_heading(lang.help(heading))
        })
}

/// Finds the language before clap parses the arguments, because help and errors need it.
fn early_lang(args: &[OsString]) -> Lang {
    let words: Vec<_> = args.iter().filter_map(|arg| arg.to_str()).collect();
    let asked = words.iter().enumerate().find_map(|(index, word)| match word.strip_prefix("--lang")? {
        "" => words.get(index + 1).copied(),
        rest => rest.strip_prefix('='),
    });
    asked.map_or_else(Lang::from_env, Lang::from_locale)
}

/// Adds the default port to an address without one, and brackets to a bare IPv6 address.
fn with_port(addr: &str) -> String {
    if addr.parse::<std::net::Ipv6Addr>().is_ok() {
        return format!("[{addr}]:{PORT}");
    }
    let has_port = match addr.rsplit_once(':') {
        Some((_, port)) => !port.contains(']'),
        None => false,
    };
    if has_port { addr.to_owned() } else { format!("{addr}:{PORT}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Config, ArgsRejected> {
        Config::parse(line.split(' ').map(OsString::from).collect())
    }

    #[test]
    fn addresses_get_the_default_port() {
        let cases = [
            ("localhost", "localhost:5000"),
            ("localhost:8080", "localhost:8080"),
            ("::1", "[::1]:5000"),
            ("[::1]", "[::1]:5000"),
            ("[::1]:8080", "[::1]:8080"),
            ("127.0.0.1", "127.0.0.1:5000"),
        ];
        for (given, addr) in cases {
            assert_eq!(with_port(given), addr);
        }
    }

    #[test]
    fn help_in_both_languages() {
        let help = |lang| command(lang).term_width(100).render_help().to_string();
        insta::assert_snapshot!("cli_help_en", help(Lang::En));
        insta::assert_snapshot!("cli_help_es", help(Lang::Es));
    }

    #[test]
    fn the_language_is_known_before_the_rest() {
        assert!(parse("mychat --lang en --help").unwrap_err().error.to_string().contains("Options:"));
        assert!(parse("mychat --help --lang=es").unwrap_err().error.to_string().contains("Opciones:"));
    }

    #[test]
    fn errors_in_both_languages() {
        let mut texts = Vec::new();
        for lang in ["en", "es"] {
            for argument in ["--bogus", "--framing pigeon", "--framing", "--name"] {
                let rejected = parse(&format!("mychat --lang={lang} {argument}")).unwrap_err();
                texts.push(rejected.localized().unwrap());
            }
        }
        insta::assert_snapshot!(texts.join("\n"));
    }

    #[test]
    fn once_and_pipe_flags_exclude_each_other() {
        assert_eq!(parse("mychat --once hi --json").unwrap_err().error.kind(), ErrorKind::ArgumentConflict);
        assert_eq!(parse("mychat --once --hi").unwrap().mode, RunMode::Once("--hi".into()));
    }
}
