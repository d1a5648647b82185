//! What a run reached: every verb and how it ended, every option, specifier and type of unit.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::case::{Image, Node, Request, Stdout};
use super::image::NAMES;
use super::side::Answer;
use super::unit_text::SPECIFIERS;
use super::words::{ENVIRONMENT, FILE_VERBS, MANAGER_VERBS, OPTIONS, USERS_ENVIRONMENT};

/// Ways to call.
const WAYS: [&str; 4] = [
    "in a directory",
    "from outside",
    "with a closed stdout",
    "with a full stdout",
];

/// Counts of one run, or of several added up.
#[derive(Default)]
pub struct Coverage {
    /// By verb, and by what came of it.
    verbs: BTreeMap<&'static str, BTreeMap<&'static str, usize>>,
    others: BTreeMap<&'static str, usize>,
}

impl Coverage {
    /// Counts what an image has.
    pub fn count_image(&mut self, image: &Image) {
        for (path, node) in &image.nodes {
            for name in NAMES.iter().filter(|name| path.ends_with(&format!("/{name}"))) {
                *self.others.entry(name).or_default() += 1;
            }
            let Node::File(text) = node else { continue };
            let text = String::from_utf8_lossy(text);
            for specifier in SPECIFIERS.iter().filter(|specifier| text.contains(*specifier)) {
                *self.others.entry(specifier).or_default() += 1;
            }
        }
    }

    /// Counts a request, answered when the tree was as given.
    pub fn count(&mut self, request: &Request, before: &BTreeMap<String, String>, answer: &Answer) {
        for option in OPTIONS.iter().filter(|option| request.words.iter().any(|word| word == *option)) {
            *self.others.entry(option).or_default() += 1;
        }
        let variables = ENVIRONMENT.iter().chain(&USERS_ENVIRONMENT);
        for variable in
            variables.filter(|variable| request.environment.iter().any(|given| given == *variable))
        {
            *self.others.entry(variable).or_default() += 1;
        }
        for (what, is_so) in WAYS.iter().zip([
            !request.directory.is_empty(),
            request.from_outside,
            request.stdout == Stdout::Closed,
            request.stdout == Stdout::Full,
        ]) {
            *self.others.entry(what).or_default() += usize::from(is_so);
        }
        let Some(verb) = request.verb() else { return };
        let outcome = match (answer.exit, *before == answer.tree, answer.stderr.is_empty()) {
            (Some(0), true, true) => "silent",
            (Some(0), true, false) => "only said",
            (Some(0), false, _) => "changed",
            (_, true, _) => "failed",
            (_, false, _) => "changed, failed",
        };
        *self.verbs.entry(verb).or_default().entry(outcome).or_default() += 1;
    }

    /// Adds what another run reached.
    pub fn add(&mut self, other: Coverage) {
        for (verb, outcomes) in other.verbs {
            for (outcome, count) in outcomes {
                *self.verbs.entry(verb).or_default().entry(outcome).or_default() += count;
            }
        }
        for (what, count) in other.others {
            *self.others.entry(what).or_default() += count;
        }
    }

    /// What no request and no image had, though it is on a list.
    pub fn missed(&self) -> BTreeSet<&'static str> {
        let verbs = FILE_VERBS.iter().map(|(verb, _)| *verb).chain(MANAGER_VERBS);
        let verbs = verbs.filter(|verb| !self.verbs.contains_key(verb));
        let others = OPTIONS.into_iter().chain(SPECIFIERS).chain(NAMES).chain(WAYS);
        let others = others.chain(ENVIRONMENT).chain(USERS_ENVIRONMENT);
        verbs
            .chain(others.filter(|what| self.others.get(what).is_none_or(|count| *count == 0)))
            .collect()
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for (verb, outcomes) in &self.verbs {
            write!(f, "{verb:<24} {:>7}", outcomes.values().sum::<usize>())?;
            for (outcome, count) in outcomes {
                write!(f, "  {outcome}: {count}")?;
            }
            writeln!(f)?;
        }
        let others = self.others.iter().map(|(what, count)| format!("{what}: {count}"));
        writeln!(f, "{}", others.collect::<Vec<_>>().join(", "))
    }
}
