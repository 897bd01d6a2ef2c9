//! The commands of the input line and their names in both languages.

use mychat_client::{Moderation, RoomMode};

use crate::console::lang::Lang;

/// A command that begins with `/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommandName {
    Msg,
    Reply,
    Users,
    All,
    Join,
    Leave,
    Rooms,
    Members,
    Topic,
    Mode,
    Moderate(Moderation),
    Help,
    Quit,
}

impl CommandName {
    /// All commands, in the order in which completion shows them.
    pub(crate) const ALL: [Self; 18] = [
        Self::Msg,
        Self::Reply,
        Self::Users,
        Self::All,
        Self::Join,
        Self::Leave,
        Self::Rooms,
        Self::Members,
        Self::Topic,
        Self::Mode,
        Self::Moderate(Moderation::Invite),
        Self::Moderate(Moderation::Kick),
        Self::Moderate(Moderation::Ban),
        Self::Moderate(Moderation::Unban),
        Self::Moderate(Moderation::Grant),
        Self::Moderate(Moderation::Revoke),
        Self::Help,
        Self::Quit,
    ];

    /// Returns the command in a language. Both languages are always accepted; this name is offered for completion.
    pub(crate) const fn name(self, lang: Lang) -> &'static str {
        let (english, spanish) = self.names();
        match lang {
            Lang::En => english,
            Lang::Es => spanish,
        }
    }

    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Msg => ("/msg", "/msg"),
            Self::Reply => ("/reply", "/responder"),
            Self::Users => ("/users", "/usuarios"),
            Self::All => ("/all", "/todos"),
            Self::Join => ("/join", "/entrar"),
            Self::Leave => ("/leave", "/dejar"),
            Self::Rooms => ("/rooms", "/salas"),
            Self::Members => ("/members", "/miembros"),
            Self::Topic => ("/topic", "/tema"),
            Self::Mode => ("/mode", "/modo"),
            Self::Moderate(Moderation::Invite) => ("/invite", "/invitar"),
            Self::Moderate(Moderation::Kick) => ("/kick", "/expulsar"),
            Self::Moderate(Moderation::Ban) => ("/ban", "/vetar"),
            Self::Moderate(Moderation::Unban) => ("/unban", "/readmitir"),
            Self::Moderate(Moderation::Grant) => ("/grant", "/nombrar"),
            Self::Moderate(Moderation::Revoke) => ("/revoke", "/degradar"),
            Self::Help => ("/help", "/ayuda"),
            Self::Quit => ("/quit", "/salir"),
        }
    }

    pub(crate) fn find(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|command| {
            let (english, spanish) = command.names();
            word == english || word == spanish
        })
    }

    /// Returns true if the command is of use only at a server with rooms.
    pub(crate) const fn needs_rooms(self) -> bool {
        !matches!(self, Self::Msg | Self::Reply | Self::Users | Self::Help | Self::Quit)
    }
}

/// Returns the word for a mode in a language. The words of both languages are always accepted.
pub(crate) const fn mode_word(mode: RoomMode, lang: Lang) -> &'static str {
    match (mode, lang) {
        (_, Lang::En) => mode.text(),
        (RoomMode::Private, Lang::Es) => "privada",
        (RoomMode::Public, Lang::Es) => "pública",
        (RoomMode::Quiet, Lang::Es) => "callada",
        (RoomMode::Open, Lang::Es) => "abierta",
        (RoomMode::Stored, Lang::Es) => "guardada",
        (RoomMode::Unstored, Lang::Es) => "efímera",
    }
}

/// Returns the mode of a word in either language, with or without accents.
pub(super) fn find_mode(word: &str) -> Option<RoomMode> {
    let plain = |word: &str| word.replace('ú', "u").replace('í', "i");
    RoomMode::ALL
        .into_iter()
        .find(|&mode| [Lang::En, Lang::Es].iter().any(|&lang| plain(mode_word(mode, lang)) == plain(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_commands_share_a_name() {
        for command in CommandName::ALL {
            for lang in [Lang::En, Lang::Es] {
                assert_eq!(CommandName::find(command.name(lang)), Some(command));
            }
        }
    }

    #[test]
    fn every_action_of_operators_has_a_command() {
        for action in Moderation::ALL {
            assert!(CommandName::ALL.contains(&CommandName::Moderate(action)), "{action:?}");
        }
        for mode in RoomMode::ALL {
            assert_eq!(find_mode(mode.text()), Some(mode));
            assert_eq!(find_mode(mode_word(mode, Lang::Es)), Some(mode));
        }
        assert_eq!(find_mode("publica"), Some(RoomMode::Public));
        assert_eq!(find_mode("loud"), None);
    }
}
