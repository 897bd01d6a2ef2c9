//! Notes on the consequences of the framing, for readers who are new to framing.

use mychat_conformance::probe::FramingProbe;
use mychat_conformance::suite::Check;
use mychat_scenario::model::Need;

/// Returns up to three lines, and the likely mistake if the framing itself is wrong.
pub(super) fn framing_notes(found: &FramingProbe, checks: &[&Check]) -> Vec<String> {
    let mut notes = of_framing(found, checks);
    notes.extend(found.mistake.as_ref().map(|mistake| format!("         Fix this first: {mistake}")));
    notes
}

fn of_framing(found: &FramingProbe, checks: &[&Check]) -> Vec<String> {
    let needing = checks.iter().filter(|check| check.case.needs.contains(&Need::Terminator)).count();
    if found.name == "raw" && !found.given {
        return vec![
            "framing  raw: your server ends no message. The text names no terminator, so this is allowed.".to_owned(),
            format!(
                "         {needing} checks that need one are skipped. TCP may join your messages: --explain frame.raw-coalesced shows it."
            ),
            "         To fix: send \"\\n\" after each message, and read up to \"\\n\".".to_owned(),
        ];
    }
    if let Some(terminator) = &found.other_terminator {
        return vec![
            format!("framing  lf, but your server ends messages with {terminator}."),
            "         The text names no terminator; MyChat/1 ends a message with a line feed (rule F2), and so does this tool.".to_owned(),
        ];
    }
    if found.omits_line_ends {
        return vec![
            "framing  lf, but your server ends none of its own messages: they cannot be told apart when two arrive at once.".to_owned(),
            "         The checks go on and cut them where the next command starts; frame.out-terminated reports it.".to_owned(),
            "         To fix: send \"\\n\" after each message.".to_owned(),
        ];
    }
    if found.answers_unterminated {
        return vec![
            "framing  lf: your server answered a CONNECT whose line end had not been sent yet.".to_owned(),
            "         It takes whatever one recv returns as one message; TCP may cut messages anywhere, and join them."
                .to_owned(),
            "         To fix: keep what recv returns in a buffer, and take messages out of it up to each \"\\n\"."
                .to_owned(),
        ];
    }
    vec![format!("framing  {} ({})", found.name, found.description)]
}
