//! How systemctl words what it did and what it could not do, by generation.

use crate::request::Env;
use crate::unit::generation::{Generation, Trait};
use crate::unit::log::Level;
use crate::unit::paths::{normalize, simplify, simplify_slashes};
use crate::unit::problem::{Event, Problem};

/// The wording of one call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    generation: Generation,
    unicode: bool,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// How much it matters.
    pub level: Level,
    /// Whether it is about a failure, which `--quiet` does not hide.
    pub is_error: bool,
    /// The line.
    pub text: String,
}

impl Style {
    /// The wording of a generation in the caller's locale.
    pub(super) fn new(generation: Generation, env: &Env) -> Self {
        Style {
            generation,
            unicode: is_unicode(env),
        }
    }

    /// One thing that happened under `verb`.
    ///
    /// `install_changes_dump()` of shared/install.c.
    pub(super) fn event(&self, event: &Event, verb: &str) -> Message {
        let plain = |level: Level, text: String| Message {
            level,
            is_error: false,
            text,
        };
        // Paths are printed without doubled slashes and the like, even if a link on disk has them.
        let event = event.with_paths(|path| match self.generation.has(Trait::EarlierInstall) {
            true => simplify_slashes(path),
            false if self.generation.has(Trait::NormalizesPaths) => normalize(path),
            false => simplify(path),
        });
        match &event {
            Event::Linked { path, target } => plain(Level::Info, self.linked(path, target)),
            Event::Removed { path } => plain(Level::Info, self.removed(path)),
            Event::IsMasked { path } => plain(Level::Info, format!("Unit {path} is masked, ignoring.")),
            Event::MaskedByGenerator { unit } => {
                let skips = match self.generation.has(Trait::QuotedMessages) {
                    true => ", skipping",
                    false => "",
                };
                let text = format!("Unit {unit} is masked via a generator and cannot be unmasked{skips}.");
                plain(Level::Info, text)
            }
            Event::IsDangling { path } => {
                // install_change_dump_success(), 256.
                let what = match self.generation.has(Trait::QuotedMessages) {
                    true => "a non-existent unit",
                    false => "a unit that is not present",
                };
                plain(Level::Info, format!("Unit {path} is an alias to {what}, ignoring."))
            }
            Event::TargetMissing { target, source } => {
                let text = format!("Unit {source} is added as a dependency to a non-existent unit {target}.");
                plain(Level::Warning, text)
            }
            Event::AuxiliaryFailed { unit } => {
                plain(Level::Warning, format!("Failed to enable auxiliary unit {unit}, ignoring."))
            }
            Event::Failed {
                problem,
                subject,
                other,
            } => Message {
                level: Level::Error,
                is_error: true,
                text: self.problem(*problem, verb, subject, other.as_deref()),
            },
        }
    }

    /// A request that failed as a whole.
    pub(super) fn failed(&self, verb: &str, problem: Problem) -> String {
        format!("Failed to {verb}{}: {}.", self.generation.failed_object(), problem.text())
    }

    /// The text in place of the part that is left out of a long name.
    pub(crate) fn ellipsis(&self) -> &'static str {
        if self.unicode { "…" } else { "..." }
    }

    fn linked(&self, path: &str, target: &str) -> String {
        let arrow = if self.unicode { "→" } else { "->" };
        if self.generation.has(Trait::QuotedMessages) {
            format!("Created symlink '{path}' {arrow} '{target}'.")
        } else {
            format!("Created symlink {path} {arrow} {target}.")
        }
    }

    fn removed(&self, path: &str) -> String {
        if self.generation.has(Trait::QuotedMessages) {
            format!("Removed '{path}'.")
        } else if self.generation.has(Trait::QuotedPaths) {
            format!("Removed \"{path}\".")
        } else {
            format!("Removed {path}.")
        }
    }

    fn problem(&self, problem: Problem, verb: &str, subject: &str, other: Option<&str>) -> String {
        if self.generation.has(Trait::QuotedMessages) {
            return quoted_problem(problem, verb, subject, other);
        }
        if !self.generation.has(Trait::QuotedPaths) {
            return self.bare_problem(problem, verb, subject, other);
        }
        let other = other.unwrap_or_default();
        let reason = match problem {
            Problem::NotTemplate => {
                return format!(
                    "Failed to {verb} {other}, destination unit {subject} is a non-template unit."
                );
            }
            Problem::Exists if other.is_empty() => format!("file \"{subject}\" already exists."),
            Problem::Exists => format!("file \"{subject}\" already exists and is a symlink to \"{other}\"."),
            Problem::Masked => format!("unit {subject} is masked."),
            Problem::Generated => format!("unit {subject} is transient or generated."),
            Problem::InHierarchy => format!("file {subject} is under the systemd unit hierarchy already."),
            Problem::BadSpecifier => format!("invalid specifier in \"{subject}\"."),
            Problem::Unresolved => format!("cannot resolve specifiers in \"{subject}\"."),
            Problem::BadName => format!("\"{subject}\" is not a valid unit name."),
            Problem::LinkedFile => format!("refusing to operate on linked unit file {subject}."),
            Problem::BadAlias if other.is_empty() => format!("invalid unit reference \"{subject}\"."),
            Problem::BadAlias => format!("cannot alias {other} as {subject}."),
            Problem::Missing => format!("unit {subject} does not exist."),
            Problem::Severed | Problem::Os(_) => format!("file \"{subject}\": {}", problem.text()),
        };
        format!("Failed to {verb} unit, {reason}")
    }

    /// As up to 248, where only the error number is known.
    fn bare_problem(&self, problem: Problem, verb: &str, subject: &str, other: Option<&str>) -> String {
        let reason = match (problem, other) {
            (Problem::Exists, Some(other)) => {
                format!("file {subject} already exists and is a symlink to {other}.")
            }
            (Problem::Exists, None) => format!("file {subject} already exists."),
            (Problem::Masked, _) => format!("unit {subject} is masked."),
            (Problem::Generated, _) => format!("unit {subject} is transient or generated."),
            (Problem::LinkedFile, _) => format!("refusing to operate on linked unit file {subject}"),
            (Problem::Missing, _) => format!("unit {subject} does not exist."),
            (Problem::BadName, _) if self.generation.number() >= 240 => {
                format!("\"{subject}\" is not a valid unit name.")
            }
            _ => format!("file {subject}: {}.", problem.text()),
        };
        format!("Failed to {verb} unit, {reason}")
    }

    /// The message about a verb that needs a running systemd; 239 repeats only what was typed.
    pub(super) fn ignored(&self, verb: &str, is_typed: bool) -> String {
        match self.generation.number() {
            ..240 if is_typed => format!("Running in chroot, ignoring request: {verb}"),
            ..240 => "Running in chroot, ignoring request.".to_owned(),
            _ => format!("Running in chroot, ignoring command '{verb}'"),
        }
    }

    /// The message about units without `[Install]`, and its level.
    pub(crate) fn no_install(&self) -> (Level, String) {
        if self.generation.number() < 240 {
            return (Level::Warning, EARLIER_NO_INSTALL.to_owned());
        }
        (Level::Notice, self.explained_no_install())
    }

    fn explained_no_install(&self) -> String {
        let verbs = if self.generation.has(Trait::DisableLooksUpFirst) {
            "enabled or disabled"
        } else {
            "enabled"
        };
        let settings = if self.generation.has(Trait::UpheldBy) {
            "(WantedBy=, RequiredBy=, UpheldBy=,\n\
             Also=, or Alias= settings in the [Install] section, and DefaultInstance= for\n\
             template units). This means they are not meant to be "
        } else {
            "(WantedBy=, RequiredBy=, Also=,\n\
             Alias= settings in the [Install] section, and DefaultInstance= for template\n\
             units). This means they are not meant to be "
        };
        let kinds = if self.generation.has(Trait::TheseKinds) {
            "these kinds"
        } else {
            "this kind"
        };
        let directories = if self.generation.has(Trait::UpheldBy) {
            ".wants/, .requires/, or .upholds/"
        } else {
            ".wants/ or .requires/"
        };
        let bullet = if self.unicode { "•" } else { "*" };
        format!(
            "The unit files have no installation config {settings}{verbs} using systemctl.\n \n\
             Possible reasons for having {kinds} of units are:\n\
             {bullet} A unit may be statically enabled by being symlinked from another unit's\n  \
             {directories} directory.\n\
             {bullet} A unit's purpose may be to act as a helper for some other unit which has\n  \
             a requirement dependency on it.\n\
             {bullet} A unit may be started when needed via activation (socket, path, timer,\n  \
             D-Bus, udev, scripted systemctl call, ...).\n\
             {bullet} In case of template units, the unit is meant to be enabled with some\n  \
             instance name specified."
        )
    }
}

const EARLIER_NO_INSTALL: &str = "\
    The unit files have no installation config (WantedBy, RequiredBy, Also, Alias\n\
    settings in the [Install] section, and DefaultInstance for template units).\n\
    This means they are not meant to be enabled using systemctl.\n\
    Possible reasons for having this kind of units are:\n\
    1) A unit may be statically enabled by being symlinked from another unit's\n   \
    .wants/ or .requires/ directory.\n\
    2) A unit's purpose may be to act as a helper for some other unit which has\n   \
    a requirement dependency on it.\n\
    3) A unit may be started when needed via activation (socket, path, timer,\n   \
    D-Bus, udev, scripted systemctl call, ...).\n\
    4) In case of template units, the unit is meant to be enabled with some\n   \
    instance name specified.";

fn quoted_problem(problem: Problem, verb: &str, subject: &str, other: Option<&str>) -> String {
    let other = other.unwrap_or_default();
    let reason = match problem {
        Problem::Exists if other.is_empty() => format!("File '{subject}' already exists"),
        Problem::Exists => format!("File '{subject}' already exists and is a symlink to {other}"),
        Problem::Masked => format!("Unit {subject} is masked"),
        Problem::Generated => format!("Unit {subject} is transient or generated"),
        Problem::InHierarchy => format!("File '{subject}' is under the systemd unit hierarchy already"),
        Problem::BadSpecifier => format!("Invalid specifier in unit {subject}"),
        Problem::Unresolved => format!("Cannot resolve specifiers in unit {subject}"),
        Problem::NotTemplate => format!(
            "Refusing to operate on template unit {other} when destination unit {subject} is a non-template unit"
        ),
        Problem::BadName => format!("Invalid unit name {subject}"),
        Problem::LinkedFile => format!("Refusing to operate on linked unit file {subject}"),
        Problem::BadAlias if other.is_empty() => format!("Invalid unit reference {subject}"),
        Problem::BadAlias => format!("Cannot alias {other} as {subject}"),
        Problem::Missing => format!("Unit {subject} does not exist"),
        Problem::Severed => format!("Unit {subject} is an unresolvable alias"),
        Problem::Os(_) => return format!("Failed to {verb} unit {subject}: {}", problem.text()),
    };
    format!("Failed to {verb} unit: {reason}")
}

/// Whether arrows and bullets are printed as such: unless a variable names the plain locale. One
/// that is not installed counts as able.
fn is_unicode(env: &Env) -> bool {
    let set: Vec<&str> =
        ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(|name| env.get(name)).collect();
    match set.iter().find(|value| !value.is_empty()) {
        Some(locale) => !matches!(*locale, "C" | "POSIX"),
        None => set.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style(generation: u16, variables: &[(&str, &str)]) -> Style {
        let env: Env = variables.iter().copied().collect();
        Style::new(Generation::release(generation), &env)
    }

    #[test]
    fn links_are_announced_by_generation_and_locale() {
        let linked = Event::Linked {
            path: "/a".into(),
            target: "/b".into(),
        };
        let removed = Event::Removed { path: "/a".into() };
        let text = |style: Style, event: &Event| style.event(event, "enable").text;
        assert_eq!(text(style(252, &[]), &linked), "Created symlink /a → /b.");
        assert_eq!(text(style(252, &[("LANG", "C")]), &linked), "Created symlink /a -> /b.");
        assert_eq!(
            text(style(257, &[("LC_ALL", "C.UTF-8"), ("LANG", "C")]), &linked),
            "Created symlink '/a' → '/b'."
        );
        assert_eq!(text(style(239, &[]), &removed), "Removed /a.");
        assert_eq!(text(style(252, &[]), &removed), "Removed \"/a\".");
        assert_eq!(text(style(262, &[]), &removed), "Removed '/a'.");
    }

    #[test]
    fn problems_are_worded_by_generation() {
        let cases = [
            (
                Problem::Missing,
                None,
                "Failed to enable unit, unit X does not exist.",
                "Failed to enable unit: Unit X does not exist",
            ),
            (
                Problem::BadAlias,
                Some("Y"),
                "Failed to enable unit, cannot alias Y as X.",
                "Failed to enable unit: Cannot alias Y as X",
            ),
            (
                Problem::NotTemplate,
                Some("Y"),
                "Failed to enable Y, destination unit X is a non-template unit.",
                "Failed to enable unit: Refusing to operate on template unit Y when destination unit X is a non-template unit",
            ),
        ];
        for (problem, other, older, newer) in cases {
            assert_eq!(style(252, &[]).problem(problem, "enable", "X", other), older);
            assert_eq!(style(257, &[]).problem(problem, "enable", "X", other), newer);
        }
        assert_eq!(
            style(254, &[]).failed("mask", Problem::Missing),
            "Failed to mask: No such file or directory."
        );
        assert_eq!(
            style(262, &[]).failed("mask", Problem::Missing),
            "Failed to mask units: No such file or directory."
        );
    }
}
