//! Carrying out `systemd-update-helper`: the calls of systemctl that its verbs come to, made in process.

#[cfg(test)]
mod tests;

use crate::argv::update_helper::Request;
use crate::request::{self, Call, Clause, Position, Reply, systemctl};

const MISUSE: u8 = 1;
const UNKNOWN_VERB: u8 = 3;

/// Carries a request out.
pub(super) fn execute(call: &Call, request: Request) -> Reply {
    let redirect = |parsed| request::redirect(call, request::Request::Systemctl(parsed));
    match request {
        Request::Systemctl(parsed) => redirect(parsed),
        Request::Mark(units) => {
            let mut reply = Reply::new();
            for (_, parsed) in units {
                let marked = redirect(parsed);
                reply.intents.extend(marked.intents);
                reply.warnings.extend(marked.warnings);
            }
            reply
        }
        Request::Manager => Reply::new(),
        Request::Unknown(verb) => Reply::error(format!("Unknown verb '{verb}'"), UNKNOWN_VERB),
        Request::Missing => Reply::error(format!("{}: a verb is required", call.argv0), MISUSE),
    }
}

/// What a request asks for: the clauses of the calls that the helper makes for it, one for each unit.
pub(super) fn clauses(request: &Request) -> Vec<Clause> {
    match request {
        Request::Systemctl(parsed) => systemctl::clauses(parsed),
        Request::Mark(units) => {
            let clause = |(at, (unit, parsed)): (usize, &(String, _))| {
                let intents = systemctl::clauses(parsed).into_iter().flat_map(|clause| clause.intents);
                Clause::at(Position::Argument(at), unit, intents.collect())
            };
            units.iter().enumerate().map(clause).collect()
        }
        Request::Manager | Request::Unknown(_) | Request::Missing => Vec::new(),
    }
}

/// A request without one of its units.
pub(super) fn without(request: Request, at: usize) -> Request {
    match request {
        Request::Systemctl(parsed) => Request::Systemctl(systemctl::without(parsed, at)),
        Request::Mark(mut units) => {
            drop(units.remove(at));
            Request::Mark(units)
        }
        other => other,
    }
}
