//! A case: an image's unit files and the requests about them, in a form that can be printed,
//! kept and run again.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};

/// What lies at a path.
#[derive(Clone, PartialEq)]
pub enum Node {
    /// A file with this content.
    File(Vec<u8>),
    /// A link.
    Link(String),
    /// A directory.
    Dir,
}

/// The part of an image that systemctl looks at.
#[derive(Clone, Default)]
pub struct Image {
    /// By absolute path.
    pub nodes: BTreeMap<String, Node>,
    /// It lies in a directory of the image, for requests with `--root`.
    pub is_below: bool,
}

/// What standard output is.
#[derive(Clone, Copy, Default, PartialEq)]
pub enum Stdout {
    /// A file.
    #[default]
    Kept,
    /// Nothing: it is closed.
    Closed,
    /// A device without room.
    Full,
}

impl Stdout {
    const ALL: [Stdout; 3] = [Stdout::Kept, Stdout::Closed, Stdout::Full];

    /// Its name, in a case and for `serve.c`.
    pub fn word(self) -> &'static str {
        match self {
            Stdout::Kept => "kept",
            Stdout::Closed => "closed",
            Stdout::Full => "full",
        }
    }
}

/// A call of systemctl.
#[derive(Clone, Default)]
pub struct Request {
    /// The working directory; empty is the root.
    pub directory: String,
    /// Where it prints to.
    pub stdout: Stdout,
    /// The original is called from outside of any root, for an image that lies below one.
    pub from_outside: bool,
    /// Variables that it has besides the usual ones, as `NAME=VALUE`.
    pub environment: Vec<String>,
    /// Its arguments.
    pub words: Vec<String>,
}

impl Request {
    fn is_usual(&self) -> bool {
        let is_usual_place = self.directory.is_empty() && !self.from_outside;
        is_usual_place && self.stdout == Stdout::Kept && self.environment.is_empty()
    }

    fn to_value(&self) -> Value {
        if self.is_usual() {
            return json!(self.words);
        }
        json!({
            "directory": self.directory,
            "stdout": self.stdout.word(),
            "outside": self.from_outside,
            "environment": self.environment,
            "words": self.words,
        })
    }

    fn of_value(value: &Value) -> Request {
        if value.is_array() {
            return Request {
                words: words_of(value),
                ..Request::default()
            };
        }
        let stdout = Stdout::ALL.into_iter().find(|stdout| value["stdout"] == stdout.word());
        Request {
            directory: value["directory"].as_str().unwrap_or_default().to_owned(),
            stdout: stdout.unwrap_or_default(),
            from_outside: value["outside"] == true,
            environment: words_of(&value["environment"]),
            words: words_of(&value["words"]),
        }
    }
}

/// An image and what is asked of it, in order.
#[derive(Clone)]
pub struct Case {
    /// The image.
    pub image: Image,
    /// The requests.
    pub requests: Vec<Request>,
    /// Generations that it says nothing about: the faults of these originals are not repeated.
    pub except: Vec<String>,
}

/// Bytes as text, a character a byte: every content can be written so.
fn text_of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

fn bytes_of(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).expect("a character a byte")).collect()
}

fn words_of(value: &Value) -> Vec<String> {
    let words = value.as_array().into_iter().flatten();
    words.map(|word| word.as_str().expect("a word").to_owned()).collect()
}

impl Case {
    /// One line of JSON, as [`Case::parse`] reads it.
    pub fn to_json(&self) -> String {
        let nodes = self.image.nodes.iter().map(|(path, node)| {
            let value = match node {
                Node::File(content) => json!({ "file": text_of(content) }),
                Node::Link(target) => json!({ "link": target }),
                Node::Dir => json!({ "directory": true }),
            };
            (path.clone(), value)
        });
        let requests = self.requests.iter().map(Request::to_value);
        json!({
            "below": self.image.is_below,
            "image": nodes.collect::<serde_json::Map<_, _>>(),
            "requests": requests.collect::<Vec<_>>(),
        })
        .to_string()
    }

    /// Reads what [`Case::to_json`] writes.
    pub fn parse(text: &str) -> Case {
        let value: Value = serde_json::from_str(text).expect("a case in JSON");
        let node = |value: &Value| match (value["file"].as_str(), value["link"].as_str()) {
            (Some(content), _) => Node::File(bytes_of(content)),
            (None, Some(target)) => Node::Link(target.to_owned()),
            (None, None) => Node::Dir,
        };
        let nodes = value["image"].as_object().expect("an image").iter();
        let requests = value["requests"].as_array().expect("requests").iter();
        Case {
            image: Image {
                nodes: nodes.map(|(path, value)| (path.clone(), node(value))).collect(),
                is_below: value["below"] == true,
            },
            requests: requests.map(Request::of_value).collect(),
            except: words_of(&value["except"]),
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if !self.directory.is_empty() {
            write!(f, "cd {}; ", self.directory)?;
        }
        for variable in &self.environment {
            write!(f, "{variable} ")?;
        }
        write!(f, "systemctl")?;
        for word in &self.words {
            if word.is_empty() || word.contains(|c: char| c.is_whitespace() || "'\"\\*".contains(c)) {
                write!(f, " {word:?}")?;
            } else {
                write!(f, " {word}")?;
            }
        }
        match self.stdout {
            Stdout::Kept => {}
            Stdout::Closed => write!(f, " >&-")?,
            Stdout::Full => write!(f, " >/dev/full")?,
        }
        if self.from_outside {
            write!(f, "  # from outside")?;
        }
        Ok(())
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if self.image.is_below {
            writeln!(f, "  below /opt/image:")?;
        }
        for (path, node) in &self.image.nodes {
            match node {
                Node::File(text) => writeln!(f, "  {path}: {:?}", String::from_utf8_lossy(text))?,
                Node::Link(target) => writeln!(f, "  {path} -> {target}")?,
                Node::Dir => writeln!(f, "  {path}/")?,
            }
        }
        for request in &self.requests {
            writeln!(f, "$ {request}")?;
        }
        Ok(())
    }
}
