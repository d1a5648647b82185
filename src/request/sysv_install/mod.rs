//! Carrying out `systemd-sysv-install` requests: chkconfig under the name that systemctl calls it
//! by. It never hands back to systemctl.

use crate::argv::chkconfig::{ParsedInstall, ServiceType, SysvInstall};
use crate::request::chkconfig::{change_to, is_on_in, layout, refuse, set};
use crate::request::{Call, Reply};

/// The level in which a service counts as enabled: the graphical one.
const LEVEL: usize = 5;

/// Carries a request out.
pub(super) fn execute(call: &Call, parsed: ParsedInstall) -> Reply {
    match parsed {
        Ok(SysvInstall::Set(name, state)) => {
            set(call, &name, Some(ServiceType::Sysv), change_to(state, None))
        }
        Ok(SysvInstall::IsEnabled(name)) => {
            let on = is_on_in(&layout(call), &name, LEVEL);
            Reply::new().fail(u8::from(!on))
        }
        Err(misuse) => refuse(misuse),
    }
}
