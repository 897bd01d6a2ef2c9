//! The procedures of a case and their parameters.
//!
//! Default values stand in the key tables of `procedures`, beside the description that people read.

use std::time::Duration;

use serde::Serialize;

use super::keyword::keywords;

/// A step with a fixed program of its own, for checks that the other steps cannot express.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Procedure {
    /// `every_split`: one message per position at which its bytes can be cut in two.
    EverySplit(EverySplit),
    /// `stream`: numbered frames from several senders.
    Stream(StreamStep),
    /// `race`: simultaneous CONNECTs.
    Race(Race),
    /// `flood`: a frame that never ends.
    Flood(Flood),
    /// `churn`: connections that open and close.
    Churn(Churn),
    /// `stall`: a client that does not read.
    SlowReader(SlowReader),
    /// `crowd`: many users at the same time.
    ManyConnections(ManyConnections),
    /// `drip`: connections that send one byte per second.
    Trickle(Trickle),
    /// `fuzz`: damaged frames.
    Fuzz(Fuzz),
    /// `turnover`: users that join and leave at random.
    JoinLeave(JoinLeave),
    /// `overlong_list`: more names than one `USER_LIST` frame can hold.
    OverlongList {
        /// Users, each with a name of 16 bytes.
        users: usize,
    },
    /// `history`: a short load whose deliveries are searched for one kind of error.
    DeliveryHistory(DeliveryHistory),
    /// `restart`: the server is stopped and started again.
    Restart {
        /// Connections that are open when the server stops.
        connections: usize,
    },
    /// `one_name`: a name reads the same in lists, as sender and as recipient.
    OneName {
        /// The actor whose name is compared; skipped where the server refused it.
        of: String,
        /// The actor that receives the lists and messages.
        with: String,
    },
    /// `list_format`: the last list is names with commas between them.
    ListFormat {
        /// The actor whose last list is checked.
        of: String,
        /// An actor that has left; a list without it is awaited first.
        lacks: Option<String>,
    },
    /// `last_list`: the last list that an actor has received contains a name.
    LastList {
        /// The actor whose list is checked, as it stands now.
        of: String,
        /// The actor whose name must be in it.
        has: String,
    },
    /// `delivered_or_refused`: a message arrives whole, or its sender gets an error.
    DeliveredOrRefused(DeliveredOrRefused),
    /// `raw_session`: a user without terminators sends one frame.
    RawSession {
        /// The frame to send after the login.
        sends: String,
        /// The frame that answers it.
        gets: String,
    },
    /// `same_answers`: two requests get the same answer.
    SameAnswers {
        /// The actor that sends both.
        of: String,
        /// The first request, with placeholders. Its second field is the name of a room.
        first: String,
        /// The second request: the same about another room, whose name is as long.
        second: String,
    },
    /// `room_race`: users of a room who act at the same time.
    RoomRace(RoomRace),
    /// `room_pages`: a room with more members than one frame can name.
    RoomPages {
        /// Users, each with a name of 60 bytes.
        users: usize,
    },
    /// `room_limit`: a user joins as many rooms as the server announces, and one more.
    RoomLimit {
        /// The largest announced limit that is tried.
        most: usize,
    },
}

/// Parameters of `every_split`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EverySplit {
    /// The sending actor.
    pub from: String,
    /// The actor that must receive each message.
    pub to: String,
    /// The message's content, with placeholders.
    pub content: String,
    /// Time between the two parts.
    pub pause: Duration,
    /// The positions at which the bytes are cut.
    pub at: SplitAt,
}

keywords! {
    /// The positions at which `every_split` cuts a message.
    SplitAt {
        /// Between any two bytes.
        Bytes = "bytes",
        /// Between two bytes of the same character.
        Characters = "characters",
    }
}

/// Parameters of `stream`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StreamStep {
    /// The sending actors; all send at the same time.
    pub from: Vec<String>,
    /// The actors that must receive everything once and unchanged.
    pub to: Vec<String>,
    /// Frames per sender.
    pub count: usize,
    /// Bytes to which a frame is padded, terminator included; 0 adds no padding.
    pub size: usize,
    /// The commands of the frames.
    pub kind: StreamKind,
    /// The number of frames per write.
    pub write: WriteMode,
    /// True if `DISCONNECT` follows in the same write.
    pub leave: bool,
    /// The order in which each sender's frames must arrive.
    pub order: FrameOrder,
}

keywords! {
    /// The commands that `stream` sends.
    StreamKind {
        /// `MESSAGE` to the first recipient.
        Message = "message",
        /// `BROADCAST`.
        Broadcast = "broadcast",
        /// Both in turn, `MESSAGE` first.
        Mixed = "mixed",
    }
}

keywords! {
    /// The number of frames per write in `stream`.
    WriteMode {
        /// One write per frame.
        Each = "each",
        /// One write for all frames of a sender.
        Together = "together",
    }
}

keywords! {
    /// The order of a sender's frames in `stream`.
    FrameOrder {
        /// The order in which they were sent.
        Kept = "kept",
        /// Any order.
        Free = "free",
    }
}

/// Parameters of `race`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Race {
    /// Connections that send CONNECT at the same time.
    pub connections: usize,
    /// Repetitions, where all ask for one name.
    pub rounds: usize,
    /// The names that they ask for.
    pub names: RaceNames,
}

keywords! {
    /// The names in a `race`.
    RaceNames {
        /// All ask for one name.
        Same = "same",
        /// Each asks for a name of its own.
        Distinct = "distinct",
    }
}

/// Parameters of `flood`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Flood {
    /// The sending actor.
    pub by: String,
    /// KiB sent without a terminator.
    pub kib: usize,
    /// MiB that the server's memory may grow by; `None`: no limit. Applies to a server that this tool started.
    pub memory_mib: Option<u64>,
}

/// Parameters of `churn`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Churn {
    /// Connections that are opened and closed.
    pub connections: usize,
    /// Connections that are open at the same time.
    pub at_once: usize,
    /// True if they send CONNECT, false if they send nothing.
    pub users: bool,
    /// True if the server's descriptors and threads are compared before and after.
    pub count_resources: bool,
}

/// Parameters of `stall`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SlowReader {
    /// KiB that are broadcast.
    pub kib: usize,
    /// The client that does not read.
    pub who: StalledClient,
    /// MiB that the server's memory may grow by; `None`: no limit. Applies to a server that this tool started.
    pub memory_mib: Option<u64>,
}

keywords! {
    /// The client that does not read in `stall`.
    StalledClient {
        /// A recipient that sends nothing.
        Reader = "reader",
        /// The sender of the broadcasts.
        Sender = "sender",
    }
}

/// Parameters of `crowd`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ManyConnections {
    /// Users.
    pub users: usize,
    /// True if all connect at the same time and nothing else happens.
    pub simultaneous: bool,
    /// Broadcasts per user.
    pub broadcasts: usize,
}

/// Parameters of `drip`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trickle {
    /// Connections that send one byte per second.
    pub connections: usize,
    /// Seconds that it lasts.
    pub seconds: usize,
}

/// Parameters of `fuzz`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fuzz {
    /// Damaged frames.
    pub frames: usize,
    /// Connections that send them.
    pub connections: usize,
}

/// Parameters of `turnover`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JoinLeave {
    /// Users that join and leave.
    pub users: usize,
    /// Joins and leaves in total.
    pub times: usize,
    /// The property that is checked.
    pub check: JoinLeaveCheck,
}

keywords! {
    /// The property that `turnover` checks.
    JoinLeaveCheck {
        /// The last list of each user is right.
        Last = "last",
        /// While users only join, no list is shorter than the one before it.
        Monotone = "monotone",
        /// Users that stay receive each broadcast once.
        Broadcast = "broadcast",
    }
}

/// Parameters of `history`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeliveryHistory {
    /// Users.
    pub users: usize,
    /// Messages per user.
    pub messages: usize,
    /// The kind of error that is searched for.
    pub look: HistoryCheck,
}

keywords! {
    /// The kind of error that `history` searches for.
    HistoryCheck {
        /// A message that did not arrive.
        Loss = "loss",
        /// A message that arrived twice.
        Duplicates = "duplicates",
        /// A message that arrived after a later one of the same sender.
        Order = "order",
        /// A private message at a user that it was not sent to, or under the wrong command.
        Crosstalk = "crosstalk",
        /// A wrong sender name.
        Identity = "identity",
        /// A last list that is not the set of users.
        Lists = "lists",
        /// A frame that nobody sent.
        Frames = "frames",
        /// Broadcasts that users receive in different orders.
        Total = "total",
    }
}

/// Parameters of `room_race`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RoomRace {
    /// The simultaneous actions.
    pub of: RoomRaceKind,
    /// The number of rounds.
    pub rounds: usize,
}

keywords! {
    /// The simultaneous actions of `room_race`.
    RoomRaceKind {
        /// Two members leave and join again while another one talks in the room and to all users.
        Leave = "leave",
        /// An operator kicks a member who is talking.
        Kick = "kick",
        /// All members talk in the room and to all users.
        Order = "order",
        /// Two users create one room.
        Create = "create",
        /// The only operator and the longest-standing member leave.
        Operators = "operators",
        /// Two operators kick each other.
        Duel = "duel",
    }
}

/// Parameters of `delivered_or_refused`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeliveredOrRefused {
    /// The sending actor, which may get an error instead.
    pub from: String,
    /// The actor that may receive the message.
    pub to: String,
    /// The frame to send, with placeholders.
    pub frame: String,
    /// The pattern of the frame that `to` receives.
    pub gets: String,
}

impl Procedure {
    /// Returns the actors whose connections the procedure uses.
    pub fn actors(&self) -> Vec<&String> {
        match self {
            Self::EverySplit(EverySplit { from, to, .. })
            | Self::DeliveredOrRefused(DeliveredOrRefused { from, to, .. }) => vec![from, to],
            Self::Stream(stream) => stream.from.iter().chain(&stream.to).collect(),
            Self::Flood(flood) => vec![&flood.by],
            Self::OneName { of, with } => vec![of, with],
            Self::SameAnswers { of, .. } => vec![of],
            Self::ListFormat { of, lacks } => std::iter::once(of).chain(lacks).collect(),
            Self::LastList { of, has } => vec![of, has],
            Self::Race(_)
            | Self::Churn(_)
            | Self::SlowReader(_)
            | Self::ManyConnections(_)
            | Self::Trickle(_)
            | Self::Fuzz(_)
            | Self::JoinLeave(_)
            | Self::OverlongList { .. }
            | Self::DeliveryHistory(_)
            | Self::RawSession { .. }
            | Self::RoomRace(_)
            | Self::RoomPages { .. }
            | Self::RoomLimit { .. }
            | Self::Restart { .. } => Vec::new(),
        }
    }
}
