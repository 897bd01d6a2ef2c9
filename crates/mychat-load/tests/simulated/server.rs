//! A modelled server: correct but for what its manners say, and exact to the nanosecond.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use mychat_load::engine::clock::Clock as _;
use mychat_load::engine::wire::Hangup;
use mychat_load::plan::Nanos;
use mychat_proto::Command;

use super::chaos::Chaos;
use super::net::{End, Event, Handled, Net};

/// How a server behaves.
#[derive(Debug, Clone)]
pub(crate) struct Manners {
    /// From reading a frame to the first write because of it.
    pub(crate) delay: Nanos,
    /// Frozen for so long, every so often: frames that come meanwhile are read at the end of it.
    pub(crate) freeze: Option<(Nanos, Nanos)>,
    /// One queue: so long per frame.
    pub(crate) work: Nanos,
    /// From the write to one recipient to that to the next; also before the first.
    pub(crate) spacing: Nanos,
    /// When it reads nothing at all.
    pub(crate) deaf: Option<Range<Nanos>>,
    /// Deliveries that it leaves out, by their number from 0.
    pub(crate) lost: Range<u64>,
    /// Deliveries whose first bytes it destroys, likewise.
    pub(crate) damaged: Range<u64>,
    /// Deliveries that are mangled, likewise, and how.
    pub(crate) mangled: Option<(Range<u64>, Mangled)>,
    /// Of its answers to messages for nobody it leaves one in so many out.
    pub(crate) unanswered: Option<u64>,
    /// Who comes back gets once more what it got first in its visit before.
    pub(crate) repeats: bool,
    /// A name that it never lets in.
    pub(crate) refused: Option<&'static str>,
    /// How long a name stays taken after its holder is gone.
    pub(crate) name_kept: Nanos,
    /// A connection that it closes, by name, at so many frames from it.
    pub(crate) closes: Option<(&'static str, u32)>,
    /// Whether everybody gets a list when somebody comes or goes.
    pub(crate) lists: bool,
    /// What happens to deliveries on their way: a seed, and how rare it is.
    pub(crate) chaos: Option<(u64, u32)>,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            delay: 0,
            freeze: None,
            work: 0,
            spacing: 0,
            deaf: None,
            lost: 0..0,
            damaged: 0..0,
            mangled: None,
            unanswered: None,
            repeats: false,
            refused: None,
            name_kept: 0,
            closes: None,
            lists: false,
            chaos: None,
        }
    }
}

/// What becomes of a delivery on its way.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mangled {
    /// This byte of it is another one.
    Byte(usize),
    /// It ends there.
    Cut(usize),
}

impl Mangled {
    /// Does it to a frame with its end; gives whether there was anything to do.
    fn mangle(self, frame: &mut Vec<u8>) -> bool {
        let (Self::Byte(at) | Self::Cut(at)) = self;
        let there = at + 1 < frame.len();
        match self {
            Self::Byte(at) if there => frame[at] ^= 1,
            Self::Cut(at) if there => drop(frame.drain(at..frame.len() - 1)),
            _ => {}
        }
        there
    }
}

#[derive(Debug, Default)]
struct Peer {
    name: Option<String>,
    unfinished: Vec<u8>,
    frames: u32,
    /// What it was sent first.
    first: Option<Vec<u8>>,
}

/// The server.
#[derive(Debug)]
pub(crate) struct Model {
    manners: Manners,
    peers: HashMap<End, Peer>,
    /// Names in use, in order; `None`: kept for nobody.
    users: BTreeMap<String, Option<End>>,
    /// When the queue is empty.
    free_at: Nanos,
    /// What arrived while it was deaf.
    unheard: Vec<(End, Vec<u8>)>,
    deliveries: u64,
    /// What was sent first to those who are gone.
    past: HashMap<String, Vec<u8>>,
    /// How often something was sent to somebody who had got it in an earlier visit.
    pub(crate) repeated: u64,
    /// How many deliveries were mangled.
    pub(crate) mangled: u64,
    answers: u64,
    /// How many of its answers it left out.
    pub(crate) unanswered: u64,
    pub(crate) chaos: Option<Chaos>,
}

impl Model {
    pub(crate) fn new(manners: Manners, net: &mut Net) -> Self {
        if let Some(deaf) = &manners.deaf {
            net.put(deaf.end, Event::HearAgain);
        }
        Self {
            chaos: manners.chaos.map(|(seed, one_in)| Chaos::new(seed, one_in)),
            manners,
            peers: HashMap::new(),
            users: BTreeMap::new(),
            free_at: 0,
            unheard: Vec::new(),
            deliveries: 0,
            past: HashMap::new(),
            repeated: 0,
            mangled: 0,
            answers: 0,
            unanswered: 0,
        }
    }

    /// Takes an event that concerns it.
    pub(crate) fn takes(&mut self, event: Event, net: &mut Net) {
        let now = net.clock.now();
        match event {
            Event::AtServer(end, bytes) if self.manners.deaf.as_ref().is_some_and(|deaf| deaf.contains(&now)) => {
                self.unheard.push((end, bytes));
            }
            Event::AtServer(end, bytes) => self.reads(end, &bytes, net),
            Event::HearAgain => {
                for (end, bytes) in std::mem::take(&mut self.unheard) {
                    self.reads(end, &bytes, net);
                }
            }
            Event::Handle(end, Handled::Frame(frame)) => self.handles(end, &frame, net),
            Event::Handle(end, Handled::Eof) => self.lets_go(end, net),
            Event::HungUp(end, Hangup::Reset) => {
                net.pipes.remove(&end);
                self.lets_go(end, net);
            }
            Event::HungUp(end, how) => {
                if how == Hangup::Close {
                    net.pipes.remove(&end);
                }
                let at = self.turn(now);
                net.put(at, Event::Handle(end, Handled::Eof));
            }
            Event::Free(name) => drop(self.users.remove(&name)),
            _ => {}
        }
    }

    fn reads(&mut self, end: End, bytes: &[u8], net: &mut Net) {
        net.drained(end, bytes.len());
        let peer = self.peers.entry(end).or_default();
        peer.unfinished.extend_from_slice(bytes);
        let whole = peer.unfinished.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let rest = peer.unfinished.split_off(whole);
        let frames = std::mem::replace(&mut peer.unfinished, rest);
        for frame in frames.split_inclusive(|byte| *byte == b'\n') {
            let at = self.turn(net.clock.now());
            net.put(at, Event::Handle(end, Handled::Frame(frame[..frame.len() - 1].to_vec())));
        }
    }

    /// When the effects of a frame that is read now begin.
    fn turn(&mut self, now: Nanos) -> Nanos {
        let done = self.thawed(self.thawed(now.max(self.free_at)) + self.manners.work);
        self.free_at = done;
        done + self.manners.delay
    }

    fn thawed(&self, at: Nanos) -> Nanos {
        match self.manners.freeze {
            Some((length, every)) if at % every < length => at - at % every + length,
            _ => at,
        }
    }

    fn handles(&mut self, end: End, frame: &[u8], net: &mut Net) {
        let Some(peer) = self.peers.get_mut(&end) else { return };
        peer.frames += 1;
        let (name, frames) = (peer.name.clone(), peer.frames);
        match (Command::parse(frame), name) {
            (Ok(Command::Connect { name }), None) => self.welcomes(end, name, net),
            (Ok(Command::Broadcast { content }), Some(me)) => {
                let everybody: Vec<End> = self.users.values().copied().flatten().collect();
                self.deliver(&everybody, &format!("BROADCAST|{me}|{content}\n"), net);
            }
            (Ok(Command::Message { recipient, content }), Some(me)) => match self.users.get(recipient) {
                Some(Some(other)) => self.deliver(&[*other], &format!("MESSAGE|{me}|{content}\n"), net),
                _ => self.answers_nobody(end, net),
            },
            (Ok(Command::Disconnect), _) => self.lets_go(end, net),
            _ => say(end, "ERROR|400|malformed\n", net),
        }
        let name = self.peers.get(&end).and_then(|peer| peer.name.as_deref());
        if self.manners.closes.is_some_and(|(closed, at)| name == Some(closed) && frames == at) {
            self.lets_go(end, net);
        }
    }

    fn answers_nobody(&mut self, end: End, net: &mut Net) {
        self.answers += 1;
        if self.manners.unanswered.is_some_and(|one_in| self.answers.is_multiple_of(one_in)) {
            self.unanswered += 1;
        } else {
            say(end, "ERROR|404|no such user\n", net);
        }
    }

    fn welcomes(&mut self, end: End, name: &str, net: &mut Net) {
        if self.users.contains_key(name) || self.manners.refused == Some(name) {
            // Rule U3: the refusal and its reason, in one write.
            say(end, "CONNECT_ACK|FAIL\nERROR|409|this name is taken\n", net);
            return;
        }
        self.users.insert(name.to_owned(), Some(end));
        self.peers.entry(end).or_default().name = Some(name.to_owned());
        say(end, "CONNECT_ACK|OK\n", net);
        self.list(net);
        if let Some(frame) = self.past.remove(name).filter(|_| self.manners.repeats) {
            self.repeated += 1;
            net.put(net.clock.now(), Event::AtUser(end, frame));
        }
    }

    fn deliver(&mut self, recipients: &[End], frame: &str, net: &mut Net) {
        let now = net.clock.now();
        for (place, end) in (1..).zip(recipients) {
            let number = self.deliveries;
            self.deliveries += 1;
            if !self.manners.lost.contains(&number) {
                let mut frame = frame.as_bytes().to_vec();
                if self.manners.damaged.contains(&number)
                    && let Some(stamp) = frame.iter().position(|byte| *byte == b'~')
                {
                    frame[stamp + 1..stamp + 9].fill(b'?');
                }
                if let Some((numbers, how)) = &self.manners.mangled
                    && numbers.contains(&number)
                {
                    self.mangled += u64::from(how.mangle(&mut frame));
                }
                if let Some(peer) = self.peers.get_mut(end) {
                    peer.first.get_or_insert_with(|| frame.clone());
                }
                let frame = self.chaos.as_mut().map_or_else(|| frame.clone(), |chaos| chaos.pass(*end, &frame));
                net.put(now + place * self.manners.spacing, Event::AtUser(*end, frame));
            }
        }
    }

    fn list(&self, net: &mut Net) {
        let there = || self.users.iter().filter_map(|(name, end)| Some((name.as_str(), (*end)?)));
        let names: Vec<&str> = there().map(|(name, _)| name).collect();
        let list = format!("USER_LIST|{}\n", names.join(","));
        there().filter(|_| self.manners.lists).for_each(|(_, end)| say(end, &list, net));
    }

    /// A connection is over for the server, and its user is gone.
    fn lets_go(&mut self, end: End, net: &mut Net) {
        let now = net.clock.now();
        let Some(peer) = self.peers.remove(&end) else { return };
        if let Some(name) = peer.name {
            if let Some(first) = peer.first {
                self.past.insert(name.clone(), first);
            }
            self.users.insert(name.clone(), None);
            net.put(now + self.manners.name_kept, Event::Free(name));
            self.list(net);
        }
        net.put(now, Event::Over(end));
    }
}

fn say(end: End, frame: &str, net: &mut Net) {
    let now = net.clock.now();
    net.put(now, Event::AtUser(end, frame.as_bytes().to_vec()));
}
