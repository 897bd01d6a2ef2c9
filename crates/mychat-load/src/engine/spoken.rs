//! Frames that users send as they stand in the scenario, and what may come back for them (`frame`).

use crate::plan::Plan;
use mychat_scenario::model::Action;
use mychat_scenario::template::actor_names::ActorNames;
use mychat_scenario::template::pattern::Pattern;
use mychat_scenario::template::text;

/// One such frame, ready to be sent.
#[derive(Debug)]
pub struct Spoken {
    /// Its bytes, without an end.
    pub bytes: Vec<u8>,
    /// What may come back; empty: nothing is waited for.
    pub gets: Vec<Pattern>,
}

impl Spoken {
    /// Those of a plan, by group and action.
    pub fn of(plan: &Plan) -> Vec<Vec<Option<Self>>> {
        // A load has no actors: the scenario's checks let no name in braces through.
        let nobody = ActorNames::new("", &[]);
        let one = |action: &Action| match action {
            Action::Frame { text, gets } => Some(Self {
                bytes: text::bytes(text, &nobody),
                gets: gets.iter().map(|pattern| Pattern::new(pattern, &nobody)).collect(),
            }),
            _ => None,
        };
        let groups = plan.scenario.groups.iter();
        groups.map(|group| group.actions.iter().map(|weighted| one(&weighted.action)).collect()).collect()
    }

    /// Whether the server may close the connection for it.
    pub fn may_close(&self) -> bool {
        self.gets.iter().any(|pattern| matches!(pattern, Pattern::Closed))
    }
}
