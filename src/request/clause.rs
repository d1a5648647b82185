//! One of the things that a request asks for.

use crate::intent::{Intent, Scope, UnitWant};

/// Something that a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// Where it is in the request, if the request makes sense without it.
    pub position: Option<Position>,
    /// What messages call it; none for the whole request.
    pub word: Option<String>,
    /// What it asks for.
    pub intents: Vec<Intent>,
}

/// A part of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Position {
    /// One of its arguments, or of lokkit's options.
    Argument(usize),
    /// An option of firewalld's tools.
    Option(&'static str),
    /// One of the values of such an option.
    Value(&'static str, usize),
}

impl Clause {
    /// A clause that can be left out.
    pub(super) fn at(position: Position, word: impl Into<String>, intents: Vec<Intent>) -> Clause {
        Clause {
            position: Some(position),
            word: Some(word.into()),
            intents,
        }
    }

    /// A clause that is the whole request.
    pub(super) fn whole(intent: Intent) -> Clause {
        Clause {
            position: None,
            word: None,
            intents: vec![intent],
        }
    }

    /// A clause for each argument that asks for something.
    pub(super) fn each(arguments: &[String], intents: impl Fn(&str) -> Vec<Intent>) -> Vec<Clause> {
        let clause = |(at, word): (usize, &String)| {
            let intents = intents(word);
            (!intents.is_empty()).then(|| Clause::at(Position::Argument(at), word, intents))
        };
        arguments.iter().enumerate().filter_map(clause).collect()
    }
}

/// An intent about a unit.
pub(super) fn unit_intent(unit: String, want: UnitWant, scope: Scope) -> Intent {
    Intent::Unit {
        unit,
        want,
        scope,
        rule: None,
    }
}
