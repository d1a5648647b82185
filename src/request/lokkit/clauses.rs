//! The clauses of a lokkit request.

use super::intents::intent_of;
use crate::argv::lokkit::{Action, Argument, Request};
use crate::escape::Escaped;
use crate::intent::Intent;
use crate::request::clause::{Clause, Position};

/// What a request asks for. One that is refused for its words asks for nothing.
pub(crate) fn clauses(request: &Request) -> Vec<Clause> {
    if !request.errors.is_empty() {
        return Vec::new();
    }
    let clause = |(at, argument): (usize, &Argument)| {
        let intent = intent(request, &argument.action)?;
        Some(Clause::at(Position::Argument(at), &argument.typed, vec![intent]))
    };
    request.arguments.iter().enumerate().filter_map(clause).collect()
}

fn intent(request: &Request, what: &Action) -> Option<Intent> {
    Some(match what {
        Action::Entry(entry) => intent_of(entry),
        Action::Switch(on) => Intent::FirewallSwitch { on: *on },
        Action::Force if !request.is_forced() => return None,
        Action::Force => Intent::FirewallReset { defaults: None },
        Action::Default(_) => Intent::FirewallReset {
            defaults: request.default_set().map(str::to_owned),
        },
        Action::Selinux(wanted) => Intent::Selinux {
            mode: wanted.mode.map(str::to_owned),
            policy: wanted.policy.as_deref().map(Escaped::new),
        },
    })
}
