//! A room with more members than one frame can name.

use std::collections::BTreeSet;

use super::members::{await_frame, connect_members, frames_from, join, join_in_order, name, send};
use crate::harness::connection::Connection;
use crate::harness::context::CaseContext;
use crate::harness::failure::{CaseFailure, StepResult};
use crate::steps::rooms::split_names;

/// The letters before the nonce and the number: names of 60 bytes.
const STEM_BYTES: usize = 51;

pub(in crate::procedures) async fn room_pages(ctx: &mut CaseContext, users: usize) -> StepResult {
    let room = format!("big{}", ctx.names.nonce());
    let mut users = connect_members(ctx, &"m".repeat(STEM_BYTES), users).await?;
    let Some((last, others)) = users.split_last_mut() else { return Ok(()) };
    join_in_order(ctx, others, &room).await?;
    let from = last.inbox().frames.len();
    join(ctx, last, &room).await?;
    let all: BTreeSet<Vec<u8>> = others.iter().chain([&*last]).map(|user| name(user).as_bytes().to_vec()).collect();
    check_pages(&frames_from(last, from)[1..], &room, &all)?;
    let Some(first) = others.first_mut() else { return Ok(()) };
    let joined = format!("JOIN|{room}|{}", name(last));
    let from = await_frame(ctx, first, 0, |frame| frame == joined.as_bytes()).await? + 1;
    send(first, &format!("MEMBERS|{room}")).await;
    await_operators(ctx, first, from, &room).await?;
    check_pages(&frames_from(first, from), &room, &all)
}

async fn await_operators(ctx: &CaseContext, user: &Connection, from: usize, room: &str) -> StepResult {
    let last = format!("OPERATORS|{room}|");
    await_frame(ctx, user, from, |frame| frame.starts_with(last.as_bytes())).await.map(|_| ())
}

/// Fails unless `frames` begin with the pages of one list, without other frames between them, that has exactly `all` names.
fn check_pages(frames: &[Vec<u8>], room: &str, all: &BTreeSet<Vec<u8>>) -> StepResult {
    let head = format!("MEMBERS|{room}|");
    let (mut names, mut pages, mut longest, mut is_complete) = (Vec::new(), 0, 0, false);
    for page in frames.iter().map_while(|frame| frame.strip_prefix(head.as_bytes())) {
        names.extend_from_slice(page);
        pages += 1;
        longest = longest.max(head.len() + page.len());
        is_complete = !page.ends_with(b",");
        if is_complete {
            break;
        }
    }
    let list = split_names(&names);
    let listed: BTreeSet<Vec<u8>> = list.iter().cloned().collect();
    if is_complete && longest <= mychat_proto::MAX_FRAME && listed == *all && list.len() == all.len() {
        return Ok(());
    }
    let want = format!(
        "MEMBERS with all {} names, in pages of at most 1024 bytes of which all but the last end in a comma",
        all.len()
    );
    let missing = all.difference(&listed).count();
    let end = if is_complete { "a complete list" } else { "an incomplete list" };
    let got = format!("{end} in {pages} pages of at most {longest} bytes with {} names, {missing} missing", list.len());
    Err(CaseFailure::fail(want, got))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_joined_and_compared() {
        let all: BTreeSet<Vec<u8>> = ["a", "b", "c"].map(|name| name.as_bytes().to_vec()).into();
        let check = |frames: &[&str]| {
            let frames: Vec<Vec<u8>> = frames.iter().map(|frame| frame.as_bytes().to_vec()).collect();
            check_pages(&frames, "r", &all).is_ok()
        };
        assert!(check(&["MEMBERS|r|a,b,", "MEMBERS|r|c", "OPERATORS|r|a"]));
        assert!(check(&["MEMBERS|r|c,a,b"]));
        assert!(!check(&["MEMBERS|r|a,b,", "JOIN|r|d", "MEMBERS|r|c"]), "another frame between two pages");
        assert!(!check(&["MEMBERS|r|a,b", "MEMBERS|r|c"]), "no comma at the end of the first page");
        assert!(!check(&["MEMBERS|r|a,b,c,c"]), "a name twice");
        assert!(!check(&["MEMBERS|r|a,b,c,"]), "a page that never comes");
        assert!(!check(&[]));
        let long = "x".repeat(1015);
        let all = BTreeSet::from([long.clone().into_bytes()]);
        let is_right = |list: &str| check_pages(&[format!("MEMBERS|r|{list}").into_bytes()], "r", &all).is_ok();
        assert!(!is_right(&long), "a page of 1025 bytes");
    }
}
