//! What metadata asks for, and what scriptlets did of the kind, one file a plugin: kernel modules for
//! modules-load.d(5), parameters of the kernel for sysctl.d(5), users and groups for sysusers.d(5), boot
//! parameters for bootc's kargs.d. What another file of the image declares already is not declared again.
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
use crate::system::{accounts, settings};
use crate::sysv::native::is_sysv;
use crate::unit::conf_files;

const MODULES: &str = "/etc/modules-load.d";
const MODULE_SCRIPTS: &str = "/etc/sysconfig/modules";
const ACCOUNTS: &str = "/etc/sysusers.d";
const SETTINGS: &str = "/etc/sysctl.d";
const SYSCTL_CONF: &str = "/etc/sysctl.conf";
const PARAMETERS: &str = "/usr/lib/bootc/kargs.d";
/// What shows that the image's boot parameters are bootc's business.
const BOOTC: &str = "/usr/lib/bootc";

/// Where our files are, and what they begin with.
pub(crate) const OWNED: [(&str, &str); 5] = [
    (MODULES, "nodeshim-"),
    (MODULE_SCRIPTS, "nodeshim-"),
    (ACCOUNTS, "nodeshim-"),
    (SETTINGS, "nodeshim-"),
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
fn parts(plugin: &Plugin, has_bootc: bool, is_sysv: bool, others: &Others) -> [Part; 4] {
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
            ..file(MODULE_SCRIPTS, "modules", "kernel modules", module_script(plugin, others))
        },
        false => file(MODULES, "conf", "kernel modules", modules(plugin, others)),
    };
    let without_systemd = "warning: nothing will make its users and groups: the image has no systemd";
    let accounts = Part {
        instead: is_sysv.then(|| without_systemd.to_owned()),
        ..file(ACCOUNTS, "conf", "users and groups", account_lines(plugin, others))
    };
    let wanted = wanted_parameters(plugin).join(" ");
    let by_hand = format!("it wants to be booted with {wanted}: add this to the boot loader's entry");
    let parameters = Part {
        instead: (!has_bootc).then_some(by_hand),
        ..file(PARAMETERS, "toml", "boot parameters", parameters(plugin))
    };
    let settings = file(SETTINGS, "conf", "parameters of the kernel", kernel_parameters(plugin, others));
    [modules, settings, accounts, parameters]
}

/// What files of the image declare that are not ours.
#[derive(Debug, Default)]
struct Others {
    intents: Vec<Intent>,
    accounts: BTreeSet<(char, String)>,
}

impl Others {
    /// Reads them, where any plugin wants something of the kind.
    fn load(root: &Root, state: &State) -> Others {
        let wants = |fits: fn(&Intent) -> bool| state.wants().any(|(_, want)| fits(&want.intent));
        let mut others = Others::default();
        if wants(|intent| matches!(intent, Intent::KernelModule { .. } | Intent::Sysctl { .. })) {
            let modules = files_of_others(root, [MODULES, "/usr/lib/modules-load.d"]);
            let settings = files_of_others(root, [SETTINGS, "/usr/lib/sysctl.d"]);
            let conf = root.read_text(SYSCTL_CONF).ok().map(|text| (SYSCTL_CONF.to_owned(), text));
            let all = modules.into_iter().chain(settings).chain(conf);
            others.intents = all.flat_map(|(path, text)| settings::between(&path, "", &text)).collect();
        }
        if wants(|intent| {
            matches!(intent, Intent::User { .. } | Intent::Group { .. } | Intent::Member { .. })
        }) {
            for (_, text) in files_of_others(root, [ACCOUNTS, "/usr/lib/sysusers.d"]) {
                let lines = accounts::declared(&text);
                others.accounts.extend(lines.map(|(kind, name)| (kind, name.to_owned())));
            }
        }
        others
    }

    fn declare(&self, kind: char, name: &str) -> bool {
        let has = |kind| self.accounts.contains(&(kind, name.to_owned()));
        // A user comes with a group of its own name.
        has(kind) || kind == 'g' && has('u')
    }
}

/// The files that nodeshim has not written, of directories given highest first, with what they say.
fn files_of_others(root: &Root, directories: [&str; 2]) -> Vec<(String, String)> {
    let is_ours = |path: &str| {
        OWNED.iter().any(|(directory, prefix)| path.starts_with(&format!("{directory}/{prefix}")))
    };
    let files = conf_files::list(root, &directories.map(str::to_owned), ".conf").into_iter();
    let others = files.filter(|path| !is_ours(path));
    others.filter_map(|path| root.read_text(&path).ok().map(|text| (path, text))).collect()
}

/// The files that should be there.
pub(crate) fn contribute(root: &Root, state: &State) -> Contribution {
    let (mut files, mut notes) = (Vec::new(), Vec::new());
    let (has_bootc, is_sysv) = (root.is_dir(BOOTC), is_sysv(root));
    let others = Others::load(root, state);
    for (name, plugin) in &state.plugins {
        for part in parts(plugin, has_bootc, is_sysv, &others) {
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

fn modules(plugin: &Plugin, others: &Others) -> Option<String> {
    lines(intents(plugin).filter_map(|intent| match intent {
        Intent::KernelModule { module } if !others.intents.contains(intent) => Some(module.clone()),
        _ => None,
    }))
}

fn kernel_parameters(plugin: &Plugin, others: &Others) -> Option<String> {
    lines(intents(plugin).filter_map(|intent| match intent {
        Intent::Sysctl { key, value } if !others.intents.contains(intent) => Some(format!("{key} = {value}")),
        _ => None,
    }))
}

fn module_script(plugin: &Plugin, others: &Others) -> Option<String> {
    let modules = modules(plugin, others)?;
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
fn account_lines(plugin: &Plugin, others: &Others) -> Option<String> {
    let wanted: Vec<Intent> = intents(plugin).filter_map(accounts::declarable).collect();
    let of = |line: &dyn Fn(&Intent) -> Option<String>| lines(wanted.iter().filter_map(line));
    let groups = of(&|intent| match intent {
        Intent::Group { group, gid } if !others.declare('g', group) => {
            Some(format!("g {group} {}", id(*gid)))
        }
        _ => None,
    });
    let users = of(&|intent| match intent {
        Intent::User { user, .. } if others.declare('u', user) => None,
        intent => user_line(intent),
    });
    let members = of(&|intent| match intent {
        Intent::Member { user, group } => Some(format!("m {user} {group}")),
        _ => None,
    });
    let parts: Vec<String> = [groups, users, members].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.concat())
}

fn id(id: Option<u32>) -> String {
    id.map_or("-".into(), |id| id.to_string())
}

fn user_line(intent: &Intent) -> Option<String> {
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
