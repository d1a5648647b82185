//! The systemd backend: preset files with what plugins enabled and disabled, so that a tool that
//! applies presets later agrees with the links that are there; and the units that metadata alone
//! names.

mod declared;
mod earlier;
mod presets;
mod state;

pub(crate) use declared::{declared, declared_after};
pub(crate) use earlier::{EarlierRule, earlier_rules};
pub(crate) use presets::{Rules, not_preset, own_preset, presets};
pub(crate) use state::{UnitFiles, unit_state, unit_states};

use crate::intent::{DeferredVerb, Intent, Scope};
use crate::root::Root;
use crate::unit::name;

/// Preset files of the system manager, and of every user's.
pub(crate) const PRESETS: [(&str, Scope); 2] = [
    ("/etc/systemd/system-preset", Scope::System),
    ("/etc/systemd/user-preset", Scope::Global),
];
pub(crate) use crate::unit::preset::OWN_PREFIX as PREFIX;

const UNIT_DIRECTORIES: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// Where init scripts and xinetd's services are.
const SCRIPTS: [&str; 3] = ["/etc/rc.d/init.d", "/etc/init.d", "/etc/xinetd.d"];

/// Whether an intent for the boot is what a boot does anyway with a unit that is enabled.
pub(crate) fn comes_with_enabling(intent: &Intent, is_enabled: &dyn Fn(&str) -> bool) -> bool {
    let Intent::Defer {
        verb: DeferredVerb::Start | DeferredVerb::Restart | DeferredVerb::ReloadOrRestart,
        unit,
        scope: Scope::System,
    } = intent
    else {
        return false;
    };
    is_enabled(unit)
}

/// Unit names as systemd has them: what could be a glob or a second word is none.
pub(crate) fn is_unit_name(unit: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte);
    (1..=255).contains(&unit.len()) && unit.contains('.') && unit.bytes().all(plain)
}

/// Where a unit's file is, or its template's.
pub(crate) fn unit_file(root: &Root, unit: &str) -> Option<String> {
    let names = std::iter::once(unit.to_owned()).chain(name::template_of(unit));
    names
        .flat_map(|name| UNIT_DIRECTORIES.map(|directory| format!("{directory}/{name}")))
        .find(|path| root.is_file(path))
}

/// Where a unit is, or the init script that systemd makes it from.
pub(crate) fn there(root: &Root, unit: &str) -> Option<String> {
    let init = |unit: &str| {
        let service = unit.strip_suffix(".service")?;
        SCRIPTS[..2].iter().map(|at| format!("{at}/{service}")).find(|path| root.is_file(path))
    };
    unit_file(root, unit).or_else(|| init(unit).filter(|_| is_unit_name(unit)))
}

/// Where a SysV service is, or the unit of its name.
pub(crate) fn script(root: &Root, service: &str) -> Option<String> {
    if service.contains('/') || service.starts_with(['-', '.']) {
        return None;
    }
    let script = SCRIPTS.iter().map(|at| format!("{at}/{service}")).find(|path| root.is_file(path));
    script.or_else(|| unit_file(root, &format!("{service}.service")))
}
