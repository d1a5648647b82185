//! What files that a package ships ask for by themselves, without a scriptlet: links that start units,
//! presets, drop-ins, firewalld's files, rulesets.

use crate::firewall::firewalld::kind::Kind;
use crate::firewall::firewalld::{Grammar, Zone};
use crate::firewall::items::of_zone;
use crate::intent::{DefinitionChange, FirewallObject, Intent, NoteSeverity, Scope, ServiceWant, UnitWant};

/// Where unit files lie that packages ship, links below them included (systemd.unit(5)); `/lib` is
/// `/usr/lib` where `/usr` is merged.
const UNITS: [&str; 4] = [
    "/usr/lib/systemd/system/",
    "/lib/systemd/system/",
    "/usr/local/lib/systemd/system/",
    "/etc/systemd/system/",
];

/// Where presets lie (systemd.preset(5)).
const PRESETS: [&str; 3] = [
    "/usr/lib/systemd/system-preset/",
    "/lib/systemd/system-preset/",
    "/etc/systemd/system-preset/",
];

/// Where firewalld's files lie (firewalld.dirs(5)).
const FIREWALLD: [&str; 2] = ["/usr/lib/firewalld/", "/etc/firewalld/"];

/// Rulesets that are loaded at boot, by whole names or the directories of their parts.
const RULESETS: [&str; 6] = [
    "/etc/sysconfig/iptables",
    "/etc/sysconfig/ip6tables",
    "/etc/sysconfig/nftables.conf",
    "/etc/nftables.conf",
    "/etc/nftables/",
    "/usr/lib/nftables/",
];

/// Whether the content of a file says what it asks for, so that it has to be read.
pub(crate) fn has_content(path: &str) -> bool {
    let is_zone = below(&FIREWALLD, path).is_some_and(|rest| rest.starts_with("zones/"));
    let is_preset = below(&PRESETS, path).is_some_and(|rest| rest.ends_with(".preset"));
    is_preset || is_zone && path.ends_with(".xml")
}

/// Whether a file can ask for anything, by its path alone: most files of most packages do not have to be
/// looked at.
pub(crate) fn may_ask(path: &str) -> bool {
    [&UNITS[..], &PRESETS, &FIREWALLD, &RULESETS]
        .into_iter()
        .flatten()
        .any(|place| path.starts_with(place))
        || of_run_level(path).is_some()
}

/// What a shipped file asks for; nothing for most. `target` is where a link points, `content` what
/// [`has_content`] wants to see.
pub(crate) fn of_file(
    path: &str,
    target: Option<&str>,
    content: Option<&str>,
    grammar: &Grammar,
) -> Vec<Intent> {
    if let Some(rest) = below(&UNITS, path) {
        return of_unit(rest, target).into_iter().collect();
    }
    if below(&PRESETS, path).is_some() {
        return content.map_or(Vec::new(), |content| of_preset(path, content));
    }
    if let Some(rest) = below(&FIREWALLD, path) {
        return of_firewalld(rest, content, grammar);
    }
    if let Some(intent) = of_run_level(path) {
        return vec![intent];
    }
    let is_ruleset = |known: &str| path == known || known.ends_with('/') && path.starts_with(known);
    match RULESETS.into_iter().any(is_ruleset) {
        true => vec![Intent::Note {
            severity: NoteSeverity::High,
            text: format!("ships firewall rules in {path}"),
        }],
        false => Vec::new(),
    }
}

fn below<'p>(directories: &[&str], path: &'p str) -> Option<&'p str> {
    directories
        .iter()
        .find_map(|directory| path.strip_prefix(directory))
        .filter(|rest| !rest.is_empty())
}

/// A path below a directory of units: a link in `X.wants`, a drop-in, a mask, the default target.
fn of_unit(rest: &str, target: Option<&str>) -> Option<Intent> {
    if let Some((directory, unit)) = rest.split_once('/') {
        let pulled_in = |dependency: &str| {
            let other = directory.strip_suffix(&format!(".{dependency}"))?;
            Some(Intent::Dependency {
                unit: unit.to_owned(),
                target: other.to_owned(),
                dependency: dependency.to_owned(),
            })
        };
        let drop_in = || {
            let edited = directory.strip_suffix(".d").filter(|name| name.contains('.'))?;
            unit.ends_with(".conf").then(|| of_state(edited, UnitWant::Edit))
        };
        return pulled_in("wants").or_else(|| pulled_in("requires")).or_else(drop_in);
    }
    match (rest, target) {
        ("default.target", Some(target)) => Some(Intent::DefaultTarget {
            unit: target.rsplit('/').next().unwrap_or(target).to_owned(),
        }),
        (unit, Some("/dev/null")) => Some(of_state(unit, UnitWant::Mask)),
        _ => None,
    }
}

fn of_state(unit: &str, want: UnitWant) -> Intent {
    Intent::Unit {
        unit: unit.to_owned(),
        want,
        scope: Scope::System,
        rule: None,
    }
}

/// `enable GLOB` and `disable GLOB`, a line each (systemd.preset(5)).
fn of_preset(path: &str, content: &str) -> Vec<Intent> {
    let of_line = |(at, line): (usize, &str)| {
        let (verb, pattern) = line.trim().split_once(char::is_whitespace)?;
        let want = match verb {
            "enable" => UnitWant::PresetEnable,
            "disable" => UnitWant::PresetDisable,
            _ => return None,
        };
        Some(Intent::Unit {
            unit: pattern.split_whitespace().next()?.to_owned(),
            want,
            scope: Scope::System,
            rule: Some(format!("{path}:{}", at + 1)),
        })
    };
    content.lines().enumerate().filter_map(of_line).collect()
}

/// A definition, and of a zone also what it lets in.
fn of_firewalld(rest: &str, content: Option<&str>, grammar: &Grammar) -> Vec<Intent> {
    let defined = |object: FirewallObject, name: &str| Intent::Definition {
        object,
        name: name.to_owned(),
        change: DefinitionChange::New,
    };
    match rest {
        "firewalld.conf" => return vec![defined(FirewallObject::Conf, "firewalld.conf")],
        "direct.xml" => return vec![defined(FirewallObject::Direct, "direct")],
        _ => {}
    }
    let Some((kind, name)) = rest.split_once('/').and_then(|(directory, file)| {
        let kind = Kind::ALL.into_iter().find(|kind| kind.directory() == directory)?;
        Some((kind, file.strip_suffix(".xml")?))
    }) else {
        return Vec::new();
    };
    let mut intents = vec![defined(kind.object(), name)];
    let zone = content.filter(|_| kind == Kind::Zone).and_then(|text| Zone::parse(text, grammar).ok());
    intents.extend(zone.iter().flat_map(of_zone).map(|opening| Intent::Allow {
        opening,
        zone: Some(name.to_owned()),
    }));
    intents
}

/// `/etc/rc.d/rcN.d/SNNNAME`, `/etc/rcN.d/...`: started in a run level.
fn of_run_level(path: &str) -> Option<Intent> {
    let rest = path.strip_prefix("/etc/rc.d/").or_else(|| path.strip_prefix("/etc/"))?;
    let (level, link) = rest.strip_prefix("rc")?.split_once(".d/")?;
    let service = link.strip_prefix('S')?.strip_prefix(|c: char| c.is_ascii_digit())?;
    let service = service.strip_prefix(|c: char| c.is_ascii_digit())?;
    let is_level = level.len() == 1 && ("0"..="6").contains(&level);
    (is_level && !service.is_empty()).then(|| Intent::Service {
        service: service.to_owned(),
        want: ServiceWant::On,
        levels: Some(level.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::words;
    use crate::root::Root;

    fn said(path: &str, target: Option<&str>, content: Option<&str>) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        let grammar = Grammar::of(&root);
        of_file(path, target, content, &grammar).iter().map(words::intent).collect()
    }

    #[test]
    fn links_drop_ins_and_masks_are_requests_about_units() {
        let system = "/usr/lib/systemd/system";
        let link = |path: &str, target: &str| said(&format!("{system}/{path}"), Some(target), None);
        assert_eq!(
            link("multi-user.target.wants/a.service", "../a.service"),
            ["have multi-user.target pull in a.service (wants)"]
        );
        assert_eq!(link("b.service", "/dev/null"), ["mask b.service"]);
        assert_eq!(link("default.target", "rescue.target"), ["set default target rescue.target"]);
        assert_eq!(said("/etc/systemd/system/sshd.service.d/x.conf", None, None), ["edit sshd.service"]);
        assert!(said("/usr/lib/systemd/system/a.service", None, None).is_empty());
        assert!(link("c.service", "a.service").is_empty());
        assert_eq!(
            said("/etc/rc.d/rc3.d/S90x", Some("../init.d/x"), None),
            ["enable service x in run levels 3"]
        );
        assert!(said("/etc/rc3.d/K90x", None, None).is_empty());
    }

    #[test]
    fn presets_zones_and_rulesets_are_requests_too() {
        let preset = "# ours\nenable a.service\ndisable *\n";
        assert_eq!(
            said("/usr/lib/systemd/system-preset/10-x.preset", None, Some(preset)),
            ["preset (enable) a.service", "preset (disable) *"]
        );
        let zone = "<zone><port port=\"6666\" protocol=\"tcp\"/></zone>";
        assert_eq!(
            said("/etc/firewalld/zones/public.xml", None, Some(zone)),
            ["new firewalld zone public", "open 6666/tcp in zone public"]
        );
        assert_eq!(said("/usr/lib/firewalld/services/x.xml", None, None), ["new firewalld service x"]);
        assert_eq!(said("/etc/nftables/x.nft", None, None), ["ships firewall rules in /etc/nftables/x.nft"]);
        assert!(said("/etc/x.conf", None, None).is_empty());
        assert!(may_ask("/etc/nftables/x.nft") && may_ask("/etc/rc3.d/S90x") && !may_ask("/etc/x.conf"));
    }
}
