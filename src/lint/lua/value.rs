//! Expressions whose value is known without running them: strings, their concatenation, tables of
//! strings, and names that are set once to one of these.

use std::cell::Cell;
use std::collections::BTreeMap;

use super::lex::{Kind, Token};

/// So many names may stand for each other, and tables be in each other.
const DEPTH: usize = 8;
/// A longer text is taken as not known.
const LONGEST: usize = 64 * 1024;
/// So much is looked at for one script; after that nothing more is known.
const STEPS: usize = 100_000;
/// So many names are looked at in a list of names.
const LISTED: usize = 64;

/// The value of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Unknown,
    Text(String),
    List(Vec<String>),
}

/// Names and what they stand for.
pub(super) struct Values<'t> {
    tokens: &'t [Token],
    /// Where the expression begins that a name is set to; none for one that is set twice or by other
    /// means.
    set: BTreeMap<&'t str, Option<usize>>,
    /// The names of the loops around.
    loops: Vec<(String, String)>,
    steps: Cell<usize>,
}

impl<'t> Values<'t> {
    /// Finds what is set.
    pub(super) fn new(tokens: &'t [Token]) -> Values<'t> {
        let mut set: BTreeMap<&str, Option<usize>> = BTreeMap::new();
        for (at, token) in tokens.iter().enumerate() {
            let Kind::Name(name) = &token.kind else { continue };
            let symbol = |at: usize| match tokens.get(at).map(|token| &token.kind) {
                Some(Kind::Symbol(symbol)) => *symbol,
                _ => "",
            };
            let before = at.checked_sub(1).map_or("", symbol);
            let after = symbol(at + 1);
            // One of several, a parameter or a loop's: its value is not followed.
            let is_other = before == "," || after == "," || before == "(" && after == ")";
            let of_loop = at.checked_sub(1).and_then(|at| tokens.get(at));
            let of_loop = of_loop.is_some_and(|token| token.kind == Kind::Name("for".into()));
            let entry = match after {
                "=" if !matches!(before, "." | ":") => Some(Some(at + 2).filter(|_| before != ",")),
                _ if of_loop => Some(None),
                _ if is_other && is_set_among(tokens, at) => Some(None),
                _ => None,
            };
            if let Some(found) = entry {
                let first = !set.contains_key(name.as_str());
                set.insert(name, found.filter(|_| first));
            }
        }
        Values {
            tokens,
            set,
            loops: Vec::new(),
            steps: Cell::new(0),
        }
    }

    /// Lets a name stand for a text.
    pub(super) fn push(&mut self, name: &str, value: String) {
        self.loops.push((name.to_owned(), value));
    }

    /// The name that came last is what it was before.
    pub(super) fn pop(&mut self) {
        self.loops.pop();
    }

    /// The expression that begins at a token, and where it ends.
    pub(crate) fn expression(&self, at: usize) -> (Value, usize) {
        self.value(at, 0)
    }

    /// The arguments of a call, from behind its parenthesis.
    pub(super) fn arguments(&self, mut at: usize) -> Vec<Value> {
        let mut found = Vec::new();
        if self.is(at, ")") {
            return found;
        }
        loop {
            let (value, end) = self.value(at, 0);
            let ends = self.is(end, ",") || self.is(end, ")");
            found.push(if ends { value } else { Value::Unknown });
            at = self.skip(if ends { end } else { at });
            if !self.is(at, ",") {
                return found;
            }
            at += 1;
        }
    }

    fn is(&self, at: usize, symbol: &str) -> bool {
        matches!(self.tokens.get(at).map(|token| &token.kind), Some(Kind::Symbol(found)) if *found == symbol)
    }

    /// The next comma or closing bracket that belongs to no inner one.
    fn skip(&self, mut at: usize) -> usize {
        let mut depth = 0usize;
        while let Some(token) = self.tokens.get(at) {
            match token.kind {
                Kind::Symbol("(" | "{" | "[") => depth += 1,
                Kind::Symbol(")" | "}" | "]") if depth == 0 => return at,
                Kind::Symbol(")" | "}" | "]") => depth -= 1,
                Kind::Symbol(",") if depth == 0 => return at,
                _ => {}
            }
            at += 1;
        }
        at
    }

    fn value(&self, mut at: usize, depth: usize) -> (Value, usize) {
        let mut text = String::new();
        loop {
            let (value, end) = self.primary(at, depth);
            match value {
                Value::Text(part) if text.len() + part.len() <= LONGEST => text.push_str(&part),
                Value::List(list) if text.is_empty() && !self.is(end, "..") => {
                    return self.ended(Value::List(list), end);
                }
                _ => return (Value::Unknown, end),
            }
            if !self.is(end, "..") {
                return self.ended(Value::Text(text), end);
            }
            at = end + 1;
        }
    }

    /// An expression counts only where nothing more is done with it.
    fn ended(&self, value: Value, end: usize) -> (Value, usize) {
        let goes_on = match self.tokens.get(end).map(|token| &token.kind) {
            Some(Kind::Symbol(symbol)) => matches!(*symbol, "(" | "[" | "." | ":" | "{" | "==" | "~="),
            Some(Kind::Text(_) | Kind::Other) => true,
            Some(Kind::Name(name)) => matches!(name.as_str(), "or" | "and"),
            None => false,
        };
        (if goes_on { Value::Unknown } else { value }, end)
    }

    fn primary(&self, at: usize, depth: usize) -> (Value, usize) {
        self.steps.set(self.steps.get() + 1);
        if self.steps.get() > STEPS {
            return (Value::Unknown, at + 1);
        }
        match self.tokens.get(at).map(|token| &token.kind) {
            Some(Kind::Text(text)) => (Value::Text(text.clone()), at + 1),
            Some(Kind::Name(name)) => (self.named(name, depth), at + 1),
            Some(Kind::Symbol("{")) if depth < DEPTH => self.table(at + 1, depth),
            _ => (Value::Unknown, at + 1),
        }
    }

    fn named(&self, name: &str, depth: usize) -> Value {
        if let Some((_, value)) = self.loops.iter().rev().find(|(known, _)| known == name) {
            return Value::Text(value.clone());
        }
        match self.set.get(name) {
            Some(Some(at)) if depth < DEPTH => self.value(*at, depth + 1).0,
            _ => Value::Unknown,
        }
    }

    fn table(&self, mut at: usize, depth: usize) -> (Value, usize) {
        let mut list = Some(Vec::new());
        loop {
            if self.is(at, "}") {
                return (list.map_or(Value::Unknown, Value::List), at + 1);
            }
            let (value, end) = self.value(at, depth + 1);
            let ends = self.is(end, ",") || self.is(end, "}");
            match (value, &mut list) {
                (Value::Text(text), Some(list)) if ends => list.push(text),
                _ => list = None,
            }
            at = self.skip(if ends { end } else { at });
            if self.is(at, ",") {
                at += 1;
            } else if !self.is(at, "}") {
                return (Value::Unknown, at);
            }
        }
    }
}

/// Whether a name in a list of names is one that is set: `local a, b = ...`, `for a, b in ...` or
/// `function (a, b)`. Arguments of calls are not; of what is unsure it is said that they are.
fn is_set_among(tokens: &[Token], at: usize) -> bool {
    let is_listed = |token: &&Token| matches!(token.kind, Kind::Name(_) | Kind::Symbol(","));
    let before: Vec<&Token> = tokens[..at].iter().rev().take(LISTED).take_while(is_listed).collect();
    let after = tokens[at..].iter().take(LISTED).find(|token| !is_listed(token)).map(|token| &token.kind);
    if before.len() == LISTED || after.is_none() {
        return true;
    }
    let keyword = |word: &str| before.iter().any(|token| token.kind == Kind::Name(word.into()));
    let mut above = tokens[..at].iter().rev().skip(before.len()).map(|token| &token.kind);
    let of_function = above.next() == Some(&Kind::Symbol("("))
        && above.take(4).any(|kind| *kind == Kind::Name("function".into()));
    keyword("local") || keyword("for") || of_function || after == Some(&Kind::Symbol("="))
}
