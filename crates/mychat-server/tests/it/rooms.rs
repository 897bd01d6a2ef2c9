//! Negotiation and chat rooms over sockets. The rules of rooms are tested on the registry; here are the parts around it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use mychat_server::config::{RoomOptions, Spread};
use mychat_server::{Config, Counter};

use crate::operations::eventually;
use crate::support::{Peer, TestServer, serve, serve_with};

fn options(change: impl FnOnce(&mut RoomOptions)) -> impl FnOnce(&mut Config) {
    |config| change(Arc::make_mut(&mut config.rooms))
}

impl TestServer {
    /// Logs a user in who has negotiated rooms.
    fn join_with_rooms(&self, name: &str) -> Peer {
        let mut peer = self.join(name);
        peer.send_frame("CAPABILITIES|rooms");
        peer.expect_frame("CAPABILITIES|rooms=50");
        peer
    }
}

impl Peer {
    #[track_caller]
    fn expect_frames(&mut self, frames: &[&str]) {
        for frame in frames {
            self.expect_frame(frame);
        }
    }

    /// Joins a room and skips its state.
    #[track_caller]
    fn enter(&mut self, room: &str) {
        self.send_frame(&format!("JOIN|{room}"));
        while !self.next().unwrap().starts_with("OPERATORS|") {}
    }
}

const VERBS: [&str; 15] = [
    "JOIN|r",
    "LEAVE|r",
    "SAY|r|x",
    "ROOMS",
    "MEMBERS|r",
    "TOPIC|r|x",
    "INVITE|r|ana",
    "KICK|r|ana",
    "BAN|r|ana",
    "UNBAN|r|ana",
    "GRANT|r|ana",
    "REVOKE|r|ana",
    "MODE|r|quiet",
    "OPERATORS|r|ana",
    "JOIN",
];

#[test]
fn n2_every_verb_is_unknown_before_and_after_the_extension_is_in_force() {
    let server = serve();
    let mut ana = server.join("ana");
    ana.send_frame("FOO");
    let unknown = ana.next().unwrap();
    assert!(unknown.starts_with("ERROR|400|"));
    for _ in 0..2 {
        for verb in VERBS {
            ana.send_frame(verb);
            ana.expect_frame(&unknown);
        }
        ana.send_frame("CAPABILITIES|rooms,telepathy");
        ana.send_frame("JOIN|r");
        ana.send_frame("CAPABILITIES|telepathy");
        ana.expect_frames(&[
            "CAPABILITIES|rooms=50",
            "JOIN|r|ana",
            "MEMBERS|r|ana",
            "OPERATORS|r|ana",
            "CAPABILITIES|",
        ]);
    }
    eventually("the last member has left", || server.get(Counter::Rooms) == 0);
}

#[test]
fn n1_a_user_who_gives_up_rooms_leaves_them() {
    let server = serve();
    let (mut ana, mut bob) = (server.join_with_rooms("ana"), server.join_with_rooms("bob"));
    ana.enter("r");
    bob.enter("r");
    ana.expect_frame("JOIN|r|bob");
    ana.send_bytes(b"CAPABILITIES|\nCAPABILITIES|rooms\nSAY|r|x\n");
    ana.expect_frames(&["CAPABILITIES|", "CAPABILITIES|rooms=50"]);
    ana.expect_error("404");
    bob.expect_frames(&["LEAVE|r|ana", "OPERATORS|r|bob"]);
}

#[test]
fn n3_raw_sessions_and_servers_without_rooms_have_no_extensions() {
    let raw = serve_with(|config| config.framing = mychat_server::ServerFraming::Raw);
    let mut peer = raw.connect();
    for (frame, answer) in
        [("CONNECT|ana", "CONNECT_ACK|OK"), ("CAPABILITIES|rooms", "CAPABILITIES|"), ("JOIN|r", "ERROR|400|")]
    {
        use std::io::{Read, Write};
        peer.socket.write_all(frame.as_bytes()).unwrap();
        let mut read = String::new();
        while !read.contains(answer) {
            let mut piece = [0; 1024];
            let count = peer.socket.read(&mut piece).unwrap();
            assert_ne!(count, 0, "the end, and {read:?}");
            read.push_str(std::str::from_utf8(&piece[..count]).unwrap());
        }
    }
    let without = serve_with(options(|rooms| rooms.max_rooms = 0));
    let mut ana = without.join("ana");
    ana.send_frame("CAPABILITIES|rooms");
    ana.expect_frame("CAPABILITIES|");
    ana.send_frame("JOIN|r");
    ana.expect_error("400");
}

#[test]
fn n4_without_tls_a_session_without_a_name_cannot_negotiate() {
    let server = serve();
    let mut peer = server.connect();
    peer.send_frame("CAPABILITIES|rooms");
    peer.expect_error("401");
    peer.log_in("ana").expect_nothing();
}

#[test]
fn q1_each_command_has_one_answer_in_order() {
    let server = serve();
    let mut ana = server.join_with_rooms("ana");
    let frames = [
        "JOIN|r",
        "JOIN|r",
        "SAY|r|1",
        "FOO",
        "SAY|nowhere|2",
        "BROADCAST|3",
        "MESSAGE|ana|4",
        "SAY|r|5",
        "JOIN| r",
        "SAY|r",
        "MODE|r|stored",
        "KICK|r|bob",
        "LEAVE|r",
        "SAY|r|6",
    ];
    ana.send_bytes((frames.join("\n") + "\n").as_bytes());
    ana.expect_frames(&["JOIN|r|ana", "MEMBERS|r|ana", "OPERATORS|r|ana"]);
    ana.expect_error("409");
    ana.expect_frame("SAY|r|ana|1");
    ana.expect_error("400");
    ana.expect_error("404");
    ana.expect_frames(&["BROADCAST|ana|3", "MESSAGE|ana|4", "SAY|r|ana|5"]);
    for code in ["422", "400", "400", "404"] {
        ana.expect_error(code);
    }
    ana.expect_frame("LEAVE|r|ana");
    ana.expect_error("404");
    ana.expect_nothing();
}

#[test]
fn m4_a_frame_too_long_with_the_senders_name_is_not_said() {
    let server = serve();
    let mut ana = server.join_with_rooms("ana");
    ana.enter("r");
    let longest = "x".repeat(1024 - "SAY|r|ana|".len());
    ana.send_frame(&format!("SAY|r|{longest}x"));
    ana.expect_error("413");
    ana.send_frame(&format!("SAY|r|{longest}"));
    ana.expect_frame(&format!("SAY|r|ana|{longest}"));
}

#[test]
fn q5_every_end_of_a_session_is_one_leave_and_the_next_user_of_the_name_is_new() {
    for workers in [1, 2] {
        let server = serve_with(|config| config.workers = workers.try_into().unwrap());
        let mut ana = server.join_with_rooms("ana");
        ana.enter("r");
        for end in 0..3 {
            let mut bob = server.join_with_rooms("bob");
            bob.enter("r");
            match end {
                0 => bob.send_frame("DISCONNECT"),
                1 => bob.half_close(),
                _ => bob.reset(),
            }
            ana.expect_frames(&["JOIN|r|bob", "LEAVE|r|bob"]);
        }
        ana.send_frame("MEMBERS|r");
        ana.expect_frames(&["MEMBERS|r|ana", "OPERATORS|r|ana"]);
    }
}

#[test]
fn q6_named_rooms_stay() {
    let server = serve_with(options(|rooms| rooms.names = vec!["general".to_owned()]));
    let mut ana = server.join_with_rooms("ana");
    ana.enter("general");
    ana.enter("other");
    ana.send_frame("LEAVE|general");
    ana.send_frame("LEAVE|other");
    ana.send_frame("ROOMS");
    ana.expect_frames(&["LEAVE|general|ana", "LEAVE|other|ana", "ROOMS|general"]);
    eventually("one room", || server.get(Counter::Rooms) == 1 && server.get(Counter::Memberships) == 0);
}

#[test]
fn a_list_of_rooms_is_refused_too_soon_after_the_last() {
    let server = serve_with(options(|rooms| rooms.list_interval = Duration::from_hours(1)));
    let mut ana = server.join_with_rooms("ana");
    ana.send_bytes(b"ROOMS\nROOMS\n");
    ana.expect_frame("ROOMS|");
    ana.expect_error("429");
    let server = serve_with(options(|rooms| rooms.list_interval = Duration::ZERO));
    let mut ana = server.join_with_rooms("ana");
    ana.send_bytes(b"ROOMS\nROOMS\n");
    ana.expect_frames(&["ROOMS|", "ROOMS|"]);
}

#[test]
fn long_lists_are_continued() {
    let server = serve_with(options(|rooms| rooms.max_per_user = 60));
    let mut ana = server.join("ana");
    ana.send_frame("CAPABILITIES|rooms");
    ana.expect_frame("CAPABILITIES|rooms=60");
    for number in 0..40 {
        ana.enter(&format!("{number}{}", "x".repeat(40)));
    }
    ana.send_frame("ROOMS");
    let first = ana.next().unwrap();
    assert!(first.len() <= 1024 && first.ends_with(','), "{first}");
    let second = ana.next().unwrap();
    assert!(second.starts_with("ROOMS|") && !second.ends_with(','), "{second}");
    assert_eq!(first.matches(',').count() + second.matches(',').count() + 1, 40);
}

/// Plays messages in two rooms and broadcasts from users on all workers, with joins and leaves among them. Checks that all
/// users see one order, and that each gets exactly the messages of its memberships.
fn play_churn(server: &TestServer, spread_at: Option<usize>) {
    const ROUNDS: usize = 300;
    let mut peers: Vec<Peer> = (0..6).map(|user| server.join_with_rooms(&format!("u{user}"))).collect();
    for round in 0..ROUNDS {
        if Some(round) == spread_at {
            server.handle.spread();
        }
        let talker = &mut peers[round % 4];
        talker.send_bytes(format!("JOIN|r\nSAY|r|{round}\nBROADCAST|{round}\nSAY|s|{round}\n").as_bytes());
        let mover = &mut peers[4 + round % 2];
        mover.send_bytes(b"JOIN|r\nJOIN|s\nLEAVE|r\nKICK|s|u0\n");
        if round % 10 == 9 {
            peers[round % 4].send_frame("LEAVE|r");
        }
    }
    for (user, peer) in peers.iter_mut().enumerate() {
        peer.send_frame(&format!("BROADCAST|end {user}"));
    }
    let histories: Vec<Vec<String>> = peers.iter_mut().map(history_until_all_ended).collect();
    for history in &histories {
        check_memberships(history);
    }
    let common = histories.iter().map(|history| history.iter().filter(|frame| is_common(frame)).collect());
    let order = common_order(&common.collect::<Vec<_>>());
    server.expect_balanced_deliveries();
    let said = order.iter().filter(|frame| frame.starts_with("SAY")).count() as u64;
    eventually("every message has reached its sender at least", || server.get(Counter::RoomMessages) == said);
    let heard = histories.iter().flatten().filter(|frame| frame.starts_with("SAY")).count() as u64;
    eventually("every recipient is owed its message", || server.get(Counter::RoomOwed) == heard);
}

/// Returns true for frames of which no two are equal, so that orders can be compared.
fn is_common(frame: &str) -> bool {
    frame.starts_with("SAY|") || frame.starts_with("BROADCAST|")
}

fn history_until_all_ended(peer: &mut Peer) -> Vec<String> {
    let mut history = Vec::new();
    while history.iter().filter(|frame: &&String| frame.contains("|end ")).count() < 6 {
        history.push(peer.next().unwrap());
    }
    history
}

/// Checks that a user gets messages of a room only between the echo of its join and its end there (rules Q3 and Q4).
fn check_memberships(history: &[String]) {
    let me = history.iter().find_map(|frame| frame.strip_prefix("JOIN|r|")).unwrap();
    for room in ["r", "s"] {
        let mut is_member = false;
        for frame in history {
            let mut fields = frame.split('|');
            let (verb, of) = (fields.next().unwrap(), fields.next());
            if of != Some(room) || verb == "ERROR" {
                continue;
            }
            if verb == "JOIN" && fields.next() == Some(me) && !is_member {
                is_member = true;
                continue;
            }
            assert!(is_member, "{me} got {frame} outside of the room");
            if frame == &format!("LEAVE|{room}|{me}") || verb == "KICK" && frame.ends_with(me) {
                is_member = false;
            }
        }
    }
}

/// Returns one order of which each history is a part. Panics if there is none: two of them contradict each other.
fn common_order<'a>(histories: &[Vec<&'a String>]) -> Vec<&'a String> {
    let mut copies: HashMap<&String, usize> = HashMap::new();
    histories.iter().flatten().for_each(|frame| *copies.entry(frame).or_default() += 1);
    let mut rest: Vec<&[&String]> = histories.iter().map(Vec::as_slice).collect();
    let mut order = Vec::new();
    while order.len() < copies.len() {
        let fronts = || rest.iter().filter_map(|history| history.first());
        // It comes next if it is at the front wherever it occurs.
        let next = fronts().find(|frame| fronts().filter(|other| other == frame).count() == copies[**frame]);
        let next = *next.unwrap_or_else(|| panic!("two orders: {:?}", fronts().collect::<Vec<_>>()));
        rest.iter_mut().filter(|history| history.first() == Some(&next)).for_each(|history| *history = &history[1..]);
        order.push(next);
    }
    order
}

#[test]
fn q2_all_users_share_one_order_on_one_worker_and_on_several() {
    for workers in [1, 2, 3] {
        let server = serve_with(|config| config.workers = workers.try_into().unwrap());
        play_churn(&server, None);
    }
}

#[test]
fn q2_the_order_holds_when_sessions_move_to_other_workers() {
    let server = serve_with(|config| {
        config.workers = 2.try_into().unwrap();
        config.spread = Spread::Busy;
    });
    play_churn(&server, Some(100));
}

#[test]
fn m6_a_member_who_does_not_read_delays_nobody_and_its_messages_are_counted() {
    let server = serve_with(|config| config.send.queue = 64 * 1024);
    let (mut ana, mut eva) = (server.join_with_rooms("ana"), server.join_with_rooms("eva"));
    let mut lazy = server.connect_narrow().log_in("lazy");
    lazy.send_frame("CAPABILITIES|rooms");
    lazy.enter("r");
    ana.enter("r");
    eva.enter("r");
    ana.expect_frame("JOIN|r|eva");
    let text = "x".repeat(900);
    let mut is_gone = false;
    for number in 0..20_000 {
        ana.send_frame(&format!("SAY|r|{number} {text}"));
        for peer in [&mut ana, &mut eva] {
            while !peer.next().unwrap().starts_with(&format!("SAY|r|ana|{number} ")) {
                is_gone = true;
            }
        }
        if is_gone {
            break;
        }
    }
    assert!(is_gone, "the others were told of the end: LEAVE");
    server.expect_balanced_deliveries();
}

#[test]
fn a_stopping_server_says_so_once_to_the_members_of_a_room() {
    let mut server = serve();
    let (mut ana, mut bob) = (server.join_with_rooms("ana"), server.join_with_rooms("bob"));
    ana.enter("r");
    bob.enter("r");
    ana.expect_frame("JOIN|r|bob");
    server.begin_stop();
    for peer in [&mut ana, &mut bob] {
        peer.expect_error("503");
        peer.expect_end();
    }
    server.wait().unwrap();
}
