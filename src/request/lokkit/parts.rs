//! The intents of a lokkit call before it is carried out.

use std::ffi::OsStr;

use super::command::Command;
use super::intents::intent_of;
use crate::argv::lokkit::{Grammar, Item, Opt, parse};
use crate::escape::escape;
use crate::firewall::lokkit::names::PortNames;
use crate::firewall::lokkit::selinux::mode;
use crate::firewall::lokkit::settings::Entry;
use crate::intent::Intent;
use crate::request::Call;
use crate::request::parts::Part;

/// The parts of a call. One that is refused for its words asks for nothing.
pub fn parts(call: &Call) -> Vec<Part> {
    let names = PortNames::new(call.root);
    let lookup = |name: &[u8]| names.port(name);
    let command = Command::parse(call.args, &lookup);
    if !command.errors.is_empty() {
        return Vec::new();
    }
    let items = parse(call.args, Grammar::CommandLine);
    let part = |item| match item {
        Item::Flag(flag) => of_flag(flag, &command),
        Item::Value { opt, spelling, value } => {
            let intent = of_value(opt, &spelling, &value, &command, &lookup)?;
            Some(Part::of(value.to_string_lossy(), [intent]))
        }
        Item::Error(_) => None,
    };
    items.into_iter().filter_map(part).collect()
}

fn of_flag(flag: Opt, command: &Command) -> Option<Part> {
    match flag {
        Opt::Enabled => Some(Part::of("--enabled", [Intent::FirewallSwitch { on: true }])),
        Opt::Disabled => Some(Part::of("--disabled", [Intent::FirewallSwitch { on: false }])),
        Opt::Force if command.is_forced() => Some(Part::of("-f", [Intent::FirewallReset { defaults: None }])),
        _ => None,
    }
}

fn of_value(
    opt: Opt,
    spelling: &str,
    value: &OsStr,
    command: &Command,
    names: crate::firewall::lokkit::port::Lookup,
) -> Option<Intent> {
    Some(match opt {
        Opt::Default => Intent::FirewallReset {
            defaults: command.default_set.clone(),
        },
        Opt::Selinux => Intent::Selinux {
            mode: mode(value).ok().map(str::to_owned),
            policy: None,
        },
        Opt::SelinuxType => Intent::Selinux {
            mode: None,
            policy: Some(escape(value)),
        },
        _ => intent_of(&Entry::parse(opt, spelling, value, names).ok()?),
    })
}
