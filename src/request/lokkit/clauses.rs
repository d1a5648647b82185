//! The clauses of a lokkit request.

use super::intents::intent_of;
use crate::argv::lokkit::{Request, What};
use crate::escape::escape;
use crate::intent::Intent;
use crate::request::clause::{Clause, Position};

/// What a request asks for. One that is refused for its words asks for nothing.
pub fn clauses(request: &Request) -> Vec<Clause> {
    if !request.errors.is_empty() {
        return Vec::new();
    }
    let clause = |(at, ask): (usize, &crate::argv::lokkit::Ask)| {
        let intent = intent(request, &ask.what)?;
        Some(Clause::at(Position::Argument(at), &ask.typed, vec![intent]))
    };
    request.asks.iter().enumerate().filter_map(clause).collect()
}

fn intent(request: &Request, what: &What) -> Option<Intent> {
    Some(match what {
        What::Entry(entry) => intent_of(entry),
        What::Switch(on) => Intent::FirewallSwitch { on: *on },
        What::Force if !request.is_forced() => return None,
        What::Force => Intent::FirewallReset { defaults: None },
        What::Default(_) => Intent::FirewallReset {
            defaults: request.default_set().map(str::to_owned),
        },
        What::Selinux(wanted) => Intent::Selinux {
            mode: wanted.mode.map(str::to_owned),
            policy: wanted.policy.as_deref().map(escape),
        },
    })
}
