//! One message, cut in two at each place where it can be cut.

use crate::script::outcome::{Played, Trouble};
use crate::script::stage::Stage;
use mychat_scenario::model::procedures::{EverySplit, SplitAt};
use mychat_scenario::template::text;

pub(super) async fn every_split(stage: &mut Stage, split: &EverySplit) -> Played {
    let EverySplit { from, to, pause, .. } = split;
    let content = text::bytes(&split.content, &stage.cast);
    let recipient = stage.line(to)?.name.clone().unwrap_or_default();
    let sender = stage.line(from)?.name.clone().unwrap_or_default();
    let frame = |number: usize| {
        [format!("MESSAGE|{recipient}|").as_bytes(), &content, format!("{number:03}").as_bytes()].concat()
    };
    let length = frame(0).len() + 1;
    let places = (1..length).filter(|at| split.at == SplitAt::Bytes || !is_boundary(&frame(0), *at));
    for at in places {
        let mut bytes = frame(at);
        stage.around.manner.send.end(&mut bytes, 0);
        stage.say(from, &bytes[..at], false).await?;
        tokio::time::sleep(*pause).await;
        stage.say(from, &bytes[at..], false).await?;
        let want = [format!("MESSAGE|{sender}|").as_bytes(), &content, format!("{at:03}").as_bytes()].concat();
        arrives(stage, to, &want, at).await?;
    }
    stage.fence(to).await?;
    stage.line(to)?;
    let extra = stage.lines.get(to).and_then(|line| {
        let inbox = line.inbox();
        let extra = inbox.frames.iter().find(|frame| !frame.taken && !stage.is_foreign(&frame.bytes));
        extra.map(|frame| frame.bytes.clone())
    });
    match extra {
        None => Ok(()),
        Some(frame) => {
            stage.look_for_blame(to, &frame);
            let got = stage.cast.humanize(&text::shown(&frame));
            Err(Trouble::fail(format!("{to} gets each message once"), format!("{to} also got {got}")))
        }
    }
}

async fn arrives(stage: &mut Stage, to: &str, want: &[u8], at: usize) -> Played {
    let patience = stage.around.patience;
    stage.line(to)?;
    let Some(line) = stage.lines.get(to) else { return Ok(()) };
    let found = line.until(patience, |inbox| {
        let next = inbox.frames.iter_mut().find(|frame| !frame.taken && !stage.is_foreign(&frame.bytes))?;
        next.taken = true;
        Some(next.bytes.clone())
    });
    let found = found.await;
    if found.as_deref() == Some(want) {
        return Ok(());
    }
    if let Some(frame) = &found {
        stage.look_for_blame(to, frame);
    }
    let got = match &found {
        Some(frame) => format!("{to} got {}", text::shown(frame)),
        None => stage.lines.get(to).map_or_else(String::new, |line| format!("{to}: {}", stage.latest(line))),
    };
    let want = format!("{to} gets {} although byte {at} comes 2 ms before the rest", text::shown(want));
    Err(Trouble::fail(stage.cast.humanize(&want), stage.cast.humanize(&got)))
}

fn is_boundary(frame: &[u8], at: usize) -> bool {
    std::str::from_utf8(frame).is_ok_and(|text| text.is_char_boundary(at))
}
