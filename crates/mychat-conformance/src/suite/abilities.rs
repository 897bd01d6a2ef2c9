//! The abilities that an instance of the server lacks, and the check after which it lost each of them.
//!
//! A check that relies on a missing ability is not the server's failure of that check: it is inconclusive, with this reason.

use std::collections::BTreeSet;

use crate::harness::failure::Control;
use crate::harness::liveness::Serving;
use crate::harness::outcome::Outcome;

/// An ability that is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Missing {
    /// The server never had it.
    Always,
    /// The server lost it in this check.
    Since(String),
}

/// The missing abilities of one instance.
#[derive(Debug, Default)]
pub(super) struct MissingAbilities {
    messages: Option<Missing>,
    broadcasts: Option<Missing>,
}

impl MissingAbilities {
    /// Records a liveness check: after a check, or before the first one.
    pub(super) fn observe(&mut self, check: Option<&str>, serving: Serving) {
        let missing = || check.map_or(Missing::Always, |check| Missing::Since(check.to_owned()));
        let update = |ability: &mut Option<Missing>, works: bool| {
            if works {
                *ability = None;
            } else {
                ability.get_or_insert_with(missing);
            }
        };
        update(&mut self.messages, serving.messages);
        if let Some(works) = serving.broadcasts {
            update(&mut self.broadcasts, works);
        }
    }

    /// Returns the ability that has worked until now and fails in this liveness check.
    pub(super) fn lost_in(&self, serving: Serving) -> Option<Control> {
        if self.messages.is_none() && !serving.messages {
            return Some(Control::Message);
        }
        (self.broadcasts.is_none() && serving.broadcasts == Some(false)).then_some(Control::Broadcast)
    }

    /// Returns true if broadcasts work as far as is known. A missing one costs time, so it is looked for only once.
    pub(super) fn tries_broadcast(&self) -> bool {
        self.broadcasts.is_none()
    }

    /// Returns true if a check took an ability from the server.
    pub(super) fn has_lost_any(&self) -> bool {
        [&self.messages, &self.broadcasts].into_iter().any(|ability| matches!(ability, Some(Missing::Since(_))))
    }

    /// Returns the reason why a check with this failed control says nothing.
    pub(super) fn reason(&self, control: Control) -> String {
        let ability = match control {
            Control::Login { .. } | Control::Room => &None,
            Control::Message => &self.messages,
            Control::Broadcast => &self.broadcasts,
        };
        match ability {
            Some(Missing::Since(check)) => control.lost(check),
            Some(Missing::Always) | None => control.never_worked(),
        }
    }
}

/// Keeps the transcript of the first check with each reason, where the reason is a failed control: the others show the same.
pub(super) fn keep_first_transcripts(outcomes: &mut [(usize, Outcome)]) {
    let mut seen = BTreeSet::new();
    for (_, outcome) in outcomes.iter_mut().filter(|(_, outcome)| outcome.failed_control.is_some()) {
        if !seen.insert(outcome.reason.clone()) {
            (outcome.wire, outcome.server_output) = (Vec::new(), Vec::new());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn serving(messages: bool, broadcasts: Option<bool>) -> Serving {
        Serving { response_time: Duration::ZERO, messages, broadcasts }
    }

    #[test]
    fn the_check_that_broke_the_server_is_named_and_no_later_one() {
        let mut missing = MissingAbilities::default();
        missing.observe(None, serving(true, Some(true)));
        assert!(missing.tries_broadcast() && !missing.has_lost_any());
        assert_eq!(missing.lost_in(serving(true, Some(true))), None);
        assert_eq!(missing.lost_in(serving(true, Some(false))), Some(Control::Broadcast));
        missing.observe(Some("utf8.overlong"), serving(true, Some(false)));
        assert_eq!(missing.lost_in(serving(true, Some(false))), None, "it was lost before");
        assert!(missing.has_lost_any());
        assert!(!missing.tries_broadcast(), "it is known already");
        missing.observe(Some("utf8.surrogate"), serving(true, None));
        assert_eq!(
            missing.reason(Control::Broadcast),
            "already broken since utf8.overlong: broadcasts no longer arrive"
        );
        assert!(missing.reason(Control::Message).starts_with("private messages do not arrive"));
    }

    #[test]
    fn what_never_worked_broke_in_no_check() {
        let mut missing = MissingAbilities::default();
        missing.observe(None, serving(false, Some(true)));
        missing.observe(Some("msg.deliver"), serving(false, Some(true)));
        assert!(!missing.has_lost_any());
        assert!(missing.reason(Control::Message).contains("see msg.deliver"));
        missing.observe(Some("msg.self"), serving(true, Some(true)));
        assert_eq!(missing.messages, None, "it works again");
    }
}
