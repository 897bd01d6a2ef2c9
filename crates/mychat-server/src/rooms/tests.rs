use std::collections::BTreeMap;
use std::sync::Arc;

use mychat_proto::{ExtensionCommand, ExtensionReply, Moderation, RoomMode, UserList};
use proptest::prelude::*;
use proptest::sample::select;

use super::model::{ModelRooms, sorted_list};
use super::*;
use crate::router::SessionKey;

/// The frames that the users of one worker get, by the generation of their sessions.
struct Received<'a> {
    worker: u16,
    frames: &'a mut BTreeMap<u32, Vec<String>>,
    delivered: &'a mut u64,
}

impl RoomSink for Received<'_> {
    fn deliver(&mut self, to: SessionAddress, frames: &[u8], messages: u32) {
        if to.worker != self.worker {
            return;
        }
        let text = std::str::from_utf8(frames).unwrap();
        assert_eq!(text.lines().filter(|line| line.starts_with("SAY|")).count(), messages as usize, "{text}");
        *self.delivered += u64::from(messages);
        let lines = text.lines().map(|line| match ExtensionReply::parse(line.as_bytes()).unwrap() {
            ExtensionReply::Rooms(rooms) => sorted("ROOMS", rooms),
            ExtensionReply::Members { room, users } => sorted(&format!("MEMBERS|{room}"), users),
            ExtensionReply::Operators { room, users } => sorted(&format!("OPERATORS|{room}"), users),
            _ => line.to_owned(),
        });
        self.frames.entry(to.key.generation).or_default().extend(lines);
    }

    fn refuse(&mut self, to: SessionAddress, error: ErrorReply<'_>) {
        if to.worker == self.worker {
            let frame = format!("ERROR|{}", error.code().digits());
            self.frames.entry(to.key.generation).or_default().push(frame);
        }
    }

    fn count_message(&mut self, _from: SessionAddress) {}
}

fn sorted(start: &str, list: UserList<'_>) -> String {
    sorted_list(start, list.names().map(str::to_owned).collect())
}

/// Two workers with a registry each, and the model, all of which get the same requests.
struct Trial {
    registries: [RoomRegistry; 2],
    model: ModelRooms,
    frames: BTreeMap<u32, Vec<String>>,
    delivered: u64,
    /// The addresses of the users who have the extension in force.
    users: Vec<Option<SessionAddress>>,
    generations: u32,
}

impl Trial {
    fn new(options: RoomOptions) -> Self {
        let model = ModelRooms::new(&options);
        let options = Arc::new(options);
        Self {
            registries: [RoomRegistry::new(&options), RoomRegistry::new(&options)],
            model,
            frames: BTreeMap::new(),
            delivered: 0,
            users: vec![None; 5],
            generations: 0,
        }
    }

    fn on_each(&mut self, mut act: impl FnMut(&mut RoomRegistry, &mut Received<'_>)) {
        for (worker, registry) in self.registries.iter_mut().enumerate() {
            let (frames, delivered) = (&mut self.frames, &mut self.delivered);
            act(registry, &mut Received { worker: worker as u16, frames, delivered });
        }
    }

    /// Takes one step, where it makes sense.
    fn take(&mut self, user: usize, step: &Step) {
        let name = format!("u{user}");
        match (step, self.users[user]) {
            (Step::Enter, None) => {
                self.generations += 1;
                let key = SessionKey { index: user as u32, generation: self.generations };
                let from = SessionAddress { worker: self.generations as u16 % 2, key };
                self.users[user] = Some(from);
                self.on_each(|registry, _| registry.enter(from, &name));
                self.model.enter(key.generation, &name);
            }
            (Step::Exit, Some(from)) => {
                self.users[user] = None;
                self.on_each(|registry, sink| registry.exit(from, sink));
                self.model.exit(from.key.generation);
            }
            (Step::Move, Some(from)) => {
                let to = SessionAddress { worker: 1 - from.worker, ..from };
                self.on_each(|registry, sink| registry.flush_run(sink));
                self.users[user] = Some(to);
                self.registries[0].relocate(from.key.generation, to);
                self.registries[1] = self.registries[0].clone();
            }
            (Step::Say(frame), Some(from)) => {
                let command = ExtensionCommand::parse(frame.as_bytes()).unwrap();
                self.on_each(|registry, sink| registry.execute(from, command, sink));
                self.model.execute(from.key.generation, command);
            }
            _ => {}
        }
    }

    fn finish(&mut self) {
        self.on_each(|registry, sink| registry.flush_run(sink));
    }
}

#[derive(Debug, Clone)]
enum Step {
    Enter,
    Exit,
    /// The session moves to the other worker, whose registry is copied anew.
    Move,
    /// The session sends this frame.
    Say(String),
}

fn step() -> impl Strategy<Value = (usize, Step)> {
    let room = || select(vec!["a", "b", "c", "d", " "]);
    let user = || select(vec!["u0", "u1", "u2", "u3", "u4", "nobody", "x,y"]);
    let moderate = (select(Moderation::ALL.to_vec()), room(), user())
        .prop_map(|(action, room, user)| format!("{}|{room}|{user}", action.verb()));
    let frame = prop_oneof![
        6 => room().prop_map(|room| format!("JOIN|{room}")),
        2 => room().prop_map(|room| format!("LEAVE|{room}")),
        6 => (room(), 0..9_u8).prop_map(|(room, number)| format!("SAY|{room}|{number}")),
        1 => Just("ROOMS".to_owned()),
        1 => room().prop_map(|room| format!("MEMBERS|{room}")),
        1 => (room(), "x{0,7}").prop_map(|(room, text)| format!("TOPIC|{room}|{text}")),
        8 => moderate,
        3 => (room(), select(RoomMode::ALL.to_vec())).prop_map(|(room, mode)| format!("MODE|{room}|{}", mode.text())),
    ];
    let step = prop_oneof![
        3 => Just(Step::Enter),
        1 => Just(Step::Exit),
        1 => Just(Step::Move),
        20 => frame.prop_map(Step::Say),
    ];
    (0..5_usize, step)
}

fn small_limits() -> RoomOptions {
    RoomOptions {
        max_rooms: 3,
        max_per_user: 2,
        max_members: 4.try_into().ok(),
        max_topic: 5,
        max_bans: 1,
        names: vec!["c".to_owned()],
        ..RoomOptions::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn any_requests_are_answered_as_by_the_model_on_two_workers(
        steps in proptest::collection::vec(step(), 0..120),
        has_small_limits: bool,
    ) {
        let mut trial = Trial::new(if has_small_limits { small_limits() } else { RoomOptions::default() });
        (0..5).for_each(|user| trial.take(user, &Step::Enter));
        for (user, step) in &steps {
            trial.take(*user, step);
            for registry in &trial.registries {
                prop_assert_eq!(registry.memberships(), trial.model.memberships());
                prop_assert_eq!(registry.rooms(), trial.model.rooms());
            }
        }
        trial.finish();
        prop_assert_eq!(&trial.frames, &trial.model.received);
        prop_assert_eq!(trial.delivered, trial.model.delivered);
    }
}

/// Returns the frames that the users get from the frames that they send, in the order of the script.
fn play(script: &[(usize, &str)]) -> [Vec<String>; 5] {
    let mut trial = Trial::new(RoomOptions::default());
    (0..5).for_each(|user| trial.take(user, &Step::Enter));
    for &(user, frame) in script {
        let step = if frame == "exit" { Step::Exit } else { Step::Say(frame.to_owned()) };
        trial.take(user, &step);
    }
    trial.finish();
    std::array::from_fn(|user| trial.frames.remove(&(user as u32 + 1)).unwrap_or_default())
}

#[test]
fn q3_the_echo_comes_first_and_the_lists_describe_that_moment() {
    let [ana, bob, eva, ..] =
        play(&[(0, "JOIN|r"), (0, "TOPIC|r|tea"), (1, "JOIN|r"), (2, "JOIN|r"), (1, "SAY|r|hola")]);
    assert_eq!(ana[..4], ["JOIN|r|u0", "MEMBERS|r|u0", "OPERATORS|r|u0", "TOPIC|r|u0|tea"]);
    assert_eq!(ana[4..], ["JOIN|r|u1", "JOIN|r|u2", "SAY|r|u1|hola"]);
    let lists = ["MEMBERS|r|u0,u1", "OPERATORS|r|u0"];
    assert_eq!(bob, [&["JOIN|r|u1", "TOPIC|r|u0|tea"], &lists[..], &["JOIN|r|u2", "SAY|r|u1|hola"]].concat());
    assert_eq!(eva[2..], ["MEMBERS|r|u0,u1,u2", "OPERATORS|r|u0", "SAY|r|u1|hola"]);
}

#[test]
fn q4_who_has_left_hears_and_says_nothing() {
    let [ana, bob, ..] =
        play(&[(0, "JOIN|r"), (1, "JOIN|r"), (0, "SAY|r|1"), (0, "KICK|r|u1"), (1, "SAY|r|2"), (0, "SAY|r|3")]);
    assert_eq!(bob[3..], ["SAY|r|u0|1", "KICK|r|u0|u1", "ERROR|404"]);
    assert_eq!(ana[4..], ["SAY|r|u0|1", "KICK|r|u0|u1", "SAY|r|u0|3"]);
}

#[test]
fn q6_the_longest_standing_member_takes_over_and_the_first_of_two_wins() {
    let [ana, bob, eva, ..] = play(&[
        (0, "JOIN|r"),
        (1, "JOIN|r"),
        (2, "JOIN|r"),
        (0, "exit"),
        (1, "GRANT|r|u2"),
        (1, "KICK|r|u2"),
        (2, "KICK|r|u1"),
    ]);
    assert_eq!(ana.last().unwrap(), "JOIN|r|u2");
    let tail = ["LEAVE|r|u0", "OPERATORS|r|u1", "GRANT|r|u1|u2", "KICK|r|u1|u2"];
    assert_eq!(bob[4..], tail);
    assert_eq!(eva[3..], [&tail[..], &["ERROR|404"]].concat());
}

#[test]
fn q7_an_outsider_gets_the_same_answers_for_a_private_room_and_for_none() {
    let frames = ["LEAVE|r", "SAY|r|x", "MEMBERS|r", "TOPIC|r|x", "KICK|r|u0", "INVITE|r|u1", "MODE|r|open", "ROOMS"];
    let ask: Vec<_> = frames.iter().map(|&frame| (1, frame)).collect();
    let none = play(&ask);
    let private = play(&[&[(0, "JOIN|r"), (0, "MODE|r|private")], &ask[..]].concat());
    assert_eq!(none[1], private[1]);
    assert_eq!(none[1].len(), frames.len());
}

#[test]
fn an_invitation_lets_its_user_in_once_and_a_ban_withdraws_it() {
    let [_, bob, ..] = play(&[
        (0, "JOIN|r"),
        (0, "MODE|r|private"),
        (1, "JOIN|r"),
        (0, "INVITE|r|u1"),
        (1, "JOIN|r"),
        (1, "LEAVE|r"),
        (1, "JOIN|r"),
        (0, "INVITE|r|u1"),
        (0, "BAN|r|u1"),
        (0, "UNBAN|r|u1"),
        (1, "JOIN|r"),
    ]);
    let (guest, lists) = ("INVITE|r|u0|u1", ["MEMBERS|r|u0,u1", "OPERATORS|r|u0"]);
    let expected = ["ERROR|403", guest, "JOIN|r|u1", lists[0], lists[1], "LEAVE|r|u1", "ERROR|403", guest, "ERROR|403"];
    assert_eq!(bob, expected);
}

#[test]
fn joining_and_leaving_leaves_no_memory_behind() {
    let mut trial = Trial::new(RoomOptions::default());
    (0..5).for_each(|user| trial.take(user, &Step::Enter));
    for round in 0..2000 {
        for user in 0..5 {
            trial.take(user, &Step::Say(format!("JOIN|r{round}")));
        }
        for user in 0..5 {
            trial.take(user, &Step::Say(format!("LEAVE|r{round}")));
        }
    }
    for registry in &trial.registries {
        assert_eq!((registry.rooms(), registry.memberships()), (0, 0));
        assert!(registry.rooms.capacity() < 8, "{}", registry.rooms.capacity());
    }
}
