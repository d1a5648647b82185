//! firewalld's XML: a small tree that keeps every element, attribute and text, and a writer that
//! spells files as firewalld does (two blanks of indentation, one line an element).

use std::borrow::Cow;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

/// No firewalld file nests deeper than five; a limit keeps hostile files harmless.
const MAX_DEPTH: usize = 32;

/// Names that zones have by the thousand; they are not copied for each element.
const FREQUENT: [&str; 12] = [
    "port",
    "protocol",
    "name",
    "service",
    "value",
    "to-port",
    "to-addr",
    "address",
    "source",
    "family",
    "forward-port",
    "rule",
];

/// An element with what is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Attributes in file order.
    pub attributes: Vec<(Cow<'static, str>, String)>,
    /// Elements in file order.
    pub children: Vec<Element>,
    /// The text directly in it, put together, newlines turned to blanks.
    pub text: String,
}

impl Element {
    /// The value of an attribute.
    pub fn get(&self, attribute: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(name, _)| name == attribute);
        found.map(|(_, value)| value.as_str())
    }
}

/// What keeps a document from being read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// What is wrong, and in which line and column.
    pub what: String,
    /// The name of the outermost element, where the trouble comes after its beginning.
    pub root: Option<String>,
}

const INVALID_NUMBER: &str = "reference to invalid character number";

/// Whether XML can carry a character: a document with another one is not well-formed.
fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// Reads a document.
pub fn parse(text: &str) -> Result<Element, Malformed> {
    let mut root = None;
    read(text, &mut root).map_err(|what| Malformed { what, root })
}

fn read(text: &str, root: &mut Option<String>) -> Result<Element, String> {
    let text = match text.contains('\r') {
        true => &text.replace("\r\n", "\n").replace('\r', "\n"),
        false => text,
    };
    let text = text.trim_start_matches('\u{feff}');
    let forbidden = text.find(|c| !is_xml(c)).map(|at| at as u64);
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut stack: Vec<Element> = Vec::new();
    let mut document = None;
    loop {
        let event = reader.read_event().map_err(|error| {
            let at = reader.error_position();
            format!("{error}: {}", place(text, at))
        })?;
        let bad = |what: &str| format!("{what}: {}", place(text, reader.buffer_position()));
        if let Some(at) = forbidden.filter(|at| *at < reader.buffer_position()) {
            return Err(format!("not well-formed (invalid token): {}", place(text, at)));
        }
        match event {
            Event::Start(_) if document.is_some() => return Err(bad("junk after document element")),
            Event::Start(_) if stack.len() >= MAX_DEPTH => return Err(bad("nested too deeply")),
            Event::Start(start) => {
                let element = element(&start).map_err(|what| bad(&what))?;
                root.get_or_insert_with(|| element.name.to_string());
                stack.push(element);
            }
            Event::End(_) => {
                let done = stack.pop().unwrap_or_default();
                match stack.last_mut() {
                    Some(parent) => parent.children.push(done),
                    None => document = Some(done),
                }
            }
            Event::Text(more) => add(&mut stack, &more.xml10_content()).map_err(bad)?,
            Event::CData(more) => add(&mut stack, &more.xml10_content()).map_err(bad)?,
            Event::GeneralRef(reference) => {
                let named = quick_xml::escape::resolve_predefined_entity(&reference.xml10_content())
                    .map(str::to_owned);
                let numbered = reference.resolve_char_ref().ok().flatten().map(String::from);
                let more = named.or(numbered).ok_or_else(|| bad("undefined entity"))?;
                if !more.chars().all(is_xml) {
                    return Err(bad(INVALID_NUMBER));
                }
                add(&mut stack, &more).map_err(bad)?;
            }
            Event::Eof if stack.is_empty() => {
                return document.ok_or_else(|| bad("no element found"));
            }
            Event::Eof => return Err(bad("no element found")),
            _ => {}
        }
    }
}

fn shared(name: &str) -> Cow<'static, str> {
    let known = FREQUENT.iter().find(|known| **known == name);
    known.map_or_else(|| Cow::Owned(name.to_owned()), |known| Cow::Borrowed(*known))
}

fn element(start: &BytesStart) -> Result<Element, String> {
    let mut element = Element {
        name: shared(start.name().0),
        ..Element::default()
    };
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| error.to_string())?;
        if !value.chars().all(is_xml) {
            return Err(INVALID_NUMBER.to_owned());
        }
        element.attributes.push((shared(attribute.key.0), value.into_owned()));
    }
    Ok(element)
}

fn add(stack: &mut [Element], more: &str) -> Result<(), &'static str> {
    match stack.last_mut() {
        Some(element) => {
            let mut lines = more.split('\n');
            element.text.push_str(lines.next().unwrap_or_default());
            for line in lines {
                element.text.push(' ');
                element.text.push_str(line);
            }
            Ok(())
        }
        None if more.trim().is_empty() => Ok(()),
        None => Err("not well-formed"),
    }
}

fn place(text: &str, at: u64) -> String {
    let at = usize::try_from(at).unwrap_or(usize::MAX).min(text.len());
    let before = &text.as_bytes()[..at];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|byte| **byte != b'\n').count();
    format!("line {line}, column {column}")
}

/// Writes a document.
#[derive(Debug)]
pub struct Writer {
    text: String,
    open: Vec<&'static str>,
}

/// Attributes to write; those without a value are left out.
pub type Attributes<'a> = &'a [(&'a str, Option<&'a str>)];

impl Writer {
    /// Begins a document with its outermost element.
    pub fn new(name: &'static str, attributes: Attributes) -> Self {
        let mut writer = Writer {
            text: "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n".to_owned(),
            open: Vec::new(),
        };
        writer.open(name, attributes);
        writer
    }

    /// Begins an element on a line of its own.
    pub fn open(&mut self, name: &'static str, attributes: Attributes) {
        self.tag(name, attributes);
        self.text.push_str(">\n");
        self.open.push(name);
    }

    /// Ends the element that was begun last.
    pub fn close(&mut self) {
        if let Some(name) = self.open.pop() {
            self.indent();
            self.text.push_str("</");
            self.text.push_str(name);
            self.text.push_str(">\n");
        }
    }

    /// An element without content.
    pub fn empty(&mut self, name: &str, attributes: Attributes) {
        self.tag(name, attributes);
        self.text.push_str("/>\n");
    }

    /// An element with text in it.
    pub fn text(&mut self, name: &str, attributes: Attributes, text: &str) {
        self.tag(name, attributes);
        self.text.push('>');
        escape(&mut self.text, text);
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push_str(">\n");
    }

    /// Ends the document.
    pub fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.text
    }

    fn indent(&mut self) {
        for _ in &self.open {
            self.text.push_str("  ");
        }
    }

    fn tag(&mut self, name: &str, attributes: Attributes) {
        self.indent();
        self.text.push('<');
        self.text.push_str(name);
        for (name, value) in attributes {
            if let Some(value) = value {
                self.text.push(' ');
                self.text.push_str(name);
                self.text.push('=');
                quote(&mut self.text, value);
            }
        }
    }
}

/// Writes text with escapes. Characters that XML cannot carry are left out, since a file with one
/// would keep the firewall from starting.
fn escape(into: &mut String, text: &str) {
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./: ".contains(&byte)) {
        into.push_str(text);
        return;
    }
    for c in text.chars() {
        match c {
            '&' => into.push_str("&amp;"),
            '<' => into.push_str("&lt;"),
            '>' => into.push_str("&gt;"),
            c if is_xml(c) => into.push(c),
            _ => {}
        }
    }
}

/// Writes an attribute's value with its quotes: single ones if only double ones are in it.
fn quote(into: &mut String, value: &str) {
    let (double, single) = (value.contains('"'), value.contains('\''));
    let mark = if double && !single { '\'' } else { '"' };
    into.push(mark);
    let begin = into.len();
    escape(into, value);
    let special = |c: char| matches!(c, '\n' | '\r' | '\t') || c == '"' && mark == '"';
    if value.contains(special) {
        let escaped = into.split_off(begin);
        let escaped = escaped.replace('\n', "&#10;").replace('\r', "&#13;").replace('\t', "&#9;");
        match double && single {
            true => into.push_str(&escaped.replace('"', "&quot;")),
            false => into.push_str(&escaped),
        }
    }
    into.push(mark);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_kind_of_content_is_read() {
        let text = "<?xml version=\"1.0\"?>\n<!DOCTYPE x>\n<a x=\"1 &amp; &#50;\" y='\"'>\n<b/>t&lt;<![CDATA[<&>]]>\nu<!-- c --></a>\n";
        let a = parse(text).unwrap();
        assert_eq!(a.get("x"), Some("1 & 2"));
        assert_eq!(a.get("y"), Some("\""));
        assert_eq!(a.children[0].name, "b");
        assert_eq!(a.text, " t<<&> u");
    }

    #[test]
    fn what_is_not_well_formed_is_refused_with_its_place() {
        for (text, place) in [
            ("", "line 1, column 0"),
            ("<a>\n<b>\n</a>", "line 3"),
            ("<a>\n", "line 2, column 0"),
            ("<a/><b/>", "line 1"),
            ("x<a/>", "line 1"),
            ("<a b=1/>", "line 1"),
            ("<a>&nix;</a>", "line 1"),
            ("<a>\n-\u{1}</a>", "(invalid token): line 2, column 1"),
            ("<a b=\"\0\"/>", "(invalid token): line 1, column 6"),
            ("<a>\u{ffff}</a>", "(invalid token): line 1, column 3"),
            ("<a></b>\u{1}</a>", "line 1, column 3"),
            ("<a>&#1;</a>", "invalid character number: line 1"),
            ("<a b='&#x1f;'/>", "invalid character number: line 1"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.what.contains(place), "{text}: {error:?}");
        }
        assert!(parse(&"<a>".repeat(100_000)).is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(value in "[ -~é\n\t]{0,20}", text in "[ -~é]{0,20}") {
            let mut writer = Writer::new("a", &[("v", Some(&value)), ("w", None)]);
            writer.text("b", &[], &text);
            let read = parse(&writer.finish()).unwrap();
            prop_assert_eq!(read.get("v"), Some(value.as_str()));
            prop_assert_eq!(read.get("w"), None);
            prop_assert_eq!(&read.children[0].text, &text);
        }

        #[test]
        fn reading_never_panics(text in "\\PC{0,60}") {
            let _ = parse(&text);
        }
    }
}
