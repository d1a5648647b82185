//! Findings: what is wrong with a plugin, what will be deferred or denied, what could be declared.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;

use super::declare;
use super::finding::{Finding, Severity};
use super::requests::{Context, ForecastItem, judged, metadata_of, of_payload, of_scanned, read_package};
use super::scanned::Scanned;
use super::scriptlet::{command_line, scriptlets};
use super::spec::{self, SpecPackage};
use super::units::of_units;
use crate::argv::chkconfig::Misuse;
use crate::boot::{self, Disposition};
use crate::error::{LineError, Result};
use crate::firewall::ports::PortRange;
use crate::intent::{FirewallItem, Intent, Verdict};
use crate::metadata::{self, Metadata};
use crate::policy::Decision;
use crate::request::Request;
use crate::root::Root;
use crate::rpmdb::PackageFile;
use crate::shell::Command;
use crate::system::programs::{Advice, advice, init_script};
use crate::vdsm;

/// Looks at an rpm file, a spec file, or at a metadata file by itself.
///
/// # Errors
/// If the file cannot be read.
pub fn lint(context: &Context, path: &Path) -> Result<Vec<Finding>> {
    let is = |wanted| path.extension().is_some_and(|extension| extension == wanted);
    if is("toml") || is("spec") {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let text = Root::open("/")?.read_text(&path)?;
        let place = path.display().to_string();
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        return Ok(match is("toml") {
            true => of_metadata(context, name, &place, &text).1,
            false => of_spec(context, &place, &text),
        });
    }
    Ok(of_package_file(context, &read_package(path)?))
}

fn of_package_file(context: &Context, package: &PackageFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut declared = Vec::new();
    for (name, text) in metadata_of(package) {
        let (metadata, found) = of_metadata(context, &package.name, name, &text);
        findings.extend(found);
        findings.extend(misnamed(package, name));
        findings.extend(metadata.iter().flat_map(|metadata| of_declared_hooks(package, name, metadata)));
        declared.extend(metadata.map(|metadata| metadata.intents()).unwrap_or_default());
    }
    findings.extend(of_scriptlets(context, package, &declared));
    let shipped = of_payload(context, package);
    let verdict = |one: &ForecastItem| of_verdict(one, one.place.as_deref().unwrap_or_default(), None);
    findings.extend(shipped.iter().filter_map(verdict));
    findings.sort_by_key(|finding| finding.severity);
    findings
}

/// Findings about paths, units and scriptlets, which a spec file has, too.
fn of_scriptlets(context: &Context, package: &PackageFile, declared: &[Intent]) -> Vec<Finding> {
    let mut findings = out_of_place(package);
    findings.extend(package.files.iter().filter_map(|(path, mode)| of_hook(path, *mode)));
    let scanned = scriptlets(package);
    let asked = of_scanned(context, package, &scanned);
    findings.extend(asked.iter().filter_map(|asked| of_asked(asked, declared)));
    findings.extend(of_units(package, &asked));
    findings.extend(of_other_ports(&asked, declared));
    findings.extend(others(context, &scanned));
    let silenced = silenced(package);
    findings.retain(|finding| !silenced.contains(&(finding.place.as_str(), finding.rule)));
    one_for_a_call(&mut findings);
    findings
}

/// Leaves out that a call could be declared where something else is wrong with it.
fn one_for_a_call(findings: &mut Vec<Finding>) {
    let call = |finding: &Finding| {
        let command = finding.text.split_once(": ").map_or("", |(command, _)| command).to_owned();
        (finding.place.clone(), finding.line, command)
    };
    let wrong: BTreeSet<_> = findings
        .iter()
        .filter(|finding| matches!(finding.rule, "unit-name" | "no-preun" | "runtime-only"))
        .map(call)
        .collect();
    findings.retain(|finding| finding.rule != "declare" || !wrong.contains(&call(finding)));
}

/// The packages of a spec file; findings have the lines of the file.
fn of_spec(context: &Context, place: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for SpecPackage { package, lines } in spec::read(text) {
        for mut finding in of_scriptlets(context, &package, &[]) {
            let before = lines.get(&finding.place).copied().unwrap_or_default();
            finding.line = finding.line.map(|line| line + before);
            finding.text = format!("{}: {}", finding.place, finding.text);
            place.clone_into(&mut finding.place);
            findings.push(finding);
        }
    }
    findings.sort_by_key(|finding| (finding.severity, finding.line));
    findings
}

/// Ports that a scriptlet opens, where metadata declares others and not these: one of the two is stale.
fn of_other_ports(asked: &[ForecastItem], declared: &[Intent]) -> Vec<Finding> {
    let port = |intent: &Intent| match intent {
        Intent::Allow {
            opening: FirewallItem::Port { port, protocol },
            ..
        } => Some(format!("{port}/{protocol}")),
        _ => None,
    };
    let known: Vec<String> = declared.iter().filter_map(port).collect();
    let finding = |one: &ForecastItem| {
        let opened = one.intent.as_ref().and_then(port).filter(|opened| !known.contains(opened))?;
        let text = format!("opens {opened}, and metadata declares {}", known.join(", "));
        let place = one.place.as_deref().unwrap_or_default();
        Some(Finding::new(Severity::Warning, "other-port", place, one.line, text))
    };
    match known.is_empty() {
        true => Vec::new(),
        false => asked.iter().filter_map(finding).collect(),
    }
}

fn of_metadata(context: &Context, plugin: &str, place: &str, text: &str) -> (Option<Metadata>, Vec<Finding>) {
    match metadata::parse(text) {
        Err(problems) => {
            let finding = |problem: LineError| {
                Finding::new(Severity::Error, "metadata", place, Some(problem.line), problem.text)
            };
            (None, problems.into_iter().map(finding).collect())
        }
        Ok(metadata) => {
            let denied = |intent: &Intent| {
                let asked = judged(context, Some(plugin), None, intent);
                of_verdict(&asked, place, None)
            };
            let mut findings: Vec<Finding> = metadata.intents().iter().filter_map(denied).collect();
            let unknown = metadata.hooks.iter().filter(|hook| !vdsm::is_point(&hook.point));
            findings.extend(unknown.map(|hook| {
                Finding::new(
                    Severity::Warning,
                    "vdsm-hook",
                    place,
                    None,
                    format!("vdsm has no hook point {}", hook.point),
                )
            }));
            (Some(metadata), findings)
        }
    }
}

/// A metadata file counts for the package that owns it; another name misleads readers.
fn misnamed(package: &PackageFile, path: &str) -> Option<Finding> {
    let name = path.rsplit('/').next()?.strip_suffix(".toml")?;
    let known = name == package.name || package.plugins.iter().any(|(plugin, _)| plugin == name);
    let text = format!("the file declares for {}, and is called after something else", package.name);
    (!known).then(|| Finding::new(Severity::Warning, "metadata", path, None, text))
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

fn is_out_of_place(package: &str, path: &str) -> bool {
    let under = |place: &str| Path::new(path).starts_with(place);
    let python = OWN.iter().any(|place| under(place)) && {
        let mut rest = path.split('/').skip(3);
        rest.next().is_some_and(|directory| directory.starts_with("python"))
    };
    let own = OWN.iter().any(|place| under(&format!("{place}/{package}")));
    let program = under("/usr/bin") || under("/usr/sbin");
    !(PLACES.iter().any(|place| under(place)) || own || python || program)
}

/// Files outside of those places, a finding for each directory. Packages that are no plugins of a node
/// may put theirs anywhere.
fn out_of_place(package: &PackageFile) -> Vec<Finding> {
    let has_metadata = || package.files.iter().any(|(path, _)| path.starts_with(metadata::DIRECTORY));
    if package.plugins.is_empty() && !has_metadata() {
        return Vec::new();
    }
    let mut directories: BTreeMap<&str, usize> = BTreeMap::new();
    for (path, _) in package.files.iter().filter(|(path, _)| is_out_of_place(&package.name, path)) {
        let directory = path.rsplit_once('/').map_or("/", |(directory, _)| directory);
        *directories.entry(directory).or_default() += 1;
    }
    let finding = |(directory, count): (&str, usize)| {
        let files = if count == 1 { "file is" } else { "files are" };
        let text = format!("{count} {files} outside of the places that plugins of a node may use");
        Finding::new(Severity::Warning, "path", directory, None, text)
    };
    directories.into_iter().map(finding).collect()
}

fn of_hook(path: &str, mode: u32) -> Option<Finding> {
    let problem = vdsm::problem(path, mode)?;
    Some(Finding::new(Severity::Warning, "vdsm-hook", path, None, problem))
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
    let finding = |text| Finding::new(Severity::Warning, "vdsm-hook", place, None, text);
    absent.chain(unsaid).map(finding).collect()
}

/// The finding about an intent, if there is one.
fn of_asked(asked: &ForecastItem, declared: &[Intent]) -> Option<Finding> {
    let place = asked.place.as_deref().unwrap_or_default();
    let command = asked.command.as_deref().unwrap_or_default();
    let Some(intent) = &asked.intent else {
        let text = format!("{command}: what it asks for shows only when it runs");
        return Some(Finding::new(Severity::Note, "unclear", place, asked.line, text));
    };
    if let Some(finding) = of_verdict(asked, place, asked.line) {
        return Some(finding);
    }
    // What a scriptlet reverts when the package is erased needs no declaration: nodeshim withdraws
    // what the package declared.
    let at_erase = matches!(place, "%preun" | "%postun" | "%triggerun" | "%triggerpostun");
    if at_erase && !intent.is_global() {
        return None;
    }
    let instead = declare::replacement(intent);
    let is_declared = declared.contains(intent);
    let text = match intent {
        _ if is_declared => return None,
        Intent::Defer { .. } if intent.is_global() => {
            format!("{command}: would stop everything else, and is done only where policy allows it")
        }
        Intent::Defer { .. } => match boot::disposition(intent, &Decision::default) {
            // After a boot nothing is missing: try-restart is for what already runs.
            Disposition::Nothing(reason) if !reason.is_loss() => return None,
            Disposition::Nothing(reason) => format!("{command}: never done: {}", reason.sentence()),
            Disposition::Job(_) | Disposition::Match | Disposition::Counts => {
                format!("{command}: deferred to the boot")
            }
        },
        _ if intent.is_global() => format!("{command}: affects the whole system"),
        _ => format!("{command}: could be declared"),
    };
    let severity = match intent.is_global() {
        true => Severity::Warning,
        false => Severity::Note,
    };
    let rule = match intent {
        _ if intent.is_global() => "whole-node",
        Intent::Defer { .. } => "put-off",
        _ => "declare",
    };
    let says = instead.is_some() || intent.is_global() || matches!(intent, Intent::Defer { .. });
    says.then(|| Finding {
        instead,
        ..Finding::new(severity, rule, place, asked.line, text)
    })
}

fn of_verdict(asked: &ForecastItem, place: &str, line: Option<usize>) -> Option<Finding> {
    let (severity, what) = match asked.verdict {
        Verdict::Allow => return None,
        Verdict::Defer => (Severity::Note, "deferred to the boot"),
        Verdict::Ignore => (Severity::Warning, "ignored"),
        Verdict::Deny => (Severity::Error, "denied"),
    };
    let intent = asked.text.as_deref().unwrap_or_default();
    let rule = asked.rule.as_deref().unwrap_or_default();
    Some(Finding::new(
        severity,
        "policy",
        place,
        line,
        format!("{intent}: {what} by policy ({rule})"),
    ))
}

/// What a comment in a scriptlet begins with that silences rules in it: `# nodeshim: disable=RULE,...`.
const SILENCE: &str = "# nodeshim: disable=";

/// Kinds of scriptlets, with the rules that comments in them silence.
fn silenced(package: &PackageFile) -> BTreeSet<(&str, &str)> {
    let mut silenced = BTreeSet::new();
    for scriptlet in &package.scriptlets {
        let rules = scriptlet.body.lines().filter_map(|line| line.trim().strip_prefix(SILENCE));
        let rules = rules.flat_map(|rules| rules.split(',')).map(str::trim);
        silenced.extend(rules.map(|rule| (scriptlet.kind.as_str(), rule)));
    }
    silenced
}

/// Commands that are no calls of replaced tools.
fn others(context: &Context, scriptlets: &[(&str, Scanned)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (kind, scanned) in scriptlets {
        for command in &scanned.commands {
            let program = command.words.first().map_or("", |word| word.text.as_str());
            let runs = command.program().map_or("", |(path, _)| path);
            let line = command_line(command);
            let finding = |severity, rule, text| Finding::new(severity, rule, kind, Some(command.line), text);
            if let Some(what) = refused(context, command) {
                findings.push(finding(Severity::Error, "usage", format!("{line}: {what}")));
            } else if opens_until_reload(context, command) {
                let text =
                    format!("{line}: is lost when firewalld reloads or the node boots; add --permanent");
                findings.push(finding(Severity::Warning, "runtime-only", text));
            } else if let Advice::Avoid(what) = advice(runs) {
                findings.push(finding(Severity::Warning, "bypass", format!("{line}: {what}")));
            } else if let Advice::Declare(instead) = advice(runs) {
                findings.push(Finding {
                    instead: Some(instead.to_owned()),
                    ..finding(Severity::Note, "declare", format!("{line}: could be declared"))
                });
            } else if init_script(runs).is_some() {
                let text = format!("{line}: runs an init script by its path; use service, which is recorded");
                findings.push(finding(Severity::Warning, "init-script", text));
            } else if command.reads_pipe && declare::is_shell(program) {
                let text = format!("{line}: runs what another command prints: what it asks for is not known");
                findings.push(finding(Severity::Warning, "piped-shell", text));
            }
            if let Some(what) = declare::privileged(command) {
                findings.push(finding(Severity::Warning, "privileged", format!("{line}: {what}")));
            }
            for (path, what) in declare::written(command) {
                findings.push(finding(Severity::Warning, "by-hand", format!("{path}: {what}")));
            }
        }
    }
    findings
}

/// The request that a command makes; nothing where the command is no tool's, or where only running the
/// script shows its words.
fn request(context: &Context, command: &Command) -> Option<Request> {
    let (name, words) = command.words.split_first()?;
    if !command.words.iter().all(|word| word.resolved) {
        return None;
    }
    let words: Vec<OsString> = words.iter().map(|word| OsString::from(&word.text)).collect();
    context.request(&name.text, &words)
}

/// Whether firewall-cmd opens something for the running firewall only, and nothing makes it permanent.
fn opens_until_reload(context: &Context, command: &Command) -> bool {
    let Some(Request::FirewallCmd(Ok(given))) = request(context, command) else {
        return false;
    };
    let adds = command.words.iter().any(|word| word.text.starts_with("--add-"));
    adds && !given.has("--permanent") && !given.has("--timeout")
}

/// A port that firewalld refuses, in its words: see `Firewall.check_port` and `functions.getPortRange`.
fn bad_port(word: &str) -> Option<String> {
    let (option, value) = word.split_once('=')?;
    let takes_port = ["port", "source-port"].iter().any(|name| {
        ["--add-", "--remove-", "--query-"]
            .iter()
            .any(|verb| option.strip_prefix(verb) == Some(name))
    });
    let is_port = || {
        let (port, protocol) = value.split_once('/')?;
        PortRange::parse(port).filter(|_| PROTOCOLS.contains(&protocol))
    };
    (takes_port && is_port().is_none()).then(|| format!("{value:?} is not PORT/PROTOCOL"))
}

/// Protocols that have ports, see `firewall-cmd(1)`.
const PROTOCOLS: [&str; 4] = ["tcp", "udp", "sctp", "dccp"];

/// Why a tool refuses the words of a call, in its own words.
fn refused(context: &Context, command: &Command) -> Option<String> {
    let request = request(context, command)?;
    let first = |text: &str| text.lines().last().unwrap_or_default().to_owned();
    match request {
        Request::FirewallCmd(Ok(_)) | Request::FirewallOfflineCmd(Ok(_)) => {
            command.words.iter().find_map(|word| bad_port(&word.text))
        }
        Request::Systemctl(Err(error)) => error.text().lines().next().map(str::to_owned),
        Request::FirewallCmd(Err(error)) | Request::FirewallOfflineCmd(Err(error)) => {
            Some(first(&error.text))
        }
        Request::Lokkit(request) => request.errors.first().cloned(),
        Request::Chkconfig(Err(Misuse::Line(line))) => Some(line),
        Request::Chkconfig(Err(Misuse::Usage)) => Some("is no call that chkconfig understands".to_owned()),
        _ => None,
    }
}
