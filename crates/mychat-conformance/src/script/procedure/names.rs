//! How a name looks: in lists, as a sender, and as a recipient.

use crate::script::line::Inbox;
use crate::script::outcome::{Played, Trouble};
use crate::script::stage::Stage;

/// Whatever a server makes of a name: it is the same everywhere.
pub(super) async fn one_name(stage: &mut Stage, of: &str, with: &str) -> Played {
    if !stage.line(of)?.is_user() {
        return Ok(());
    }
    let (nonce, patience) = (stage.cast.nonce().to_owned(), stage.around.patience);
    let known: Vec<String> =
        [with, "zwitness"].iter().filter_map(|actor| stage.cast.known(actor).map(str::to_owned)).collect();
    let look = |inbox: &mut Inbox| {
        let names = inbox.list.as_deref()?.split(',');
        names.map(str::to_owned).find(|name| name.contains(&nonce) && !known.contains(name))
    };
    let quiet = stage.around.quiet() * 2;
    let mut listed = stage.line(with)?.within(quiet, look).await;
    if listed.is_none() {
        // Who was there before may be told nothing when others join; a newcomer is.
        stage.witness().await?;
        listed = match &stage.witness {
            Some(newcomer) => newcomer.until(patience, look).await,
            None => None,
        };
    }
    let line = stage.line(with)?;
    let Some(listed) = listed else {
        return Err(Trouble::fail(format!("{with} gets a list with {of}'s name"), "its lists have nothing like it"));
    };
    let recipient = line.name.clone().unwrap_or_default();
    stage.say(of, format!("MESSAGE|{recipient}|from{nonce}").as_bytes(), true).await?;
    let end = format!("|from{nonce}");
    let line = stage.line(with)?;
    let sender = line.until(patience, |inbox| {
        let frame = inbox.frames.iter_mut().find(|frame| frame.bytes.ends_with(end.as_bytes()))?;
        frame.taken = true;
        let text = String::from_utf8_lossy(&frame.bytes).into_owned();
        Some(text.split('|').nth(1).unwrap_or_default().to_owned())
    });
    let sender = sender.await;
    if sender.as_deref() != Some(&listed) {
        let got =
            sender.map_or("its message did not arrive".to_owned(), |sender| format!("as a sender it is {sender:?}"));
        return Err(Trouble::fail(format!("{of}'s name is {listed:?} everywhere, as in the list"), got));
    }
    stage.say(with, format!("MESSAGE|{listed}|to{nonce}").as_bytes(), true).await?;
    let end = format!("|to{nonce}");
    let line = stage.line(of)?;
    let arrived = line.until(patience, |inbox| {
        let frame = inbox.frames.iter_mut().find(|frame| frame.bytes.ends_with(end.as_bytes()))?;
        frame.taken = true;
        Some(())
    });
    match arrived.await {
        Some(()) => Ok(()),
        None => {
            Err(Trouble::fail(format!("a message to {listed:?}, as the list writes it, arrives"), "it did not arrive"))
        }
    }
}

pub(super) async fn list_format(stage: &mut Stage, actor: &str, lacks: Option<&str>) -> Played {
    let patience = stage.around.patience;
    let line = stage.line(actor)?;
    line.until(patience, |inbox| (inbox.list_count() > 0 || inbox.end.is_some()).then_some(())).await;
    if let Some(gone) = lacks.and_then(|gone| stage.cast.known(gone)).map(str::to_owned) {
        // Whether one comes at all is another question.
        let line = stage.line(actor)?;
        line.until(patience, |inbox| (!inbox.list.as_deref()?.split(',').any(|name| name == gone)).then_some(())).await;
    }
    let line = stage.line(actor)?;
    let Some(list) = line.inbox().list_frames.last().cloned() else {
        return Err(Trouble::fail(format!("{actor} gets a list"), "none came"));
    };
    match oddity(&list) {
        None => Ok(()),
        Some(what) => {
            let got = stage.cast.humanize(&format!("USER_LIST|{list}: {what}"));
            Err(Trouble::fail("USER_LIST|name,name,name", got))
        }
    }
}

/// What is wrong with how a list is written, whoever is in it.
pub(crate) fn oddity(list: &str) -> Option<&'static str> {
    if list.ends_with(',') {
        Some("a comma at its end, which says that the list goes on, and nothing more came")
    } else if list.contains('|') {
        Some("a pipe, where commas stand between names")
    } else if list.contains(", ") || list.contains(" ,") {
        Some("a blank beside a comma")
    } else if list.starts_with(['[', '(', '{']) || list.contains(['\'', '"']) {
        Some("brackets or quotes, as a language prints its own lists")
    } else if list.split(',').any(str::is_empty) {
        Some("an empty name")
    } else {
        None
    }
}

pub(super) fn last_list(stage: &mut Stage, of: &str, has: &str) -> Played {
    let name = stage.cast.wire(has);
    let line = stage.line(of)?;
    let list = line.inbox().list.clone();
    match list {
        Some(list) if !list.split(',').any(|other| other == name) => {
            let got = stage.cast.humanize(&format!("USER_LIST|{list}"));
            Err(Trouble::fail(format!("{of} gets no list without {has} in it"), got))
        }
        _ => Ok(()),
    }
}
