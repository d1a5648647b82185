//! firewalld's XML: a reader that hands on elements one by one, as firewalld's own does, and a
//! writer that spells files as firewalld does (two blanks of indentation, one line an element).

use std::borrow::Cow;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::code::{Checked, Fault};

/// No firewalld file nests deeper than five; a limit keeps hostile files harmless.
const MAX_DEPTH: usize = 32;

/// Elements that zones have by the thousand; they are not copied for each element.
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

/// The beginning of an element.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Element {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Attributes in file order.
    pub attributes: Vec<(Cow<'static, str>, String)>,
}

impl Element {
    /// The value of an attribute.
    pub(super) fn get(&self, attribute: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(name, _)| name == attribute);
        found.map(|(_, value)| value.as_str())
    }
}

/// Takes a document element by element. What it refuses ends the reading: of several faults the
/// first in the file is reported, as by firewalld's SAX handlers (`core/io/io_object.py`).
pub(super) trait Handler {
    /// An element begins.
    ///
    /// # Errors
    /// What is wrong with it.
    fn start(&mut self, element: &Element) -> Checked<()>;

    /// An element ends; `text` is what follows the last beginning, newlines turned to blanks.
    ///
    /// # Errors
    /// What is wrong with the element as a whole.
    fn end(&mut self, name: &str, text: &str) -> Checked<()>;
}

/// Why a document is not read to its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// The handler refuses it.
    Refused(Fault),
    /// It is not well-formed: what is wrong, and in which line and column.
    Malformed(String),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Stop::Refused(fault)
    }
}

const INVALID_NUMBER: &str = "reference to invalid character number";

/// Whether XML can carry a character: a document with another one is not well-formed.
fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// Reads a document.
///
/// # Errors
/// The first thing in it that is not well-formed or that the handler refuses.
pub(super) fn read(text: &str, handler: &mut impl Handler) -> Result<(), Stop> {
    let text = match text.contains('\r') {
        true => &text.replace("\r\n", "\n").replace('\r', "\n"),
        false => text,
    };
    let text = text.trim_start_matches('\u{feff}');
    let forbidden = text.find(|c| !is_xml(c)).map(|at| at as u64);
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut document = Document {
        handler,
        depth: 0,
        done: false,
        text: String::new(),
    };
    loop {
        let event = reader.read_event().map_err(|error| {
            let at = reader.error_position();
            Stop::Malformed(format!("{error}: {}", place(text, at)))
        })?;
        let at = reader.buffer_position();
        if let Some(at) = forbidden.filter(|forbidden| *forbidden < at) {
            return Err(Stop::Malformed(format!("not well-formed (invalid token): {}", place(text, at))));
        }
        match document.event(event) {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(Stop::Malformed(what)) => {
                return Err(Stop::Malformed(format!("{what}: {}", place(text, at))));
            }
            Err(refused) => return Err(refused),
        }
    }
}

/// A document while it is read.
struct Document<'h, H> {
    handler: &'h mut H,
    /// How many elements are open.
    depth: usize,
    /// The outermost element has ended.
    done: bool,
    /// The text since the last element began.
    text: String,
}

impl<H: Handler> Document<'_, H> {
    /// Takes one event; true at the end.
    fn event(&mut self, event: Event) -> Result<bool, Stop> {
        let bad = |what: &str| Err(Stop::Malformed(what.to_owned()));
        match event {
            Event::Start(_) if self.done => return bad("junk after document element"),
            Event::Start(_) if self.depth >= MAX_DEPTH => return bad("nested too deeply"),
            Event::Start(start) => {
                let element = element(&start).map_err(Stop::Malformed)?;
                self.depth += 1;
                self.text.clear();
                self.handler.start(&element)?;
            }
            Event::End(end) => {
                self.depth -= 1;
                self.done = self.depth == 0;
                self.handler.end(end.name().0, &self.text)?;
            }
            Event::Text(more) => self.add(&more.xml10_content())?,
            Event::CData(more) => self.add(&more.xml10_content())?,
            Event::GeneralRef(reference) => {
                let named = quick_xml::escape::resolve_predefined_entity(&reference.xml10_content())
                    .map(str::to_owned);
                let numbered = reference.resolve_char_ref().ok().flatten().map(String::from);
                let Some(more) = named.or(numbered) else {
                    return bad("undefined entity");
                };
                if !more.chars().all(is_xml) {
                    return bad(INVALID_NUMBER);
                }
                self.add(&more)?;
            }
            Event::Eof if self.done => return Ok(true),
            Event::Eof => return bad("no element found"),
            _ => {}
        }
        Ok(false)
    }

    fn add(&mut self, more: &str) -> Result<(), Stop> {
        if self.depth == 0 {
            return match more.trim().is_empty() {
                true => Ok(()),
                false => Err(Stop::Malformed("not well-formed".to_owned())),
            };
        }
        let mut lines = more.split('\n');
        self.text.push_str(lines.next().unwrap_or_default());
        for line in lines {
            self.text.push(' ');
            self.text.push_str(line);
        }
        Ok(())
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

fn place(text: &str, at: u64) -> String {
    let at = usize::try_from(at).unwrap_or(usize::MAX).min(text.len());
    let before = &text.as_bytes()[..at];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|byte| **byte != b'\n').count();
    format!("line {line}, column {column}")
}

/// Writes a document.
#[derive(Debug)]
pub(super) struct Writer {
    text: String,
    open: Vec<&'static str>,
}

/// Attributes to write; those without a value are left out.
pub(super) type Attributes<'a> = &'a [(&'a str, Option<&'a str>)];

impl Writer {
    /// Begins a document with its outermost element.
    pub(super) fn new(name: &'static str, attributes: Attributes) -> Self {
        let mut writer = Writer {
            text: "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n".to_owned(),
            open: Vec::new(),
        };
        writer.open(name, attributes);
        writer
    }

    /// Begins an element on a line of its own.
    pub(super) fn open(&mut self, name: &'static str, attributes: Attributes) {
        self.tag(name, attributes);
        self.text.push_str(">\n");
        self.open.push(name);
    }

    /// Ends the element that was begun last.
    pub(super) fn close(&mut self) {
        if let Some(name) = self.open.pop() {
            self.indent();
            self.text.push_str("</");
            self.text.push_str(name);
            self.text.push_str(">\n");
        }
    }

    /// An element without content.
    pub(super) fn empty(&mut self, name: &str, attributes: Attributes) {
        self.tag(name, attributes);
        self.text.push_str("/>\n");
    }

    /// An element with text in it.
    pub(super) fn text(&mut self, name: &str, attributes: Attributes, text: &str) {
        self.tag(name, attributes);
        self.text.push('>');
        escape(&mut self.text, text);
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push_str(">\n");
    }

    /// Ends the document.
    pub(super) fn finish(mut self) -> String {
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

    /// Everything that was read, a line an event.
    #[derive(Default)]
    struct Log(String);

    impl Handler for Log {
        fn start(&mut self, element: &Element) -> Checked<()> {
            self.0 += &format!("<{}", element.name);
            for (name, value) in &element.attributes {
                self.0 += &format!(" {name}={value:?}");
            }
            self.0 += ">\n";
            match &*element.name {
                "refused" => Err(crate::firewall::firewalld::Code::ParseError.about("refused")),
                _ => Ok(()),
            }
        }

        fn end(&mut self, name: &str, text: &str) -> Checked<()> {
            self.0 += &format!("</{name}> {text:?}\n");
            Ok(())
        }
    }

    fn log(text: &str) -> Result<String, String> {
        let mut log = Log::default();
        match read(text, &mut log) {
            Ok(()) => Ok(log.0),
            Err(Stop::Malformed(what)) => Err(what),
            Err(Stop::Refused(fault)) => Err(fault.to_string()),
        }
    }

    #[test]
    fn every_kind_of_content_is_read() {
        let text = "<?xml version=\"1.0\"?>\n<!DOCTYPE x>\n<a x=\"1 &amp; &#50;\" y='\"'>\n<b/>t&lt;<![CDATA[<&>]]>\nu<!-- c --></a>\n";
        let expected = "<a x=\"1 & 2\" y=\"\\\"\">\n<b>\n</b> \"\"\n</a> \"t<<&> u\"\n";
        assert_eq!(log(text).unwrap(), expected);
    }

    #[test]
    fn the_first_fault_in_the_file_is_the_one_that_counts() {
        assert_eq!(log("<a><refused/><b></a>").unwrap_err(), "PARSE_ERROR: refused");
        assert!(log("<a><b></a><refused/>").unwrap_err().contains("line 1"));
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
            let error = log(text).unwrap_err();
            assert!(error.contains(place), "{text}: {error:?}");
        }
        assert!(log(&"<a>".repeat(100_000)).is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(value in "[ -~é\n\t]{0,20}", text in "[ -~é]{0,20}") {
            let mut writer = Writer::new("a", &[("v", Some(&value)), ("w", None)]);
            writer.text("b", &[], &text);
            let expected = format!("<a v={value:?}>\n<b>\n</b> {text:?}\n</a> ");
            prop_assert!(log(&writer.finish()).unwrap().starts_with(&expected));
        }

        #[test]
        fn reading_never_panics(text in "\\PC{0,60}") {
            let _ = log(&text);
        }
    }
}
