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
            "framing  raw: your server sends no terminator. The protocol's text names none, so this is allowed."
                .to_owned(),
            format!(
                "         {needing} checks that need one are skipped. TCP may join messages: see --explain frame.raw-coalesced."
            ),
            "         To fix: send \"\\n\" after each message, and read up to \"\\n\".".to_owned(),
        ];
    }
    if let Some(terminator) = &found.other_terminator {
        return vec![
            format!("framing  lf, but your server ends messages with {terminator}."),
            "         The protocol's text names none; MyChat/1 uses a line feed (rule F2), and so does this tool."
                .to_owned(),
        ];
    }
    if found.omits_line_ends {
        return vec![
            "framing  lf, but your server sends no terminator: messages that arrive together cannot be separated."
                .to_owned(),
            "         The checks split them where a command starts; frame.out-terminated reports the fault.".to_owned(),
            "         To fix: send \"\\n\" after each message.".to_owned(),
        ];
    }
    if found.answers_unterminated {
        return vec![
            "framing  lf: your server answered a CONNECT before its line end was sent.".to_owned(),
            "         It treats the bytes of each recv as one message, but TCP may split and join messages anywhere."
                .to_owned(),
            "         To fix: keep what recv returns in a buffer, and take messages out of it up to each \"\\n\"."
                .to_owned(),
        ];
    }
    vec![format!("framing  {} ({})", found.name, found.description)]
}
