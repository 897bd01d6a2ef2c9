//! Conditions: a metric, a comparison operator and a value.

use std::time::Duration;

use serde::Serialize;

use super::Verify;

/// One condition of `expect` or `abort_if`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Condition {
    /// As it stands in the file.
    pub text: String,
    /// The line in the file, from 1.
    pub line: usize,
    /// The measured figure.
    pub measure: Measure,
    /// The comparison operator.
    pub op: Op,
    /// The value on the right.
    pub value: Value,
    /// `for`: how long it must hold to count (`abort_if`).
    pub window: Option<Duration>,
}

/// A figure of the result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measure {
    /// The metric.
    pub metric: Metric,
    /// The part of the run that it covers.
    pub selector: Selector,
    /// The statistic: `Some` for latencies, `None` for counts; optional for `server.rss` and `server.cpu`.
    pub stat: Option<Stat>,
}

impl Measure {
    /// Returns the reason why the figure is unknown at this level of verification, if it is.
    pub fn unseen(&self, verify: Verify) -> Option<&'static str> {
        let Measure { metric, selector, .. } = self;
        match (verify, metric) {
            (Verify::None, Metric::Lost | Metric::Duplicated | Metric::Reordered | Metric::Disordered) => {
                Some("with `verify: none` nobody looks")
            }
            (Verify::Counts, Metric::Reordered | Metric::Disordered) => {
                Some("`verify: counts` does not see in what order messages come")
            }
            (Verify::Counts, Metric::Lost | Metric::Duplicated)
                if selector.stage.is_some() || selector.action.is_some() =>
            {
                Some("`verify: counts` does not see which messages are lost, only how many each user lacks")
            }
            _ => None,
        }
    }
}

/// The part of the run that a figure covers; `None`: all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Selector {
    /// Index of a group.
    pub group: Option<usize>,
    /// Index into [`Action::NAMES`](super::Action::NAMES).
    pub action: Option<usize>,
    /// Index of a stage.
    pub stage: Option<usize>,
}

/// A measurable quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[expect(missing_docs, reason = "documented as a table in scenarios/README.md")]
pub enum Metric {
    Connect,
    Ack,
    Delivery,
    DeliveryFirst,
    DeliveryLast,
    DeliverySpread,
    Service,
    Lateness,
    Roster,
    Achieved,
    Sent,
    Delivered,
    Lost,
    Duplicated,
    Reordered,
    Disordered,
    Misrouted,
    Corrupted,
    WrongReplies,
    Errors,
    Refused,
    Disconnects,
    CasesFailed,
    ServerRss,
    ServerCpu,
}

/// The unit of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Unit {
    /// Microseconds; takes a statistic.
    Latency,
    /// A count.
    Count,
    /// A part of something, in percent.
    Percent,
    /// Bytes.
    Bytes,
}

impl Metric {
    /// All of them with their names in files.
    pub const ALL: [(&'static str, Self); 25] = [
        ("connect", Self::Connect),
        ("ack", Self::Ack),
        ("delivery", Self::Delivery),
        ("delivery.first", Self::DeliveryFirst),
        ("delivery.last", Self::DeliveryLast),
        ("delivery.spread", Self::DeliverySpread),
        ("service", Self::Service),
        ("lateness", Self::Lateness),
        ("roster", Self::Roster),
        ("achieved", Self::Achieved),
        ("sent", Self::Sent),
        ("delivered", Self::Delivered),
        ("lost", Self::Lost),
        ("duplicated", Self::Duplicated),
        ("reordered", Self::Reordered),
        ("disordered", Self::Disordered),
        ("misrouted", Self::Misrouted),
        ("corrupted", Self::Corrupted),
        ("wrong_replies", Self::WrongReplies),
        ("errors", Self::Errors),
        ("refused", Self::Refused),
        ("disconnects", Self::Disconnects),
        ("cases.failed", Self::CasesFailed),
        ("server.rss", Self::ServerRss),
        ("server.cpu", Self::ServerCpu),
    ];

    /// The name in files.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, metric)| *metric == self).map_or("", |(name, _)| name)
    }

    /// Returns the unit. `errors` counts frames and may also be compared in percent of the frames sent.
    pub const fn unit(self) -> Unit {
        match self {
            Self::Connect
            | Self::Ack
            | Self::Delivery
            | Self::DeliveryFirst
            | Self::DeliveryLast
            | Self::DeliverySpread
            | Self::Service
            | Self::Lateness
            | Self::Roster => Unit::Latency,
            Self::Achieved | Self::Errors | Self::ServerCpu => Unit::Percent,
            Self::ServerRss => Unit::Bytes,
            _ => Unit::Count,
        }
    }
}

/// A statistic of a latency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Stat {
    P50,
    P90,
    P95,
    P99,
    P999,
    Max,
    Mean,
}

impl Stat {
    /// All of them with their names in files.
    pub const ALL: [(&'static str, Self); 7] = [
        ("p50", Self::P50),
        ("p90", Self::P90),
        ("p95", Self::P95),
        ("p99", Self::P99),
        ("p99.9", Self::P999),
        ("max", Self::Max),
        ("mean", Self::Mean),
    ];

    /// The quantile, where it is one.
    pub const fn quantile(self) -> Option<f64> {
        match self {
            Self::P50 => Some(0.5),
            Self::P90 => Some(0.9),
            Self::P95 => Some(0.95),
            Self::P99 => Some(0.99),
            Self::P999 => Some(0.999),
            Self::Max | Self::Mean => None,
        }
    }
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Op {
    Less,
    AtMost,
    Equal,
    NotEqual,
    AtLeast,
    More,
}

impl Op {
    /// All of them with their signs in files, longer ones first.
    pub const ALL: [(&'static str, Self); 6] = [
        ("<=", Self::AtMost),
        (">=", Self::AtLeast),
        ("==", Self::Equal),
        ("!=", Self::NotEqual),
        ("<", Self::Less),
        (">", Self::More),
    ];

    /// Returns true if `left OP right` holds.
    pub fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::Equal => (left - right).abs() < f64::EPSILON,
            Self::NotEqual => (left - right).abs() >= f64::EPSILON,
            Self::AtLeast => left >= right,
            Self::More => left > right,
        }
    }
}

/// The value on the right of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Value {
    /// In the metric's unit: microseconds, a count, percent, bytes. For `errors` a bare number is a count
    /// ([`Value::Count`]).
    Number(f64),
    /// A count, for a metric whose unit is percent.
    Count(f64),
    /// A factor and another figure of the same unit.
    Times(f64, Measure),
}
