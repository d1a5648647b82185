//! What only metadata can ask for, one file a plugin: kernel modules for modules-load.d(5), users
//! and groups for sysusers.d(5), boot parameters for bootc's kargs.d.
//!
//! Without systemd modules are loaded by scripts that `/etc/rc.d/rc.sysinit` runs (initscripts 9.03), and
//! nothing makes accounts at a boot: they are reported.
//!
//! Boot parameters are written where an image keeps them one file a package, which is what bootc
//! images do. A shared command line (`/etc/kernel/cmdline`, `/etc/default/grub`) is the
//! administrator's, and takes effect only when a boot entry is made: there they are reported.

use std::collections::BTreeSet;

use super::name::stem;
use crate::intent::Intent;
use crate::plan::{Content, Contribution, DesiredFile, Note};
use crate::root::Root;
use crate::state::{Plugin, State};
use crate::sysv::native::is_sysv;

const MODULES: &str = "/etc/modules-load.d";
const MODULE_SCRIPTS: &str = "/etc/sysconfig/modules";
const ACCOUNTS: &str = "/etc/sysusers.d";
const PARAMETERS: &str = "/usr/lib/bootc/kargs.d";
/// What shows that the image's boot parameters are bootc's business.
const BOOTC: &str = "/usr/lib/bootc";

/// Where our files are, and what they begin with.
pub(crate) const OWNED: [(&str, &str); 4] = [
    (MODULES, "nodeshim-"),
    (MODULE_SCRIPTS, "nodeshim-"),
    (ACCOUNTS, "nodeshim-"),
    (PARAMETERS, "80-nodeshim-"),
];

/// What one plugin declares of one kind.
struct Part {
    directory: &'static str,
    extension: &'static str,
    what: &'static str,
    mode: u32,
    /// The file but for its first comment, and what comes before that.
    text: Option<String>,
    start: &'static str,
    /// Why there is no file, where the image has nothing that reads it.
    instead: Option<String>,
}

/// What a plugin declares, by kinds.
fn parts(plugin: &Plugin, has_bootc: bool, is_sysv: bool) -> [Part; 3] {
    let file = |directory, extension, what, text| Part {
        directory,
        extension,
        what,
        mode: 0o644,
        text,
        start: "",
        instead: None,
    };
    let modules = match is_sysv {
        true => Part {
            mode: 0o755,
            start: "#!/bin/sh\n",
            ..file(MODULE_SCRIPTS, "modules", "kernel modules", module_script(plugin))
        },
        false => file(MODULES, "conf", "kernel modules", modules(plugin)),
    };
    let without_systemd = "warning: nothing will make its users and groups: the image has no systemd";
    let accounts = Part {
        instead: is_sysv.then(|| without_systemd.to_owned()),
        ..file(ACCOUNTS, "conf", "users and groups", accounts(plugin))
    };
    let wanted = wanted_parameters(plugin).join(" ");
    let by_hand = format!("it wants to be booted with {wanted}: add this to the boot loader's entry");
    let parameters = Part {
        instead: (!has_bootc).then_some(by_hand),
        ..file(PARAMETERS, "toml", "boot parameters", parameters(plugin))
    };
    [modules, accounts, parameters]
}

/// The files that should be there.
pub(crate) fn contribute(root: &Root, state: &State) -> Contribution {
    let (mut files, mut notes) = (Vec::new(), Vec::new());
    let (has_bootc, is_sysv) = (root.is_dir(BOOTC), is_sysv(root));
    for (name, plugin) in &state.plugins {
        for part in parts(plugin, has_bootc, is_sysv) {
            let Part {
                directory,
                extension,
                what,
                mode,
                start,
                ..
            } = part;
            let Some(text) = part.text else { continue };
            if let Some(instead) = part.instead {
                notes.push(Note::new(Some(name), instead, &[]));
                continue;
            }
            let Some(stem) = stem(name) else {
                let text = format!("its name cannot be written into a file: no {what} are set");
                notes.push(Note::new(Some(name), text, &[]));
                continue;
            };
            let prefix = if directory == PARAMETERS {
                "80-nodeshim-"
            } else {
                "nodeshim-"
            };
            files.push(DesiredFile {
                path: format!("{directory}/{prefix}{stem}.{extension}"),
                content: Content::File {
                    text: format!("{start}# Written by nodeshim from what {stem} declares.\n{text}"),
                    mode,
                },
                because: Vec::new(),
                why: format!("{what} of {name}"),
            });
        }
    }
    Contribution {
        files,
        notes,
        owned: OWNED.to_vec(),
        ..Contribution::default()
    }
}

fn intents(plugin: &Plugin) -> impl Iterator<Item = &Intent> {
    plugin.wants.iter().map(|want| &want.intent)
}

/// Lines, sorted, each once; none if there are none.
fn lines(lines: impl Iterator<Item = String>) -> Option<String> {
    let lines: BTreeSet<String> = lines.collect();
    (!lines.is_empty()).then(|| lines.into_iter().map(|line| line + "\n").collect())
}

fn modules(plugin: &Plugin) -> Option<String> {
    lines(intents(plugin).filter_map(|intent| match intent {
        Intent::KernelModule { module } => Some(module.clone()),
        _ => None,
    }))
}

fn module_script(plugin: &Plugin) -> Option<String> {
    let modules = modules(plugin)?;
    Some(modules.lines().map(|module| format!("modprobe {module} >/dev/null 2>&1\n")).collect())
}

fn wanted_parameters(plugin: &Plugin) -> Vec<&str> {
    let parameters = intents(plugin).filter_map(|intent| match intent {
        Intent::BootParameter { parameter } => Some(parameter.as_str()),
        _ => None,
    });
    parameters.collect()
}

fn parameters(plugin: &Plugin) -> Option<String> {
    let quoted: Vec<String> = wanted_parameters(plugin)
        .into_iter()
        .map(|parameter| toml::Value::from(parameter).to_string())
        .collect();
    (!quoted.is_empty()).then(|| format!("kargs = [{}]\n", quoted.join(", ")))
}

/// Groups first: users name them.
fn accounts(plugin: &Plugin) -> Option<String> {
    let groups = lines(intents(plugin).filter_map(|intent| match intent {
        Intent::Group { group, gid } => Some(format!("g {group} {}", id(*gid))),
        _ => None,
    }));
    let users = lines(intents(plugin).filter_map(user));
    let members = lines(intents(plugin).filter_map(|intent| match intent {
        Intent::Member { user, group } => Some(format!("m {user} {group}")),
        _ => None,
    }));
    let parts: Vec<String> = [groups, users, members].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.concat())
}

fn id(id: Option<u32>) -> String {
    id.map_or("-".into(), |id| id.to_string())
}

fn user(intent: &Intent) -> Option<String> {
    let Intent::User {
        user,
        uid,
        group,
        comment,
        home,
        shell,
    } = intent
    else {
        return None;
    };
    let id = match group {
        Some(group) => format!("{}:{group}", id(*uid)),
        None => id(*uid),
    };
    let comment = comment.as_ref().map_or("-".into(), |comment| format!("\"{comment}\""));
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
    Some(format!("u {user} {id} {comment} {} {}", or_dash(home), or_dash(shell)))
}
