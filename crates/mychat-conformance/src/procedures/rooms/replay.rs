//! Compares what the members of a room got with what one of them got who stayed all the time.
//!
//! Frames of a room and broadcasts have one order that all users share (rule Q2). The frames of the member who stayed, the
//! observer, are this order. From it follows what each other user must have got: a frame of the room exactly while the user
//! was a member, from its own `JOIN` up to its own `LEAVE` or `KICK` (rules Q3 and Q4), and every broadcast.

use std::collections::BTreeSet;

use crate::steps::rooms::split_names;
use mychat_scenario::template::text::shown;

/// A frame of the race.
#[derive(Debug, Clone, PartialEq, Eq)]
enum RaceFrame<'f> {
    Join(&'f [u8]),
    /// The user who is no member any more: by `LEAVE`, or as the last field of `KICK`.
    Gone(&'f [u8]),
    /// The sender.
    Say(&'f [u8]),
    /// The sender.
    Broadcast(&'f [u8]),
    Members(&'f [u8]),
    /// Frames that the race does not compare: errors, operators, frames of others.
    Other,
}

/// The frames that one user got during a race.
#[derive(Debug)]
pub(super) struct ReceivedFrames {
    /// The name on the wire.
    pub(super) name: Vec<u8>,
    /// In the order of their arrival.
    pub(super) frames: Vec<Vec<u8>>,
}

/// A difference between what a user got and what it had to get.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) want: String,
    pub(super) got: String,
    /// The frame that differs; empty if none arrived.
    pub(super) frame: Vec<u8>,
}

/// The frames that are compared, of one room and of broadcasts with a nonce.
#[derive(Debug, Clone, Copy)]
pub(super) struct Replay<'r> {
    pub(super) room: &'r str,
    pub(super) nonce: &'r str,
    /// The names of the members when the race begins, who are all its users.
    pub(super) members: &'r [Vec<u8>],
}

impl Replay<'_> {
    /// Compares the frames of `user` with those of `observer`, who was a member all the time.
    pub(super) fn compare(&self, observer: &ReceivedFrames, user: &ReceivedFrames) -> Result<(), Difference> {
        let name = String::from_utf8_lossy(&user.name).into_owned();
        let mut members: BTreeSet<&[u8]> = self.members.iter().map(Vec::as_slice).collect();
        let mut received = user.frames.iter().enumerate().filter(|(_, frame)| self.is_ordered(frame, &user.name));
        for frame in observer.frames.iter().filter(|frame| self.is_ordered(frame, &user.name)) {
            let event = self.event(frame);
            let was_member = members.contains(&*user.name);
            match event {
                RaceFrame::Say(sender) if !members.contains(sender) => {
                    return Err(Difference {
                        want: "a SAY whose sender is no member any more at its place in the order reaches nobody"
                            .to_owned(),
                        got: format!("{} got {}", String::from_utf8_lossy(&observer.name), shown(frame)),
                        frame: frame.clone(),
                    });
                }
                RaceFrame::Join(who) => _ = members.insert(who),
                RaceFrame::Gone(who) => _ = members.remove(who),
                _ => {}
            }
            let is_joiner = event == RaceFrame::Join(&user.name);
            if !(was_member || is_joiner || matches!(event, RaceFrame::Broadcast(_))) {
                continue;
            }
            match received.next() {
                Some((at, got)) if got == frame => {
                    if is_joiner {
                        self.check_list_after_join(user, at, &members)?;
                    }
                }
                got => {
                    return Err(Difference {
                        want: format!("{name} gets {} next, in the order in which all members get it", shown(frame)),
                        got: got.map_or("nothing more".to_owned(), |(_, got)| format!("it got {}", shown(got))),
                        frame: got.map(|(_, got)| got.clone()).unwrap_or_default(),
                    });
                }
            }
        }
        match received.next() {
            Some((_, extra)) => Err(Difference {
                want: format!("{name} gets nothing of a room that it is not in, and everything once"),
                got: format!("it got {}", shown(extra)),
                frame: extra.clone(),
            }),
            None => Ok(()),
        }
    }

    /// Checks that the first list behind the `JOIN` at the place `at` has the members of this very place in the order (rule Q3).
    fn check_list_after_join(
        &self,
        user: &ReceivedFrames,
        at: usize,
        members: &BTreeSet<&[u8]>,
    ) -> Result<(), Difference> {
        let list = user.frames[at + 1..].iter().find(|frame| matches!(self.event(frame), RaceFrame::Members(_)));
        let names: BTreeSet<Vec<u8>> = match list.map(|frame| self.event(frame)) {
            Some(RaceFrame::Members(list)) => split_names(list).into_iter().collect(),
            _ => BTreeSet::new(),
        };
        if names.iter().map(Vec::as_slice).eq(members.iter().copied()) {
            return Ok(());
        }
        let wanted: Vec<&[u8]> = members.iter().copied().collect();
        Err(Difference {
            want: format!(
                "after its JOIN, {} gets MEMBERS as they are at this place in the order: {}",
                String::from_utf8_lossy(&user.name),
                String::from_utf8_lossy(&wanted.join(&b", "[..])),
            ),
            got: list.map_or("it got no list".to_owned(), |list| format!("it got {}", shown(list))),
            frame: list.cloned().unwrap_or_default(),
        })
    }

    /// Returns true for a frame that has a place in the common order. The echo of a user's own broadcast is left out, because a
    /// server need not send it.
    fn is_ordered(&self, frame: &[u8], user: &[u8]) -> bool {
        match self.event(frame) {
            RaceFrame::Join(_) | RaceFrame::Gone(_) | RaceFrame::Say(_) => true,
            RaceFrame::Broadcast(sender) => sender != user,
            RaceFrame::Members(_) | RaceFrame::Other => false,
        }
    }

    fn event<'f>(&self, frame: &'f [u8]) -> RaceFrame<'f> {
        let fields: Vec<&[u8]> = frame.splitn(4, |byte| *byte == b'|').collect();
        let room = self.room.as_bytes();
        match fields.as_slice() {
            [b"JOIN", of, user] if *of == room => RaceFrame::Join(user),
            [b"LEAVE", of, user] | [b"KICK", of, _, user] if *of == room => RaceFrame::Gone(user),
            [b"SAY", of, sender, _] if *of == room => RaceFrame::Say(sender),
            [b"MEMBERS", of, list] if *of == room => RaceFrame::Members(list),
            [b"BROADCAST", sender, content, ..] if contains(content, self.nonce) => RaceFrame::Broadcast(sender),
            _ => RaceFrame::Other,
        }
    }
}

fn contains(content: &[u8], nonce: &str) -> bool {
    memchr::memmem::find(content, nonce.as_bytes()).is_some()
}
