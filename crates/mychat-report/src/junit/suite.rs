//! Test suites as JUnit XML that both schemas in use accept: Ant's (which is strict) and Jenkins'.

use std::fmt::{self, Write as _};

/// A suite of test cases.
#[derive(Debug, Clone, PartialEq)]
pub struct Suite {
    /// What was tested.
    pub name: String,
    /// When it began, RFC 3339.
    pub started: String,
    /// How long it took.
    pub seconds: f64,
    /// Names and values.
    pub properties: Vec<(String, String)>,
    /// What was found.
    pub cases: Vec<Case>,
    /// The report for people.
    pub text: String,
}

/// A test case.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// What was tested.
    pub name: String,
    /// Where it belongs.
    pub class: String,
    /// How long it took.
    pub seconds: f64,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a test case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
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
pub fn document(suites: &[Suite]) -> String {
    let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n".to_owned();
    for (id, suite) in suites.iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = suite.render(id, &mut text);
    }
    text.push_str("</testsuites>\n");
    text
}

impl Suite {
    fn render(&self, id: usize, to: &mut String) -> fmt::Result {
        let count = |wanted: fn(&Outcome) -> bool| self.cases.iter().filter(|case| wanted(&case.outcome)).count();
        let failures = count(|outcome| matches!(outcome, Outcome::Failed(..)));
        let errors = count(|outcome| matches!(outcome, Outcome::Undecided(..)));
        let skipped = count(|outcome| matches!(outcome, Outcome::Skipped(_)));
        writeln!(
            to,
            "  <testsuite name=\"{}\" package=\"mychat-bench\" id=\"{id}\" timestamp=\"{}\" hostname=\"localhost\" \
             tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"{}\">",
            safe(&self.name),
            safe(&moment(&self.started)),
            self.cases.len(),
            seconds(self.seconds)
        )?;
        writeln!(to, "    <properties>")?;
        for (name, value) in &self.properties {
            writeln!(to, "      <property name=\"{}\" value=\"{}\"/>", safe(name), safe(value))?;
        }
        writeln!(to, "    </properties>")?;
        for case in &self.cases {
            case.render(to)?;
        }
        writeln!(to, "    <system-out>{}</system-out>", safe(&self.text))?;
        writeln!(to, "    <system-err></system-err>\n  </testsuite>")
    }
}

impl Case {
    fn render(&self, to: &mut String) -> fmt::Result {
        write!(
            to,
            "    <testcase name=\"{}\" classname=\"{}\" time=\"{}\"",
            safe(&self.name),
            safe(&self.class),
            seconds(self.seconds)
        )?;
        let (tag, kind, line, all) = match &self.outcome {
            Outcome::Passed => return writeln!(to, "/>"),
            Outcome::Failed(kind, line, all) => ("failure", kind, line, all),
            Outcome::Undecided(kind, line, all) => ("error", kind, line, all),
            Outcome::Skipped(why) => {
                return writeln!(to, ">\n      <skipped message=\"{}\"/>\n    </testcase>", safe(why));
            }
        };
        writeln!(
            to,
            ">\n      <{tag} type=\"{kind}\" message=\"{}\">{}</{tag}>\n    </testcase>",
            safe(line),
            safe(all)
        )
    }
}

/// A time in seconds as the schemas take it: digits and a point, never a sign or an exponent.
fn seconds(seconds: f64) -> String {
    format!("{:.3}", if seconds.is_finite() { seconds.max(0.0) } else { 0.0 })
}

/// RFC 3339 to the second and without a zone, in UTC; the beginning of time where it is no time at all.
fn moment(started: &str) -> String {
    let parsed: jiff::Timestamp = started.parse().unwrap_or_default();
    parsed.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// Text that XML takes anywhere: markup escaped, and what XML cannot hold at all, such as control bytes from a server,
/// made visible.
fn safe(text: &str) -> String {
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
        let case = Case {
            name: "a < b && \"c\"".to_owned(),
            class: "x\u{0}\u{1b}[31m\u{fffe}".to_owned(),
            seconds: f64::NAN,
            outcome: Outcome::Failed("must", "]]>".to_owned(), "one\ntwo\u{7}".to_owned()),
        };
        let mut text = String::new();
        case.render(&mut text).unwrap();
        insta::assert_snapshot!(text);
    }

    #[test]
    fn times_are_as_the_strict_schema_wants_them() {
        assert_eq!(moment("2026-11-22T16:15:28.221928542Z"), "2026-11-22T16:15:28");
        assert_eq!(moment("2026-11-22T16:15:28+02:00"), "2026-11-22T14:15:28");
        assert_eq!(moment("yesterday"), "1970-01-01T00:00:00");
        assert_eq!(seconds(-1.0), "0.000");
    }
}
