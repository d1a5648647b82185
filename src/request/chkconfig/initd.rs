//! chkconfig as `install_initd` and `remove_initd` of the Linux Standard Base: as `--add` and `--del`, but refused
//! without a message if a requirement would not be met. chkconfig sets `LSB` if it is called by one of these names,
//! and delService() and frobOneDependencies() check it.

use std::ffi::OsStr;
use std::path::Path;

use super::change::{remove as remove_entries, set};
use super::{intent, layout};
use crate::argv::chkconfig::ServiceType;
use crate::intent::{Intent, ServiceWant};
use crate::request::{Call, Reply};
use crate::sysv::header::Defaults;
use crate::sysv::layout::Layout;
use crate::sysv::links::Index;
use crate::sysv::plan::Change;
use crate::sysv::script;

/// Adds a script if every name that it requires is met by a script or a unit.
pub(super) fn install(call: &Call, name: &OsStr) -> Reply {
    let layout = layout(call);
    if let Ok(script) = script::load(&layout, name)
        && script.defaults.lsb
        && !requirements_are_met(&layout, &script.defaults)
    {
        let mut reply = Reply::new();
        reply.intent(intent(name, Change::Add), false);
        return reply.fail(1);
    }
    set(call, name, Some(ServiceType::Sysv), Change::Add)
}

/// Removes a script unless another one that is on requires it.
pub(super) fn remove(call: &Call, name: &OsStr) -> Reply {
    if is_required(&layout(call), name) {
        let mut reply = Reply::new();
        let intent = Intent::Service {
            service: name.to_string_lossy().into_owned(),
            want: ServiceWant::Remove,
            levels: None,
        };
        reply.intent(intent, false);
        return reply.fail(1);
    }
    remove_entries(call, name, Some(ServiceType::Sysv))
}

fn answers_to(name: &OsStr, defaults: &Defaults, wanted: &str) -> bool {
    name == wanted || defaults.provides.iter().any(|provided| provided == wanted)
}

fn requirements_are_met(layout: &Layout, defaults: &Defaults) -> bool {
    let scripts = script::load_all(layout, |_| true).unwrap_or_default();
    defaults.required.iter().all(|wanted| {
        // frobOneDependencies() lets this one be missing: file systems are mounted before any script runs.
        wanted == "$local_fs"
            || scripts.iter().any(|(name, defaults)| answers_to(name, defaults, wanted))
            || unit_is_there(layout, wanted)
    })
}

fn is_required(layout: &Layout, name: &OsStr) -> bool {
    let Ok(script) = script::load(layout, name) else {
        return false;
    };
    let index = Index::load(layout).unwrap_or_default();
    let others = script::load_all(layout, |other| !index.of(other).on().is_empty());
    others.unwrap_or_default().iter().any(|(other, defaults)| {
        other != name && defaults.required.iter().any(|wanted| answers_to(name, &script.defaults, wanted))
    })
}

/// The unit that provides a facility; serviceNameToUnit() of leveldb.c.
fn unit_is_there(layout: &Layout, facility: &str) -> bool {
    let unit = match facility.strip_prefix('$') {
        Some("network") => "network.target",
        Some("named") => "nss-lookup.target",
        Some("portmap") => "rpcbind.target",
        Some("remote_fs") => "remote-fs.target",
        Some("syslog") => "systemd-journald.service",
        Some("time") => "time-sync.target",
        other => &format!("{}.service", other.unwrap_or(facility)),
    };
    !unit.contains('/')
        && [
            "/usr/lib/systemd/system",
            "/lib/systemd/system",
            "/etc/systemd/system",
        ]
        .into_iter()
        .any(|directory| layout.root().meta_followed(Path::new(directory).join(unit)).is_ok())
}
