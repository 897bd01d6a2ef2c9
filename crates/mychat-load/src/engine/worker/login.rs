//! Logins: the connection, `CONNECT`, and the server's answer.

use std::sync::atomic::Ordering;

use mychat_proto::{AckStatus, Command};

use super::Worker;
use crate::engine::clock::Clock;
use crate::engine::connection::{ConnRole, DuplicateLogin};
use crate::engine::recording::ViolationDetail;
use crate::engine::timer_queue::TimerEvent;
use crate::engine::user::UserState;
use crate::engine::wire::{CloseMode, ConnId, Wire};
use crate::plan::{Nanos, RoomId, RunTime};
use crate::record::example::ViolationKind;
use crate::record::failed_login::FailedLogin;
use crate::record::inbox::UserInbox;
use crate::record::recorder::{Count, LatencyMetric};
use crate::record::session::{UserSession, UserSessionEnd};

/// Pause before a user that finds its own name still taken logs in again.
const LOGIN_RETRY: Nanos = 20_000_000;

impl<W: Wire, C: Clock> Worker<W, C> {
    /// Connects a user whose login was due at `due`. After the load, only returns that were refused are tried again: the
    /// result has to tell a name that was freed late from one that was never freed.
    pub(super) fn start_login(&mut self, index: usize, due: RunTime) {
        let is_stopped = self.recording.shared.live.stop.load(Ordering::Relaxed);
        if is_stopped && self.users[index].login.state != UserState::Retrying {
            return;
        }
        let now = self.clock.now();
        let conn = self.insert_connection(ConnRole::User(index));
        let login = &mut self.users[index].login;
        // A repeated attempt to return counts from the first one.
        login.due_at.get_or_insert(due);
        login.state = UserState::Connecting;
        login.conn = Some(conn);
        self.start_connection_timeout(conn, now);
        let buffer = self.receive_buffer(index);
        self.wire.open(conn, buffer);
    }

    pub(super) fn insert_connection(&mut self, role: ConnRole) -> ConnId {
        self.connections.insert(role, self.recording.shared.protocol.reply_framing)
    }

    /// Called when a connection was made: asks for the user's name.
    pub fn opened(&mut self, conn: ConnId) {
        let now = self.clock.now();
        let Some(connection) = self.connections.get_mut(conn) else { return };
        let name = match connection.role {
            ConnRole::User(index) => {
                let user = &mut self.users[index];
                user.login.state = UserState::LoggingIn;
                user.login.requested_at = now;
                user.id
            }
            ConnRole::Duplicate(duplicate) => duplicate.name_holder,
        };
        self.frame.clear();
        let command = Command::Connect { name: self.recording.user_name(name) };
        command.write(&mut self.frame).expect("the scenario's checks reject illegal names");
        self.recording.shared.protocol.framing.end(&mut self.frame, 0);
        connection.send(&mut self.wire, conn, &self.frame, now);
    }

    /// Called when a connection could not be made.
    pub fn open_failed(&mut self, conn: ConnId, reason: &str) {
        let Some(role) = self.remove_connection(conn) else { return };
        match role {
            ConnRole::User(index) => self.login_refused(index, &|| format!("cannot connect: {reason}"), &[]),
            ConnRole::Duplicate(DuplicateLogin { place, name_holder, .. }) => {
                let what = format!("a second connection could not be made: {reason}");
                self.recording.wrong_reply(place, name_holder, &|| what.clone(), &[]);
            }
        }
    }

    /// Takes the server's answer to `CONNECT`.
    pub(super) fn connect_answered(&mut self, conn: ConnId, role: ConnRole, status: AckStatus, now: RunTime) {
        let ConnRole::User(index) = role else { return };
        match (self.users[index].login.state, status) {
            (UserState::LoggingIn, AckStatus::Ok) => self.logged_in(index, now),
            (UserState::LoggingIn, AckStatus::Fail) => {
                self.close_connection(conn, CloseMode::Close);
                let what = || "the server answered CONNECT_ACK|FAIL".to_owned();
                self.login_refused(index, &what, &[b"CONNECT_ACK|FAIL"]);
            }
            _ => {
                let user = &self.users[index];
                let (place, id) = (self.recording.place(user.group, now), user.id);
                let what = || "an unexpected CONNECT_ACK".to_owned();
                self.recording.wrong_reply(place, id, &what, &[b"CONNECT_ACK"]);
            }
        }
    }

    fn logged_in(&mut self, index: usize, now: RunTime) {
        let user = &mut self.users[index];
        let shared = &self.recording.shared;
        user.login.state = UserState::Online;
        user.sessions = user.sessions.wrapping_add(1);
        let next = shared.sent[user.id.index()].len();
        user.session = Some(Box::new(UserSession {
            user: user.id,
            requested_at: user.login.requested_at,
            online_at: now,
            leaving_at: None,
            ended_at: None,
            end: UserSessionEnd::Stayed,
            sequences: next..next,
            rooms: Vec::new(),
            inbox: UserInbox::new(shared.plan.verify).with_rooms(shared.plan.room_addressee(RoomId(0))),
        }));
        shared.presence[user.id.index()].set(true, now);
        shared.live.connected.fetch_add(1, Ordering::Relaxed);
        let is_first = user.sessions == 1;
        let (due_at, requested_at) = (user.login.due_at.take().unwrap_or_default(), user.login.requested_at);
        let (group, conn) = (user.group, user.login.conn);
        let place = self.recording.place(group, now);
        self.recording.recorder.count(place, Count::Connected);
        self.recording.recorder.time(place, LatencyMetric::Connect, now.since(due_at));
        self.recording.recorder.time(place, LatencyMetric::Ack, now.since(requested_at));
        if let Some(conn) = conn {
            self.apply_read_policy(index, conn, now);
        }
        // A user with rooms is in once it is in them.
        let enters_rooms = conn.is_some_and(|conn| self.enter_rooms(index, conn, now));
        if is_first && !enters_rooms {
            self.recording.shared.live.logins_done.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(start) = self.recording.load_start() {
            self.schedule_logout(index, now.max(start));
            if self.users[index].closed_loop().is_some_and(|closed| closed.next.is_none()) {
                self.start_thinking(index, now.max(start));
            }
        }
    }

    /// A login failed. A user that was online before tries again until the reply timeout: its name may not be free yet.
    pub(super) fn login_refused(&mut self, index: usize, why: &dyn Fn() -> String, frames: &[&[u8]]) {
        let (now, timeout) = (self.clock.now(), self.reply_timeout());
        let user = &mut self.users[index];
        user.login.conn = None;
        if user.sessions > 0 && user.login.due_at.is_some_and(|due_at| now < due_at + timeout) {
            let place = self.recording.place(user.group, now);
            user.login.state = UserState::Retrying;
            self.recording.recorder.count(place, Count::RefusedReturns);
            self.timers.push(now + LOGIN_RETRY, TimerEvent::Login(index));
            return;
        }
        self.login_failed(index, now, why, frames);
    }

    /// Gives up the login of a user. It stays out for the rest of the run.
    fn login_failed(&mut self, index: usize, now: RunTime, why: &dyn Fn() -> String, frames: &[&[u8]]) {
        let user = &mut self.users[index];
        let place = self.recording.place(user.group, now);
        let (user_id, due_at) = (user.id, user.login.due_at.take().unwrap_or(now));
        user.login.state = UserState::Evicted;
        let is_return = user.sessions > 0;
        if !is_return {
            self.recording.shared.live.logins_done.fetch_add(1, Ordering::Relaxed);
        }
        let seconds = now.since(due_at) as f64 / 1e9;
        let what = || {
            let why = why();
            if is_return { format!("{why}, {seconds:.1} s after it had left") } else { why }
        };
        let detail = ViolationDetail {
            kind: ViolationKind::Refused,
            sender: None,
            recipient: Some(user_id),
            sequence: None,
            what: &what,
            frames,
        };
        self.recording.violation(place, Count::Refused, &detail);
        self.recording.failed_logins.push(FailedLogin { user: user_id, due_at, place });
    }

    /// Gives up the logins that have been under way for longer than the reply timeout when the run ends.
    pub(super) fn give_up_overdue_logins(&mut self, now: RunTime) {
        let timeout = self.reply_timeout();
        for index in 0..self.users.len() {
            let login = &self.users[index].login;
            let is_under_way =
                matches!(login.state, UserState::Connecting | UserState::LoggingIn | UserState::Retrying);
            if is_under_way && login.due_at.is_some_and(|due_at| now >= due_at + timeout) {
                self.login_failed(index, now, &|| "it was not let in before the run ended".to_owned(), &[]);
            }
        }
    }

    /// Takes a frame on the connection of a duplicate login, which the server must refuse.
    pub(super) fn duplicate_answered(&mut self, conn: ConnId, duplicate: DuplicateLogin, now: RunTime, frame: &[u8]) {
        let DuplicateLogin { name_holder, intended, place, .. } = duplicate;
        if frame == b"CONNECT_ACK|FAIL" {
            self.recording.recorder.time(place, LatencyMetric::Ack, now.since(intended));
            self.close_connection(conn, CloseMode::Close);
        } else if frame == b"CONNECT_ACK|OK" {
            // If the name's holder was just leaving, the name was free.
            if self.recording.shared.presence[name_holder.index()].was_online_since(intended) {
                let what = || "a name in use was given away again".to_owned();
                self.recording.wrong_reply(place, name_holder, &what, &[frame]);
            }
            self.close_connection(conn, CloseMode::Close);
        }
    }
}
