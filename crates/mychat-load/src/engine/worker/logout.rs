//! The end of sessions: by the user's plan, or because the server closed the connection.

use std::sync::atomic::Ordering;

use super::Worker;
use crate::engine::clock::Clock;
use crate::engine::connection::{ConnRole, DuplicateLogin};
use crate::engine::receive;
use crate::engine::recording::ViolationDetail;
use crate::engine::timer_queue::TimerEvent;
use crate::engine::user::UserState;
use crate::engine::wire::{CloseMode, ConnId, DisconnectReason, Wire};
use crate::plan::{Nanos, RunTime};
use crate::record::example::ViolationKind;
use crate::record::recorder::{Count, LatencyMetric};
use crate::record::roster::RosterState;
use crate::record::session::{UserSession, UserSessionEnd};
use mychat_scenario::model::Leave;

impl<W: Wire, C: Clock> Worker<W, C> {
    /// Sets the timer for the end of a session that began to count at `from`, where the plan limits it.
    pub(super) fn schedule_logout(&mut self, index: usize, from: RunTime) {
        let (user, plan) = (&mut self.users[index], &self.recording.shared.plan);
        let Some(stays) = &mut user.stays else { return };
        let (stay, leave) = stays.next(plan);
        user.login.leave = leave;
        let at = from + stay;
        // A user that would leave after the load stays online, so that its deliveries can be accounted for.
        if self.recording.load_start().is_some_and(|start| at < plan.end().in_run(start)) {
            self.timers.push(at, TimerEvent::Logout(index, user.sessions));
        }
    }

    /// Lets a user leave, if its session of this number is still the current one.
    pub(super) fn log_out(&mut self, index: usize, session: u16, now: RunTime) {
        if let Some(free) = self.busy_until(index, now) {
            return self.timers.push(free, TimerEvent::Logout(index, session));
        }
        let user = &mut self.users[index];
        let shared = &self.recording.shared;
        let is_stopped = shared.live.stop.load(Ordering::Relaxed);
        let (UserState::Online, Some(conn)) = (user.login.state, user.login.conn) else { return };
        if user.sessions != session || is_stopped {
            return;
        }
        let leave = user.login.leave;
        user.login.state = UserState::Leaving;
        if let Some(session) = &mut user.session {
            session.leaving_at = Some(now);
            session.end = UserSessionEnd::Left(leave);
        }
        shared.presence[user.id.index()].set(false, now);
        shared.live.connected.fetch_sub(1, Ordering::Relaxed);
        let Some(connection) = self.connections.get_mut(conn) else { return };
        match leave {
            Leave::Disconnect => {
                let mut frame = b"DISCONNECT".to_vec();
                shared.protocol.framing.end(&mut frame, 0);
                connection.send(&mut self.wire, conn, &frame, now);
            }
            Leave::Fin if connection.is_blocked() => connection.half_close = true,
            Leave::Fin => self.wire.close(conn, CloseMode::HalfClose),
            Leave::Rst => {
                self.wire.close(conn, CloseMode::Reset);
                self.finish_logout(conn, now);
                return;
            }
        }
        self.start_connection_timeout(conn, now);
    }

    /// Called when a connection has ended.
    pub fn closed(&mut self, conn: ConnId, reason: &DisconnectReason) {
        let now = self.clock.now();
        let Some(connection) = self.connections.get(conn) else { return };
        let index = match connection.role {
            ConnRole::User(index) => index,
            ConnRole::Duplicate(DuplicateLogin { intended, place, .. }) => {
                // Rule U3 lets a server close the connection after a refusal. A reset is a close.
                self.recording.recorder.time(place, LatencyMetric::Ack, now.since(intended));
                self.remove_connection(conn);
                return;
            }
        };
        let what = || match reason {
            DisconnectReason::Eof => "the server closed the connection".to_owned(),
            DisconnectReason::Broken(error) => format!("the connection broke: {error}"),
        };
        match self.users[index].login.state {
            UserState::Connecting | UserState::LoggingIn => {
                self.remove_connection(conn);
                self.login_refused(index, &|| format!("{} before it answered CONNECT", what()), &[]);
            }
            UserState::Online => self.evicted(index, conn, now, &what),
            UserState::Leaving | UserState::Away | UserState::Retrying | UserState::Finished | UserState::Evicted => {
                self.finish_logout(conn, now);
            }
        }
    }

    /// The server disconnected a user that was online.
    fn evicted(&mut self, index: usize, conn: ConnId, now: RunTime, how: &dyn Fn() -> String) {
        let timeout = self.reply_timeout();
        let user = &mut self.users[index];
        let shared = &self.recording.shared;
        // Rule F5 lets a server close the connection after a frame that is much too long; some close after any error.
        let is_provoked = user.replies.may_close(&shared.verbatim[user.group.index()], (now, timeout));
        if let Some(session) = &mut user.session {
            session.leaving_at = Some(now);
            session.end = if is_provoked { UserSessionEnd::Provoked } else { UserSessionEnd::Closed };
        }
        shared.presence[user.id.index()].set(false, now);
        shared.live.connected.fetch_sub(1, Ordering::Relaxed);
        if is_provoked {
            return self.finish_logout(conn, now);
        }
        let detail = ViolationDetail {
            kind: ViolationKind::Disconnect,
            sender: None,
            recipient: Some(user.id),
            sequence: None,
            what: how,
            frames: &[],
        };
        self.recording.violation(self.recording.place(user.group, now), Count::Disconnects, &detail);
        self.finish_logout(conn, now);
        self.users[index].login.state = UserState::Evicted;
    }

    /// Ends the session on a connection that is over, and lets the user log in again if that is its plan.
    fn finish_logout(&mut self, conn: ConnId, now: RunTime) {
        let Some(ConnRole::User(index)) = self.remove_connection(conn) else { return };
        self.end_session(index, now);
        let user = &mut self.users[index];
        user.login.due_at = Some(now);
        let is_provoked = self.recording.sessions.last().is_some_and(|session| session.end == UserSessionEnd::Provoked);
        let reconnects = std::mem::take(&mut user.login.reconnects);
        if user.stays.is_some() || is_provoked || reconnects {
            user.login.state = UserState::Away;
            self.timers.push(now, TimerEvent::Login(index));
        } else {
            user.login.state = UserState::Finished;
        }
    }

    /// Completes the user's session and moves it to the recording.
    pub(super) fn end_session(&mut self, index: usize, now: RunTime) {
        self.count_missing_replies(index, now);
        self.count_missing_room_answers(index, now);
        let user = &mut self.users[index];
        receive::finish_entering(user, &self.recording);
        if let Some(closed) = user.closed_loop_mut() {
            closed.awaiting = None;
        }
        user.replies.forget_error();
        user.listed = RosterState::default();
        user.second_half = None;
        user.login.conn = None;
        receive::flush_deferred(user, &self.recording);
        if let Some(mut session) = user.session.take() {
            session.ended_at = (session.end != UserSessionEnd::Stayed).then_some(now);
            session.sequences.end = self.recording.shared.sent[user.id.index()].len();
            user.past_sessions.push(self.recording.sessions.len() as u32);
            self.recording.sessions.push(*session);
        }
    }

    /// Removes a connection from the table.
    pub(super) fn remove_connection(&mut self, conn: ConnId) -> Option<ConnRole> {
        let connection = self.connections.remove(conn)?;
        let now = self.clock.now();
        self.recording.blocked += connection.blocked_for(now);
        if let ConnRole::Duplicate(duplicate) = connection.role {
            self.confirm_any(duplicate.user, now);
        }
        Some(connection.role)
    }

    pub(super) fn close_connection(&mut self, conn: ConnId, mode: CloseMode) {
        if self.remove_connection(conn).is_some() {
            self.wire.close(conn, mode);
        }
    }

    /// The reply timeout of a connection is over: gives up a login or logout that the server has not completed.
    pub(super) fn connection_timed_out(&mut self, conn: ConnId, now: RunTime) {
        let Some(connection) = self.connections.get(conn) else { return };
        let seconds = self.recording.shared.protocol.reply_timeout.as_secs_f64();
        match connection.role {
            ConnRole::Duplicate(DuplicateLogin { name_holder, place, .. }) => {
                self.close_connection(conn, CloseMode::Close);
                let what = || format!("no CONNECT_ACK|FAIL within {seconds} s");
                self.recording.wrong_reply(place, name_holder, &what, &[]);
            }
            ConnRole::User(index) => match self.users[index].login.state {
                UserState::Connecting | UserState::LoggingIn => {
                    self.close_connection(conn, CloseMode::Close);
                    self.login_refused(index, &|| format!("no answer to CONNECT within {seconds} s"), &[]);
                }
                // The timer may be the one of the login, set before the user began to leave.
                UserState::Leaving if self.users[index].left_at().is_some_and(|at| now < at + self.reply_timeout()) => {
                }
                UserState::Leaving => self.logout_timed_out(index, conn, now, seconds),
                UserState::Away
                | UserState::Retrying
                | UserState::Online
                | UserState::Finished
                | UserState::Evicted => {}
            },
        }
    }

    fn logout_timed_out(&mut self, index: usize, conn: ConnId, now: RunTime, seconds: f64) {
        receive::flush_deferred(&mut self.users[index], &self.recording);
        let user = &self.users[index];
        let (id, place) = (user.id, self.recording.place(user.group, now));
        if user.login.leave == Leave::Disconnect {
            let newest = user.session.as_deref().and_then(|session| self.newest_sent_after_logout(session));
            let what = || {
                let still = newest.map_or_else(String::new, |after| {
                    format!("; a message that was sent {:.3} s after it still arrived", after as f64 / 1e9)
                });
                format!("the server did not close within {seconds} s of DISCONNECT{still}")
            };
            self.recording.wrong_reply(place, id, &what, &[]);
        }
        self.wire.close(conn, CloseMode::Close);
        self.finish_logout(conn, now);
    }

    /// Returns the time from a session's DISCONNECT to the sending of the newest message that it received, if that was sent later.
    /// Nothing orders the two: such a delivery is no violation as long as the server closes the connection in time.
    fn newest_sent_after_logout(&self, session: &UserSession) -> Option<Nanos> {
        let shared = &self.recording.shared;
        let left_at = session.leaving_at?;
        let own = session.inbox.newest().filter(|(sender, _)| shared.plan.shard.has(*sender));
        let newest =
            own.filter_map(|(sender, sequence)| shared.sent[sender.index()].get(sequence)).map(|sent| sent.at).max()?;
        (newest > left_at).then(|| newest.since(left_at))
    }
}
