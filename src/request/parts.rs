//! The intents of a request before it is carried out, by the words that carry them. Derived from the
//! words alone: what only the image tells (which unit an alias is, what a preset says) shows when the
//! request has been carried out.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::argv::chkconfig::{self, SysvInstall, Verb};
use crate::argv::service;
use crate::argv::sysv_convert;
use crate::intent::{DeferredVerb, Intent, Scope, ServiceWant, UnitWant};
use crate::request::{Call, firewalld, lokkit, systemctl};
use crate::tool::Tool;
use crate::unit::mangle::{mangle, unit_of};

/// What one word of a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The word, without its option, if the request makes sense without it.
    pub word: Option<String>,
    /// Its intents.
    pub intents: Vec<Intent>,
}

impl Part {
    /// A part that can be left out.
    pub fn of(word: impl Into<String>, intents: impl IntoIterator<Item = Intent>) -> Part {
        Part {
            word: Some(word.into()),
            intents: intents.into_iter().collect(),
        }
    }

    /// A part that is the whole request.
    pub fn whole(intent: Intent) -> Part {
        Part {
            word: None,
            intents: vec![intent],
        }
    }
}

/// The parts of a call that ask for anything, in order; none for queries and for what is no request.
pub fn parts(tool: Tool, call: &Call) -> Vec<Part> {
    match tool {
        Tool::Systemctl => systemctl::parts(call.argv0, call.args),
        Tool::Chkconfig => of_chkconfig(call),
        Tool::Service => of_service(call.args).into_iter().collect(),
        Tool::Lokkit => lokkit::parts(call),
        Tool::FirewallCmd => firewalld::parts(crate::argv::firewalld::Side::Online, call),
        Tool::FirewallOfflineCmd => firewalld::parts(crate::argv::firewalld::Side::Offline, call),
        Tool::SystemdUpdateHelper => of_update_helper(call.args),
        Tool::SystemdSysvInstall => of_sysv_install(call.args).into_iter().collect(),
        Tool::SystemdSysvConvert => of_sysv_convert(call.args),
        Tool::Bypass => Vec::new(),
        Tool::Nodeshim => Vec::new(),
    }
}

/// A intent about a unit of the system manager.
pub fn unit_intent(unit: String, want: UnitWant, scope: Scope) -> Intent {
    Intent::Unit {
        unit,
        want,
        scope,
        rule: None,
    }
}

fn of_chkconfig(call: &Call) -> Vec<Part> {
    let intent = |name: &OsStr, want| Intent::Service {
        service: name.to_string_lossy().into_owned(),
        want,
        levels: None,
    };
    let initd = match Path::new(call.argv0).file_name().and_then(OsStr::to_str) {
        Some("install_initd") => Some(ServiceWant::Add),
        Some("remove_initd") => Some(ServiceWant::Remove),
        _ => None,
    };
    let found = match initd {
        Some(want) => chkconfig::parse_initd(call.args).ok().map(|name| intent(&name, want)),
        None => chkconfig::parse(call.args).ok().and_then(|request| match request.verb {
            Verb::Add { name } => Some(intent(&name, ServiceWant::Add)),
            Verb::Del { name } => Some(intent(&name, ServiceWant::Remove)),
            Verb::Override { name } => Some(intent(&name, ServiceWant::Override)),
            Verb::Set { name, state, .. } => Some(intent(&name, of_state(state))),
            _ => None,
        }),
    };
    found.map(Part::whole).into_iter().collect()
}

fn of_state(state: chkconfig::State) -> ServiceWant {
    match state {
        chkconfig::State::On => ServiceWant::On,
        chkconfig::State::Off => ServiceWant::Off,
        chkconfig::State::Reset => ServiceWant::Reset,
        chkconfig::State::ResetPriorities => ServiceWant::ResetPriorities,
    }
}

fn of_sysv_install(args: &[OsString]) -> Option<Part> {
    match chkconfig::parse_sysv_install(args).ok()? {
        SysvInstall::Set(name, state) => Some(Part::whole(Intent::Service {
            service: name.to_string_lossy().into_owned(),
            want: of_state(state),
            levels: None,
        })),
        SysvInstall::IsEnabled(_) => None,
    }
}

fn of_sysv_convert(args: &[OsString]) -> Vec<Part> {
    let Some(sysv_convert::Request::Apply(services)) = sysv_convert::parse(args) else {
        return Vec::new();
    };
    let part = |service: String| {
        let intent = unit_intent(format!("{service}.service"), UnitWant::Enable, Scope::System);
        Part::of(service, [intent])
    };
    services.into_iter().map(part).collect()
}

fn of_service(args: &[OsString]) -> Option<Part> {
    let (name, verb) = match service::parse(args, true) {
        service::Request::FullRestart { name, .. } => (name, Some(DeferredVerb::Restart)),
        service::Request::Action { name, action, .. } => {
            let action = action?;
            match action.to_str() {
                Some("status") => return None,
                action => (name, action.and_then(crate::request::service::deferred)),
            }
        }
        _ => return None,
    };
    let unit = unit_of(&name.to_string_lossy());
    // An action of the script's own, which only it knows: as much as a restart.
    let verb = verb.unwrap_or(DeferredVerb::Restart);
    Some(Part::whole(Intent::Defer {
        verb,
        unit,
        scope: Scope::System,
    }))
}

fn of_update_helper(args: &[OsString]) -> Vec<Part> {
    let Some((verb, units)) = args.split_first() else {
        return Vec::new();
    };
    let defer = |verb, scope| move |unit| Intent::Defer { verb, unit, scope };
    let set = |want, scope| move |unit| unit_intent(unit, want, scope);
    let (system, global) = (Scope::System, Scope::Global);
    let intent: Box<dyn Fn(String) -> Intent> = match verb.to_str() {
        Some("install-system-units") => Box::new(set(UnitWant::PresetIgnore, system)),
        Some("install-user-units") => Box::new(set(UnitWant::PresetIgnore, global)),
        Some("remove-system-units") => Box::new(set(UnitWant::Disable, system)),
        Some("remove-user-units") => Box::new(set(UnitWant::Disable, global)),
        Some("mark-restart-system-units") => Box::new(defer(DeferredVerb::TryRestart, system)),
        Some("mark-reload-system-units") => Box::new(defer(DeferredVerb::Reload, system)),
        Some("mark-restart-user-units") => Box::new(defer(DeferredVerb::TryRestart, global)),
        Some("mark-reload-user-units") => Box::new(defer(DeferredVerb::Reload, global)),
        _ => return Vec::new(),
    };
    let part = |unit: &OsString| {
        let word = unit.to_string_lossy().into_owned();
        let name = mangle(&word, "", ".service", false).map_or_else(|| word.clone(), |mangled| mangled.name);
        Part::of(word, [intent(name)])
    };
    units.iter().map(part).collect()
}
