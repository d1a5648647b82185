//! A script as it is put together while it is read: commands, loops and what variables are set to.

use std::collections::BTreeMap;

use super::word::Raw;

/// Loops and substitutions are followed so deep.
pub(super) const DEPTH: usize = 16;

/// A command as it is written.
pub(super) struct RawCommand {
    pub line: usize,
    pub words: Vec<Raw>,
    /// The files that its output goes to.
    pub writes: Vec<Raw>,
    /// Its input is the output of the command before it.
    pub reads_pipe: bool,
    /// Its place among all commands and assignments.
    pub at: usize,
}

/// `for VARIABLE in WORDS`
pub(super) struct Loop {
    pub variable: String,
    /// None if they are not known, or the body sets the variable itself.
    pub words: Option<Vec<Raw>>,
    pub body: Vec<Node>,
    pub at: usize,
}

pub(super) enum Node {
    Command(RawCommand),
    Loop(Loop),
}

/// A value, and its place among all commands and assignments.
pub(super) struct Assigned {
    pub value: Raw,
    pub at: usize,
}

/// A script that was read.
pub(super) struct Script {
    pub nodes: Vec<Node>,
    /// Variables; `None` for one that is set more than once or by other means.
    pub values: BTreeMap<String, Option<Assigned>>,
}

/// A script that is being read.
#[derive(Default)]
pub(super) struct Builder {
    nodes: Vec<Node>,
    /// Loops that are not closed yet: where their bodies begin among the nodes, and themselves; none for one
    /// without a variable, and in too many others. Only those that become nodes move their bodies, so that
    /// reading takes time in proportion to the script.
    open: Vec<(usize, Option<Loop>)>,
    values: BTreeMap<String, Option<Assigned>>,
    /// How many commands and assignments there were.
    pub at: usize,
}

impl Builder {
    /// Closes the loops that the script leaves open.
    pub(crate) fn close_all(&mut self) {
        while !self.open.is_empty() {
            self.close();
        }
    }

    pub(super) fn finish(self) -> Script {
        Script {
            nodes: self.nodes,
            values: self.values,
        }
    }

    /// Adds a command, which gets its place.
    pub(super) fn command(&mut self, command: RawCommand) {
        self.at += 1;
        self.nodes.push(Node::Command(RawCommand {
            at: self.at,
            ..command
        }));
    }

    /// Adds the commands of a substitution. What it assigns is set in it alone.
    pub(crate) fn take_over(&mut self, mut inner: Builder) {
        self.at = inner.at;
        self.nodes.append(&mut inner.nodes);
    }

    /// Sets a variable. One that is set a second time, or to what is not known, has no value any more.
    pub(crate) fn assign(&mut self, name: String, value: Option<Raw>) {
        self.at += 1;
        for (_, around) in self.open.iter_mut().take(DEPTH) {
            if let Some(around) = around.as_mut().filter(|around| around.variable == name) {
                around.words = None;
            }
        }
        let is_first = !self.values.contains_key(&name);
        let at = self.at;
        let assigned = value.filter(|_| is_first).map(|value| Assigned { value, at });
        self.values.insert(name, assigned);
    }

    /// Opens a loop by its first words; returns those of a command that follows `do` at once.
    pub(crate) fn for_loop(&mut self, mut words: Vec<Raw>) -> Vec<Raw> {
        let Some(variable) = words.get(1).map(|word| word.written.clone()) else {
            // `for ((...))`
            self.open_loop(None);
            return Vec::new();
        };
        let is_listed = words.get(2).and_then(Raw::bare) == Some("in") && words[0].written == "for";
        let rest = words.split_off(words.len().min(3));
        let (listed, command) = match is_listed {
            true => (Some(rest), Vec::new()),
            false => (None, rest),
        };
        // Its value outside of the loop is not known.
        self.assign(variable.clone(), None);
        self.open_loop(Some(Loop {
            variable,
            words: listed,
            body: Vec::new(),
            at: self.at,
        }));
        command
    }

    pub(crate) fn open_loop(&mut self, found: Option<Loop>) {
        self.open.push((self.nodes.len(), found.filter(|_| self.open.len() < DEPTH)));
    }

    /// Closes the innermost loop. One without a variable, or in too many others, is what is in it.
    pub(super) fn close(&mut self) {
        if let Some((start, Some(found))) = self.open.pop() {
            let body = self.nodes.split_off(start.min(self.nodes.len()));
            self.nodes.push(Node::Loop(Loop { body, ..found }));
        }
    }
}
