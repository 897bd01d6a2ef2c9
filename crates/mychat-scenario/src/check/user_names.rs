//! Checks that user names are valid, and unique across all groups.

use std::collections::{HashMap, HashSet};

use crate::diagnostic::Problem;
use crate::lower::groups::{GroupDraft, MOST_USERS};
use crate::model::{Action, NamePiece};
use crate::suggest::shown;
use crate::syntax::problems::Problems;

/// The recipient of `private: { to: nobody }`.
const NOBODY: &str = "nobody-has-this-name";

pub(super) fn names(groups: &[&GroupDraft<'_>], problems: &mut Problems) {
    for draft in groups.iter().filter(|draft| Action::NAMES.contains(&draft.group.name.as_str())) {
        let name = &draft.group.name;
        let problem = Problem::new(format!("`{name}` is already the name of an action"));
        problems.add(
            draft.key,
            problem.help(format!("a condition such as `delivery[{name}].p99` could mean either: choose another name")),
        );
    }
    let known: HashSet<&str> = groups.iter().map(|draft| draft.group.name.as_str()).collect();
    if known.len() < groups.len() {
        // A group that stands twice is an error of its own.
        return;
    }
    let users: u64 = groups.iter().map(|draft| u64::from(draft.group.count)).sum();
    if users > u64::from(MOST_USERS) {
        if let Some(draft) = groups.last() {
            problems.add(
                draft.key,
                Problem::new(format!("the groups have {users} users in total")).help(format!("at most {MOST_USERS}")),
            );
        }
        return;
    }
    let mut taken: HashMap<String, usize> = HashMap::new();
    for (index, draft) in groups.iter().enumerate() {
        if let Err(problem) = group_names(index, groups, &mut taken) {
            problems.add(draft.name_pattern.unwrap_or(draft.key), problem);
        }
    }
}

fn group_names(index: usize, groups: &[&GroupDraft<'_>], taken: &mut HashMap<String, usize>) -> Result<(), Problem> {
    let group = &groups[index].group;
    let numbered = group.name_pattern.pieces.iter().any(|piece| matches!(piece, NamePiece::Number { .. }));
    if group.count > 1 && !numbered {
        let name = group.name_pattern.name(&group.name, 1);
        return Err(Problem::new(format!("all {} users would have the name `{}`", group.count, shown(&name)))
            .help("add `{n}`, the user's number, to the name"));
    }
    for number in 1..=group.count {
        let name = group.name_pattern.name(&group.name, number);
        if let Err(reason) = mychat_proto::name::check(&name) {
            return Err(Problem::new(format!("`{}` is not a valid user name: {reason}", shown(&name))));
        }
        if name == NOBODY {
            return Err(
                Problem::new(format!("`{NOBODY}` is the recipient of `to: nobody`")).help("choose another `name`")
            );
        }
        if let Some(other) = taken.get(&name).filter(|other| **other != index) {
            let other = &groups[*other].group.name;
            return Err(Problem::new(format!("`{}` is also a user of `{other}`", shown(&name)))
                .help("names must be unique on a server: give one of the groups another `name`"));
        }
        taken.insert(name, index);
    }
    Ok(())
}
