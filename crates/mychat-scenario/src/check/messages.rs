//! Messages: their content fits into a frame, and `to: partner` finds a partner.

use crate::diagnostic::Problem;
use crate::lower::groups::GroupDraft;
use crate::model::{Action, Content, Size, To};
use crate::syntax::problems::Problems;

/// Bytes of `BROADCAST|` and the pipe after the sender.
const BROADCAST_OVERHEAD: usize = 11;
/// Bytes of `MESSAGE|` and the pipe after the name.
const MESSAGE_OVERHEAD: usize = 9;

/// Bytes of `SAY|` and the pipes after the room and the sender.
const SAY_OVERHEAD: usize = 6;

fn longest_room(draft: &GroupDraft<'_>) -> usize {
    let group = &draft.group;
    group.rooms.as_ref().map_or(0, |rooms| rooms.name(&group.name, rooms.count).len())
}

fn longest_name(draft: &GroupDraft<'_>) -> usize {
    draft.group.name_pattern.name(&draft.group.name, draft.group.count).len()
}

/// Checks that all messages fit into frames.
pub(super) fn contents(groups: &[&GroupDraft<'_>], problems: &mut Problems) {
    for draft in groups {
        for (weighted, place) in draft.group.actions.iter().zip(&draft.sizes) {
            let (content, overhead) = match &weighted.action {
                Action::Broadcast { content } => (content, BROADCAST_OVERHEAD + longest_name(draft)),
                Action::Private { to: To::Group(to), content } => {
                    (content, MESSAGE_OVERHEAD + longest_name(draft).max(longest_name(groups[*to])))
                }
                Action::Say { content } => (content, SAY_OVERHEAD + longest_name(draft) + longest_room(draft)),
                Action::Private { content, .. } => (content, MESSAGE_OVERHEAD + longest_name(draft)),
                _ => continue,
            };
            let most = mychat_proto::MAX_FRAME - overhead;
            if let Content { size: Size::Bytes(span), .. } = content
                && span.to as usize > most
            {
                let problem = Problem::new(format!(
                    "{} bytes of content need a frame of {}",
                    span.to,
                    span.to as usize + overhead
                ));
                problems.add(
                    place,
                    problem.help(format!(
                        "a frame has at most 1024 bytes, so at most {most} here; `size: max` always fits"
                    )),
                );
            }
        }
    }
}

/// Checks that groups with `to: partner` have an even number of users.
pub(super) fn partners(groups: &[&GroupDraft<'_>], problems: &mut Problems) {
    let paired = |draft: &&&GroupDraft<'_>| {
        draft.group.actions.iter().any(|weighted| matches!(weighted.action, Action::Private { to: To::Partner, .. }))
    };
    for draft in groups.iter().filter(paired).filter(|draft| !draft.group.count.is_multiple_of(2)) {
        let problem =
            Problem::new(format!("{} users cannot be paired: the last one has no partner", draft.group.count));
        problems.add(draft.key, problem.help("`to: partner` needs a group with an even `count`"));
    }
}
