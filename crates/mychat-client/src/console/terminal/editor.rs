//! The line editor: applies keys to a text and a cursor. It does not use the terminal.

use std::ops::Range;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use unicode_segmentation::UnicodeSegmentation;

use super::conversations::RoomSwitch;
use super::history::History;

/// The result of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum EditorAction {
    /// The text or the cursor may have changed.
    Changed,
    /// Enter was pressed. The editor is empty now.
    Submit(String),
    Complete,
    /// Tab on an empty line, Shift-Tab or Alt-A.
    Switch(RoomSwitch),
    /// Ctrl-C or Ctrl-D was pressed on an empty line.
    Leave,
    /// Ctrl-L was pressed.
    Clear,
}

/// The text that is being typed. It contains line feeds after a paste of several lines.
#[derive(Debug, Default)]
pub(super) struct Editor {
    text: String,
    /// Byte offset, always between two graphemes.
    cursor: usize,
    history: History,
    /// Text that the last Ctrl-U, Ctrl-K or Ctrl-W removed, for Ctrl-Y.
    clipboard: String,
}

impl Editor {
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn cursor(&self) -> usize {
        self.cursor
    }

    /// Replaces the text and moves the cursor to its end.
    pub(super) fn set(&mut self, text: String) {
        self.cursor = text.len();
        self.text = text;
    }

    /// Replaces a part of the text and moves the cursor to the end of that part.
    pub(super) fn replace(&mut self, range: Range<usize>, text: &str) {
        self.cursor = range.start + text.len();
        self.text.replace_range(range, text);
    }

    /// Inserts pasted text. All line ends become line feeds, and those at the end are removed.
    pub(super) fn paste(&mut self, text: &str) {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        self.insert(text.trim_end_matches('\n'));
    }

    pub(super) fn key(&mut self, key: KeyEvent) -> EditorAction {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        match key.code {
            KeyCode::Char(c) if control => return self.control(c),
            KeyCode::Char('a') if alt => return EditorAction::Switch(RoomSwitch::Unread),
            KeyCode::Char(c) if alt => self.alt(c),
            KeyCode::Char(c) => self.insert(c.encode_utf8(&mut [0; 4])),
            KeyCode::Enter if alt => self.insert("\n"),
            KeyCode::Enter => return self.submit(),
            KeyCode::Tab => return self.complete_or_switch(),
            KeyCode::BackTab => return EditorAction::Switch(RoomSwitch::Previous),
            KeyCode::Backspace if alt || control => self.cut(self.word_left()..self.cursor),
            KeyCode::Backspace => self.erase(self.left()..self.cursor),
            KeyCode::Delete => self.erase(self.cursor..self.right()),
            KeyCode::Left if alt || control => self.cursor = self.word_left(),
            KeyCode::Right if alt || control => self.cursor = self.word_right(),
            KeyCode::Left => self.cursor = self.left(),
            KeyCode::Right => self.cursor = self.right(),
            KeyCode::Home => self.cursor = 0,
            KeyCode::End => self.cursor = self.text.len(),
            KeyCode::Up => self.back_in_history(),
            KeyCode::Down => self.forward_in_history(),
            KeyCode::Esc => self.cut(0..self.text.len()),
            _ => {}
        }
        EditorAction::Changed
    }

    fn control(&mut self, c: char) -> EditorAction {
        match c {
            'c' | 'd' if self.text.is_empty() => return EditorAction::Leave,
            'c' => self.cut(0..self.text.len()),
            'd' => self.erase(self.cursor..self.right()),
            'a' => self.cursor = 0,
            'e' => self.cursor = self.text.len(),
            'b' => self.cursor = self.left(),
            'f' => self.cursor = self.right(),
            'h' => self.erase(self.left()..self.cursor),
            'u' => self.cut(0..self.cursor),
            'k' => self.cut(self.cursor..self.text.len()),
            'w' => self.cut(self.word_left()..self.cursor),
            'y' => self.insert(&self.clipboard.clone()),
            'p' => self.back_in_history(),
            'n' => self.forward_in_history(),
            'j' | 'm' => return self.submit(),
            'i' => return self.complete_or_switch(),
            'l' => return EditorAction::Clear,
            _ => {}
        }
        EditorAction::Changed
    }

    /// On an empty line there is nothing to complete.
    fn complete_or_switch(&self) -> EditorAction {
        if self.text.is_empty() { EditorAction::Switch(RoomSwitch::Next) } else { EditorAction::Complete }
    }

    fn alt(&mut self, c: char) {
        match c {
            'b' => self.cursor = self.word_left(),
            'f' => self.cursor = self.word_right(),
            'd' => self.cut(self.cursor..self.word_right()),
            _ => {}
        }
    }

    fn insert(&mut self, text: &str) {
        self.text.insert_str(self.cursor, text);
        self.cursor += text.len();
    }

    fn submit(&mut self) -> EditorAction {
        self.cursor = 0;
        let text = std::mem::take(&mut self.text);
        self.history.add(&text);
        EditorAction::Submit(text)
    }

    fn erase(&mut self, range: Range<usize>) {
        self.cursor = range.start;
        self.text.drain(range);
    }

    fn cut(&mut self, range: Range<usize>) {
        if !range.is_empty() {
            self.text[range.clone()].clone_into(&mut self.clipboard);
            self.erase(range);
        }
    }

    /// Shows the previous entry that starts with the typed text.
    fn back_in_history(&mut self) {
        if let Some(entry) = self.history.back(&self.text) {
            self.set(entry);
        }
    }

    fn forward_in_history(&mut self) {
        if let Some(entry) = self.history.forward() {
            self.set(entry);
        }
    }

    fn left(&self) -> usize {
        self.text[..self.cursor].grapheme_indices(true).next_back().map_or(0, |(at, _)| at)
    }

    fn right(&self) -> usize {
        self.cursor + self.text[self.cursor..].graphemes(true).next().map_or(0, str::len)
    }

    fn word_left(&self) -> usize {
        self.text[..self.cursor].unicode_word_indices().next_back().map_or(0, |(at, _)| at)
    }

    fn word_right(&self) -> usize {
        let rest = &self.text[self.cursor..];
        self.cursor + rest.unicode_word_indices().next().map_or(rest.len(), |(at, word)| at + word.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Types a script of plain characters and of key names in angle brackets.
    fn typed(script: &str) -> Editor {
        let mut editor = Editor::default();
        let mut rest = script;
        while let Some(c) = rest.chars().next() {
            let (key, length) = match rest.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
                Some((name, _)) => (named(name), name.len() + 2),
                None => (KeyEvent::from(KeyCode::Char(c)), c.len_utf8()),
            };
            editor.key(key);
            rest = &rest[length..];
        }
        editor
    }

    fn named(name: &str) -> KeyEvent {
        let code = match name {
            "left" => KeyCode::Left,
            "right" => KeyCode::Right,
            "back" => KeyCode::Backspace,
            "del" => KeyCode::Delete,
            "home" => KeyCode::Home,
            "up" => KeyCode::Up,
            "down" => KeyCode::Down,
            "enter" => KeyCode::Enter,
            "esc" => KeyCode::Esc,
            _ => {
                let (modifier, c) = name.split_once('-').unwrap();
                let modifiers = if modifier == "c" { KeyModifiers::CONTROL } else { KeyModifiers::ALT };
                return KeyEvent::new(KeyCode::Char(c.chars().next().unwrap()), modifiers);
            }
        };
        code.into()
    }

    #[test]
    fn keys_make_a_line() {
        let cases = [
            ("hola", "hola|"),
            ("hola<left><left>X", "hoX|la"),
            ("hola<home>¡<c-e>!", "¡hola!|"),
            ("ab<left><del>", "a|"),
            ("uno dos tres<c-w>", "uno dos |"),
            ("uno dos tres<a-b><a-b><c-k>", "uno |"),
            ("uno dos<c-u>", "|"),
            ("uno dos<c-w><home><c-y> ", "dos |uno "),
            ("uno<home><a-f> ", "uno |"),
            ("x<esc>y", "y|"),
            ("x<c-c>y", "y|"),
            // A family emoji and a flag are one grapheme each.
            ("a👩\u{200d}👩\u{200d}👧b<left><back>", "a|b"),
            ("🇨🇴é<left><left>x", "x|🇨🇴é"),
            ("one<enter>two<enter><up><up>", "one|"),
            ("one<enter>two<enter>dra<up><down>", "dra|"),
            ("@bob a<enter>b<enter>@bo<up>", "@bob a|"),
            ("one<enter>one<enter>two<enter><up><up><up><up>", "one|"),
        ];
        for (script, line) in cases {
            let editor = typed(script);
            let (before, after) = editor.text().split_at(editor.cursor());
            assert_eq!(format!("{before}|{after}"), line, "{script}");
        }
    }

    #[test]
    fn a_paste_keeps_inner_line_ends_and_no_last_one() {
        let mut editor = Editor::default();
        editor.paste("uno\r\ndos\rtres\n");
        assert_eq!(editor.text(), "uno\ndos\ntres");
    }

    #[test]
    fn tab_completes_text_and_switches_rooms_without_text() {
        for (script, action) in [("", EditorAction::Switch(RoomSwitch::Next)), ("@b", EditorAction::Complete)] {
            assert_eq!(typed(script).key(KeyCode::Tab.into()), action);
            assert_eq!(typed(script).key(named("c-i")), action);
        }
        let mut editor = typed("draft");
        assert_eq!(editor.key(KeyCode::BackTab.into()), EditorAction::Switch(RoomSwitch::Previous));
        assert_eq!(editor.key(named("a-a")), EditorAction::Switch(RoomSwitch::Unread));
        assert_eq!(editor.text(), "draft");
    }

    #[test]
    fn an_empty_line_is_left_by_both_keys() {
        for key in ["c-c", "c-d"] {
            assert_eq!(Editor::default().key(named(key)), EditorAction::Leave);
            assert_eq!(typed("x<left>").key(named(key)), EditorAction::Changed);
        }
    }
}
