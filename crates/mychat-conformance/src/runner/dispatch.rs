//! Runs the steps of a case, in order.

use crate::harness::context::CaseContext;
use crate::harness::failure::{CaseFailure, Control, StepResult};
use mychat_scenario::model::{Case, Need, Step};
use mychat_scenario::template::text;

/// The number of repetitions of steps with a slow server.
const FEWEST_REPEATS: usize = 5;
/// The time after which no further repetition begins.
const REPEAT_TIME: std::time::Duration = std::time::Duration::from_secs(2);

impl CaseContext {
    /// Runs a case, unless the server lacks an extension that it needs.
    pub(crate) async fn run_case(&mut self, case: &Case) -> StepResult {
        if case.needs.contains(&Need::Rooms) {
            self.require_rooms().await?;
        }
        self.run_all(&case.steps).await
    }

    async fn run_all(&mut self, steps: &[Step]) -> StepResult {
        let first = steps.iter().position(|step| !matches!(step, Step::Connect(_))).unwrap_or(steps.len());
        self.connect_first(&steps[..first]).await?;
        self.steps(&steps[first..]).await?;
        self.check_nothing_unasked().await
    }

    /// Connects the users that the case begins with. The case cannot judge a server that refuses them.
    async fn connect_first(&mut self, steps: &[Step]) -> StepResult {
        let wanted = steps.iter().map(|step| if let Step::Connect(list) = step { list.len() } else { 0 }).sum();
        for step in steps {
            let connected = self.step(step).await;
            connected.map_err(|failure| {
                let connected = self.conns.len();
                failure.in_control(Control::Login { connected, wanted })
            })?;
        }
        Ok(())
    }

    /// Runs steps in order, up to the first failure.
    pub(crate) async fn steps(&mut self, steps: &[Step]) -> StepResult {
        for step in steps {
            Box::pin(self.step(step)).await?;
        }
        Ok(())
    }

    async fn step(&mut self, step: &Step) -> StepResult {
        match step {
            Step::Connect(list) => {
                for (actor, other) in list {
                    self.connect(actor, other.as_deref()).await?;
                }
                Ok(())
            }
            Step::Open(actor) => {
                let conn = self.open(actor).await?;
                self.conns.insert(actor.clone(), conn);
                Ok(())
            }
            Step::Send(list) => {
                for (actor, frame) in list {
                    let frame = text::bytes(frame, &self.names);
                    self.send_from(actor, &frame, true).await?;
                }
                Ok(())
            }
            Step::Bytes { actor, text, split, every } => self.send_raw(actor, text, *split, *every).await,
            Step::Gets(list) => {
                for (actor, patterns) in list {
                    self.expect_frame(actor, patterns).await?;
                }
                Ok(())
            }
            Step::List { actor, is, has, lacks } => self.expect_list(actor, is.as_deref(), has, lacks).await,
            Step::Silence(actors) => {
                for actor in actors {
                    self.expect_silence(actor).await?;
                }
                Ok(())
            }
            Step::Closed(actors) => {
                for actor in actors {
                    self.expect_closed(actor).await?;
                }
                Ok(())
            }
            Step::Alive(actors) => {
                for actor in actors {
                    self.expect_alive(actor).await?;
                }
                Ok(())
            }
            Step::Close(list) => {
                for (actor, kind) in list {
                    self.close_connection(actor, *kind).await?;
                }
                Ok(())
            }
            Step::Wait(time) => {
                tokio::time::sleep(*time).await;
                Ok(())
            }
            Step::Together(steps) => self.together(steps).await,
            Step::Control(steps) => {
                let shown = self.steps(steps).await;
                shown.map_err(|failure| failure.in_control(control_of(steps)))
            }
            Step::Repeat { times, steps } => {
                let started = std::time::Instant::now();
                for number in 0..self.env.scaled(*times as usize, FEWEST_REPEATS) {
                    if number >= FEWEST_REPEATS && started.elapsed() > REPEAT_TIME {
                        break;
                    }
                    self.steps(steps).await?;
                }
                Ok(())
            }
            Step::Observe(actors) => {
                for actor in actors {
                    self.record_frames(actor).await?;
                }
                Ok(())
            }
            Step::First(list) => {
                for (actor, patterns) in list {
                    self.expect_first(actor, patterns).await?;
                }
                Ok(())
            }
            Step::NoList(actors) => {
                for actor in actors {
                    self.expect_no_list(actor).await?;
                }
                Ok(())
            }
            Step::WithinLimit(actors) => actors.iter().try_for_each(|actor| self.check_frame_limit(actor)),
            Step::IfOpen { actor, as_user, steps } => {
                let conn = self.conns.get(actor).filter(|conn| conn.is_open() && (!as_user || conn.is_user()));
                if conn.is_some() { self.steps(steps).await } else { Ok(()) }
            }
            Step::Profile { key, is, otherwise } => self.run_profile_branch(key, is, otherwise).await,
            Step::Room { name, members } => self.enter_room(name, members).await,
            Step::Pages { actor, of, is, has, lacks } => self.expect_pages(actor, of, is.as_deref(), has, lacks).await,
            Step::Procedure(procedure) => crate::procedures::run(self, procedure).await,
        }
    }

    async fn run_profile_branch(&mut self, key: &str, is: &[(String, Vec<Step>)], otherwise: &[Step]) -> StepResult {
        let value = self.env.declared.get(key).cloned();
        if let Some((_, steps)) = is.iter().find(|(reading, _)| Some(reading) == value.as_ref()) {
            self.declared = true;
            return self.steps(steps).await;
        }
        let result = self.steps(otherwise).await;
        if let (Err(CaseFailure::Fail { .. }), Some((reading, _))) = (&result, is.first()) {
            self.declare = Some(format!("{key}: {reading}"));
        }
        result
    }
}

/// Returns the ability that the steps of `control` show.
fn control_of(steps: &[Step]) -> Control {
    let is_broadcast = |(_, frame): &(String, String)| frame.starts_with("BROADCAST|");
    let has_broadcast = |step: &Step| matches!(step, Step::Send(list) if list.iter().any(is_broadcast));
    if steps.iter().any(has_broadcast) { Control::Broadcast } else { Control::Message }
}
