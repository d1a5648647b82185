//! A playbook of `ansible.posix.firewalld` and `ansible.builtin.systemd` tasks. Every text that comes
//! from a package is quoted, and marked so that Ansible expands nothing in it.

use std::collections::BTreeSet;

use super::declared::{Declared, UnitState, User};
use super::{Context, TITLE};
use crate::intent::{DeferredVerb, FirewallItem, Intent};
use crate::plan::words;
use crate::unit::name::is_template;

pub(super) fn speaks(one: &Declared, _: &Context) -> bool {
    match one {
        Declared::FirewallItem { opening, .. } => parameter(opening).is_some(),
        Declared::Deferred { verb, .. } => state(*verb).is_some(),
        // The module asks systemd about the unit first, which knows nothing of a template alone.
        Declared::Unit { unit, .. } => !is_template(unit),
        // Each boot loader has tools of its own.
        Declared::Parameter(_) => false,
        _ => true,
    }
}

pub(super) fn text(found: &BTreeSet<Declared>) -> String {
    let mut text = format!("{TITLE}---\n- name: What plugins asked for\n  hosts: all\n  become: true\n");
    text.push_str(if found.is_empty() {
        "  tasks: []\n"
    } else {
        "  tasks:\n"
    });
    found.iter().for_each(|one| text.push_str(&task(one)));
    text
}

fn task(one: &Declared) -> String {
    match one {
        Declared::FirewallItem { open, zone, opening } => of_opening(*open, zone, opening),
        Declared::Unit { unit, state } => {
            let (word, key, value) = match state {
                UnitState::Enabled => ("enable", "enabled", "true"),
                UnitState::Disabled => ("disable", "enabled", "false"),
                UnitState::Masked => ("mask", "masked", "true"),
            };
            systemd(word, unit, key, value)
        }
        Declared::Deferred { unit, verb } => {
            systemd(verb.word(), unit, "state", state(*verb).unwrap_or_default())
        }
        Declared::Group { group, gid } => module(
            &format!("have group {group}"),
            "ansible.builtin.group",
            &[
                ("name", Some(quoted(group))),
                ("gid", gid.map(|gid| gid.to_string())),
                ("system", Some("true".into())),
            ],
        ),
        Declared::User(user) => of_user(user),
        Declared::Member { user, group } => module(
            &format!("have {user} in group {group}"),
            "ansible.builtin.user",
            &[
                ("name", Some(quoted(user))),
                ("groups", Some(format!("[{}]", quoted(group)))),
                ("append", Some("true".into())),
            ],
        ),
        Declared::Parameter(_) => String::new(),
    }
}

fn of_user(user: &User) -> String {
    let text = |text: &Option<String>| text.as_deref().map(quoted);
    module(
        &format!("have user {}", user.name),
        "ansible.builtin.user",
        &[
            ("name", Some(quoted(&user.name))),
            ("uid", user.uid.map(|uid| uid.to_string())),
            ("group", text(&user.group)),
            ("comment", text(&user.comment)),
            ("home", text(&user.home)),
            ("shell", text(&user.shell)),
            ("system", Some("true".into())),
        ],
    )
}

fn of_opening(open: bool, zone: &str, opening: &FirewallItem) -> String {
    let Some((key, value)) = parameter(opening) else {
        return String::new();
    };
    let (opening, zone_name) = (opening.clone(), Some(zone.to_owned()));
    let intent = match open {
        true => Intent::Allow {
            opening,
            zone: zone_name,
        },
        false => Intent::Withdraw {
            opening,
            zone: zone_name,
        },
    };
    module(
        &words::intent(&intent),
        "ansible.posix.firewalld",
        &[
            ("zone", Some(quoted(zone))),
            (key, Some(value)),
            ("permanent", Some("true".into())),
            // At once where firewalld runs, and where it does not, for when it does.
            ("immediate", Some("true".into())),
            ("offline", Some("true".into())),
            ("state", Some(if open { "enabled" } else { "disabled" }.into())),
        ],
    )
}

/// A task of a module with those of its parameters that have a value.
fn module(name: &str, module: &str, parameters: &[(&str, Option<String>)]) -> String {
    let mut text = format!("    - name: {}\n      {module}:\n", quoted(name));
    for (key, value) in parameters {
        if let Some(value) = value {
            text.push_str(&format!("        {key}: {value}\n"));
        }
    }
    text
}

fn systemd(word: &str, unit: &str, key: &str, value: &str) -> String {
    module(
        &format!("{word} {unit}"),
        "ansible.builtin.systemd",
        &[("name", Some(quoted(unit))), (key, Some(value.to_owned()))],
    )
}

/// The module's state; none where it only does something to a unit that runs.
fn state(verb: DeferredVerb) -> Option<&'static str> {
    match verb {
        DeferredVerb::Start => Some("started"),
        DeferredVerb::Stop => Some("stopped"),
        DeferredVerb::Restart | DeferredVerb::ReloadOrRestart => Some("restarted"),
        DeferredVerb::Reload => Some("reloaded"),
        _ => None,
    }
}

/// The module's parameter for an opening, its value as YAML.
fn parameter(opening: &FirewallItem) -> Option<(&'static str, String)> {
    Some(match opening {
        FirewallItem::Port { port, protocol } => ("port", quoted(&format!("{port}/{protocol}"))),
        FirewallItem::Protocol { protocol } => ("protocol", quoted(protocol)),
        FirewallItem::FirewallService { service } => ("service", quoted(service)),
        FirewallItem::Interface { interface, .. } if !interface.ends_with('+') => {
            ("interface", quoted(interface))
        }
        FirewallItem::Source { source } => ("source", quoted(source)),
        FirewallItem::Masquerade { interface: None } => ("masquerade", "true".into()),
        FirewallItem::BlockIcmp { icmp_type } => ("icmp_block", quoted(icmp_type)),
        FirewallItem::IcmpBlockInversion => ("icmp_block_inversion", "true".into()),
        FirewallItem::IntraZoneForward => ("forward", "true".into()),
        FirewallItem::ForwardPort {
            interface: None,
            port,
            protocol,
            to_port,
            to_address,
        } if matches!(protocol.as_str(), "tcp" | "udp") => {
            let to = to_port.as_ref().unwrap_or(port);
            let address = to_address.as_ref();
            let address = address.map_or(String::new(), |address| format!(", toaddr: {}", quoted(address)));
            let (port, protocol, to) = (quoted(port), quoted(protocol), quoted(to));
            ("port_forward", format!("[{{port: {port}, proto: {protocol}, toport: {to}{address}}}]"))
        }
        FirewallItem::RichRule { rule } => ("rich_rule", quoted(rule)),
        _ => return None,
    })
}

/// A double-quoted YAML scalar; one that Ansible would expand is marked `!unsafe`.
fn quoted(text: &str) -> String {
    let mut quoted = String::from(if text.contains('{') { "!unsafe \"" } else { "\"" });
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() || !c.is_ascii() => quoted.push_str(&format!("\\U{:08x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_leaves_its_quotes_or_is_expanded() {
        assert_eq!(quoted("a\"\n- b\\"), r#""a\"\U0000000a- b\\""#);
        assert_eq!(quoted("{{ lookup('pipe', 'id') }}"), "!unsafe \"{{ lookup('pipe', 'id') }}\"");
        assert_eq!(quoted("\u{85}ü"), r#""\U00000085\U000000fc""#);
    }
}
