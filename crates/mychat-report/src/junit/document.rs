//! JUnit XML that is valid under both schemas in use: Ant's (the strict one) and Jenkins'.

use std::fmt::{self, Write as _};

use crate::visible;

/// Test suite.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TestSuite {
    pub(crate) name: String,
    /// Start, RFC 3339.
    pub(crate) started: String,
    /// Duration in seconds.
    pub(crate) seconds: f64,
    /// Properties as names and values.
    pub(crate) properties: Vec<(String, String)>,
    pub(crate) cases: Vec<TestCase>,
    /// Readable report.
    pub(crate) text: String,
}

/// Test case.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TestCase {
    pub(crate) name: String,
    /// Name of the group.
    pub(crate) class: String,
    /// Duration in seconds.
    pub(crate) seconds: f64,
    pub(crate) outcome: TestOutcome,
}

/// Outcome of a test case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TestOutcome {
    Passed,
    /// Failure: its type, a one-line message and the details.
    Failed(&'static str, String, String),
    /// Error, with the same parts: no verdict was possible.
    Undecided(&'static str, String, String),
    /// The test was not run; the reason.
    Skipped(String),
}

/// Renders test suites as one document.
pub(crate) fn document(suites: &[TestSuite]) -> String {
    let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n".to_owned();
    for (id, suite) in suites.iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = suite.render(id, &mut text);
    }
    text.push_str("</testsuites>\n");
    text
}

impl TestSuite {
    fn render(&self, id: usize, to: &mut String) -> fmt::Result {
        let count = |wanted: fn(&TestOutcome) -> bool| self.cases.iter().filter(|case| wanted(&case.outcome)).count();
        let failures = count(|outcome| matches!(outcome, TestOutcome::Failed(..)));
        let errors = count(|outcome| matches!(outcome, TestOutcome::Undecided(..)));
        let skipped = count(|outcome| matches!(outcome, TestOutcome::Skipped(_)));
        writeln!(
            to,
            "  <testsuite name=\"{}\" package=\"mychat-bench\" id=\"{id}\" timestamp=\"{}\" hostname=\"localhost\" \
             tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"{}\">",
            xml_text(&self.name),
            xml_text(&timestamp(&self.started)),
            self.cases.len(),
            seconds(self.seconds)
        )?;
        writeln!(to, "    <properties>")?;
        for (name, value) in &self.properties {
            writeln!(to, "      <property name=\"{}\" value=\"{}\"/>", xml_text(name), xml_text(value))?;
        }
        writeln!(to, "    </properties>")?;
        for case in &self.cases {
            case.render(to)?;
        }
        writeln!(to, "    <system-out>{}</system-out>", xml_text(&self.text))?;
        writeln!(to, "    <system-err></system-err>\n  </testsuite>")
    }
}

impl TestCase {
    fn render(&self, to: &mut String) -> fmt::Result {
        write!(
            to,
            "    <testcase name=\"{}\" classname=\"{}\" time=\"{}\"",
            xml_text(&self.name),
            xml_text(&self.class),
            seconds(self.seconds)
        )?;
        let (tag, kind, line, all) = match &self.outcome {
            TestOutcome::Passed => return writeln!(to, "/>"),
            TestOutcome::Failed(kind, line, all) => ("failure", kind, line, all),
            TestOutcome::Undecided(kind, line, all) => ("error", kind, line, all),
            TestOutcome::Skipped(why) => {
                return writeln!(to, ">\n      <skipped message=\"{}\"/>\n    </testcase>", xml_text(why));
            }
        };
        writeln!(
            to,
            ">\n      <{tag} type=\"{kind}\" message=\"{}\">{}</{tag}>\n    </testcase>",
            xml_text(line),
            xml_text(all)
        )
    }
}

/// Formats seconds as the schemas require: digits and a point, without sign and exponent.
fn seconds(seconds: f64) -> String {
    format!("{:.3}", if seconds.is_finite() { seconds.max(0.0) } else { 0.0 })
}

/// Formats an RFC 3339 time in UTC, to the second and without a zone. An invalid time becomes the Unix epoch.
fn timestamp(started: &str) -> String {
    let parsed: jiff::Timestamp = started.parse().unwrap_or_default();
    parsed.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// Escapes markup, and makes characters visible that XML cannot contain, such as control
/// characters from a server.
fn xml_text(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in visible(text).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\t' | '\n' => safe.push(c),
            '\u{fffe}' | '\u{ffff}' => {
                // Writing to a String cannot fail.
                let _ = write!(safe, "\\u{{{:x}}}", u32::from(c));
            }
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_server_said_stays_xml() {
        let case = TestCase {
            name: "a < b && \"c\"".to_owned(),
            class: "x\u{0}\u{1b}[31m\u{fffe}".to_owned(),
            seconds: f64::NAN,
            outcome: TestOutcome::Failed("must", "]]>".to_owned(), "one\ntwo\u{7}".to_owned()),
        };
        let mut text = String::new();
        case.render(&mut text).unwrap();
        insta::assert_snapshot!(text);
    }

    #[test]
    fn times_are_as_the_strict_schema_wants_them() {
        assert_eq!(timestamp("2026-11-22T16:15:28.221928542Z"), "2026-11-22T16:15:28");
        assert_eq!(timestamp("2026-11-22T16:15:28+02:00"), "2026-11-22T14:15:28");
        assert_eq!(timestamp("yesterday"), "1970-01-01T00:00:00");
        assert_eq!(seconds(-1.0), "0.000");
    }
}
