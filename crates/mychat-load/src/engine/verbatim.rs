//! Frames that users send as the scenario spells them (`frame`), and the replies that may come back.

use crate::plan::Plan;
use mychat_scenario::model::Action;
use mychat_scenario::template::actor_names::ActorNames;
use mychat_scenario::template::pattern::Pattern;
use mychat_scenario::template::text;

/// A frame that is sent as it stands in the scenario.
#[derive(Debug)]
pub struct VerbatimFrame {
    /// Its bytes, without a terminator.
    pub bytes: Vec<u8>,
    /// Possible replies; empty if none is expected.
    pub replies: Vec<Pattern>,
}

impl VerbatimFrame {
    /// Returns the frames of a plan, by group and action; `None` for all other actions.
    pub fn of(plan: &Plan) -> Vec<Vec<Option<Self>>> {
        // A load has no actors: the scenario's checks reject names in braces.
        let no_actors = ActorNames::new("", &[]);
        let one = |action: &Action| match action {
            Action::Frame { text, gets } => Some(Self {
                bytes: text::bytes(text, &no_actors),
                replies: gets.iter().map(|pattern| Pattern::new(pattern, &no_actors)).collect(),
            }),
            _ => None,
        };
        let groups = plan.scenario.groups.iter();
        groups.map(|group| group.actions.iter().map(|weighted| one(&weighted.action)).collect()).collect()
    }

    /// Returns true if the server may close the connection instead of replying.
    pub fn may_close(&self) -> bool {
        self.replies.iter().any(|pattern| matches!(pattern, Pattern::Closed))
    }
}
