//! The things that can be declared, whichever language it is in.

use crate::backend::systemd::is_unit_name;
use crate::firewall::ports::PORT_PROTOCOLS;
use crate::firewall::ports::PortRange;
use crate::firewall::valid;
use crate::intent::{DeferredVerb, FirewallItem, Intent, Scope, ServiceWant, UnitWant};
use crate::system::accounts;
use crate::unit::name::is_template;

/// A thing to declare. They are written in this order: a unit may need its user.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Declared {
    Group {
        group: String,
        gid: Option<u32>,
    },
    User(User),
    Member {
        user: String,
        group: String,
    },
    Parameter(String),
    FirewallItem {
        open: bool,
        zone: String,
        opening: FirewallItem,
    },
    Unit {
        unit: String,
        state: UnitState,
    },
    Deferred {
        unit: String,
        verb: DeferredVerb,
    },
}

/// A system user; `group` is its primary one, if that is not of its own name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct User {
    pub name: String,
    pub uid: Option<u32>,
    pub group: Option<String>,
    pub comment: Option<String>,
    pub home: Option<String>,
    pub shell: Option<String>,
}

/// The strongest one first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum UnitState {
    Enabled,
    Disabled,
    Masked,
}

/// The units that a template is enabled as: those of the image's preset rules, or by name its default
/// instance.
pub(super) type InstancesOf<'f> = dyn Fn(&str, UnitWant) -> Vec<String> + 'f;

/// An intent as declarations; none if it is none, or names something that could be more than a name.
pub(super) fn declared(intent: &Intent, default_zone: &str, instances: &InstancesOf) -> Vec<Declared> {
    match intent {
        Intent::Unit {
            unit,
            want: want @ (UnitWant::Enable | UnitWant::PresetEnable),
            scope: Scope::System,
            ..
        } if is_template(unit) => {
            let instances = instances(unit, *want).into_iter();
            instances.filter_map(|instance| of_unit(&instance, UnitState::Enabled)).collect()
        }
        intent => of_one(intent, default_zone).into_iter().collect(),
    }
}

fn of_one(intent: &Intent, default_zone: &str) -> Option<Declared> {
    match intent {
        Intent::Allow { opening, zone } => of_opening(true, opening, zone.as_deref().unwrap_or(default_zone)),
        Intent::Withdraw { opening, zone } => {
            of_opening(false, opening, zone.as_deref().unwrap_or(default_zone))
        }
        Intent::Unit {
            unit,
            want,
            scope: Scope::System,
            ..
        } => of_unit(unit, state_of(*want)?),
        Intent::Service {
            service,
            want: want @ (ServiceWant::On | ServiceWant::Off),
            levels: None,
        } => {
            let state = match want {
                ServiceWant::On => UnitState::Enabled,
                _ => UnitState::Disabled,
            };
            of_unit(&format!("{service}.service"), state)
        }
        Intent::Defer {
            verb,
            unit,
            scope: Scope::System,
        } => is_plain_unit(unit).then(|| Declared::Deferred {
            unit: unit.clone(),
            verb: *verb,
        }),
        Intent::BootParameter { parameter } => {
            is_bare(parameter).then(|| Declared::Parameter(parameter.clone()))
        }
        intent => of_account(intent),
    }
}

fn of_account(intent: &Intent) -> Option<Declared> {
    Some(match accounts::declarable(intent)? {
        Intent::Group { group, gid } => Declared::Group { group, gid },
        Intent::Member { user, group } => Declared::Member { user, group },
        Intent::User {
            user,
            uid,
            group,
            comment,
            home,
            shell,
        } => Declared::User(User {
            group: group.filter(|group| *group != user),
            name: user,
            uid,
            comment: comment.filter(|text| is_comment(text)),
            home,
            shell,
        }),
        _ => return None,
    })
}

fn of_opening(open: bool, opening: &FirewallItem, zone: &str) -> Option<Declared> {
    let zone = match opening {
        FirewallItem::Interface { trusted: true, .. } => "trusted",
        _ => zone,
    };
    let is_plain = match opening {
        FirewallItem::Port { port, protocol } => {
            PortRange::parse(port).is_some() && PORT_PROTOCOLS.contains(&protocol.as_str())
        }
        FirewallItem::FirewallService { service } => valid::service(service),
        _ => true,
    };
    (valid::zone(zone) && is_plain).then(|| Declared::FirewallItem {
        open,
        zone: zone.to_owned(),
        opening: opening.clone(),
    })
}

fn of_unit(unit: &str, state: UnitState) -> Option<Declared> {
    is_plain_unit(unit).then(|| Declared::Unit {
        unit: unit.to_owned(),
        state,
    })
}

/// A unit's name that programs take for one: they pass it to systemctl as it is, which takes what begins with
/// a dash, such as the root's `-.mount`, for options.
fn is_plain_unit(unit: &str) -> bool {
    is_unit_name(unit) && !unit.starts_with('-')
}

fn state_of(want: UnitWant) -> Option<UnitState> {
    match want {
        UnitWant::Enable | UnitWant::PresetEnable => Some(UnitState::Enabled),
        UnitWant::Disable | UnitWant::PresetDisable => Some(UnitState::Disabled),
        UnitWant::Mask => Some(UnitState::Masked),
        _ => None,
    }
}

/// One word that no language quotes.
fn is_bare(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.,:/=@+".contains(&byte);
    !text.is_empty() && text.bytes().all(plain)
}

/// One line that can stand in double quotes.
fn is_comment(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() || "\"\\%$`".contains(c))
}
