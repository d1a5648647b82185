//! Carrying out lokkit requests: its configuration file is always kept as the original keeps it,
//! the generated rule files where the image starts the iptables services.
//!
//! Differences from the original: services are not started and count as started, a running
//! firewalld is no obstacle, `setenforce` is never run, missing directories and files are made
//! where the original crashes, special files are not written to, and names that would break out
//! of the files that they end up in (control characters; what expands in a shell, in a module's
//! name) are refused.

mod clauses;
mod effects;
mod intents;
mod text;

use crate::argv::Dialect;
use crate::argv::lokkit::{Action, Request};
use crate::firewall::lokkit::config::{self, Loaded};
use crate::firewall::lokkit::port::Lookup;
use crate::firewall::lokkit::selinux::{self, Selinux};
use crate::firewall::lokkit::services::defaults;
use crate::firewall::lokkit::settings::Settings;
use crate::intent::{Intent, NoteSeverity};
use crate::request::{Call, Reply};

pub(super) use clauses::clauses;
use effects::Effects;
pub(crate) use intents::intent_of;

/// The exit code of a call that was not understood, and of `--help`, which is an action of optparse that sets
/// the same mark; _parse_args() of fw_parser.py.
const REFUSED: u8 = 2;

/// Carries a request out.
pub(crate) fn execute(call: &Call, request: Request) -> Reply {
    let mut reply = Reply::new();
    if request.options.nothing || request.options.help {
        reply.output.out(text::HELP);
    }
    if request.options.nothing {
        return reply;
    }
    if request.options.help {
        reply.exit = REFUSED;
    }
    if !request.errors.is_empty() {
        return refuse(reply, &request.errors);
    }
    if request.options.help {
        return reply;
    }
    go_on(call, &request, &|name| call.port(name), reply)
}

/// Everything after the command line was understood.
fn go_on(call: &Call, request: &Request, names: Lookup, mut reply: Reply) -> Reply {
    let (before, selinux) = match read(call, request, names) {
        Ok(read) => read,
        Err(errors) => return refuse(reply, &errors),
    };
    if before.converted && !request.is_forced() {
        let path = before.path.unwrap_or_default();
        reply.output.out_line(format!("Converting {path}"));
    }
    let options = request.options;
    let information = if options.version {
        Some(text::VERSION.to_owned())
    } else if options.list_services {
        Some(text::services())
    } else {
        options.list_icmp_types.then(text::icmp_types)
    };
    if let Some(information) = information {
        reply.output.out(information);
        return reply;
    }
    let settings = merge(request, &before);
    let mut effects = Effects::new(call, reply);
    effects.selinux(&request.selinux(), &selinux);
    if !request.only_selinux() {
        effects.firewall(request, &before, &settings);
    }
    intents::record(request, &before, &settings, effects)
}

/// What is configured. Forced calls, for which the original reads nothing (loadConfig() of fw_lokkit.py),
/// read it only to find out what they change: errors in it do not stop them, and they have no SELinux
/// settings.
fn read(call: &Call, request: &Request, names: Lookup) -> Result<(Loaded, Selinux), Vec<String>> {
    let loaded = config::load(call.root, names);
    if request.is_forced() {
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
fn merge(request: &Request, before: &Loaded) -> Settings {
    let mut settings = if request.is_forced() {
        Settings::default()
    } else {
        before.settings.clone()
    };
    for argument in &request.arguments {
        match &argument.action {
            Action::Switch(on) => settings.switch = Some(*on),
            Action::Entry(entry) => {
                settings.insert(entry.clone());
            }
            Action::Force | Action::Default(_) | Action::Selinux(_) => {}
        }
    }
    if let Some(set) = request.default_set() {
        // Without a look at what is there already: loadConfig() appends to the list.
        defaults(set).for_each(|service| settings.services.push(service));
    }
    settings
}

/// A call that is not carried out leaves no intent, but what it was and why is kept.
fn refuse(mut reply: Reply, errors: &[String]) -> Reply {
    errors.iter().for_each(|error| reply.output.err_line(error));
    reply.intent(
        Intent::Note {
            severity: NoteSeverity::Low,
            text: errors.join("; "),
        },
        false,
    );
    reply.fail(REFUSED)
}

#[cfg(test)]
mod tests;
