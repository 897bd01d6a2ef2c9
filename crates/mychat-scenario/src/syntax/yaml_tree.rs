//! Reads a file and parses its text into a tree of nodes. Only this file uses the YAML crate.
//!
//! The crate converts plain scalars (`1024` becomes a number) and drops their spelling, unless a string is requested. So
//! the text is parsed twice: first for the kinds of all nodes, then for their contents. The crate reveals the position of a
//! node only in an error. To find a node in the text, the second pass therefore fails at that node on purpose.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, Visitor};

use super::node::{Body, Node, NodeKind};
use super::yaml_errors;
use crate::diagnostic::Problem;

/// The size limit of a file in bytes.
const MOST_BYTES: usize = 1 << 20;
/// The limit on nodes after aliases are expanded.
const MOST_NODES: usize = 200_000;

/// Reads a file as text, without byte order marks before the first key.
pub(crate) fn read(path: &Path) -> Result<String, Problem> {
    let bytes = read_bytes(path).map_err(|err| {
        let reason = match err.kind() {
            io::ErrorKind::NotFound => "there is no such file".to_owned(),
            io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
            io::ErrorKind::PermissionDenied => "no permission to read it".to_owned(),
            _ => err.to_string(),
        };
        Problem::new(format!("cannot read the scenario: {reason}"))
    })?;
    let text = String::from_utf8(bytes).map_err(|err| {
        let byte = err.utf8_error().valid_up_to();
        let line = String::from_utf8_lossy(&err.as_bytes()[..byte]).matches('\n').count() + 1;
        Problem::new(format!("the file is not UTF-8 text: byte {} (in line {line}) is invalid", byte + 1))
            .help("save it as UTF-8; other encodings (Latin-1, UTF-16) are not read")
    })?;
    Ok(without_byte_order_marks(&text).into_owned())
}

/// Removes the byte order marks before the first key: some editors write one at the start of a file, and joined files have
/// another one behind a comment or `---`.
pub(crate) fn without_byte_order_marks(text: &str) -> Cow<'_, str> {
    const MARK: char = '\u{feff}';
    if !text.contains(MARK) {
        return Cow::Borrowed(text);
    }
    let is_before_keys = |line: &str| {
        let line = line.trim();
        line.is_empty() || line == "---" || line.starts_with(['#', '%']) || line.starts_with("--- #")
    };
    let mut kept = String::with_capacity(text.len());
    let mut is_prefix = true;
    for line in text.split_inclusive('\n') {
        let line = if is_prefix { line.trim_start_matches(MARK) } else { line };
        is_prefix &= is_before_keys(line);
        kept.push_str(line);
    }
    Cow::Owned(kept)
}

fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    use io::Read;
    if path.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let mut bytes = Vec::new();
    // One byte more than is legal tells that there is more, without reading a device that never ends.
    fs::File::open(path)?.take(MOST_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > MOST_BYTES {
        return Err(io::Error::other("it is larger than 1 MiB"));
    }
    Ok(bytes)
}

/// A text and its tree.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) root: Node,
    kinds: Vec<NodeKind>,
}

impl Document {
    /// Parses a text. An error comes with its byte offset, if that is known.
    pub(crate) fn new(text: &str) -> Result<Self, (Problem, Option<usize>)> {
        let shapes = Shapes::default();
        (&shapes).deserialize(serde_yaml::Deserializer::from_str(text)).map_err(|err| {
            let byte = err.location().map(|location| location.index().min(text.len()));
            match shapes.refusal.take() {
                // Of an empty file there is no place to show.
                Some(problem) => (problem, byte.filter(|_| !shapes.kinds.borrow().is_empty())),
                None => yaml_errors::explain(&err.to_string(), text, byte),
            }
        })?;
        let kinds = shapes.kinds.into_inner();
        let builder = Builder::new(&kinds, text, None);
        match (&builder).deserialize(serde_yaml::Deserializer::from_str(text)) {
            Ok(root) => Ok(Self { root, kinds }),
            // The second reading takes the same way as the first: it can fail only where that did.
            Err(err) => Err(yaml_errors::explain(&err.to_string(), text, None)),
        }
    }

    /// Returns the byte at which a node starts, its anchor included.
    pub(crate) fn start(&self, text: &str, id: usize) -> Option<usize> {
        let builder = Builder::new(&self.kinds, text, Some(id));
        let refused = (&builder).deserialize(serde_yaml::Deserializer::from_str(text)).err()?;
        refused.location().map(|location| location.index().min(text.len()))
    }
}

/// The first pass: the kind of each node.
#[derive(Default)]
struct Shapes {
    kinds: RefCell<Vec<NodeKind>>,
    bytes: Cell<usize>,
    refusal: Cell<Option<Problem>>,
}

impl Shapes {
    fn note<E: Error>(&self, kind: NodeKind, bytes: usize) -> Result<(), E> {
        self.bytes.set(self.bytes.get() + bytes);
        self.kinds.borrow_mut().push(kind);
        if self.kinds.borrow().len() > MOST_NODES || self.bytes.get() > 4 * MOST_BYTES {
            return self.refuse(
                Problem::new(format!(
                    "the file has more than {MOST_NODES} values, or 4 MiB, after its aliases are expanded"
                ))
                .help("an alias (`*name`) repeats the whole value of its anchor (`&name`)"),
            );
        }
        Ok(())
    }

    fn refuse<E: Error>(&self, problem: Problem) -> Result<(), E> {
        self.refusal.set(Some(problem));
        Err(E::custom("refused"))
    }
}

impl<'de> DeserializeSeed<'de> for &Shapes {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &Shapes {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.note(NodeKind::Bool, 0)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.note(NodeKind::Number, 0)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.note(NodeKind::Number, 0)
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<(), E> {
        self.note(NodeKind::Number, 0)
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<(), E> {
        self.note(NodeKind::Number, 0)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.note(NodeKind::Number, 0)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.note(NodeKind::Text, text.len())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.note(NodeKind::Null, 0)
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        self.refuse(
            Problem::new("the file is empty")
                .help("the smallest scenario has `name`, `users`, `load` and `expect`: see scenarios/smoke.yaml"),
        )
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.note(NodeKind::List, 0)?;
        while items.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        self.note(NodeKind::Map, 0)?;
        while entries.next_key_seed(self)?.is_some() {
            entries.next_value_seed(self)?;
        }
        Ok(())
    }

    fn visit_enum<A: EnumAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        self.refuse(
            Problem::new("tags (`!name`) are not allowed in a scenario")
                .help("a value that starts with an exclamation mark needs quotes"),
        )
    }
}

/// The second pass: reads the contents, or fails at one node to find its position.
struct Builder<'k> {
    kinds: &'k [NodeKind],
    text: &'k str,
    next: Cell<usize>,
    content: Cell<Option<usize>>,
    refuse: Option<usize>,
}

impl<'k> Builder<'k> {
    fn new(kinds: &'k [NodeKind], text: &'k str, refuse: Option<usize>) -> Self {
        Self { kinds, text, next: Cell::new(0), content: Cell::new(None), refuse }
    }
}

impl<'de> DeserializeSeed<'de> for &Builder<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        let id = self.next.replace(self.next.get() + 1);
        let Some(kind) = self.kinds.get(id).copied() else {
            return Err(D::Error::custom("the text has changed"));
        };
        let content = BodyVisitor { builder: self, kind, refuse: self.refuse == Some(id) };
        let body = match kind {
            NodeKind::List => deserializer.deserialize_seq(content),
            NodeKind::Map => deserializer.deserialize_map(content),
            _ => deserializer.deserialize_str(content),
        }?;
        Ok(Node { id, body, content: self.content.take() })
    }
}

struct BodyVisitor<'b, 'k> {
    builder: &'b Builder<'k>,
    kind: NodeKind,
    refuse: bool,
}

impl BodyVisitor<'_, '_> {
    fn pass<E: Error>(&self) -> Result<(), E> {
        if self.refuse { Err(E::custom("here")) } else { Ok(()) }
    }
}

impl<'de> Visitor<'de> for BodyVisitor<'_, '_> {
    type Value = Body;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the node of the first pass")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Body, E> {
        let byte = (text.as_ptr() as usize).checked_sub(self.builder.text.as_ptr() as usize);
        self.builder.content.set(byte.filter(|byte| *byte <= self.builder.text.len()));
        self.visit_str(text)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Body, E> {
        self.pass()?;
        Ok(Body::Scalar { kind: self.kind, text: text.to_owned() })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Body, A::Error> {
        self.pass()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self.builder)? {
            list.push(item);
        }
        Ok(Body::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Body, A::Error> {
        self.pass()?;
        let mut map = Vec::new();
        while let Some(key) = entries.next_key_seed(self.builder)? {
            map.push((key, entries.next_value_seed(self.builder)?));
        }
        Ok(Body::Map(map))
    }
}
