//! Conditions and actions that need a more exact `verify` than the file has.

use crate::diagnostic::Problem;
use crate::lower::document::Draft;
use crate::lower::groups::GroupDraft;
use crate::model::Verify;
use crate::suggest::shown;
use crate::syntax::problems::Problems;

/// Finds conditions and actions that need `verify: full`.
pub(super) fn verification(draft: &Draft<'_>, groups: &[&GroupDraft<'_>], problems: &mut Problems) {
    let verify = draft.scenario.verify;
    let unseen =
        draft.scenario.expect.iter().find_map(|condition| Some((condition, condition.measure.unseen(verify)?)));
    if let (Some((condition, why)), Some(place)) = (unseen, draft.fields.get("verify")) {
        let problem = Problem::new(format!("`{}` cannot be evaluated: {why}", shown(&condition.text)));
        problems.add(place, problem.help("use `verify: full`, or remove the condition"));
    }
    if verify != Verify::Counts {
        return;
    }
    let leaves = |draft: &&&GroupDraft<'_>| draft.group.may_come_back();
    if let (Some(group), Some(place)) = (groups.iter().find(leaves), draft.fields.get("verify")) {
        let name = &group.group.name;
        let problem = Problem::new(format!(
            "`verify: counts` cannot follow the users of `{name}`, which may leave and come back"
        ));
        let help = "use `verify: full`, or remove `session`, `reconnect` and the actions for which servers may close a connection";
        problems.add(place, problem.help(help));
    }
}
