//! A plugin, an open port and a unit of the report as D-Bus dictionaries, `a{sv}`: the keys and values of
//! `nodeshim report --format json`, but for what each scriptlet did to files. What is not known has
//! no key; a list is there even if it is empty.

use std::collections::BTreeMap;

use zbus::Variant;

use crate::inspect::{BootUnit, Declared, DeclaredChange, DeclaredHook, Hook, OpenPort};
use crate::report::{Item, Plugin, Provides, Signature};
use crate::state::PastDenial;

/// `a{sv}`
pub(super) type Dictionary = BTreeMap<&'static str, Variant<'static>>;

/// What a plugin is, without what it asked for.
pub(super) fn brief(plugin: &Plugin) -> Dictionary {
    let mut all = Dictionary::new();
    all.insert("name", text(&plugin.name));
    all.insert("gone", plugin.gone.into());
    all.insert("requests", number(plugin.requests));
    all.insert("provides", list(&plugin.provides, provides));
    optional(&mut all, "nevra", plugin.nevra.as_deref());
    optional(&mut all, "evr", plugin.evr.as_deref());
    optional(&mut all, "vendor", plugin.vendor.as_deref());
    optional(&mut all, "summary", plugin.summary.as_deref());
    optional(&mut all, "installed", plugin.installed.as_deref());
    if let Some(found) = &plugin.signature {
        all.insert("signature", signature(found).into());
    }
    all
}

/// All that is known of a plugin.
pub(super) fn full(plugin: &Plugin) -> Dictionary {
    let mut all = brief(plugin);
    optional(&mut all, "description", plugin.description.as_deref());
    optional(&mut all, "license", plugin.license.as_deref());
    optional(&mut all, "url", plugin.url.as_deref());
    all.insert("ports", texts(&plugin.ports));
    all.insert("services", texts(&plugin.services));
    all.insert("firewall", list(&plugin.firewall, item));
    all.insert("units", list(&plugin.units, item));
    all.insert("other", list(&plugin.other, item));
    all.insert("shipped", list(&plugin.shipped, item));
    all.insert("deferred", list(&plugin.deferred, item));
    all.insert("denied", list(&plugin.denied, item));
    all.insert("overruled", list(&plugin.overruled, item));
    all.insert("failed", list(&plugin.failed, item));
    all.insert("hooks", list(&plugin.hooks, hook));
    if let Some(of) = &plugin.declared {
        all.insert("declared", declared(of).into());
    }
    all.insert("matters", texts(&plugin.matters));
    all.insert("bypasses", texts(&plugin.bypasses));
    all.insert("notes", texts(&plugin.notes));
    all
}

/// Something that the firewall lets in.
pub(super) fn open_port(port: &OpenPort) -> Dictionary {
    let mut all = Dictionary::new();
    optional(&mut all, "port", port.port.as_deref());
    optional(&mut all, "protocol", port.protocol.as_deref());
    optional(&mut all, "zone", port.zone.as_deref());
    if !port.from.is_empty() {
        all.insert("from", texts(&port.from));
    }
    all.insert("through", text(&port.through));
    all.insert("by", text(&port.by));
    all.insert("runtime", port.runtime.into());
    all.insert("events", port.events.clone().into());
    all.insert("declared", texts(&port.declared));
    all
}

/// Something that starts at boot.
pub(super) fn boot_unit(unit: &BootUnit) -> Dictionary {
    let mut all = Dictionary::new();
    all.insert("unit", text(&unit.unit));
    all.insert("how", text(&unit.how));
    all.insert("by", text(&unit.by));
    optional(&mut all, "requested", unit.requested.as_deref());
    all.insert("events", unit.events.clone().into());
    all.insert("declared", texts(&unit.declared));
    all
}

fn signature(signature: &Signature) -> Dictionary {
    let mut all = Dictionary::new();
    optional(&mut all, "verdict", signature.verdict.map(|verdict| verdict.word()));
    optional(&mut all, "key", signature.key.as_deref());
    optional(&mut all, "fingerprint", signature.fingerprint.as_deref());
    optional(&mut all, "user", signature.user.as_deref());
    optional(&mut all, "text", signature.text.as_deref());
    all
}

fn provides(provides: &Provides) -> Dictionary {
    Dictionary::from([
        ("plugin", text(&provides.plugin)),
        ("version", text(&provides.version)),
    ])
}

fn item(item: &Item) -> Dictionary {
    let mut all = Dictionary::new();
    all.insert("text", text(&item.text));
    all.insert("global", item.global.into());
    all.insert("runtime", item.runtime.into());
    all.insert("failed", item.failed.into());
    all.insert("events", item.events.clone().into());
    all.insert("declared", texts(&item.declared));
    all.insert("late", item.late.into());
    optional(&mut all, "rule", item.rule.as_deref());
    optional(&mut all, "overruled", item.overruled.as_deref());
    if !item.denied_before.is_empty() {
        all.insert("denied-before", list(&item.denied_before, past));
    }
    all
}

fn past(past: &PastDenial) -> Dictionary {
    let mut all = Dictionary::from([("because", text(&past.because))]);
    optional(&mut all, "reason", Some(past.reason.as_str()).filter(|reason| !reason.is_empty()));
    if !past.events.is_empty() {
        all.insert("events", past.events.clone().into());
    }
    all
}

fn declared(declared: &Declared) -> Dictionary {
    let mut all = Dictionary::new();
    all.insert("source", text(&declared.source));
    all.insert("changes", list(&declared.changes, declared_change));
    all.insert("undeclared", texts(&declared.undeclared));
    all.insert("hooks", list(&declared.hooks, declared_hook));
    all.insert("undeclared-hooks", texts(&declared.undeclared_hooks));
    all
}

fn declared_change(change: &DeclaredChange) -> Dictionary {
    Dictionary::from([("path", text(&change.path)), ("happened", change.happened.into())])
}

fn declared_hook(hook: &DeclaredHook) -> Dictionary {
    let mut all = Dictionary::new();
    all.insert("point", text(&hook.point));
    all.insert("name", text(&hook.name));
    optional(&mut all, "problem", hook.problem.as_deref());
    all
}

fn hook(hook: &Hook) -> Dictionary {
    let mut all = Dictionary::new();
    all.insert("point", text(&hook.point));
    all.insert("name", text(&hook.name));
    all.insert("mode", text(&hook.mode));
    all.insert("packages", texts(&hook.packages));
    if let Some(order) = hook.order {
        all.insert("order", order.into());
    }
    optional(&mut all, "problem", hook.problem.as_deref());
    all
}

fn list<T>(of: &[T], one: impl Fn(&T) -> Dictionary) -> Variant<'static> {
    of.iter().map(one).collect::<Vec<_>>().into()
}

fn texts(of: &[String]) -> Variant<'static> {
    of.iter().map(|one| sendable(one)).collect::<Vec<_>>().into()
}

fn text(of: &str) -> Variant<'static> {
    sendable(of).into()
}

fn optional(all: &mut Dictionary, key: &'static str, of: Option<&str>) {
    if let Some(of) = of {
        all.insert(key, text(of));
    }
}

fn number(of: usize) -> Variant<'static> {
    (of as u64).into()
}

/// A bus disconnects a client that sends it a NUL character.
fn sendable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_report_breaks_a_message() {
        let plugin = Plugin {
            name: "a\0b".into(),
            ports: vec!["80\0/tcp".into()],
            ..Plugin::default()
        };
        let message = zbus::Message::method_call("/", "M").build(&full(&plugin)).unwrap();
        let body = message.body();
        let read: BTreeMap<String, zbus::OwnedVariant> = body.deserialize().unwrap();
        assert_eq!(*read["name"], Variant::from("a\u{fffd}b"));
        assert_eq!(*read["ports"], Variant::from(vec!["80\u{fffd}/tcp".to_owned()]));
        assert_eq!(read["units"].value_signature().to_string(), "aa{sv}");
        assert!(!read.contains_key("nevra"));
    }

    #[test]
    fn a_verdict_has_one_name() {
        for verdict in [crate::trust::Signature::Good, crate::trust::Signature::UnknownKey] {
            assert_eq!(serde_json::to_value(verdict).unwrap(), verdict.word());
        }
    }
}
