//! Opens again what was closed by requests that no longer count.

use std::collections::BTreeSet;

use super::Restored;
use crate::firewall::lokkit::{config, selinux};
use crate::intent::{FirewallItem, Intent};
use crate::journal::Event;
use crate::plan::{Action, Note, PlannedChange};
use crate::state::{ActiveIntent, Fold, Subject, is_erasure, subject};
use crate::tool::Tool;

const FIREWALLD_CONF: &str = "/etc/firewalld/firewalld.conf";

/// Openings that plugins had closed, and switches that they had turned, which are gone or whose
/// requests are taken back or refused, and which nobody else wants so; and what of theirs cannot be put back.
pub(super) fn reopen(events: &[Event], fold: &Fold, restored: &mut Restored) {
    let is_undone_alone =
        |intent: &Intent| matches!(intent, Intent::Withdraw { .. } | Intent::FirewallSwitch { .. });
    let wanted: BTreeSet<Subject> = fold
        .state
        .wants()
        .filter(|(_, want)| is_undone_alone(&want.intent))
        .map(|(_, want)| subject(&want.intent))
        .collect();
    let gone = fold
        .gone
        .iter()
        .flat_map(|(name, plugin)| plugin.wants.iter().map(move |want| (name, want)));
    let refused = fold.refused.iter().map(|(name, want)| (name, want));
    for (name, want) in gone.chain(refused) {
        let made = made(events, want);
        if !made.is_empty() && !wanted.contains(&subject(&want.intent)) {
            undo(name, want, &made, restored);
        }
    }
    for (name, want) in fold.refused.iter().filter(|(_, want)| matches!(want.intent, Intent::Note { .. })) {
        let made = made(events, want);
        let paths = made.iter().flat_map(|event| &event.changes).map(|change| change.path.as_str());
        let is_put_back = paths.clone().count() > 0 && paths.clone().all(|path| is_restored(restored, path));
        if !made.is_empty() && !is_put_back {
            restored.left.push(not_kept(name, "what it did by hand", &want.events));
        }
    }
}

/// The requests that carried out a intent, other than to tidy up.
fn made<'e>(events: &'e [Event], want: &ActiveIntent) -> Vec<&'e Event> {
    let did = |event: &&Event| {
        want.events.contains(&event.id)
            && !is_erasure(&event.origin)
            && event.intents.iter().any(|recorded| recorded.changed && recorded.intent == want.intent)
    };
    events.iter().filter(did).collect()
}

fn undo(name: &str, want: &ActiveIntent, made: &[&Event], restored: &mut Restored) {
    let call = |(tool, path, args), what: &str| PlannedChange {
        path,
        action: Action::Call { tool, args },
        because: want.events.clone(),
        why: format!("{name} had {what} it, which no longer counts"),
    };
    let cannot = |what| not_kept(name, what, &want.events);
    match &want.intent {
        Intent::Withdraw { opening, zone } => match inverse(opening, zone.as_deref()) {
            Some(inverse) => restored.changes.push(call(inverse, "closed")),
            None => restored.left.push(cannot("what it had closed")),
        },
        // That of firewalld is links, which are put back as such.
        Intent::FirewallSwitch { on }
            if made.iter().any(|event| matches!(event.tool, Tool::Lokkit | Tool::Bypass)) =>
        {
            let arg = if *on { "--disabled" } else { "--enabled" };
            restored.changes.push(call(lokkit(arg), "switched"));
        }
        Intent::FirewallReset { .. } => restored.left.push(cannot("what it reset")),
        Intent::DefaultZone { .. } if !is_restored(restored, FIREWALLD_CONF) => {
            restored.left.push(cannot("the default zone"));
        }
        Intent::Selinux { .. } if !is_restored(restored, selinux::PATH) => {
            restored.left.push(cannot("SELinux's mode"));
        }
        _ => {}
    }
}

/// A call of lokkit that only changes its files.
fn lokkit(arg: &str) -> (Tool, String, Vec<String>) {
    (Tool::Lokkit, config::PATH.into(), vec!["--quiet".into(), "--nostart".into(), arg.into()])
}

fn is_restored(restored: &Restored, path: &str) -> bool {
    restored.changes.iter().any(|change| change.path == path)
}

fn not_kept(plugin: &str, what: &str, events: &[u64]) -> Note {
    Note::new(Some(plugin), format!("{what} is left as it is: what it was before is not kept"), events)
}

/// The call that opens again what was closed.
fn inverse(opening: &FirewallItem, zone: Option<&str>) -> Option<(Tool, String, Vec<String>)> {
    let Some(zone) = zone else {
        let arg = match opening {
            FirewallItem::Port { port, protocol } => format!("--port={port}:{protocol}"),
            FirewallItem::FirewallService { service } => format!("--service={service}"),
            _ => return None,
        };
        return Some(lokkit(&arg));
    };
    let arg = match opening {
        FirewallItem::Port { port, protocol } => format!("--add-port={port}/{protocol}"),
        FirewallItem::SourcePort { port, protocol } => format!("--add-source-port={port}/{protocol}"),
        FirewallItem::Protocol { protocol } => format!("--add-protocol={protocol}"),
        FirewallItem::FirewallService { service } => format!("--add-service={service}"),
        FirewallItem::Source { source } => format!("--add-source={source}"),
        FirewallItem::Interface { interface, .. } => format!("--add-interface={interface}"),
        FirewallItem::Masquerade { interface: None } => "--add-masquerade".into(),
        FirewallItem::BlockIcmp { icmp_type } => format!("--add-icmp-block={icmp_type}"),
        FirewallItem::IcmpBlockInversion => "--add-icmp-block-inversion".into(),
        FirewallItem::IntraZoneForward => "--add-forward".into(),
        FirewallItem::RichRule { rule } => format!("--add-rich-rule={rule}"),
        _ => return None,
    };
    let path = format!("/etc/firewalld/zones/{zone}.xml");
    Some((Tool::FirewallOfflineCmd, path, vec![format!("--zone={zone}"), arg]))
}
