//! The `[customizations]` of an osbuild blueprint. Its firewall's ports and services are those of the
//! default zone; of other zones it knows their sources.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::declared::{Declared, UnitState, User};
use super::{Context, TITLE, groups_of, is_of_default_zone, ports, services, units};
use crate::intent::FirewallItem;

pub(super) fn speaks(one: &Declared, context: &Context) -> bool {
    match one {
        Declared::FirewallItem {
            opening: FirewallItem::Source { .. },
            open,
            ..
        } => *open,
        Declared::FirewallItem { .. } => is_of_default_zone(one, context),
        Declared::Unit { .. } | Declared::Group { .. } | Declared::Parameter(_) => true,
        // A primary group has no name there.
        Declared::User(user) => user.group.is_none(),
        // Membership belongs to a user that the blueprint makes.
        Declared::Member { user, .. } => context.users.contains(user),
        Declared::Deferred { .. } => false,
    }
}

pub(super) fn text(found: &BTreeSet<Declared>) -> String {
    let customizations = table([
        ("kernel", kernel(found)),
        ("group", array(found.iter().filter_map(group))),
        ("user", array(found.iter().filter_map(|one| user(one, found)))),
        ("firewall", firewall(found)),
        ("services", of_units(found)),
    ]);
    let whole = table([("customizations", customizations)]).unwrap_or_else(|| Value::Table(Table::new()));
    format!("{TITLE}\n{}", toml::to_string(&whole).unwrap_or_default())
}

/// A table of what there is; none if there is nothing.
fn table<const N: usize>(entries: [(&str, Option<Value>); N]) -> Option<Value> {
    let entries = entries.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    let table: Table = entries.collect();
    (!table.is_empty()).then_some(Value::Table(table))
}

fn array(values: impl Iterator<Item = Value>) -> Option<Value> {
    let values: Vec<Value> = values.collect();
    (!values.is_empty()).then_some(Value::Array(values))
}

fn strings<S: Into<String>>(values: impl IntoIterator<Item = S>) -> Option<Value> {
    array(values.into_iter().map(|value| Value::String(value.into())))
}

fn kernel(found: &BTreeSet<Declared>) -> Option<Value> {
    let parameters = found.iter().filter_map(|one| match one {
        Declared::Parameter(parameter) => Some(parameter.as_str()),
        _ => None,
    });
    let parameters: Vec<&str> = parameters.collect();
    table([("append", (!parameters.is_empty()).then(|| parameters.join(" ").into()))])
}

fn group(one: &Declared) -> Option<Value> {
    let Declared::Group { group, gid } = one else {
        return None;
    };
    table([
        ("name", Some(group.as_str().into())),
        ("gid", gid.map(|gid| i64::from(gid).into())),
    ])
}

fn user(one: &Declared, found: &BTreeSet<Declared>) -> Option<Value> {
    let Declared::User(User {
        name,
        uid,
        comment,
        home,
        shell,
        ..
    }) = one
    else {
        return None;
    };
    let text = |text: &Option<String>| text.clone().map(Value::String);
    table([
        ("name", Some(name.as_str().into())),
        ("uid", uid.map(|uid| i64::from(uid).into())),
        ("groups", strings(groups_of(found, name))),
        ("description", text(comment)),
        ("home", text(home)),
        ("shell", text(shell)),
    ])
}

fn firewall(found: &BTreeSet<Declared>) -> Option<Value> {
    let mut sources: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for one in found {
        if let Declared::FirewallItem {
            zone,
            opening: FirewallItem::Source { source },
            ..
        } = one
        {
            sources.entry(zone).or_default().push(source);
        }
    }
    let zones = sources
        .into_iter()
        .filter_map(|(zone, sources)| table([("name", Some(zone.into())), ("sources", strings(sources))]));
    let services = table([
        ("enabled", strings(services(found, true))),
        ("disabled", strings(services(found, false))),
    ]);
    table([
        ("ports", strings(ports(found))),
        ("services", services),
        ("zones", array(zones)),
    ])
}

fn of_units(found: &BTreeSet<Declared>) -> Option<Value> {
    let states = [
        ("enabled", UnitState::Enabled),
        ("disabled", UnitState::Disabled),
        ("masked", UnitState::Masked),
    ];
    table(states.map(|(name, state)| (name, strings(units(found, state)))))
}
