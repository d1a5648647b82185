//! What reading the different files has in common.

use super::code::{Checked, Code};
use super::xml::{Element, Writer};

/// An attribute that must be there.
pub(super) fn need(element: &Element, attribute: &str) -> Checked<String> {
    element
        .get(attribute)
        .map(str::to_owned)
        .ok_or_else(|| Code::ParseError.about(format!("Missing attribute {attribute} for {}", element.name)))
}

/// Refuses attributes other than these.
pub(super) fn only(element: &Element, known: &[&str]) -> Checked<()> {
    match element.attributes.iter().find(|(name, _)| !known.contains(&&**name)) {
        Some((name, _)) => {
            Err(Code::ParseError.about(format!("{}: Unexpected attribute {name}", element.name)))
        }
        None => Ok(()),
    }
}

/// An element that the file cannot have.
pub(super) fn unexpected<T>(element: &Element) -> Checked<T> {
    Err(Code::ParseError.about(format!("Unexpected element {}", element.name)))
}

/// Checks the outermost element.
pub(super) fn expect_root(element: &Element, name: &str) -> Checked<()> {
    if element.name == name {
        Ok(())
    } else {
        unexpected(element)
    }
}

/// Reads a document whose outermost element is `name`; what is not well-formed gets `code`.
pub(super) fn document(text: &str, name: &str, code: Code) -> Checked<Element> {
    let root = super::xml::parse(text).map_err(|error| match error.root {
        // The outermost element is looked at before what comes after it.
        Some(root) if root != name => Code::ParseError.about(format!("Unexpected element {root}")),
        _ => code.about(format!("not a valid {name} file: {}", error.what)),
    })?;
    expect_root(&root, name)?;
    Ok(root)
}

/// Whether an attribute says yes.
pub(super) fn is_true(value: &str) -> bool {
    matches!(value.to_lowercase().as_str(), "yes" | "true")
}

/// Adds what is not there yet.
pub(super) fn add_once<T: PartialEq>(list: &mut Vec<T>, value: T) {
    if !list.contains(&value) {
        list.push(value);
    }
}

/// Version, short name and description, which every object has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    /// Attribute `version`.
    pub version: String,
    /// A readable name.
    pub short: String,
    /// What it is for, in one line.
    pub description: String,
}

impl Head {
    /// Reads one of the elements; false if it is another one.
    pub(super) fn read(&mut self, child: &Element) -> bool {
        match &*child.name {
            "short" => self.short.clone_from(&child.text),
            "description" => self.description.clone_from(&child.text),
            _ => return false,
        }
        true
    }

    /// The version as an attribute.
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

/// A text, if there is one.
pub(super) fn filled(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}
