//! Findings: what is wrong with a plugin, what will be put off or denied, what could be declared.

use std::path::Path;

use serde::Serialize;

use super::declare;
use super::requests::{ForecastItem, judged, of_package};
use super::scriptlet::{command_line, scriptlets};
use crate::boot::{self, Disposition};
use crate::error::Result;
use crate::intent::{Intent, Verdict};
use crate::metadata::{self, Metadata};
use crate::policy::{Decision, Rules};
use crate::root::Root;
use crate::rpmdb::PackageFile;
use crate::vdsm;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// It will not work as it is.
    Error,
    /// It may not work as it is meant.
    Warning,
    /// It works; it could be said better.
    Note,
}

/// Something found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// A scriptlet's kind, or a path.
    pub place: String,
    /// The line in it, from 1.
    pub line: Option<usize>,
    /// What was found.
    pub text: String,
    /// What could be written instead.
    pub instead: Option<String>,
}

impl Finding {
    fn new(severity: Severity, place: &str, line: Option<usize>, text: impl Into<String>) -> Finding {
        Finding {
            severity,
            place: place.to_owned(),
            line,
            text: text.into(),
            instead: None,
        }
    }
}

/// Looks at an rpm file, or at a metadata file by itself.
pub fn lint(root: &Root, rules: &Rules, path: &Path) -> Result<Vec<Finding>> {
    if path.extension().is_some_and(|extension| extension == "toml") {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let text = Root::open("/")?.read_text(&path)?;
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let (_, findings) = of_metadata(root, rules, name, &path.display().to_string(), &text);
        return Ok(findings);
    }
    let package = PackageFile::read(path)?;
    let mut findings = Vec::new();
    let mut declared = Vec::new();
    let is_metadata = |name: &str| name.starts_with(metadata::DIRECTORY) && name.ends_with(".toml");
    if package.files.iter().any(|(name, _)| is_metadata(name)) {
        for (name, content) in PackageFile::contents(path, is_metadata)? {
            let text = String::from_utf8_lossy(&content);
            let (metadata, found) = of_metadata(root, rules, &package.name, &name, &text);
            findings.extend(found);
            findings.extend(misnamed(&package, &name));
            findings
                .extend(metadata.iter().flat_map(|metadata| of_declared_hooks(&package, &name, metadata)));
            declared.extend(metadata.map(|metadata| metadata.intents()).unwrap_or_default());
        }
    }
    findings.extend(package.files.iter().filter_map(|(path, _)| out_of_place(&package.name, path)));
    findings.extend(package.files.iter().filter_map(|(path, mode)| of_hook(path, *mode)));
    let asked = of_package(root, rules, &package);
    findings.extend(asked.iter().filter_map(|asked| of_asked(asked, &declared)));
    findings.extend(others(&package));
    findings.sort_by_key(|finding| finding.severity);
    Ok(findings)
}

fn of_metadata(
    root: &Root,
    rules: &Rules,
    plugin: &str,
    place: &str,
    text: &str,
) -> (Option<Metadata>, Vec<Finding>) {
    match metadata::parse(text) {
        Err(problems) => {
            let finding = |problem: metadata::Problem| {
                Finding::new(Severity::Error, place, Some(problem.line), problem.text)
            };
            (None, problems.into_iter().map(finding).collect())
        }
        Ok(metadata) => {
            let denied = |intent: &Intent| {
                let asked = judged(root, rules, Some(plugin), None, intent);
                of_verdict(&asked, place, None)
            };
            let mut findings: Vec<Finding> = metadata.intents().iter().filter_map(denied).collect();
            let unknown = metadata.hooks.iter().filter(|hook| !vdsm::is_point(&hook.point));
            findings.extend(unknown.map(|hook| {
                Finding::new(Severity::Warning, place, None, format!("vdsm has no hook point {}", hook.point))
            }));
            (Some(metadata), findings)
        }
    }
}

/// A metadata file counts by its name.
fn misnamed(package: &PackageFile, path: &str) -> Option<Finding> {
    let name = path.rsplit('/').next()?.strip_suffix(".toml")?;
    let known = name == package.name || package.plugins.iter().any(|(plugin, _)| plugin == name);
    let text = format!(
        "the file is called neither {} nor as a plugin that the package provides: it declares nothing",
        package.name
    );
    (!known).then(|| Finding::new(Severity::Error, path, None, text))
}

/// Where plugins may put files, by whole components.
const PLACES: [&str; 14] = [
    "/etc",
    "/opt",
    "/usr/share/man",
    "/usr/lib/systemd",
    "/usr/lib/sysusers.d",
    "/usr/lib/tmpfiles.d",
    "/usr/lib/modules-load.d",
    "/usr/lib/sysctl.d",
    "/usr/lib/udev/rules.d",
    "/usr/lib/bootc/kargs.d",
    "/usr/libexec/vdsm/hooks",
    "/usr/share/ovirt-node/plugins.d",
    "/usr/share/licenses",
    "/usr/share/doc",
];

/// Directories in which a package has one of its own name.
const OWN: [&str; 4] = ["/usr/share", "/usr/lib", "/usr/lib64", "/usr/libexec"];

fn out_of_place(package: &str, path: &str) -> Option<Finding> {
    let under = |place: &str| Path::new(path).starts_with(place);
    let python = OWN.iter().any(|place| under(place)) && {
        let mut rest = path.split('/').skip(3);
        rest.next().is_some_and(|directory| directory.starts_with("python"))
    };
    let own = OWN.iter().any(|place| under(&format!("{place}/{package}")));
    let program = under("/usr/bin") || under("/usr/sbin");
    if PLACES.iter().any(|place| under(place)) || own || python || program {
        return None;
    }
    let text = "is outside of the places that plugins of a node may use";
    Some(Finding::new(Severity::Warning, path, None, text))
}

fn of_hook(path: &str, mode: u32) -> Option<Finding> {
    let problem = vdsm::problem(path, mode)?;
    Some(Finding::new(Severity::Warning, path, None, problem))
}

/// The hooks that metadata declares against those that the package has.
fn of_declared_hooks(package: &PackageFile, place: &str, metadata: &Metadata) -> Vec<Finding> {
    const KIND: u32 = 0o170_000;
    const DIRECTORY: u32 = 0o040_000;
    let files = package.files.iter().filter(|(_, mode)| mode & KIND != DIRECTORY);
    let shipped: Vec<(&str, &str)> = files.filter_map(|(path, _)| vdsm::split(path)).collect();
    let absent = metadata.hooks.iter().filter_map(|hook| {
        let absence = vdsm::absence(&hook.point, &hook.name, shipped.iter().copied())?;
        Some(format!("declares hook {}/{}: {absence}", hook.point, hook.name))
    });
    let is_declared = |(point, name): (&str, &str)| {
        metadata.hooks.iter().any(|hook| hook.point == point && hook.name == name)
    };
    let unsaid = shipped.iter().filter(|hook| !metadata.hooks.is_empty() && !is_declared(**hook));
    let unsaid = unsaid.map(|(point, name)| format!("does not declare hook {point}/{name}, which is there"));
    let finding = |text| Finding::new(Severity::Warning, place, None, text);
    absent.chain(unsaid).map(finding).collect()
}

/// What is to be said of an intent.
fn of_asked(asked: &ForecastItem, declared: &[Intent]) -> Option<Finding> {
    let place = asked.place.as_deref().unwrap_or_default();
    let command = asked.command.as_deref().unwrap_or_default();
    let Some(intent) = &asked.intent else {
        let text = format!("{command}: what it asks for shows only when it runs");
        return Some(Finding::new(Severity::Note, place, asked.line, text));
    };
    if let Some(finding) = of_verdict(asked, place, asked.line) {
        return Some(finding);
    }
    let instead = declare::replacement(intent);
    let is_declared = declared.contains(intent);
    let text = match intent {
        _ if is_declared => return None,
        Intent::Defer { .. } if intent.is_global() => {
            format!("{command}: would stop everything else, and is done only where policy allows it")
        }
        Intent::Defer { .. } => match boot::disposition(intent, &Decision::default) {
            Disposition::Nothing(reason) => format!("{command}: never done: {}", reason.sentence()),
            Disposition::Job(_) | Disposition::Match | Disposition::Counts => {
                format!("{command}: put off until the boot")
            }
        },
        _ if intent.is_global() => format!("{command}: affects the whole system"),
        _ => format!("{command}: could be declared"),
    };
    let severity = match intent.is_global() {
        true => Severity::Warning,
        false => Severity::Note,
    };
    let says = instead.is_some() || intent.is_global() || matches!(intent, Intent::Defer { .. });
    says.then(|| Finding {
        instead,
        ..Finding::new(severity, place, asked.line, text)
    })
}

fn of_verdict(asked: &ForecastItem, place: &str, line: Option<usize>) -> Option<Finding> {
    let (severity, what) = match asked.verdict {
        Verdict::Allow => return None,
        Verdict::Defer => (Severity::Note, "put off until the boot"),
        Verdict::Ignore => (Severity::Warning, "ignored"),
        Verdict::Deny => (Severity::Error, "denied"),
    };
    let intent = asked.text.as_deref().unwrap_or_default();
    let rule = asked.rule.as_deref().unwrap_or_default();
    Some(Finding::new(severity, place, line, format!("{intent}: {what} by policy ({rule})")))
}

/// Commands that no shim stands for.
fn others(package: &PackageFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (kind, scanned) in scriptlets(package) {
        for command in scanned.commands {
            let program = command.words.first().map_or("", |word| word.text.as_str());
            let line = command_line(&command);
            let finding = |severity, text| Finding::new(severity, kind, Some(command.line), text);
            if let Some(what) = declare::bypasses(program) {
                findings.push(finding(Severity::Warning, format!("{line}: {what}")));
            } else if let Some(instead) = declare::of_program(program) {
                findings.push(Finding {
                    instead: Some(instead.to_owned()),
                    ..finding(Severity::Note, format!("{line}: could be declared"))
                });
            } else if program.starts_with("/etc/init.d/") || program.starts_with("/etc/rc.d/init.d/") {
                let text = format!("{line}: runs an init script by its path; use service, which is recorded");
                findings.push(finding(Severity::Warning, text));
            }
        }
    }
    findings
}
