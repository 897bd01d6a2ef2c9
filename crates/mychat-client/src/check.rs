//! Checks messages before they are sent, and encodes them as frames.

use mychat_proto::{Command, Framing, MAX_FRAME, UserName, name};

use crate::error::SendError;

/// Returns `BROADCAST|content` as a frame without a terminator.
pub(crate) fn broadcast(own: &UserName, content: &str, framing: Framing) -> Result<Vec<u8>, SendError> {
    content_is_legal(content, framing)?;
    fits(content, max_broadcast_content(own))?;
    Ok(encode(Command::Broadcast { content }))
}

/// Returns `MESSAGE|recipient|content` as a frame without a terminator.
pub(crate) fn message(own: &UserName, recipient: &str, content: &str, framing: Framing) -> Result<Vec<u8>, SendError> {
    name::check(recipient)?;
    content_is_legal(content, framing)?;
    fits(content, max_message_content(own, recipient))?;
    Ok(encode(Command::Message { recipient, content }))
}

/// Returns the maximum size of a broadcast's content in bytes. The forwarded frame also contains the sender's name and
/// must not exceed the limit (rule M4).
pub(crate) fn max_broadcast_content(own: &UserName) -> usize {
    MAX_FRAME - "BROADCAST||".len() - own.as_str().len()
}

/// Returns the maximum size of a message's content in bytes. The longer one of the two names counts (rules F3, M4).
pub(crate) fn max_message_content(own: &UserName, recipient: &str) -> usize {
    MAX_FRAME.saturating_sub("MESSAGE||".len() + own.as_str().len().max(recipient.len()))
}

fn content_is_legal(content: &str, framing: Framing) -> Result<(), SendError> {
    if content.is_empty() {
        return Err(SendError::Empty);
    }
    if let Some(at) = content.find('\n') {
        return Err(SendError::LineBreak { at });
    }
    // A raw server splits at every pipe and ends the session if there are too many fields.
    if !framing.is_terminated() && content.contains('|') {
        return Err(SendError::PipeInRaw);
    }
    Ok(())
}

fn fits(content: &str, room: usize) -> Result<(), SendError> {
    match content.len().checked_sub(room) {
        None | Some(0) => Ok(()),
        Some(over) => Err(SendError::TooLong { over }),
    }
}

fn encode(command: Command<'_>) -> Vec<u8> {
    let mut frame = Vec::new();
    command.write(&mut frame).expect("length and line feeds were checked");
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> UserName {
        UserName::new(name).unwrap()
    }

    #[test]
    fn the_longest_content_is_exact_for_both_directions() {
        let own = user("Alice");
        let longest = "x".repeat(max_broadcast_content(&own));
        assert_eq!(broadcast(&own, &longest, Framing::Lf).unwrap().len(), MAX_FRAME - "|Alice".len());
        let over = SendError::TooLong { over: 3 };
        assert_eq!(broadcast(&own, &(longest + "xxx"), Framing::Lf), Err(over.clone()));

        for recipient in ["B", "Alice", "a name longer than Alice's"] {
            let longest = "x".repeat(max_message_content(&own, recipient));
            let sent = message(&own, recipient, &longest, Framing::Lf).unwrap().len();
            let forwarded = sent - recipient.len() + own.as_str().len();
            assert_eq!(sent.max(forwarded), MAX_FRAME);
            assert_eq!(message(&own, recipient, &(longest + "xxx"), Framing::Lf), Err(over.clone()));
        }
    }

    #[test]
    fn content_that_would_break_a_frame_is_refused() {
        let own = user("Alice");
        assert_eq!(broadcast(&own, "", Framing::Lf), Err(SendError::Empty));
        assert_eq!(broadcast(&own, "a\nb", Framing::Lf), Err(SendError::LineBreak { at: 1 }));
        assert_eq!(broadcast(&own, "a|b", Framing::Raw), Err(SendError::PipeInRaw));
        assert_eq!(broadcast(&own, "a|b", Framing::Lf).unwrap(), b"BROADCAST|a|b");
        assert!(matches!(message(&own, "a|b", "x", Framing::Lf), Err(SendError::IllegalName(_))));
    }
}
