//! Each step of a case, done and looked at.

use std::time::Duration;

use super::line::Line;
use super::outcome::{Played, Trouble};
use super::stage::Stage;
use mychat_scenario::model::{CloseKind, Step};
use mychat_scenario::template::pattern::{self, Pattern};
use mychat_scenario::template::text;

mod blame;
mod lists;
mod open;
mod quiet;
mod together;

/// Where a name that is in use is asked for, and given away.
const GIVEN_TWICE: &str = "the second user overwrites the first one in the map";

impl Stage {
    /// Plays steps in order, up to the first that does not hold.
    pub(super) async fn steps(&mut self, steps: &[Step]) -> Played {
        for step in steps {
            Box::pin(self.step(step)).await?;
        }
        Ok(())
    }

    async fn step(&mut self, step: &Step) -> Played {
        match step {
            Step::Connect(list) => {
                for (actor, other) in list {
                    self.connect(actor, other.as_deref()).await?;
                }
                Ok(())
            }
            Step::Open(actor) => {
                let line = self.open(actor).await?;
                self.lines.insert(actor.clone(), line);
                Ok(())
            }
            Step::Send(list) => {
                for (actor, frame) in list {
                    let frame = text::bytes(frame, &self.cast);
                    self.say(actor, &frame, true).await?;
                }
                Ok(())
            }
            Step::Bytes { actor, text, split, every } => self.bytes(actor, text, *split, *every).await,
            Step::Gets(list) => {
                for (actor, patterns) in list {
                    self.gets(actor, patterns).await?;
                }
                Ok(())
            }
            Step::List { actor, is, has, lacks } => self.list(actor, is.as_deref(), has, lacks).await,
            Step::Silence(actors) => {
                for actor in actors {
                    self.silence(actor).await?;
                }
                Ok(())
            }
            Step::Closed(actors) => {
                for actor in actors {
                    self.closed(actor).await?;
                }
                Ok(())
            }
            Step::Alive(actors) => {
                for actor in actors {
                    self.alive(actor).await?;
                }
                Ok(())
            }
            Step::Close(list) => {
                for (actor, kind) in list {
                    self.close(actor, *kind).await?;
                }
                Ok(())
            }
            Step::Wait(time) => {
                tokio::time::sleep(*time).await;
                Ok(())
            }
            Step::Together(steps) => self.together(steps).await,
            Step::Repeat { times, steps } => {
                for _ in 0..self.around.fewer(*times as usize, 5) {
                    self.steps(steps).await?;
                }
                Ok(())
            }
            Step::Observe(actors) => {
                for actor in actors {
                    self.observe(actor).await?;
                }
                Ok(())
            }
            Step::First(list) => {
                for (actor, patterns) in list {
                    self.first(actor, patterns).await?;
                }
                Ok(())
            }
            Step::NoList(actors) => {
                for actor in actors {
                    self.no_list(actor).await?;
                }
                Ok(())
            }
            Step::WithinLimit(actors) => actors.iter().try_for_each(|actor| self.within_limit(actor)),
            Step::IfOpen { actor, as_user, steps } => {
                let line = self.lines.get(actor).filter(|line| line.is_open() && (!as_user || line.is_user()));
                if line.is_some() { self.steps(steps).await } else { Ok(()) }
            }
            Step::Profile { key, is, otherwise } => self.profile(key, is, otherwise).await,
            Step::Procedure(procedure) => super::procedure::run(self, procedure).await,
        }
    }

    async fn profile(&mut self, key: &str, is: &[(String, Vec<Step>)], otherwise: &[Step]) -> Played {
        let value = self.around.declared.get(key).cloned();
        if let Some((_, steps)) = is.iter().find(|(reading, _)| Some(reading) == value.as_ref()) {
            self.declared = true;
            return self.steps(steps).await;
        }
        let played = self.steps(otherwise).await;
        if let (Err(Trouble::Fail { .. }), Some((reading, _))) = (&played, is.first()) {
            self.declare = Some(format!("{key}: {reading}"));
        }
        played
    }

    async fn connect(&mut self, actor: &str, other: Option<&str>) -> Played {
        let name = self.cast.wire(other.unwrap_or(actor));
        let again = other.is_some() || self.lines.contains_key(actor);
        let deadline = tokio::time::Instant::now() + self.around.patience;
        loop {
            match self.welcome(actor, &name).await {
                // The name was somebody's a moment ago: it is free again soon, not at once.
                Err(Trouble::Fail { .. }) if again && tokio::time::Instant::now() < deadline => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                welcomed => {
                    self.lines.insert(actor.to_owned(), welcomed?);
                    return Ok(());
                }
            }
        }
    }

    /// Sends; that the server has hung up already is found out by the step that expects something.
    pub(crate) async fn say(&mut self, actor: &str, bytes: &[u8], is_frame: bool) -> Played {
        if let Some(name) =
            bytes.strip_prefix(b"CONNECT|").filter(|_| !self.lines.get(actor).is_some_and(Line::is_user))
        {
            self.cast.rename(actor, String::from_utf8_lossy(name).trim_end_matches(['\r', '\n']));
        }
        if bytes.starts_with(b"DISCONNECT") {
            self.age_lists();
        }
        let line = self.line(actor)?;
        let sent = if is_frame { line.send(bytes).await } else { line.put(bytes).await };
        match sent {
            Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
                Err(Trouble::Inconclusive(format!("the server does not read what {actor} sends")))
            }
            _ => Ok(()),
        }
    }

    async fn bytes(&mut self, actor: &str, written: &str, split: Option<usize>, every: Option<Duration>) -> Played {
        let mut bytes = text::bytes(written, &self.cast);
        match self.around.manner.send {
            mychat_proto::Framing::CrLf => bytes = text::crlf(&bytes),
            mychat_proto::Framing::Raw if bytes.last() == Some(&b'\n') => bytes.truncate(bytes.len() - 1),
            _ => {}
        }
        if bytes.starts_with(b"CONNECT|") {
            let name: Vec<u8> = bytes[8..].iter().copied().take_while(|byte| !b"\r\n".contains(byte)).collect();
            self.line(actor)?.name = Some(String::from_utf8_lossy(&name).into_owned());
        }
        let size = split.unwrap_or(bytes.len()).max(1);
        for (index, piece) in bytes.chunks(size).enumerate() {
            if index > 0
                && let Some(every) = every
            {
                tokio::time::sleep(every).await;
            }
            self.say(actor, piece, false).await?;
        }
        Ok(())
    }

    /// Whether `gets` passes over this frame: what no step asks for, and what has steps of its own.
    fn passes_over(&self, actor: &str, frame: &[u8], answered: bool) -> bool {
        let Some(line) = self.lines.get(actor) else { return false };
        let own = line.name.as_deref().unwrap_or_default();
        let none_declared = self.around.declared.get("broadcast_echo").is_some_and(|value| value == "false");
        let echo = !none_declared && frame.starts_with(format!("BROADCAST|{own}|").as_bytes());
        // So is a copy of its own message to somebody else.
        let copy = frame.strip_prefix(format!("MESSAGE|{own}|").as_bytes()).is_some_and(|content| {
            let said = |text: &[u8]| line.said.iter().any(|said| super::line_contains(said, text));
            !own.is_empty() && said(&[b"|", content].concat()) && !said(&[b"MESSAGE|", own.as_bytes(), b"|"].concat())
        });
        // The reason that may follow a refusal.
        let reason = answered && frame.starts_with(b"ERROR");
        self.is_foreign(frame) || echo || copy || reason
    }

    pub(in crate::script) async fn gets(&mut self, actor: &str, written: &[String]) -> Played {
        let patterns: Vec<Pattern> = written.iter().map(|pattern| Pattern::new(pattern, &self.cast)).collect();
        let may_be_nothing = patterns.iter().any(|pattern| matches!(pattern, Pattern::Nothing));
        let may_close = patterns.iter().any(|pattern| matches!(pattern, Pattern::Closed));
        let want = format!("{actor} gets {}", pattern::listed(written, &self.cast));
        if may_be_nothing {
            self.settle(actor).await;
        }
        self.line(actor)?;
        let patience = if may_be_nothing { Duration::ZERO } else { self.around.patience };
        let stage = &*self;
        let Some(line) = stage.lines.get(actor) else { return Ok(()) };
        let look = |inbox: &mut super::line::Inbox| {
            let mut refused = false;
            for index in 0..inbox.frames.len() {
                let frame = &inbox.frames[index];
                let is_refusal = frame.bytes == b"CONNECT_ACK|FAIL";
                if !frame.taken && !stage.is_foreign(&frame.bytes) {
                    if patterns.iter().any(|pattern| pattern.matches(&frame.bytes)) {
                        let welcomed = frame.bytes == b"CONNECT_ACK|OK";
                        inbox.frames[index].taken = true;
                        return Some(Ok(welcomed));
                    }
                    if !stage.passes_over(actor, &frame.bytes, refused) {
                        return Some(Err(frame.bytes.clone()));
                    }
                }
                refused |= is_refusal;
            }
            match inbox.end {
                Some(_) if may_close => Some(Ok(false)),
                Some(_) => Some(Err(Vec::new())),
                None => None,
            }
        };
        match line.until(patience, look).await {
            Some(Ok(welcomed)) => {
                if welcomed {
                    self.entered(line).await;
                }
                Ok(())
            }
            Some(Err(frame)) => {
                let got = match frame.as_slice() {
                    [] => "the server closed the connection".to_owned(),
                    frame => self.cast.humanize(&text::shown(frame)),
                };
                self.setting.transcript.mark(actor, &frame);
                // Where nobody else has the name, something else about it should have been refused.
                let taken = || self.lines.values().any(|other| other.actor != line.actor && other.name == line.name);
                if frame == b"CONNECT_ACK|OK" && written.iter().any(|pattern| pattern == "CONNECT_ACK|FAIL") && taken()
                {
                    let _ = self.blame.set(GIVEN_TWICE);
                }
                self.look_for_a_bare_refusal(&frame, written);
                self.look_for_blame(actor, &frame);
                self.look_for_overtaking(actor, &patterns).await;
                Err(Trouble::fail(want, format!("{actor} got {got}")))
            }
            None if may_be_nothing => Ok(()),
            None => {
                let waiting = line.inbox().unfinished().to_vec();
                let whole = waiting.strip_suffix(b"\r").unwrap_or(&waiting);
                // What has no end is reported as such by a check of its own; here it counts for what it says.
                if !waiting.is_empty() && patterns.iter().any(|pattern| pattern.matches(whole)) {
                    line.inbox().end_unfinished();
                    line.inbox().frames.iter_mut().for_each(|frame| frame.taken |= frame.bytes == whole);
                    return Ok(());
                }
                let got = self.latest_untaken(actor);
                self.look_for_lost_error(actor, written);
                Err(Trouble::fail(want, format!("{actor}: {got}")))
            }
        }
    }

    fn latest_untaken(&self, actor: &str) -> String {
        self.lines.get(actor).map_or_else(String::new, |line| {
            let all_over = line.inbox().frames.iter().all(|frame| frame.taken || self.is_foreign(&frame.bytes));
            let open = line.inbox().end.is_none() && line.inbox().unfinished().is_empty();
            if all_over && open {
                format!("no reply within {}", humantime::format_duration(self.around.patience))
            } else {
                self.latest(line)
            }
        })
    }

    /// Waits until whatever the actor's last words cause has come back to it: by a fence where it is a user.
    async fn settle(&mut self, actor: &str) {
        let is_user = self.lines.get(actor).is_some_and(|line| line.is_user() && line.is_open());
        if is_user {
            let _ = self.fence(actor).await;
        } else if let Some(line) = self.lines.get(actor) {
            let count = line.inbox().frames.len();
            line.within(self.around.quiet(), |inbox| (inbox.end.is_some() || inbox.frames.len() > count).then_some(()))
                .await;
        }
    }

    async fn close(&mut self, actor: &str, kind: CloseKind) -> Played {
        self.age_lists();
        let line = self.line(actor)?;
        match kind {
            CloseKind::Disconnect => {
                let _ = line.send(b"DISCONNECT").await;
            }
            CloseKind::Fin => line.finish(true),
            CloseKind::Half => line.finish(false),
            CloseKind::Rst => line.reset(),
        }
        Ok(())
    }

    async fn observe(&mut self, actor: &str) -> Played {
        self.line(actor)?;
        self.settle(actor).await;
        let Some(line) = self.lines.get(actor) else { return Ok(()) };
        let mut inbox = line.inbox();
        let mut seen: Vec<String> = Vec::new();
        for frame in inbox.frames.iter_mut().filter(|frame| !frame.taken) {
            frame.taken = true;
            if !self.is_foreign(&frame.bytes) {
                seen.push(self.cast.humanize(text::shown(&frame.bytes).trim_matches('"')));
            }
        }
        seen.extend(inbox.end.map(|_| "closed".to_owned()));
        let words = if seen.is_empty() { "nothing".to_owned() } else { seen.join(", ") };
        drop(inbox);
        self.observed.push(format!("{actor} got {words}"));
        Ok(())
    }
}

/// A broadcast of this case that one connection got twice: whatever was sent, nothing is sent twice within a case.
fn twice(frames: &[super::line::Seen], is_foreign: impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
    let broadcast = |frame: &&super::line::Seen| {
        frame.bytes.starts_with(b"BROADCAST|") && !frame.taken && !is_foreign(&frame.bytes)
    };
    let mut echoes = frames.iter().filter(broadcast);
    echoes
        .find(|one| frames.iter().filter(|other| other.bytes == one.bytes).count() > 1)
        .map(|frame| frame.bytes.clone())
}
