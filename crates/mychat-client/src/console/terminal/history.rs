//! The history of entered lines. It is kept only in memory, because it contains private messages.

/// Maximum number of entries.
const ENTRIES: usize = 500;

#[derive(Debug, Default)]
pub(super) struct History {
    entries: Vec<String>,
    search: Option<HistorySearch>,
}

/// The position of Up and Down in the history.
#[derive(Debug)]
struct HistorySearch {
    /// The text that was typed before Up. Entries with another prefix are skipped.
    draft: String,
    /// Index of the shown entry.
    at: usize,
    /// Text of the shown entry. If the input row has another text, the search has ended.
    shown: String,
}

impl History {
    /// Adds a line, unless it is empty or equal to the last entry.
    pub(super) fn add(&mut self, line: &str) {
        self.search = None;
        if line.trim().is_empty() || self.entries.last().is_some_and(|last| last == line) {
            return;
        }
        if self.entries.len() == ENTRIES {
            self.entries.remove(0);
        }
        self.entries.push(line.to_owned());
    }

    /// Returns the previous entry that starts with the typed text `line`.
    pub(super) fn back(&mut self, line: &str) -> Option<String> {
        let search = self.search.take().filter(|search| search.shown == line);
        let (draft, before) = search.map_or((line.to_owned(), self.entries.len()), |search| (search.draft, search.at));
        let found = self.entries[..before].iter().rposition(|entry| entry.starts_with(&draft));
        let at = found.unwrap_or(before);
        let shown = self.entries.get(at).map_or(draft.clone(), Clone::clone);
        self.search = Some(HistorySearch { draft, at, shown: shown.clone() });
        found.map(|_| shown)
    }

    /// Returns the next entry, or the typed text after the last entry.
    pub(super) fn forward(&mut self) -> Option<String> {
        let mut search = self.search.take()?;
        let next =
            self.entries.iter().enumerate().skip(search.at + 1).find(|(_, entry)| entry.starts_with(&search.draft));
        let Some((at, entry)) = next else { return Some(search.draft) };
        search.at = at;
        search.shown.clone_from(entry);
        let shown = search.shown.clone();
        self.search = Some(search);
        Some(shown)
    }
}
