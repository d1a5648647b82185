//! What a request asks for, clause by clause, and requests without some of their clauses.
//!
//! Clauses are derived from the request alone: what only the image tells (which unit an alias is, what
//! a preset says) shows when the request has been carried out.

use super::{firewalld, lokkit, service, systemctl, update_helper};
use crate::argv::Request;
use crate::argv::chkconfig::{self, SysvInstall, Verb};
use crate::argv::sysv_convert;
use crate::intent::{Intent, Scope, ServiceWant, UnitWant};
use crate::root::Root;

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
}

impl Request {
    /// What it asks for, in order; nothing if it is a query or is refused for its words. `root` says
    /// what names of ports stand for.
    pub fn clauses(&self, root: &Root) -> Vec<Clause> {
        match self {
            Request::Systemctl(parsed) => systemctl::clauses(parsed),
            Request::Chkconfig(parsed) => of_chkconfig(parsed).into_iter().collect(),
            Request::Service(request) => service::clause(request).into_iter().collect(),
            Request::Lokkit(request) => lokkit::clauses(request),
            Request::FirewallCmd(parsed) | Request::FirewallOfflineCmd(parsed) => {
                parsed.as_ref().map_or_else(|_| Vec::new(), |given| firewalld::clauses(given, root))
            }
            Request::UpdateHelper(request) => update_helper::clauses(request),
            Request::SysvInstall(parsed) => of_sysv_install(parsed).into_iter().collect(),
            Request::SysvConvert(request) => of_sysv_convert(request.as_ref()),
        }
    }

    /// The request without the clauses that are not kept; none if nothing is kept, if one of the others
    /// cannot be left out, or if what is left would not ask for exactly what is kept.
    pub fn without(&self, held: &[&Clause], kept: &[&Clause], root: &Root) -> Option<Request> {
        if kept.is_empty() {
            return None;
        }
        let mut positions = held.iter().map(|clause| clause.position).collect::<Option<Vec<_>>>()?;
        // From the last to the first, so that the others stay where they are.
        positions.sort();
        let request = positions.iter().rev().try_fold(self.clone(), Request::remove)?;
        let left = request.clauses(root);
        let asks = |clause: &Clause| (clause.word.clone(), clause.intents.clone());
        let same = left.iter().map(asks).eq(kept.iter().map(|clause| asks(clause)));
        same.then_some(request)
    }

    fn remove(self, position: &Position) -> Option<Request> {
        Some(match (self, *position) {
            (Request::Systemctl(parsed), Position::Argument(at)) => {
                Request::Systemctl(systemctl::without(parsed, at))
            }
            (Request::Lokkit(mut request), Position::Argument(at)) => {
                request.asks.remove(at);
                Request::Lokkit(request)
            }
            (Request::FirewallCmd(Ok(given)), position) => {
                Request::FirewallCmd(Ok(firewalld::without(given, position)?))
            }
            (Request::FirewallOfflineCmd(Ok(given)), position) => {
                Request::FirewallOfflineCmd(Ok(firewalld::without(given, position)?))
            }
            (Request::UpdateHelper(request), Position::Argument(at)) => {
                Request::UpdateHelper(update_helper::without(request, at))
            }
            (
                Request::SysvConvert(Some(sysv_convert::Request::Apply(mut services))),
                Position::Argument(at),
            ) => {
                services.remove(at);
                Request::SysvConvert(Some(sysv_convert::Request::Apply(services)))
            }
            _ => return None,
        })
    }
}

/// A intent about a unit.
pub(super) fn unit_intent(unit: String, want: UnitWant, scope: Scope) -> Intent {
    Intent::Unit {
        unit,
        want,
        scope,
        rule: None,
    }
}

fn of_chkconfig(parsed: &chkconfig::Parsed) -> Option<Clause> {
    let (name, want) = match &parsed.as_ref().ok()?.verb {
        Verb::Add { name } | Verb::Install { name } => (name, ServiceWant::Add),
        Verb::Del { name } | Verb::Uninstall { name } => (name, ServiceWant::Remove),
        Verb::Override { name } => (name, ServiceWant::Override),
        Verb::Set { name, state, .. } => (name, of_state(*state)),
        Verb::Version | Verb::Help | Verb::List { .. } | Verb::Query { .. } => return None,
    };
    Some(of_service(name, want))
}

fn of_sysv_install(parsed: &chkconfig::ParsedInstall) -> Option<Clause> {
    match parsed {
        Ok(SysvInstall::Set(name, state)) => Some(of_service(name, of_state(*state))),
        Ok(SysvInstall::IsEnabled(_)) | Err(_) => None,
    }
}

fn of_service(name: &std::ffi::OsStr, want: ServiceWant) -> Clause {
    Clause::whole(Intent::Service {
        service: name.to_string_lossy().into_owned(),
        want,
        levels: None,
    })
}

fn of_state(state: chkconfig::State) -> ServiceWant {
    match state {
        chkconfig::State::On => ServiceWant::On,
        chkconfig::State::Off => ServiceWant::Off,
        chkconfig::State::Reset => ServiceWant::Reset,
        chkconfig::State::ResetPriorities => ServiceWant::ResetPriorities,
    }
}

fn of_sysv_convert(request: Option<&sysv_convert::Request>) -> Vec<Clause> {
    let Some(sysv_convert::Request::Apply(services)) = request else {
        return Vec::new();
    };
    let clause = |(at, service): (usize, &String)| {
        let intent = unit_intent(format!("{service}.service"), UnitWant::Enable, Scope::System);
        Clause::at(Position::Argument(at), service, vec![intent])
    };
    services.iter().enumerate().map(clause).collect()
}
