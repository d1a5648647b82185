//! What reading the different files has in common.

use super::code::{Checked, Code};
use super::xml::{self, Element, Handler, Stop, Writer};

/// The attributes that an element must have, and those that it may have besides.
pub(super) type Attributes = (&'static [&'static str], &'static [&'static str]);

/// Checks an element's attributes; `known` is none for an element that the file cannot have. Where
/// several things are wrong, the same is reported as by `parser_check_element_attrs` of
/// `core/io/io_object.py`, which knows no nesting.
pub(super) fn check_attributes(element: &Element, known: Option<Attributes>) -> Checked<()> {
    let name = &element.name;
    let Some((required, optional)) = known else {
        return Err(Code::ParseError.about(format!("Unexpected element {name}")));
    };
    if let Some(missing) = required.iter().find(|attribute| element.get(attribute).is_none()) {
        return Err(Code::ParseError.about(format!("Missing attribute {missing} for {name}")));
    }
    let is_known = |attribute: &str| required.contains(&attribute) || optional.contains(&attribute);
    match element.attributes.iter().find(|(attribute, _)| !is_known(attribute)) {
        Some((attribute, _)) => {
            Err(Code::ParseError.about(format!("{name}: Unexpected attribute {attribute}")))
        }
        None => Ok(()),
    }
}

/// The value of an attribute. One that the check of attributes takes for optional, although it is
/// needed, ends in Python's `KeyError`, whose text is the attribute in quotes.
pub(super) fn need<'e>(element: &'e Element, attribute: &str) -> Checked<&'e str> {
    element.get(attribute).ok_or_else(|| Code::UnknownError.about(format!("'{attribute}'")))
}

/// Reads a file whose outermost element is `name`; what is not well-formed gets `code`.
pub(super) fn read(text: &str, name: &str, code: Code, handler: &mut impl Handler) -> Checked<()> {
    xml::read(text, handler).map_err(|stop| match stop {
        Stop::Refused(fault) => fault,
        Stop::Malformed(what) => code.about(format!("not a valid {name} file: {what}")),
    })
}

/// Whether an attribute says yes.
pub(super) fn is_true(value: &str) -> bool {
    matches!(value.to_lowercase().as_str(), "yes" | "true")
}

/// Adds what is not there yet; false if it is.
pub(crate) fn add_once<T: PartialEq>(list: &mut Vec<T>, value: T) -> bool {
    let is_new = !list.contains(&value);
    if is_new {
        list.push(value);
    }
    is_new
}

/// Version, short name and description, which every object has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    /// Version of the definition.
    pub version: String,
    /// Short, readable name.
    pub short: String,
    /// What it is for.
    pub description: String,
}

impl Head {
    /// Takes the version from the outermost element.
    pub(super) fn version_of(&mut self, root: &Element) {
        if let Some(version) = root.get("version") {
            version.clone_into(&mut self.version);
        }
    }

    /// Takes an element that ended, if it is one of the texts.
    pub(super) fn read(&mut self, name: &str, text: &str) {
        match name {
            "short" => text.clone_into(&mut self.short),
            "description" => text.clone_into(&mut self.description),
            _ => {}
        }
    }

    /// The version to write.
    pub(super) fn version(&self) -> Option<&str> {
        filled(&self.version)
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        for (name, text) in [("short", &self.short), ("description", &self.description)] {
            if !text.is_empty() {
                writer.text(name, &[], text);
            }
        }
    }
}

/// A text, if it is not empty.
pub(super) fn filled(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}
