//! Chat rooms at the beginning of a session: a user of a group with rooms negotiates the extension and joins its rooms. A
//! user of another group sends nothing.

use mychat_proto::ExtensionCommand;

use super::Worker;
use crate::engine::clock::Clock;
use crate::engine::receive;
use crate::engine::timer_queue::TimerEvent;
use crate::engine::user::{RoomRequest, RoomRequestKind};
use crate::engine::wire::{ConnId, Wire};
use crate::plan::RunTime;
use crate::record::recorder::Place;
use crate::record::room_stay::RoomStay;
use mychat_scenario::model::Action;

impl<W: Wire, C: Clock> Worker<W, C> {
    /// Sends the requests with which a user enters its rooms. Returns false if it has none.
    pub(super) fn enter_rooms(&mut self, index: usize, conn: ConnId, now: RunTime) -> bool {
        let user = &mut self.users[index];
        let Some(rooms) = &mut user.rooms else { return false };
        rooms.is_entering = true;
        let (plan, framing) = (&self.recording.shared.plan, self.recording.shared.protocol.framing);
        let place = Place { action: Action::JoinRoom.kind() as u16, ..self.recording.place(user.group, now) };
        let (session, home) = (user.sessions, rooms.home().to_vec());
        let negotiate = (RoomRequestKind::Negotiate, ExtensionCommand::Capabilities { list: "rooms" });
        let joins = home
            .iter()
            .map(|room| (RoomRequestKind::Join(*room), ExtensionCommand::Join { room: plan.rooms.name(*room) }));
        self.frame.clear();
        for (kind, command) in std::iter::once(negotiate).chain(joins) {
            if let (RoomRequestKind::Join(room), Some(session)) = (kind, &mut user.session) {
                rooms.begin(room, session.rooms.len());
                session.rooms.push(RoomStay::new(plan.room_addressee(room), now));
            }
            rooms.requests.push_back(RoomRequest { kind, intended: now, place });
            command.write(&mut self.frame).expect("the scenario's checks reject illegal names");
            framing.end(&mut self.frame, 0);
        }
        if let Some(connection) = self.connections.get_mut(conn) {
            connection.send(&mut self.wire, conn, &self.frame, now);
        }
        self.timers.push(now + self.reply_timeout(), TimerEvent::EnterTimeout(index, session));
        true
    }

    /// Gives up the waiting for a user's rooms: the answers are missing, and the load must begin.
    pub(super) fn check_enter_timeout(&mut self, index: usize, session: u16) {
        let user = &mut self.users[index];
        if user.sessions == session {
            receive::finish_entering(user, &self.recording);
        }
    }
}
