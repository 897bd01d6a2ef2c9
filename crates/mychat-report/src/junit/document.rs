//! Test suites as JUnit XML that both schemas in use accept: Ant's (which is strict) and Jenkins'.

use std::fmt::{self, Write as _};

/// A suite of test cases.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TestSuite {
    /// What was tested.
    pub(crate) name: String,
    /// When it began, RFC 3339.
    pub(crate) started: String,
    /// How long it took.
    pub(crate) seconds: f64,
    /// Names and values.
    pub(crate) properties: Vec<(String, String)>,
    /// What was found.
    pub(crate) cases: Vec<TestCase>,
    /// The report for people.
    pub(crate) text: String,
}

/// A test case.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TestCase {
    /// What was tested.
    pub(crate) name: String,
    /// Where it belongs.
    pub(crate) class: String,
    /// How long it took.
    pub(crate) seconds: f64,
    /// What came of it.
    pub(crate) outcome: TestOutcome,
}

/// What came of a test case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TestOutcome {
    /// It held.
    Passed,
    /// It did not: the kind, a line, and all there is to say.
    Failed(&'static str, String, String),
    /// It cannot be said, likewise.
    Undecided(&'static str, String, String),
    /// It was not tried, and why.
    Skipped(String),
}

/// Suites as one document.
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

/// A time in seconds as the schemas take it: digits and a point, never a sign or an exponent.
fn seconds(seconds: f64) -> String {
    format!("{:.3}", if seconds.is_finite() { seconds.max(0.0) } else { 0.0 })
}

/// RFC 3339 to the second and without a zone, in UTC; the beginning of time where it is no time at all.
fn timestamp(started: &str) -> String {
    let parsed: jiff::Timestamp = started.parse().unwrap_or_default();
    parsed.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// Text that XML takes anywhere: markup escaped, and what XML cannot hold at all, such as control bytes from a server,
/// made visible.
fn xml_text(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\t' | '\n' => safe.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {
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
