//! What was typed before. In memory alone: private messages don't belong in a file that nobody asked for.

/// Lines that are remembered.
const ENTRIES: usize = 500;

/// The lines, and where Up and Down stand among them.
#[derive(Debug, Default)]
pub(super) struct History {
    entries: Vec<String>,
    walk: Option<Walk>,
}

/// Up was pressed and nothing entered since.
#[derive(Debug)]
struct Walk {
    /// What was typed then; entries that don't begin with it are passed over.
    draft: String,
    /// Index of the entry that is shown.
    at: usize,
    /// Text of that entry: when the line is another one, the walk is over.
    shown: String,
}

impl History {
    /// Remembers a line, unless it is blank or the same as the last.
    pub(super) fn add(&mut self, line: &str) {
        self.walk = None;
        if line.trim().is_empty() || self.entries.last().is_some_and(|last| last == line) {
            return;
        }
        if self.entries.len() == ENTRIES {
            self.entries.remove(0);
        }
        self.entries.push(line.to_owned());
    }

    /// The entry before, for a line that is now this.
    pub(super) fn back(&mut self, line: &str) -> Option<String> {
        let walk = self.walk.take().filter(|walk| walk.shown == line);
        let (draft, before) = walk.map_or((line.to_owned(), self.entries.len()), |walk| (walk.draft, walk.at));
        let found = self.entries[..before].iter().rposition(|entry| entry.starts_with(&draft));
        let at = found.unwrap_or(before);
        let shown = self.entries.get(at).map_or(draft.clone(), Clone::clone);
        self.walk = Some(Walk { draft, at, shown: shown.clone() });
        found.map(|_| shown)
    }

    /// The entry behind, or at the end what was typed first.
    pub(super) fn forward(&mut self) -> Option<String> {
        let mut walk = self.walk.take()?;
        let next = self.entries.iter().enumerate().skip(walk.at + 1).find(|(_, entry)| entry.starts_with(&walk.draft));
        let Some((at, entry)) = next else { return Some(walk.draft) };
        walk.at = at;
        walk.shown.clone_from(entry);
        let shown = walk.shown.clone();
        self.walk = Some(walk);
        Some(shown)
    }
}
