//! Which service a name means.

use std::ffi::OsStr;

use nix::errno::Errno;

use crate::argv::chkconfig::ServiceType;
use crate::sysv::layout::Layout;
use crate::sysv::script::{self, Script, Trouble};
use crate::sysv::xinetd;

/// A service that was found.
#[derive(Debug)]
pub(super) enum Service {
    /// An init script.
    Script(Script),
    /// A service of xinetd, with the text of its file.
    Xinetd(String),
}

/// Looks a name up: an init script first, then a service of xinetd, or where `only` says. A script that is there and
/// not usable ends the search; readServiceInfo() of leveldb.c.
pub(super) fn find(layout: &Layout, name: &OsStr, only: Option<ServiceType>) -> Result<Service, Trouble> {
    let missing = Trouble::Unreadable(Errno::ENOENT);
    let script = match only {
        Some(ServiceType::Xinetd) => Err(missing),
        _ => script::load(layout, name).map(Service::Script),
    };
    if script.as_ref().err() != Some(&missing) || only == Some(ServiceType::Sysv) {
        return script;
    }
    match xinetd::load(layout.root(), name) {
        Ok(Some(text)) => Ok(Service::Xinetd(text)),
        Ok(None) => Err(missing),
        Err(error) => Err(Trouble::Unreadable(error.errno().unwrap_or(Errno::EIO))),
    }
}
