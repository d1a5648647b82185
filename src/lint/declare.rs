//! How an intent is written in metadata instead of a scriptlet.

use crate::intent::{DeferredVerb, FirewallItem, Intent, Scope, ServiceWant, UnitWant};
use crate::shell::Command;

/// The lines of a metadata file that stand for an intent; none if there are none.
pub(super) fn replacement(intent: &Intent) -> Option<String> {
    let list = |section: &str, key: &str, value: &str| Some(format!("[{section}] {key} = [{value:?}]"));
    match intent {
        Intent::Unit {
            unit,
            want,
            scope: Scope::System,
            ..
        } => match want {
            UnitWant::Enable => list("units", "enable", unit),
            UnitWant::Disable => list("units", "disable", unit),
            _ => None,
        },
        Intent::Defer {
            verb: DeferredVerb::Start | DeferredVerb::Restart,
            unit,
            scope: Scope::System,
        } => list("units", "start", unit),
        Intent::Service {
            service,
            want: ServiceWant::Add | ServiceWant::On,
            ..
        } => list("units", "enable", &format!("{service}.service")),
        Intent::Allow { opening, zone } => {
            let zone = zone.as_ref().map_or(String::new(), |zone| format!(" with zone = {zone:?}"));
            let entry = match opening {
                FirewallItem::Port { port, protocol } => {
                    list("firewall", "ports", &format!("{port}/{protocol}"))
                }
                FirewallItem::FirewallService { service } => list("firewall", "services", service),
                _ => None,
            };
            entry.map(|entry| entry + &zone)
        }
        _ => None,
    }
}

/// Whether a program runs the script that it reads.
pub(super) fn is_shell(program: &str) -> bool {
    matches!(program.rsplit('/').next(), Some("sh" | "bash" | "dash" | "ksh"))
}

/// Why what a command gives to a file deserves a look.
pub(super) fn privileged(command: &Command) -> Option<&'static str> {
    let mut words = command.words.iter().map(|word| word.text.as_str());
    match words.next()?.rsplit('/').next()? {
        "setcap" => Some("gives a program capabilities; use %caps in %files, which rpm -V checks"),
        "chmod" if words.any(sets_id) => {
            Some("makes a program run as its owner or group; use %attr in %files, which rpm -V checks")
        }
        _ => None,
    }
}

/// Whether a mode of chmod(1) sets the set-user-ID or set-group-ID bit.
fn sets_id(mode: &str) -> bool {
    let octal = mode.len() >= 4 && mode.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    let digits = || u32::from_str_radix(mode, 8).is_ok_and(|bits| bits & 0o6000 != 0);
    let symbolic = || mode.split(',').any(|part| part.split_once('+').is_some_and(is_for_id));
    // As luaposix and ls spell them.
    let listed = || {
        mode.len() == 9 && mode.contains(['s', 'S']) && mode.bytes().all(|byte| b"rwxsStT-".contains(&byte))
    };
    (octal && digits()) || symbolic() || listed()
}

fn is_for_id((who, bits): (&str, &str)) -> bool {
    who.bytes().all(|byte| matches!(byte, b'u' | b'g' | b'a')) && bits.contains('s')
}

/// Files that have a tool to change them, and the tool.
const KEPT_BY_TOOLS: [(&str, &str); 8] = [
    ("/etc/systemd/system/", "systemctl"),
    ("/etc/systemd/system-preset/", "systemctl or a preset of the package's own"),
    ("/etc/firewalld/", "firewall-cmd or firewall-offline-cmd"),
    ("/etc/sysconfig/iptables", "lokkit"),
    ("/etc/sysconfig/ip6tables", "lokkit"),
    ("/etc/selinux/config", "[kernel] in metadata, or lokkit"),
    ("/etc/sysctl.conf", "a file of the package's own in /usr/lib/sysctl.d"),
    ("/etc/services", "port numbers"),
];

/// Commands whose last word, or every one, is a file that they change.
const CHANGERS: [&str; 6] = ["ln", "cp", "mv", "install", "rm", "tee"];

/// The files that a command changes directly although a tool manages them, each with what to use
/// instead.
pub(super) fn written(command: &Command) -> Vec<(String, String)> {
    let program = command.words.first().map_or("", |word| word.text.as_str());
    let name = program.rsplit('/').next().unwrap_or_default();
    let in_place = || name == "sed" && command.words.iter().any(|word| word.text.starts_with("-i"));
    let arguments = command.words.iter().skip(1).filter(|_| CHANGERS.contains(&name) || in_place());
    let mut found: Vec<(String, String)> = Vec::new();
    for word in arguments.chain(&command.writes) {
        let kept = KEPT_BY_TOOLS.iter().find(|(place, _)| word.text.starts_with(place));
        if let Some((_, tool)) = kept.filter(|_| !found.iter().any(|(path, _)| *path == word.text)) {
            found.push((word.text.clone(), format!("is changed directly; use {tool}")));
        }
    }
    found
}
