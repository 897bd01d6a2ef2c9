//! Options of the command that repeats a check: all that change its outcome.

use std::path::Path;
use std::time::Duration;

use crate::args::FramingArg;
use mychat_target::spawn::DEFAULT_START_TIMEOUT;

/// Options of a command line, unquoted.
#[derive(Debug)]
pub(crate) struct RerunOptions {
    options: Vec<String>,
    /// Option that names the server; the last one, because a command may be long.
    server: Vec<String>,
}

impl RerunOptions {
    /// Begins with the server.
    pub(crate) fn new(target: Option<&str>, spawn: Option<&str>) -> Self {
        let server = match (target, spawn) {
            (_, Some(command)) => vec!["--spawn".to_owned(), command.to_owned()],
            (Some(target), None) => vec!["--target".to_owned(), target.to_owned()],
            (None, None) => Vec::new(),
        };
        Self { options: Vec::new(), server }
    }

    /// Adds an option with its value, if there is one.
    pub(crate) fn value(&mut self, option: &str, value: Option<String>) -> &mut Self {
        self.options.extend(value.map(|value| [option.to_owned(), value]).into_iter().flatten());
        self
    }

    /// Adds an option without a value, if it is set.
    pub(crate) fn flag(&mut self, option: &str, is_set: bool) -> &mut Self {
        self.options.extend(is_set.then(|| option.to_owned()));
        self
    }

    /// Adds the framing, unless it is detected.
    pub(crate) fn framing(&mut self, framing: Option<FramingArg>) -> &mut Self {
        let name = framing.and_then(|framing| match framing {
            FramingArg::Auto => None,
            FramingArg::Lf => Some("lf"),
            FramingArg::Crlf => Some("crlf"),
            FramingArg::Raw => Some("raw"),
        });
        self.value("--framing", name.map(str::to_owned))
    }

    /// Adds the timeout, if one was given.
    pub(crate) fn timeout(&mut self, timeout: Option<Duration>) -> &mut Self {
        self.value("--timeout", timeout.map(|timeout| humantime::format_duration(timeout).to_string()))
    }

    /// Adds the profile, if one was given.
    pub(crate) fn profile(&mut self, path: Option<&Path>) -> &mut Self {
        self.value("--profile", path.map(|path| path.display().to_string()))
    }

    /// Adds the time for the start of the server, unless it is the default.
    pub(crate) fn start_timeout(&mut self, timeout: Duration) -> &mut Self {
        let given = (timeout != DEFAULT_START_TIMEOUT).then(|| humantime::format_duration(timeout).to_string());
        self.value("--start-timeout", given)
    }

    /// Returns the options in their order.
    pub(crate) fn finish(self) -> Vec<String> {
        [self.options, self.server].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_that_was_given_is_repeated_and_no_default() {
        let mut options = RerunOptions::new(None, Some("python3 'my server.py' {port}"));
        options.framing(Some(FramingArg::Crlf)).timeout(Some(Duration::from_millis(1500)));
        options
            .profile(Some(Path::new("my profile.yaml")))
            .start_timeout(Duration::from_secs(30))
            .flag("--strict", true);
        let expected = [
            "--framing",
            "crlf",
            "--timeout",
            "1s 500ms",
            "--profile",
            "my profile.yaml",
            "--start-timeout",
            "30s",
            "--strict",
            "--spawn",
            "python3 'my server.py' {port}",
        ];
        assert_eq!(options.finish(), expected);
        let mut options = RerunOptions::new(None, None);
        options.framing(Some(FramingArg::Auto)).timeout(None).profile(None).start_timeout(DEFAULT_START_TIMEOUT);
        assert!(options.finish().is_empty());
    }
}
