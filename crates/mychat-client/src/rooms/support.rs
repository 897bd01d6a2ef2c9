//! The negotiation of rooms with the server (rules N1 and N5).

use std::collections::VecDeque;
use std::time::Duration;

use mychat_proto::{Capability, ErrorCode, ExtensionCommand, Framing};
use tokio::sync::watch;
use tokio::time::Instant;

use super::update::RoomUpdate;
use crate::event::ServerError;

/// The time after which a server that does not answer has no rooms (rule N5).
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// The knowledge of whether the server has rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RoomSupport {
    /// The client has asked. It may use rooms without waiting for the answer.
    Asked,
    /// Rooms are in force.
    Available,
    /// The server has no rooms, or the client does not want any.
    Unavailable,
}

/// The connection task's side of the negotiation.
#[derive(Debug)]
pub(crate) struct Negotiation {
    is_wanted: bool,
    /// True after a server has answered the question with rooms.
    was_available: bool,
    support: watch::Sender<RoomSupport>,
    /// The time at which the answer is overdue, while there is none.
    pub(crate) deadline: Option<Instant>,
    /// The rooms that the user is in. After a loss, it joins them again.
    own: Vec<String>,
}

impl Negotiation {
    pub(crate) fn new(is_wanted: bool) -> (Self, watch::Receiver<RoomSupport>) {
        let first = if is_wanted { RoomSupport::Asked } else { RoomSupport::Unavailable };
        let (support, receiver) = watch::channel(first);
        (Self { is_wanted, was_available: false, support, deadline: None, own: Vec::new() }, receiver)
    }

    /// Puts the question in front of the frames that wait, and after it a `JOIN` for each room that the user was in. Returns
    /// the update if the framing allows no rooms.
    ///
    /// The rooms stay known until the server says otherwise: this connection may be lost before it answers.
    pub(crate) fn begin(&mut self, framing: Framing, unsent: &mut VecDeque<Vec<u8>>) -> Option<RoomUpdate> {
        if !self.is_wanted {
            return None;
        }
        // Rule N3: raw sessions have no extensions.
        if !framing.is_terminated() {
            return Some(self.end());
        }
        let question = ExtensionCommand::Capabilities { list: Capability::ROOMS };
        let joins = self.own.iter().map(|room| ExtensionCommand::Join { room });
        // Rooms that a server has named fit; one that does not is not joined again.
        let frames: Vec<_> = std::iter::once(question).chain(joins).filter_map(encode).collect();
        // The last connection may have left some of them unsent.
        unsent.retain(|frame| !frames.contains(frame));
        frames.into_iter().rev().for_each(|frame| unsent.push_front(frame));
        self.support.send_replace(RoomSupport::Asked);
        self.deadline = Some(Instant::now() + ANSWER_TIMEOUT);
        None
    }

    /// Takes an update that the server has sent. Returns false if the client has not asked for rooms.
    pub(crate) fn observe(&mut self, update: &RoomUpdate, name: &str) -> bool {
        match update {
            RoomUpdate::Available { .. } => {
                self.deadline = None;
                self.was_available = true;
                self.support.send_replace(RoomSupport::Available);
            }
            RoomUpdate::Unavailable => drop(self.end()),
            _ => update.apply(name, &mut self.own),
        }
        self.is_wanted
    }

    /// Returns true if `error` is the answer to the question: it is the first command of the session.
    pub(crate) fn is_refused_by(&self, error: &ServerError) -> bool {
        self.deadline.is_some() && error.kind() == Some(ErrorCode::Malformed)
    }

    /// Returns true if a loss of the connection now may be the server's answer to the question. It is none if the server has
    /// answered an earlier one with rooms.
    pub(crate) fn may_be_refused_by_loss(&self) -> bool {
        self.deadline.is_some() && !self.was_available
    }

    /// Waits once more for the answer.
    pub(crate) fn extend_deadline(&mut self) {
        self.deadline = Some(Instant::now() + ANSWER_TIMEOUT);
    }

    /// Ends the negotiation without rooms.
    pub(crate) fn end(&mut self) -> RoomUpdate {
        self.deadline = None;
        self.own.clear();
        self.support.send_replace(RoomSupport::Unavailable);
        RoomUpdate::Unavailable
    }

    /// Ends the negotiation for all later sessions as well: the server has closed the connection instead of an answer.
    pub(crate) fn give_up(&mut self, unsent: &mut VecDeque<Vec<u8>>) -> RoomUpdate {
        self.is_wanted = false;
        unsent.retain(|frame| !frame.starts_with(b"CAPABILITIES|"));
        self.end()
    }
}

fn encode(command: ExtensionCommand<'_>) -> Option<Vec<u8>> {
    let mut frame = Vec::new();
    command.write(&mut frame).is_ok().then_some(frame)
}
