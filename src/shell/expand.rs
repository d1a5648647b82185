//! From a scanned script to its commands: variables of one plain value are put in, and loops over
//! words that are known are run through. Nothing is guessed: what depends on anything else stays as
//! it is written and is marked so.

use std::collections::HashSet;

use super::script::{Loop, Node, RawCommand, Script};
use super::word::{Piece, Raw};
use super::{Command, Word};

/// So much work is done for one script; what is left then is taken as not known.
const STEPS: usize = 20_000;
/// So many variables may stand for each other.
const DEPTH: usize = 8;

struct Expander<'s> {
    script: &'s Script,
    /// Variables of the enclosing loops, and their current values.
    loops: Vec<(&'s str, Option<String>)>,
    found: Vec<Command>,
    steps: usize,
}

/// The commands, in the order in which they run.
pub(super) fn expand(script: &Script) -> Vec<Command> {
    let mut expander = Expander {
        script,
        loops: Vec::new(),
        found: Vec::new(),
        steps: 0,
    };
    expander.nodes(&script.nodes);
    expander.found
}

impl<'s> Expander<'s> {
    fn nodes(&mut self, nodes: &'s [Node]) {
        for node in nodes {
            self.steps += 1;
            match node {
                Node::Command(command) => self.command(command),
                Node::Loop(found) => self.run_through(found),
            }
        }
    }

    fn command(&mut self, raw: &RawCommand) {
        let words = raw.words.iter().flat_map(|word| self.words(word, raw.at)).collect();
        let writes = raw.writes.iter().flat_map(|word| self.words(word, raw.at)).collect();
        self.found.push(Command {
            line: raw.line,
            words,
            writes,
            reads_pipe: raw.reads_pipe,
        });
    }

    fn run_through(&mut self, found: &'s Loop) {
        let start = self.found.len();
        let mut values: Vec<Option<String>> = Vec::new();
        match &found.words {
            None => values.push(None),
            Some(words) => {
                for word in words.iter().flat_map(|word| self.words(word, found.at)) {
                    values.push(word.resolved.then_some(word.text));
                }
            }
        }
        let mut known = HashSet::new();
        values.retain(|value| known.insert(value.clone()));
        for value in values {
            let spent = self.steps > STEPS;
            self.loops.push((&found.variable, value.filter(|_| !spent)));
            self.nodes(&found.body);
            self.loops.pop();
            if spent {
                break;
            }
        }
        // What does not depend on the variable is the same each time.
        let mut known = HashSet::new();
        let body: Vec<Command> = self.found.drain(start..).filter(|one| known.insert(one.clone())).collect();
        self.found.extend(body);
    }

    /// The words that a word expands to: a variable with blanks in its value gives several.
    fn words(&mut self, raw: &Raw, at: usize) -> Vec<Word> {
        self.split(raw, at).unwrap_or_else(|| {
            vec![Word {
                text: raw.written.clone(),
                resolved: false,
                line: raw.line,
            }]
        })
    }

    fn split(&mut self, raw: &Raw, at: usize) -> Option<Vec<Word>> {
        if raw.opaque {
            return None;
        }
        let mut texts = Vec::new();
        let mut current = raw.quoted.then(String::new);
        for piece in &raw.pieces {
            match piece {
                Piece::Text(text) => current.get_or_insert_default().push_str(text),
                Piece::Variable { name, quoted: true } => {
                    let value = self.value(name, at, 0)?;
                    current.get_or_insert_default().push_str(&value);
                }
                Piece::Variable { name, .. } => {
                    let value = self.value(name, at, 0)?;
                    if value.contains(['*', '?', '[', '\\']) {
                        return None;
                    }
                    for (number, part) in value.split([' ', '\t', '\n']).enumerate() {
                        if number > 0 {
                            texts.extend(current.take());
                        }
                        if !part.is_empty() {
                            current.get_or_insert_default().push_str(part);
                        }
                    }
                }
            }
        }
        texts.extend(current);
        let word = |text| Word {
            text,
            resolved: true,
            line: raw.line,
        };
        Some(texts.into_iter().map(word).collect())
    }

    /// The value of a variable at the place where it is used; none if it is not known.
    fn value(&mut self, name: &str, at: usize, depth: usize) -> Option<String> {
        self.steps += 1;
        if let Some((_, value)) = self.loops.iter().rev().find(|(known, _)| *known == name) {
            return value.clone();
        }
        let script = self.script;
        let assigned = script.values.get(name)?.as_ref().filter(|assigned| assigned.at < at)?;
        if assigned.value.opaque || depth == DEPTH || self.steps > STEPS {
            return None;
        }
        let mut text = String::new();
        for piece in &assigned.value.pieces {
            match piece {
                Piece::Text(part) => text.push_str(part),
                Piece::Variable { name, .. } => text.push_str(&self.value(name, assigned.at, depth + 1)?),
            }
        }
        Some(text)
    }
}
