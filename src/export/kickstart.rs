//! Commands of a kickstart file. They know one zone, and no escaping that every reader agrees on: a
//! unit whose name needs any is not written.

use std::collections::BTreeSet;

use super::declared::{Declared, UnitState, User};
use super::{Context, TITLE, groups_of, is_of_default_zone, ports, services, units};
use crate::firewall::valid;
use crate::intent::FirewallItem;

pub(super) fn speaks(one: &Declared, context: &Context) -> bool {
    match one {
        Declared::FirewallItem { open: true, .. } if trusted(one).is_some() => true,
        Declared::FirewallItem { .. } => is_of_default_zone(one, context),
        Declared::Unit { unit, state } => *state != UnitState::Masked && !unit.contains('\\'),
        Declared::Group { .. } | Declared::Parameter(_) => true,
        // A primary group has no name there.
        Declared::User(user) => user.group.is_none(),
        // Membership is an option of the command that makes the user.
        Declared::Member { user, .. } => context.users.contains(user),
        Declared::Deferred { .. } => false,
    }
}

pub(super) fn text(found: &BTreeSet<Declared>) -> String {
    let mut text = TITLE.to_owned();
    for one in found {
        match one {
            Declared::Group { group, gid } => {
                let gid = gid.map(|gid| gid.to_string());
                text.push_str(&command("group", &[("name", Some(group.clone())), ("gid", gid)]));
            }
            Declared::User(user) => text.push_str(&of_user(user, &groups_of(found, &user.name))),
            _ => {}
        }
    }
    let parameters: Vec<&str> = found.iter().filter_map(parameter).collect();
    let append = (!parameters.is_empty()).then(|| format!("\"{}\"", parameters.join(" ")));
    text.push_str(&command("bootloader", &[("append", append)]));
    let trusted: Vec<&str> = found.iter().filter_map(trusted).collect();
    let firewall = [
        ("trust", list(&trusted)),
        ("port", list(&ports(found))),
        ("service", list(&services(found, true))),
        ("remove-service", list(&services(found, false))),
    ];
    text.push_str(&command("firewall --enabled", &firewall));
    let of_units = [
        ("disabled", list(&units(found, UnitState::Disabled))),
        ("enabled", list(&units(found, UnitState::Enabled))),
    ];
    text.push_str(&command("services", &of_units));
    text
}

fn of_user(user: &User, groups: &[&str]) -> String {
    let options = [
        ("name", Some(user.name.clone())),
        ("uid", user.uid.map(|uid| uid.to_string())),
        ("groups", list(groups)),
        ("gecos", user.comment.as_ref().map(|comment| format!("\"{comment}\""))),
        ("homedir", user.home.clone()),
        ("shell", user.shell.clone()),
    ];
    command("user", &options)
}

fn parameter(one: &Declared) -> Option<&str> {
    match one {
        Declared::Parameter(parameter) => Some(parameter),
        _ => None,
    }
}

/// An interface that is trusted.
fn trusted(one: &Declared) -> Option<&str> {
    match one {
        Declared::FirewallItem {
            zone,
            opening: FirewallItem::Interface { interface, .. },
            open: true,
        } if zone == "trusted" && valid::word(interface) => Some(interface),
        _ => None,
    }
}

fn list<S: AsRef<str>>(values: &[S]) -> Option<String> {
    let values: Vec<&str> = values.iter().map(S::as_ref).collect();
    (!values.is_empty()).then(|| values.join(","))
}

/// A command with those of its options that have a value; nothing without any.
fn command(name: &str, options: &[(&str, Option<String>)]) -> String {
    let given = options
        .iter()
        .filter_map(|(option, value)| Some(format!(" --{option}={}", value.as_ref()?)));
    let given: String = given.collect();
    if given.is_empty() {
        return String::new();
    }
    format!("{name}{given}\n")
}
