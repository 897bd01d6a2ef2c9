//! Numbered frames from some to others: everything, in order, once, unharmed.

use mychat_proto::Framing;

use crate::scenario::model::Procedure;
use crate::script::outcome::{Played, Trouble};
use crate::script::stage::Stage;
use crate::script::text;

/// Without terminators each frame takes a pause, so a series is a short one.
const MOST_RAW: usize = 40;

pub(super) async fn stream(stage: &mut Stage, procedure: &Procedure) -> Played {
    let (from, to) = (procedure.who("from"), procedure.who("to"));
    let raw = stage.around.manner.send == Framing::Raw;
    // One recipient has to be told all that all of them send.
    let senders = from.len().max(1);
    let count = stage.around.fewer(procedure.number("count") * senders, 5 * senders) / senders;
    let count = if raw { count.min(MOST_RAW) } else { count };
    let recipient = match to.first() {
        Some(first) => stage.line(first)?.name.clone().unwrap_or_default(),
        None => return Ok(()),
    };
    let nonce = stage.cast.nonce().to_owned();
    let frame = |sender: usize, number: usize| {
        let private = procedure.is("kind", "message") || procedure.is("kind", "mixed") && number.is_multiple_of(2);
        let head = if private { format!("MESSAGE|{recipient}|") } else { "BROADCAST|".to_owned() };
        let mut frame = format!("{head}{nonce}-{sender:02}-{number:05}.").into_bytes();
        let size = procedure.number("size").saturating_sub(1 + frame.len());
        frame.extend(text::padding(size));
        frame
    };
    if procedure.is("write", "together") {
        for (sender, actor) in from.iter().enumerate() {
            let mut bytes = Vec::new();
            for number in 0..count {
                let start = bytes.len();
                bytes.extend(frame(sender, number));
                stage.around.manner.send.end(&mut bytes, start);
            }
            if procedure.is("leave", "yes") {
                let start = bytes.len();
                bytes.extend_from_slice(b"DISCONNECT");
                stage.around.manner.send.end(&mut bytes, start);
            }
            stage.say(actor, &bytes, false).await?;
        }
    } else {
        for number in 0..count {
            for (sender, actor) in from.iter().enumerate() {
                stage.say(actor, &frame(sender, number), true).await?;
            }
        }
    }
    for receiver in to {
        receive(stage, receiver, from, count, &|sender, number| content(&frame(sender, number))).await?;
    }
    if !procedure.is("leave", "yes") {
        for receiver in to {
            stage.fence(receiver).await?;
            let senders = from.iter().filter(|sender| *sender != receiver).count();
            compare(stage, receiver, from, count, senders * count, &|sender, number| content(&frame(sender, number)))?;
        }
    }
    Ok(())
}

/// What a recipient sees of a frame: all behind the second field of `MESSAGE`, or the first of `BROADCAST`.
fn content(frame: &[u8]) -> Vec<u8> {
    let skip = if frame.starts_with(b"MESSAGE|") { 3 } else { 2 };
    frame.splitn(skip, |byte| *byte == b'|').last().unwrap_or_default().to_vec()
}

async fn receive(
    stage: &mut Stage,
    to: &str,
    from: &[String],
    count: usize,
    want: &impl Fn(usize, usize) -> Vec<u8>,
) -> Played {
    let expected = from.iter().filter(|sender| *sender != to).count() * count;
    let nonce = stage.cast.nonce().as_bytes().to_vec();
    let patience = stage.around.patience;
    let line = stage.line(to)?;
    let mut before = 0;
    loop {
        let arrived = line.until(patience, |inbox| {
            let arrived = inbox.frames.len();
            (arrived >= expected || inbox.end.is_some() || arrived > before).then_some(arrived)
        });
        match arrived.await {
            Some(arrived) if arrived < expected && line.is_open() => before = arrived,
            _ => break,
        }
    }
    // Frames of others may have been among those that were counted.
    let complete = |inbox: &mut crate::script::line::Inbox| {
        let own = inbox.frames.iter().filter(|frame| holds(&frame.bytes, &nonce)).count();
        (own >= expected || inbox.end.is_some()).then_some(())
    };
    line.until(patience, complete).await;
    compare(stage, to, from, count, expected, want)
}

fn compare(
    stage: &mut Stage,
    to: &str,
    from: &[String],
    count: usize,
    expected: usize,
    want: &impl Fn(usize, usize) -> Vec<u8>,
) -> Played {
    let nonce = stage.cast.nonce().to_owned();
    let line = stage.line(to)?;
    let frames: Vec<Vec<u8>> = line.inbox().frames.iter().map(|frame| frame.bytes.clone()).collect();
    line.inbox().frames.iter_mut().for_each(|frame| frame.taken = true);
    let mut got = 0;
    for (sender, actor) in from.iter().enumerate().filter(|(_, actor)| *actor != to) {
        let mark = format!("{nonce}-{sender:02}-");
        let mut number = 0;
        let name = stage.lines.get(actor).and_then(|line| line.name.clone()).unwrap_or_default();
        for frame in frames.iter().filter(|frame| holds(frame, mark.as_bytes())) {
            let mut fields = frame.splitn(3, |byte| *byte == b'|').skip(1);
            let right = number < count
                && fields.next() == Some(name.as_bytes())
                && fields.next() == Some(&want(sender, number));
            if !right {
                let wanted = if number < count {
                    format!("{} from {actor}", text::shown(&want(sender, number)))
                } else {
                    format!("nothing more: all {count} have come")
                };
                let shown = text::shown(frame);
                return Err(Trouble::fail(
                    stage.cast.humane(&format!("message {} of {count} at {to}: {wanted}", number + 1)),
                    stage.cast.humane(&format!("{to} got {shown}")),
                ));
            }
            number += 1;
        }
        got += number;
    }
    if got >= expected {
        return Ok(());
    }
    let mut told = format!("{got} of them; then nothing more came");
    for actor in from.iter().chain([&to.to_owned()]) {
        let Some(line) = stage.lines.get(actor) else { continue };
        let inbox = line.inbox();
        if let Some(error) = inbox.frames.iter().rev().find(|frame| frame.bytes.starts_with(b"ERROR|")) {
            told = format!("{told}; {actor} got {}", text::shown(&error.bytes));
        }
        if inbox.end.is_some() {
            told = format!("{told}; the server closed {actor}'s connection");
        }
    }
    Err(Trouble::fail(format!("{to} gets all {expected} messages, in order"), told))
}

fn holds(frame: &[u8], part: &[u8]) -> bool {
    crate::script::line_contains(frame, part)
        && (frame.starts_with(b"MESSAGE|") || frame.starts_with(b"BROADCAST|"))
        && !crate::script::line_contains(frame, b"|fence-")
}
