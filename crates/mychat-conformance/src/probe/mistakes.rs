//! Looks for mistakes in the first dialogue with a server, which explain many failures at once.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Duration;

use mychat_proto::Framing;

use super::FramingProbe;
use super::dialogue::Dialogue;
use super::framing::{UNTERMINATED, connect_in_parts};
use mychat_scenario::template::text::shown;

/// Time to wait for bytes that nobody asked for.
const UNASKED: Duration = Duration::from_millis(100);

const FORGETS_PARTIAL: &str = "the server answers CONNECT in one piece, but not if the line end comes a moment later: it has \
                         forgotten the first part. TCP splits a message anywhere: keep what was read until its line end comes, and join the \
                         parts.";
const CLOSES_UNASKED: &str = "the server closes each connection right after it accepted it, before anything was sent: look for an exception, or a \
                         return, at the beginning of the function that serves a connection";

/// Adds the mistakes that two more dialogues show: one in which the probe says nothing, and one with a `CONNECT` in two parts.
/// Asks nothing if the user gave the framing.
pub async fn probe_mistakes(target: SocketAddr, found: &mut FramingProbe, timeout: Duration, nonce: &str) {
    if found.given {
        return;
    }
    let Some(mut dialogue) = Dialogue::open(target, timeout).await else { return };
    dialogue.listen(UNASKED, |received| received.contains(&b'\n')).await;
    if let Some(mistake) = unasked(&dialogue) {
        found.mistake = Some(mistake);
    }
    found.unasked = dialogue.received;
    // A server that sends no line ends has been asked already.
    let Some(reply_time) = found.reply_time else { return };
    if found.omits_line_ends || !found.framing.send.is_terminated() {
        return;
    }
    let wait = UNTERMINATED + reply_time * 2;
    let end = if found.framing.send == Framing::CrLf { "\r\n" } else { "\n" };
    match connect_in_parts(target, timeout, wait, Some(end), nonce).await {
        None => {
            "it answered a CONNECT in one piece, and none whose line end came later".clone_into(&mut found.description);
            found.mistake.get_or_insert(FORGETS_PARTIAL.into());
        }
        // A reply without line ends is raw framing, which a server may support as well.
        Some(partial) => {
            found.answers_unterminated = partial.came_early && partial.reply.received.contains(&b'\n');
        }
    }
}

/// Returns what is wrong with the server's reaction to a connection on which nothing was sent.
fn unasked(dialogue: &Dialogue) -> Option<Cow<'static, str>> {
    let text = dialogue.received.as_slice();
    if text.is_empty() {
        return dialogue.is_closed.then_some(CLOSES_UNASKED.into());
    }
    let is_prompt = !text.ends_with(b"\n") && b">:?$#".contains(text.trim_ascii_end().last().unwrap_or(&b' '));
    let shown = shown(text);
    Some(if is_prompt {
        format!("the server prompts with {shown} before the client has sent anything: a program reads that, so send only messages of the protocol")
            .into()
    } else {
        format!("the server greets with {shown}: it must send nothing before the client's CONNECT, and only messages of the protocol after it")
            .into()
    })
}
