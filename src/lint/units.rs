//! Units that scriptlets name, against those that the package ships.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::{Finding, Severity};
use super::requests::ForecastItem;
use crate::intent::{Intent, Scope, UnitWant};
use crate::rpmdb::PackageFile;

/// Where packages ship unit files; `/lib` is `/usr/lib` where `/usr` is merged.
const UNIT_DIRECTORIES: [&str; 3] = [
    "/usr/lib/systemd/system/",
    "/lib/systemd/system/",
    "/etc/systemd/system/",
];

/// Names that differ from a shipped unit's by so many letters are taken for its name with a fault.
const NEAR: usize = 2;

/// What is wrong with the units that a package's scriptlets enable and start.
pub(super) fn of_units(package: &PackageFile, asked: &[ForecastItem]) -> Vec<Finding> {
    let shipped: BTreeSet<&str> = package.files.iter().filter_map(|(path, _)| unit_of(path)).collect();
    let mut findings: Vec<Finding> = asked.iter().filter_map(|one| misspelt(one, &shipped)).collect();
    findings.extend(left_enabled(asked, &shipped));
    findings
}

fn unit_of(path: &str) -> Option<&str> {
    let name = UNIT_DIRECTORIES.iter().find_map(|directory| path.strip_prefix(directory))?;
    (!name.contains('/')).then_some(name)
}

/// A unit that the package does not ship, and whose name is nearly that of one that it does.
fn misspelt(asked: &ForecastItem, shipped: &BTreeSet<&str>) -> Option<Finding> {
    let (Intent::Unit { unit, .. } | Intent::Defer { unit, .. }) = asked.intent.as_ref()? else {
        return None;
    };
    if is_of_any(unit, shipped) {
        return None;
    }
    let near = shipped.iter().find(|known| is_near(unit, known))?;
    let command = asked.command.as_deref().unwrap_or_default();
    Some(Finding::new(
        Severity::Warning,
        "unit-name",
        asked.place.as_deref().unwrap_or_default(),
        asked.line,
        format!("{command}: the package ships no {unit}; it ships {near}"),
    ))
}

/// Units of the package that a scriptlet enables and none disables when the package is erased: their
/// links would point nowhere afterwards.
fn left_enabled(asked: &[ForecastItem], shipped: &BTreeSet<&str>) -> Vec<Finding> {
    let at_erase = |one: &&ForecastItem| matches!(one.place.as_deref(), Some("%preun" | "%postun"));
    // What is not known before it runs may well disable the unit.
    if asked.iter().filter(at_erase).any(|one| one.intent.is_none()) {
        return Vec::new();
    }
    let disabled: BTreeSet<&str> = asked
        .iter()
        .filter(at_erase)
        .filter_map(|one| match one.intent.as_ref()? {
            Intent::Unit {
                unit,
                want: UnitWant::Disable,
                ..
            } => Some(stem(unit)),
            _ => None,
        })
        .collect();
    let mut left: BTreeMap<&str, &ForecastItem> = BTreeMap::new();
    for one in asked.iter().filter(|one| !at_erase(one)) {
        if let Some(Intent::Unit {
            unit,
            want: UnitWant::Enable,
            scope: Scope::System,
            ..
        }) = &one.intent
            && is_of_any(unit, shipped)
            && !disabled.contains(stem(unit))
        {
            left.entry(unit).or_insert(one);
        }
    }
    let finding = |(unit, one): (&str, &ForecastItem)| {
        let command = one.command.as_deref().unwrap_or_default();
        let text = format!("{command}: no %preun disables {unit} when the package is erased");
        let place = one.place.as_deref().unwrap_or_default();
        let mut finding = Finding::new(Severity::Warning, "no-preun", place, one.line, text);
        finding.instead = Some(format!("[units] enable = [{unit:?}]"));
        finding
    };
    left.into_iter().map(finding).collect()
}

/// What a service has in common with its socket, path and timer: what disables one of these has `Also=` disable the
/// other (systemd.unit(5)), which is in the payload and not looked at.
fn stem(unit: &str) -> &str {
    unit.rsplit_once('.').map_or(unit, |(stem, _)| stem)
}

/// Whether a unit is shipped, or an instance of a shipped template.
fn is_of_any(unit: &str, shipped: &BTreeSet<&str>) -> bool {
    let template = || {
        let (name, suffix) = unit.rsplit_once('.')?;
        let (prefix, instance) = name.split_once('@')?;
        (!instance.is_empty()).then(|| format!("{prefix}@.{suffix}"))
    };
    shipped.contains(unit) || template().is_some_and(|template| shipped.contains(template.as_str()))
}

/// Whether at most [`NEAR`] letters are to be changed, added or left out to make one name of the other
/// (Levenshtein). Only what can still be near is looked at.
fn is_near(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > NEAR {
        return false;
    }
    let far = NEAR + 1;
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.iter().enumerate() {
        let (first, last) = (i.saturating_sub(NEAR), (i + NEAR + 1).min(b.len()));
        let mut corner = row[first];
        row[first] = if first == 0 { i + 1 } else { far };
        let mut least = row[first];
        for j in first..last {
            // Beyond the band everything is far.
            let above = if j + 1 > i + NEAR { far } else { row[j + 1] };
            let here = (corner + usize::from(*left != b[j])).min(above + 1).min(row[j] + 1);
            corner = row[j + 1];
            row[j + 1] = here;
            least = least.min(here);
        }
        if least > NEAR {
            return false;
        }
    }
    row[b.len()] <= NEAR
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_near_by_two_letters() {
        for near in [
            "agent.service",
            "agnet.service",
            "agen.service",
            "agentd.service",
            "zagent.servic",
        ] {
            assert!(is_near(near, "agent.service") && is_near("agent.service", near), "{near}");
        }
        for far in [
            "sshd.service",
            "agent.socket",
            "xagents.servic",
            "",
            "agent.service.cc1",
        ] {
            assert!(!is_near(far, "agent.service") && !is_near("agent.service", far), "{far}");
        }
    }

    #[test]
    fn a_socket_goes_with_its_service_and_with_no_other() {
        assert_eq!(stem("rpcbind.service"), stem("rpcbind.socket"));
        assert_ne!(stem("rpcbind.service"), stem("rpcbind-2.socket"));
    }

    #[test]
    fn an_instance_is_of_its_template() {
        let shipped = BTreeSet::from(["w@.service", "v.service"]);
        assert!(is_of_any("w@a.service", &shipped) && is_of_any("v.service", &shipped));
        assert!(!is_of_any("v@a.service", &shipped) && !is_of_any("w.service", &shipped));
    }
}
