//! Units that scriptlets name, against those that the package ships.

use std::collections::BTreeMap;

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
    let shipped: Vec<&str> = package.files.iter().filter_map(|(path, _)| unit_of(path)).collect();
    let mut findings: Vec<Finding> = asked.iter().filter_map(|one| misspelt(one, &shipped)).collect();
    findings.extend(left_enabled(asked, &shipped));
    findings
}

fn unit_of(path: &str) -> Option<&str> {
    let name = UNIT_DIRECTORIES.iter().find_map(|directory| path.strip_prefix(directory))?;
    (!name.contains('/')).then_some(name)
}

/// A unit that the package does not ship, and whose name is nearly that of one that it does.
fn misspelt(asked: &ForecastItem, shipped: &[&str]) -> Option<Finding> {
    let (Intent::Unit { unit, .. } | Intent::Defer { unit, .. }) = asked.intent.as_ref()? else {
        return None;
    };
    if shipped.iter().any(|known| is_of(unit, known)) {
        return None;
    }
    let near = shipped.iter().find(|known| distance(unit, known) <= NEAR)?;
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
fn left_enabled(asked: &[ForecastItem], shipped: &[&str]) -> Vec<Finding> {
    let at_erase = |one: &&ForecastItem| matches!(one.place.as_deref(), Some("%preun" | "%postun"));
    // What is not known before it runs may well disable the unit.
    if asked.iter().filter(at_erase).any(|one| one.intent.is_none()) {
        return Vec::new();
    }
    let disabled: Vec<&str> = asked
        .iter()
        .filter(at_erase)
        .filter_map(|one| match one.intent.as_ref()? {
            Intent::Unit {
                unit,
                want: UnitWant::Disable,
                ..
            } => Some(unit.as_str()),
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
        {
            let is_shipped = shipped.iter().any(|known| is_of(unit, known));
            if is_shipped && !disabled.iter().any(|gone| have_one_stem(gone, unit)) {
                left.entry(unit).or_insert(one);
            }
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

/// Whether two units are one, or a service with its socket, path or timer: what disables one of these has
/// `Also=` disable the other (systemd.unit(5)), which is in the payload and not looked at.
fn have_one_stem(a: &str, b: &str) -> bool {
    let stem = |unit: &str| unit.rsplit_once('.').map_or(unit.to_owned(), |(stem, _)| stem.to_owned());
    stem(a) == stem(b)
}

/// Whether a unit is a shipped one, or an instance of a shipped template.
fn is_of(unit: &str, shipped: &str) -> bool {
    let template = || {
        let (name, suffix) = unit.rsplit_once('.')?;
        let (prefix, instance) = name.split_once('@')?;
        (!instance.is_empty()).then(|| format!("{prefix}@.{suffix}"))
    };
    unit == shipped || template().is_some_and(|template| template == shipped)
}

/// How many letters are to be changed, added or left out to make one name of the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (corner + usize::from(left != *right)).min(above + 1).min(row[j] + 1);
            corner = above;
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_near_by_two_letters() {
        assert_eq!(distance("agent.service", "agent.service"), 0);
        assert_eq!(distance("agnet.service", "agent.service"), 2);
        assert_eq!(distance("agen.service", "agent.service"), 1);
        assert!(distance("sshd.service", "agent.service") > NEAR);
    }

    #[test]
    fn a_socket_goes_with_its_service_and_with_no_other() {
        assert!(have_one_stem("rpcbind.service", "rpcbind.socket") && have_one_stem("a.timer", "a.timer"));
        assert!(!have_one_stem("rpcbind.service", "rpcbind-2.socket"));
    }

    #[test]
    fn an_instance_is_of_its_template() {
        assert!(is_of("w@a.service", "w@.service") && is_of("w.service", "w.service"));
        assert!(!is_of("w@.service", "v@.service") && !is_of("w.service", "w@.service"));
    }
}
