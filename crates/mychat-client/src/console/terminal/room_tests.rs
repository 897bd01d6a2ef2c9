//! Tests of the chat's state with rooms: events and keys in, lines and prompts out.

use mychat_client::{ClientEvent, Framing, Moderation, RoomUpdate, RosterUpdate, ServerError};

use super::chat::ChatState;
use super::conversations::RoomSwitch;
use crate::console::chat_line::ChatLine;
use crate::console::lang::Lang;
use crate::console::request::RoomRequest;
use crate::console::style::Styler;

/// A chat of Alice, with everything that it has shown.
struct Transcript {
    chat: ChatState,
    shown: Vec<String>,
}

impl Transcript {
    fn new(lang: Lang) -> Self {
        let mut transcript = Self { chat: ChatState::new(lang, "Alice"), shown: Vec::new() };
        let users = names("Alice Bob");
        transcript.event(ClientEvent::Roster(RosterUpdate { users, ..RosterUpdate::default() }));
        transcript.room(RoomUpdate::Available { limit: Some(50) });
        transcript
    }

    fn event(&mut self, event: ClientEvent) -> &mut Self {
        let lines = self.chat.event(event, "15:04");
        self.print(&lines);
        if let Some(opened) = self.chat.opened.take() {
            self.print(&[opened.heading]);
        }
        self
    }

    fn room(&mut self, update: RoomUpdate) -> &mut Self {
        self.event(ClientEvent::Room(update))
    }

    /// Joins a room as a user does, and takes the server's answer.
    fn joins(&mut self, room: &str) -> &mut Self {
        self.asks(RoomRequest::Join { room: room.into() });
        self.chat.conversations.begin_join(room);
        self.welcomed(room)
    }

    fn welcomed(&mut self, room: &str) -> &mut Self {
        self.room(RoomUpdate::Joined { room: room.into(), user: "Alice".into() });
        self.room(RoomUpdate::Members { room: room.into(), users: names("Alice Bob") });
        self.room(RoomUpdate::Operators { room: room.into(), users: names("Bob") })
    }

    fn asks(&mut self, request: RoomRequest) -> &mut Self {
        self.chat.requested(request);
        self
    }

    fn error(&mut self, code: &str) -> &mut Self {
        self.event(ClientEvent::Error(ServerError { code: code.into(), text: "no".into() }))
    }

    fn said(&mut self, room: &str, from: &str, content: &str) -> &mut Self {
        self.room(RoomUpdate::Said { room: room.into(), from: from.into(), content: content.into() })
    }

    fn switches(&mut self, switch: RoomSwitch) -> &mut Self {
        if let Some(opened) = self.chat.switch(switch) {
            self.print(&[opened.heading]);
            let lines: Vec<_> = opened.unread.lines().map(|(_, line)| line.clone()).collect();
            self.print(&lines);
        }
        self
    }

    fn print(&mut self, lines: &[ChatLine]) {
        self.shown.extend(lines.iter().flat_map(|line| line.render("15:04", Styler::new(false))));
    }

    fn prompt(&self) -> String {
        self.chat.prompts(true)[0].clone()
    }

    /// Returns the lines since the last call.
    fn lines(&mut self) -> Vec<String> {
        std::mem::take(&mut self.shown)
    }
}

fn names(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn moderated(action: Moderation, user: &str) -> RoomUpdate {
    RoomUpdate::Moderated { action, room: "garden".into(), by: "Bob".into(), user: user.into() }
}

#[test]
fn a_session_with_rooms_in_both_languages() {
    for (lang, name) in [(Lang::En, "rooms_en"), (Lang::Es, "rooms_es")] {
        let mut chat = Transcript::new(lang);
        let room = || "garden".to_owned();
        chat.joins("garden").said("garden", "Bob", "hola").said("garden", "Alice", "hola");
        chat.room(RoomUpdate::Topic { room: room(), by: "Bob".into(), text: "spring".into() });
        chat.room(RoomUpdate::Joined { room: room(), user: "Carla".into() });
        chat.room(RoomUpdate::Mode { room: room(), by: "Bob".into(), mode: "quiet".into() });
        chat.asks(RoomRequest::Say { room: room(), text: "hey".into() }).error("403");
        chat.room(moderated(Moderation::Ban, "Carla")).room(moderated(Moderation::Grant, "Alice"));
        chat.room(RoomUpdate::Left { room: room(), user: "Bob".into() });
        chat.asks(RoomRequest::Members { room: room() });
        chat.room(RoomUpdate::Members { room: room(), users: names("Alice") });
        chat.room(RoomUpdate::Operators { room: room(), users: names("Alice") });
        chat.joins("shed")
            .said("garden", "Bob", "psst, alice")
            .event(ClientEvent::Broadcast { from: "Bob".into(), content: "to all".into() });
        let prompt = chat.prompt();
        chat.shown.push(prompt);
        chat.room(RoomUpdate::List(names("garden shed attic")));
        chat.switches(RoomSwitch::Unread).asks(RoomRequest::Leave { room: room() });
        chat.room(RoomUpdate::Left { room: room(), user: "Alice".into() });
        chat.room(moderated(Moderation::Invite, "Alice"));
        insta::assert_snapshot!(name, chat.lines().join("\n"));
    }
}

#[test]
fn a_mention_rings_and_one_s_own_name_in_one_s_own_text_does_not() {
    let mut chat = Transcript::new(Lang::En);
    chat.joins("garden").said("garden", "Alice", "I am Alice").said("garden", "Bob", "malice");
    assert!(!chat.chat.rings);
    chat.said("garden", "Bob", "alice?");
    assert!(chat.chat.rings);
    assert_eq!(chat.lines().last().unwrap(), "15:04 * Bob           alice?");
}

#[test]
fn who_is_removed_keeps_the_unread_lines_and_speaks_to_nobody_else() {
    let mut chat = Transcript::new(Lang::En);
    chat.joins("garden").joins("shed").said("garden", "Bob", "bye");
    chat.lines();
    chat.room(moderated(Moderation::Kick, "Alice"));
    let expected =
        ["── #garden", "15:04   Bob           bye", "15:04 ! Bob removed you from #garden; Tab shows another room"];
    assert_eq!(chat.lines(), expected);
    assert_eq!(chat.prompt(), "Alice #shed> ");
    chat.room(RoomUpdate::Moderated {
        action: Moderation::Kick,
        room: "shed".into(),
        by: "Bob".into(),
        user: "Alice".into(),
    });
    assert_eq!(chat.prompt(), "Alice #shed (not in it)> ");
    chat.switches(RoomSwitch::Next);
    assert_eq!(chat.prompt(), "Alice> ");
}

#[test]
fn a_join_that_is_refused_says_why_and_leaves_no_room() {
    let mut chat = Transcript::new(Lang::En);
    for (code, reason) in [("403", "does not let you in"), ("503", "it is full"), ("422", "does not accept this name")]
    {
        chat.asks(RoomRequest::Join { room: "garden".into() });
        chat.chat.conversations.begin_join("garden");
        assert_eq!(chat.prompt(), "Alice #garden> ", "what is typed now is meant for the room");
        chat.error(code);
        assert!(chat.lines().last().unwrap().contains(reason), "{code}");
        assert_eq!(chat.prompt(), "Alice #garden (not in it)> ");
    }
}

#[test]
fn a_reconnection_joins_the_rooms_again_and_says_so() {
    let mut chat = Transcript::new(Lang::En);
    chat.joins("garden").joins("shed").said("garden", "Bob", "before");
    chat.lines();
    let reconnected = || ClientEvent::Reconnected { framing: Framing::Lf };
    chat.event(reconnected()).room(RoomUpdate::Available { limit: Some(50) });
    assert_eq!(chat.prompt(), "Alice #shed [#garden 1]> ");
    chat.welcomed("garden").error("403");
    let lines = chat.lines();
    assert_eq!(lines[..2], ["15:04 · reconnected", "15:04 · joined #garden again"]);
    assert!(lines[2].starts_with("15:04 ! #shed does not let you in"), "{lines:?}");
    assert_eq!(chat.prompt(), "Alice #shed (not in it) [#garden 1]> ");
    // The next server has no rooms at all. It refuses each join, which is told once.
    chat.event(reconnected()).room(RoomUpdate::Unavailable).error("400");
    let lines = chat.lines();
    assert_eq!(lines[1..3], ["── #garden", "15:04   Bob           before"]);
    assert_eq!(lines[4..], ["15:04 ! the server has no rooms any more; you were in #garden; Tab shows all users"]);
    chat.event(reconnected()).room(RoomUpdate::Unavailable);
    assert_eq!(chat.lines(), ["15:04 · reconnected"]);
}
