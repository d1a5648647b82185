//! Carrying out lokkit requests: its configuration file is always kept as the original keeps it,
//! the generated rule files where the image starts the iptables services.
//!
//! Differences from the original: services are not started and count as started, a running
//! firewalld is no obstacle, `setenforce` is never run, missing directories and files are made
//! where the original crashes, special files are not written to, and names that would break out
//! of the files that they end up in (control characters; what expands in a shell, in a module's
//! name) are refused.

mod command;
mod effects;
mod intents;
mod parts;
mod text;

use crate::firewall::lokkit::config::{self, Loaded};
use crate::firewall::lokkit::names::PortNames;
use crate::firewall::lokkit::port::Lookup;
use crate::firewall::lokkit::selinux::{self, Selinux};
use crate::firewall::lokkit::services::defaults;
use crate::firewall::lokkit::settings::Settings;
use crate::intent::Intent;
use crate::request::{Call, Reply};

use command::{Command, Word};
use effects::Effects;
pub use intents::intent_of;
pub(super) use parts::parts;

/// The exit code of a call that was not understood.
const REFUSED: u8 = 2;

/// Carries a call out.
pub fn execute(call: &Call) -> Reply {
    let mut reply = Reply::new();
    if call.args.is_empty() {
        reply.output.out(text::HELP);
        return reply;
    }
    let names = PortNames::new(call.root);
    let lookup = |name: &[u8]| names.port(name);
    let command = Command::parse(call.args, &lookup);
    if command.help {
        reply.output.out(text::HELP);
        reply.exit = REFUSED;
    }
    if !command.errors.is_empty() {
        return refuse(reply, &command.errors);
    }
    if command.help {
        return reply;
    }
    go_on(call, &command, &lookup, reply)
}

/// Everything after the command line was understood.
fn go_on(call: &Call, command: &Command, names: Lookup, mut reply: Reply) -> Reply {
    let (before, selinux) = match read(call, command, names) {
        Ok(read) => read,
        Err(errors) => return refuse(reply, &errors),
    };
    if before.converted && !command.is_forced() {
        let path = before.path.unwrap_or_default();
        reply.output.out_line(format!("Converting {path}"));
    }
    let information = match command {
        Command { version: true, .. } => Some(text::VERSION.to_owned()),
        Command {
            list_services: true, ..
        } => Some(text::services()),
        Command {
            list_icmp_types: true,
            ..
        } => Some(text::icmp_types()),
        _ => None,
    };
    if let Some(information) = information {
        reply.output.out(information);
        return reply;
    }
    let settings = merge(command, &before);
    let mut effects = Effects::new(call, reply);
    effects.selinux(&command.selinux, &selinux);
    if !command.only_selinux {
        effects.firewall(command, &before, &settings);
    }
    intents::record(command, &before, &settings, effects)
}

/// What is configured. Forced calls read it too, to tell what they change, but are stopped by
/// nothing that is wrong with it and know of no SELinux settings.
fn read(call: &Call, command: &Command, names: Lookup) -> Result<(Loaded, Selinux), Vec<String>> {
    let loaded = config::load(call.root, names);
    if command.is_forced() {
        return Ok((loaded.unwrap_or_default(), Selinux::default()));
    }
    let loaded = loaded.map_err(|error| vec![error.to_string()])?;
    let (selinux, errors) = selinux::load(call.root).map_err(|error| vec![error.to_string()])?;
    let errors: Vec<_> = loaded.errors.iter().cloned().chain(errors).collect();
    if errors.is_empty() {
        Ok((loaded, selinux))
    } else {
        Err(errors)
    }
}

/// The command line on top of what is configured.
fn merge(command: &Command, before: &Loaded) -> Settings {
    let mut settings = if command.is_forced() {
        Settings::default()
    } else {
        before.settings.clone()
    };
    for word in &command.words {
        match word {
            Word::Switch(on) => settings.switch = Some(*on),
            Word::Entry(entry) => {
                settings.insert(entry.clone());
            }
            Word::Force | Word::Default | Word::Selinux => {}
        }
    }
    if let Some(set) = &command.default_set {
        // Without a look at what is there already.
        defaults(set).for_each(|service| settings.services.push(service));
    }
    settings
}

/// A call that is not carried out leaves no intent, but what it was and why is kept.
fn refuse(mut reply: Reply, errors: &[String]) -> Reply {
    errors.iter().for_each(|error| reply.output.err_line(error));
    reply.intent(
        Intent::Note {
            severity: "low".to_owned(),
            text: errors.join("; "),
        },
        false,
    );
    reply.fail(REFUSED)
}

#[cfg(test)]
mod tests;
