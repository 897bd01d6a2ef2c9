//! Rooms: their names are valid, and actions in rooms have rooms.

use std::collections::HashSet;

use crate::diagnostic::Problem;
use crate::lower::document::Draft;
use crate::lower::groups::{GroupDraft, MOST_USERS};
use crate::model::{Action, NamePiece, Rooms, Verify};
use crate::suggest::shown;
use crate::syntax::problems::Problems;

/// Checks the rooms of all groups.
pub(super) fn rooms(draft: &Draft<'_>, groups: &[&GroupDraft<'_>], problems: &mut Problems) {
    for group in groups {
        match &group.group.rooms {
            Some(rooms) => {
                if let Err(problem) = names(rooms, &group.group.name) {
                    problems.add(group.rooms.unwrap_or(group.key), problem);
                }
            }
            None => need_rooms(group, problems),
        }
    }
    let Some(with_rooms) = groups.iter().find(|group| group.group.rooms.is_some()) else { return };
    let all: HashSet<String> = groups.iter().flat_map(|group| room_names(group)).collect();
    let users: u64 = groups.iter().map(|group| u64::from(group.group.count)).sum();
    if all.len() as u64 + users > u64::from(MOST_USERS) {
        let problem = Problem::new(format!("the file has {users} users and {} rooms", all.len()));
        problems.add(with_rooms.key, problem.help(format!("at most {MOST_USERS} users and rooms together")));
    }
    if let (Verify::Counts, Some(place)) = (draft.scenario.verify, draft.fields.get("verify")) {
        let name = &with_rooms.group.name;
        let problem = Problem::new(format!("`verify: counts` cannot follow the messages in rooms of `{name}`"));
        problems.add(place, problem.help("use `verify: full`, or remove `rooms`"));
    }
}

fn room_names<'g>(draft: &'g GroupDraft<'_>) -> impl Iterator<Item = String> + use<'g> {
    let group = &draft.group;
    group.rooms.iter().flat_map(|rooms| (1..=rooms.count).map(|number| rooms.name(&group.name, number)))
}

fn need_rooms(draft: &GroupDraft<'_>, problems: &mut Problems) {
    let is_in_room = |action: &Action| matches!(action, Action::Say { .. } | Action::JoinRoom | Action::LeaveRoom);
    for (weighted, place) in draft.group.actions.iter().zip(&draft.sizes) {
        if is_in_room(&weighted.action) {
            let problem = Problem::new(format!("`{}` needs rooms, and the group has none", weighted.action.name()));
            problems.add(place, problem.help("add `rooms: { count: 50, each: 3 }` to the group"));
            return;
        }
    }
}

fn names(rooms: &Rooms, group: &str) -> Result<(), Problem> {
    let is_numbered = rooms.name_pattern.pieces.iter().any(|piece| matches!(piece, NamePiece::Number { .. }));
    if rooms.count > 1 && !is_numbered {
        let name = rooms.name(group, 1);
        return Err(Problem::new(format!("all {} rooms would have the name `{}`", rooms.count, shown(&name)))
            .help("add `{n}`, the room's number, to the name"));
    }
    // The last name is the longest, and all have the same characters around the number.
    for number in [1, rooms.count] {
        let name = rooms.name(group, number);
        if let Err(reason) = mychat_proto::name::check(&name) {
            return Err(Problem::new(format!("`{}` is not a valid name of a room: {reason}", shown(&name))));
        }
    }
    Ok(())
}
