//! What only metadata can ask for, one file a plugin: kernel modules for modules-load.d(5), users
//! and groups for sysusers.d(5), boot parameters for bootc's kargs.d.
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

const MODULES: &str = "/etc/modules-load.d";
const ACCOUNTS: &str = "/etc/sysusers.d";
const PARAMETERS: &str = "/usr/lib/bootc/kargs.d";
/// What shows that the image's boot parameters are bootc's business.
const BOOTC: &str = "/usr/lib/bootc";

/// Where our files are, and what they begin with.
pub const OWNED: [(&str, &str); 3] = [
    (MODULES, "nodeshim-"),
    (ACCOUNTS, "nodeshim-"),
    (PARAMETERS, "80-nodeshim-"),
];

/// The files that should be there.
pub fn contribute(root: &Root, state: &State) -> Contribution {
    let (mut files, mut notes) = (Vec::new(), Vec::new());
    let has_bootc = root.is_dir(BOOTC);
    for (name, plugin) in &state.plugins {
        let kinds = [
            ("conf", MODULES, modules(plugin), "kernel modules"),
            ("conf", ACCOUNTS, accounts(plugin), "users and groups"),
            ("toml", PARAMETERS, parameters(plugin), "boot parameters"),
        ];
        for (place, (extension, directory, text, what)) in kinds.into_iter().enumerate() {
            let Some(text) = text else { continue };
            let Some(stem) = stem(name) else {
                let text = format!("its name cannot be written into a file: no {what} are set");
                notes.push(Note::new(Some(name), text, &[]));
                continue;
            };
            if directory == PARAMETERS && !has_bootc {
                let wanted = wanted_parameters(plugin).join(" ");
                let text =
                    format!("it wants to be booted with {wanted}: add this to the boot loader's entry");
                notes.push(Note::new(Some(name), text, &[]));
                continue;
            }
            let prefix = OWNED[place].1;
            files.push(DesiredFile {
                path: format!("{directory}/{prefix}{stem}.{extension}"),
                content: Content::File {
                    text: format!("# Written by nodeshim from what {stem} declares.\n{text}"),
                    mode: 0o644,
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
