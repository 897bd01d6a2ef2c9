//! An event → one line of text or JSON.
//!
//! Field values may come from a peer (names) or from the system (error texts). They are escaped, so that no value can
//! start a line of its own or pass for another field.

use std::fmt::{self, Debug, Display, Write as _};
use std::time::SystemTime;

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::Format;

/// Formats events as `TIME LEVEL event key=value …`, or as a JSON object with the same parts.
pub(super) struct LineFormat {
    is_json: bool,
    now: fn() -> SystemTime,
}

impl LineFormat {
    pub(super) const fn new(format: Format) -> Self {
        Self { is_json: matches!(format, Format::Json), now: SystemTime::now }
    }
}

impl<S, N> FormatEvent<S, N> for LineFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut line: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let time = humantime::format_rfc3339_millis((self.now)());
        let level = event.metadata().level();
        let mut fields = LogFields { is_json: self.is_json, ..LogFields::default() };
        event.record(&mut fields);
        let LogFields { message, rest, .. } = fields;
        if self.is_json {
            let (level, message) = (level.as_str().to_lowercase(), Quoted(&message));
            writeln!(line, "{{\"time\":\"{time}\",\"level\":\"{level}\",\"event\":{message}{rest}}}")
        } else {
            writeln!(line, "{time} {level:<4} {message}{rest}")
        }
    }
}

/// Collects an event's message, and its other fields as they appear in the line.
#[derive(Default)]
struct LogFields {
    is_json: bool,
    message: String,
    rest: String,
}

impl Visit for LogFields {
    fn record_str(&mut self, field: &Field, value: &str) {
        let name = field.name();
        // Writing to a String cannot fail.
        let _ = match name {
            "message" => self.message.write_str(value),
            _ if self.is_json => write!(self.rest, ",{}:{}", Quoted(name), Quoted(value)),
            _ if is_plain(value) => write!(self.rest, " {name}={value}"),
            _ => write!(self.rest, " {name}={}", Quoted(value)),
        };
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

/// Returns `true` if a value can stand in a text line without quotes.
fn is_plain(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:-_/[]%".contains(&byte))
}

/// A JSON string of printable ASCII alone: control characters, line separators and bidi overrides become `\uXXXX`.
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
    use std::io;
    use std::sync::{Arc, Mutex};

    use proptest::prelude::*;
    use tracing::warn;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Returns the lines that `log` causes.
    fn lines(format: Format, log: impl FnOnce()) -> String {
        let written = Written::default();
        let output = written.clone();
        let line_format = LineFormat { now: || SystemTime::UNIX_EPOCH, ..LineFormat::new(format) };
        let subscriber =
            tracing_subscriber::fmt().with_writer(move || output.clone()).event_format(line_format).finish();
        tracing::subscriber::with_default(subscriber, log);
        let bytes = std::mem::take(&mut *written.0.lock().unwrap());
        String::from_utf8(bytes).unwrap()
    }

    fn eviction(format: Format, user: &str) -> String {
        lines(format, || warn!(user, bytes = 7, more_like_it = None::<u64>, "user evicted"))
    }

    #[test]
    fn a_line_in_both_formats() {
        assert_eq!(eviction(Format::Text, "ana"), "1970-01-01T00:00:00.000Z WARN user evicted user=ana bytes=7\n");
        assert_eq!(
            eviction(Format::Json, "a\"b"),
            "{\"time\":\"1970-01-01T00:00:00.000Z\",\"level\":\"warn\",\"event\":\"user evicted\",\
             \"user\":\"a\\\"b\",\"bytes\":\"7\"}\n"
        );
    }

    proptest! {
        #[test]
        fn no_value_forges_a_line(value in any::<String>()) {
            for format in [Format::Text, Format::Json] {
                let as_is = eviction(format, &value);
                let displayed = lines(format, || warn!(user = %value, bytes = 7, "user evicted"));
                let debugged = lines(format, || warn!(user = ?value, bytes = 7, "user evicted"));
                prop_assert_eq!(&as_is, &displayed);
                for line in [as_is, debugged] {
                    prop_assert!(line.ends_with('\n'), "{line:?}");
                    prop_assert!(line[..line.len() - 1].bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{line:?}");
                }
            }
        }

        #[test]
        fn no_value_forges_a_field(value in any::<String>()) {
            let line = eviction(Format::Json, &value);
            let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&line).unwrap();
            prop_assert_eq!(object.len(), 5);
            prop_assert_eq!(&object["user"], &value);
        }
    }
}
