//! The requests in a package's scriptlets, and what policy says of each intent.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use serde::Serialize;

use super::scanned::Scanned;
use super::scriptlet::{command_line, scriptlets};
use crate::attribution::package_name;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::firewall::firewalld::Grammar;
use crate::intent::{Intent, Verdict};
use crate::metadata;
use crate::metadata::payload::{self, has_content};
use crate::plan::words;
use crate::policy::{PolicyQuery, Rules, Source};
use crate::request::{Call, Env, Names, Request};
use crate::root::Root;
use crate::rpmdb::{PackageFile, files_of};
use crate::shell::Command;
use crate::system::{commands, programs};
use crate::tool::Tool;

/// One thing that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ForecastItem {
    /// Where: a scriptlet's kind and a file's path, if there is one.
    pub place: Option<String>,
    /// The line in it.
    pub line: Option<usize>,
    /// The command as it is written.
    pub command: Option<String>,
    /// The intent in words; none where the words are not known without running the script.
    pub text: Option<String>,
    /// What policy says.
    pub verdict: Verdict,
    /// The rule that decided, with its reason.
    pub rule: Option<String>,
    /// The intent itself, as in the journal.
    pub intent: Option<Intent>,
}

/// What requests are judged by: an image, its configuration, and the rules of a policy.
#[derive(Debug)]
pub struct Context<'a> {
    pub(super) root: &'a Root,
    config: Config,
    rules: &'a Rules,
    names: Names<'a>,
}

impl<'a> Context<'a> {
    /// Reads the image's configuration, so that words mean here what they mean to the image's shims.
    ///
    /// # Errors
    /// A configuration that cannot be read.
    pub fn load(root: &'a Root, rules: &'a Rules) -> Result<Context<'a>> {
        let (config, _) = Config::load(root)?;
        let names = Names::of(root);
        Ok(Context {
            root,
            config,
            rules,
            names,
        })
    }

    /// The request that a call's words make; none where `argv0` is no tool's name.
    pub(super) fn request(&self, argv0: &str, args: &[OsString]) -> Option<Request> {
        let tool = Tool::from_argv0(OsStr::new(argv0))?;
        let env = Env::default();
        Request::parse(tool, argv0, args, &Call::new(self.root, &self.config, &env, argv0))
    }
}

/// Judges an intent.
pub(crate) fn judged(
    context: &Context,
    plugin: Option<&str>,
    tool: Option<Tool>,
    intent: &Intent,
) -> ForecastItem {
    let tools: Vec<Tool> = tool.into_iter().collect();
    let query = PolicyQuery {
        plugin,
        tools: &tools,
        source: match tool {
            Some(_) => Source::Scriptlet,
            None => Source::Metadata,
        },
        intent,
    };
    let decision = context.rules.decide(&query, &context.names);
    let rule = decision.explanation();
    ForecastItem {
        place: None,
        line: None,
        command: None,
        text: Some(words::intent(intent)),
        verdict: decision.verdict,
        rule: (!rule.is_empty()).then_some(rule),
        intent: Some(intent.clone()),
    }
}

/// What one call asks for.
pub fn of_call(context: &Context, plugin: Option<&str>, argv: &[OsString]) -> Vec<ForecastItem> {
    let Some((tool, (argv0, args))) =
        argv.split_first().and_then(|(name, args)| Some((Tool::from_argv0(name)?, (name, args))))
    else {
        return Vec::new();
    };
    let request = context.request(&argv0.to_string_lossy(), args);
    let clauses = request.map_or_else(Vec::new, |request| request.clauses(context.root));
    let intents = clauses.into_iter().flat_map(|clause| clause.intents);
    intents.map(|intent| judged(context, plugin, Some(tool), &intent)).collect()
}

/// Reads an rpm file, with the contents of all files that say what they ask for.
///
/// # Errors
/// Those of [`PackageFile::read`].
pub fn read_package(path: &Path) -> Result<PackageFile> {
    PackageFile::read(path, |name| metadata::is_metadata(name) || has_content(name))
}

/// What the scriptlets, metadata and shipped files of a package ask for that [`read_package`] has read.
///
/// # Errors
/// Metadata that is not as it should be.
pub fn of_file(context: &Context, package: &PackageFile) -> Result<Vec<ForecastItem>> {
    let mut asked = of_package(context, package);
    for (name, text) in metadata_of(package) {
        let metadata = metadata::parse(&text).map_err(|problems| {
            let first = problems.first().map_or(String::new(), |p| format!("line {}: {}", p.line, p.text));
            Error::malformed(name, first)
        })?;
        let intents = metadata.intents();
        asked.extend(intents.iter().map(|intent| ForecastItem {
            place: Some(name.to_owned()),
            ..judged(context, Some(&package.name), None, intent)
        }));
    }
    asked.extend(of_payload(context, package));
    Ok(asked)
}

/// The metadata files of a package, by path, and what they hold.
pub(super) fn metadata_of(package: &PackageFile) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
    let files = package.contents.iter().filter(|(path, _)| metadata::is_metadata(path));
    files.map(|(path, content)| (path.as_str(), String::from_utf8_lossy(content)))
}

/// What the files of a package ask for by themselves: links that start units, presets, firewalld's files.
pub(crate) fn of_payload(context: &Context, package: &PackageFile) -> Vec<ForecastItem> {
    let links: BTreeMap<&str, &str> =
        package.links.iter().map(|(path, target)| (path.as_str(), target.as_str())).collect();
    let grammar = Grammar::of(context.root);
    let mut found = Vec::new();
    for (path, _) in &package.files {
        let content = package.contents.get(path).map(|content| String::from_utf8_lossy(content));
        let target = links.get(path.as_str()).copied();
        found.extend(of_shipped(context, &package.name, path, target, content.as_deref(), &grammar));
    }
    found
}

/// Something that a file of an installed package asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ShippedItem {
    /// The package, `name-[epoch:]version-release.arch`.
    pub package: String,
    /// What is asked for; its place is the file's path.
    #[serde(flatten)]
    pub item: ForecastItem,
}

/// The same of installed packages, `name-[epoch:]version-release.arch` each, by their files in the image.
/// The rpm database is asked once.
///
/// # Errors
/// If the rpm database cannot be asked.
pub fn of_installed(context: &Context, nevras: &[&str]) -> Result<Vec<ShippedItem>> {
    let grammar = Grammar::of(context.root);
    let mut found = Vec::new();
    for (path, owners) in files_of(context.root, nevras)? {
        let Ok(path) = String::from_utf8(path) else {
            continue;
        };
        // Files that settling has reverted are not there any more.
        if !payload::may_ask(&path) || context.root.meta(&path).is_err() {
            continue;
        }
        let target = context.root.read_link(&path).ok();
        let target = target.as_ref().and_then(|target| target.to_str());
        let content = has_content(&path).then(|| context.root.read_text(&path).ok()).flatten();
        for owner in owners {
            let name = package_name(&owner.nevra).unwrap_or(&owner.nevra);
            let asked = of_shipped(context, name, &path, target, content.as_deref(), &grammar);
            found.extend(asked.into_iter().map(|item| ShippedItem {
                package: owner.nevra.clone(),
                item,
            }));
        }
    }
    Ok(found)
}

fn of_shipped(
    context: &Context,
    package: &str,
    path: &str,
    target: Option<&str>,
    content: Option<&str>,
    grammar: &Grammar,
) -> Vec<ForecastItem> {
    let intents = payload::of_file(path, target, content, grammar).into_iter();
    let item = |intent: Intent| ForecastItem {
        place: Some(path.to_owned()),
        ..judged(context, Some(package), None, &intent)
    };
    intents.map(item).collect()
}

/// What the scriptlets of a package ask for, in their order.
pub fn of_package(context: &Context, package: &PackageFile) -> Vec<ForecastItem> {
    of_scanned(context, package, &scriptlets(package))
}

/// The same of scriptlets that were read already.
pub(super) fn of_scanned(
    context: &Context,
    package: &PackageFile,
    scriptlets: &[(&str, Scanned)],
) -> Vec<ForecastItem> {
    let mut found = Vec::new();
    for (kind, scanned) in scriptlets {
        for command in &scanned.commands {
            found.extend(of_command(context, package, kind, command));
        }
        found.extend(scanned.unclear.iter().map(|(line, text)| unread(kind, *line, text)));
    }
    found
}

/// A command, if it is a tool's: its intents, or that they are not known.
fn of_command(context: &Context, package: &PackageFile, kind: &str, command: &Command) -> Vec<ForecastItem> {
    let of_system = command
        .program()
        .and_then(|(path, arguments)| Some((programs::of_system(path)?.0, arguments)));
    if let Some((name, arguments)) = of_system {
        let item = |intent: &Intent| ForecastItem {
            place: Some(kind.to_owned()),
            line: Some(command.line),
            command: Some(command_line(command)),
            ..judged(context, Some(&package.name), Some(Tool::System), intent)
        };
        return commands::intents(name, arguments).iter().map(item).collect();
    }
    let name = command.words.first().filter(|word| word.resolved).map(|word| OsString::from(&word.text));
    if name.as_ref().and_then(|name| Tool::from_argv0(name)).is_none() {
        return Vec::new();
    }
    let line = command_line(command);
    let known = command.words.iter().filter(|word| word.resolved);
    let argv: Vec<OsString> = known.map(|word| OsString::from(&word.text)).collect();
    let mut found = of_call(context, Some(&package.name), &argv);
    for asked in &mut found {
        asked.place = Some(kind.to_owned());
        asked.line = Some(command.line);
        asked.command = Some(line.clone());
    }
    if command.words.iter().any(|word| !word.resolved) {
        found.push(unread(kind, command.line, &line));
    }
    found
}

fn unread(kind: &str, line: usize, command: &str) -> ForecastItem {
    ForecastItem {
        place: Some(kind.to_owned()),
        line: Some(line),
        command: Some(command.to_owned()),
        text: None,
        verdict: Verdict::Allow,
        rule: None,
        intent: None,
    }
}
