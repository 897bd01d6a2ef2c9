//! What happened → a line on standard error, for people or for machines.
//!
//! Lines are written by a thread of their own: a reader of standard error that stalls must not stall a worker. What it
//! cannot keep up with is dropped and counted. Whatever a peer had a part in is a field, and fields are escaped, so
//! that no name and no error text can forge a line. What is said to others never gets here.

use std::fmt::{self, Display, Write as _};
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant, SystemTime};

use clap::ValueEnum;
use serde::Deserialize;

use crate::config::LogOptions;

/// Lines that may wait for standard error; further ones are dropped.
const WAITING: usize = 256;

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `TIME LEVEL event key=value …`
    #[default]
    Text,
    /// One JSON object
    Json,
    /// No lines at all
    Off,
}

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// What is as it should be
    Info,
    /// What somebody should look at
    #[default]
    Warn,
}

impl Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Off => "off",
        })
    }
}

impl Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "info",
            Self::Warn => "warn",
        })
    }
}

/// Warnings that one peer or one shortage can cause a million times: at most one line a second each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeated {
    /// The machine had no descriptor or memory for a connection.
    Accept,
    /// Somebody was not let in.
    Refused,
    /// Somebody did not read and was disconnected (rule M6).
    Evicted,
}

/// Named values of a line.
pub type Fields<'a> = &'a [(&'a str, &'a dyn Display)];

/// Where lines go; clones go to the same place.
#[derive(Debug, Clone)]
pub struct Log(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: LogOptions,
    lines: SyncSender<Line>,
    dropped: AtomicU64,
    since: Instant,
    repeated: [Often; 3],
}

/// When a repeated warning was last written (milliseconds since the start, plus one), and how many were not since.
#[derive(Debug, Default)]
struct Often {
    last: AtomicU64,
    silent: AtomicU64,
}

enum Line {
    Text(String),
    Flush(SyncSender<()>),
}

impl Log {
    /// A log to standard error. The thread that writes ends with the last clone.
    pub fn new(options: LogOptions) -> Self {
        let (lines, waiting) = sync_channel(WAITING);
        if options.format != Format::Off {
            // Without the thread every line counts as dropped, which is all that can be done about it.
            let _ = std::thread::Builder::new().name("log".to_owned()).spawn(move || write_all(&waiting));
        }
        Self(Arc::new(Inner {
            options,
            lines,
            dropped: AtomicU64::new(0),
            since: Instant::now(),
            repeated: Default::default(),
        }))
    }

    /// Lines that standard error could not take.
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Relaxed)
    }

    /// Says what is as it should be.
    pub fn info(&self, event: &str, fields: Fields<'_>) {
        self.write(Level::Info, event, fields);
    }

    /// Says what somebody should look at.
    pub fn warn(&self, event: &str, fields: Fields<'_>) {
        self.write(Level::Warn, event, fields);
    }

    /// Like [`Log::warn`], but once a second at most; the line says how often it was not written before.
    pub fn warn_at_times(&self, kind: Repeated, event: &str, fields: Fields<'_>) {
        let often = &self.0.repeated[kind as usize];
        let now = self.0.since.elapsed().as_millis() as u64 + 1;
        let last = often.last.load(Relaxed);
        let is_due = last == 0 || now >= last + 1000;
        if !is_due || often.last.compare_exchange(last, now, Relaxed, Relaxed).is_err() {
            often.silent.fetch_add(1, Relaxed);
            return;
        }
        let silent = often.silent.swap(0, Relaxed);
        let mut all = fields.to_vec();
        if silent > 0 {
            all.push(("more_like_it", &silent));
        }
        self.write(Level::Warn, event, &all);
    }

    /// Waits until what was said so far is written, but no longer than that.
    pub fn flush(&self, patience: Duration) {
        let (done, written) = sync_channel(1);
        if self.0.lines.try_send(Line::Flush(done)).is_ok() {
            // Whoever does not read standard error in time misses the last lines.
            let _ = written.recv_timeout(patience);
        }
    }

    fn write(&self, level: Level, event: &str, fields: Fields<'_>) {
        if self.0.options.format == Format::Off || level < self.0.options.level {
            return;
        }
        let line = render(self.0.options.format, SystemTime::now(), level, event, fields);
        if self.0.lines.try_send(Line::Text(line)).is_err() {
            self.0.dropped.fetch_add(1, Relaxed);
        }
    }
}

fn write_all(lines: &Receiver<Line>) {
    for line in lines {
        match line {
            // Where standard error is closed there is nobody to tell.
            Line::Text(line) => drop(std::io::stderr().lock().write_all(line.as_bytes())),
            Line::Flush(done) => drop(done.try_send(())),
        }
    }
}

fn render(format: Format, time: SystemTime, level: Level, event: &str, fields: Fields<'_>) -> String {
    let time = humantime::format_rfc3339_millis(time);
    let mut line = String::new();
    // Writing to a String cannot fail.
    let _ = match format {
        Format::Json => write!(line, "{{\"time\":\"{time}\",\"level\":\"{level}\",\"event\":{}", Quoted(event)),
        Format::Text | Format::Off => write!(line, "{time} {:<4} {event}", level.to_string().to_uppercase()),
    };
    for (name, value) in fields {
        let value = value.to_string();
        let _ = match format {
            Format::Json => write!(line, ",{}:{}", Quoted(name), Quoted(&value)),
            Format::Text | Format::Off if is_plain(&value) => write!(line, " {name}={value}"),
            Format::Text | Format::Off => write!(line, " {name}={}", Quoted(&value)),
        };
    }
    line.push_str(if format == Format::Json { "}\n" } else { "\n" });
    line
}

/// Whether a value can stand in a line without quotes.
fn is_plain(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:-_/[]%".contains(&byte))
}

/// A JSON string of printable ASCII alone: control characters, line separators and bidi overrides come out as numbers.
struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for unit in self.0.encode_utf16() {
            match u8::try_from(unit) {
                Ok(byte @ (b'"' | b'\\')) => write!(f, "\\{}", char::from(byte))?,
                Ok(byte @ b' '..=b'~') => f.write_char(char::from(byte))?,
                _ => write!(f, "\\u{unit:04x}")?,
            }
        }
        f.write_char('"')
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(format: Format, value: &str) -> String {
        render(format, SystemTime::UNIX_EPOCH, Level::Warn, "user evicted", &[("user", &value), ("bytes", &7)])
    }

    #[test]
    fn a_line_in_both_formats() {
        assert_eq!(line(Format::Text, "ana"), "1970-01-01T00:00:00.000Z WARN user evicted user=ana bytes=7\n");
        assert_eq!(
            line(Format::Json, "a\"b"),
            "{\"time\":\"1970-01-01T00:00:00.000Z\",\"level\":\"warn\",\"event\":\"user evicted\",\
             \"user\":\"a\\\"b\",\"bytes\":\"7\"}\n"
        );
    }

    #[test]
    fn a_repeated_warning_is_counted_and_not_repeated() {
        let log = Log::new(LogOptions { format: Format::Off, level: Level::Warn });
        (0..100).for_each(|_| log.warn_at_times(Repeated::Accept, "no descriptors", &[]));
        let silent = log.0.repeated[Repeated::Accept as usize].silent.load(Relaxed);
        assert!(silent >= 97, "{silent}");
    }

    proptest! {
        #[test]
        fn no_value_forges_a_line(value in any::<String>()) {
            for format in [Format::Text, Format::Json] {
                let line = line(format, &value);
                prop_assert!(line[..line.len() - 1].bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{line:?}");
            }
        }
    }
}
