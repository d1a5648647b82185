//! `chkconfig --list`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;

use super::failure::Failure;
use super::layout;
use super::lookup::{Service, find};
use super::query::is_on_anywhere;
use crate::argv::chkconfig::ServiceType;
use crate::config::Answers;
use crate::error::Error;
use crate::request::{Call, Output, Reply};
use crate::sysv::layout::Layout;
use crate::sysv::links::{Entries, Index};
use crate::sysv::script::load_all;
use crate::sysv::{native, xinetd};

const NOTE: &str = "
Note: This output shows SysV services only and does not include native
      systemd services; those take the place of scripts of the same name.
      'systemctl list-unit-files' shows them.

";

/// Names are padded to this many bytes: `%-15s` in showServiceInfo() of chkconfig.c.
const NAME_WIDTH: usize = 15;

/// Lists one service.
pub(super) fn one(call: &Call, name: &OsStr, only: Option<ServiceType>) -> Reply {
    let layout = layout(call);
    let mut reply = start(call);
    // showServiceInfoByName(): a script that a unit replaces is not listed while systemd runs, without a message.
    let hidden = only == Some(ServiceType::Sysv)
        && native::is_running(call.root)
        && native::unit(call.root, name).is_some();
    if hidden {
        return reply;
    }
    let failure = match find(&layout, name, only) {
        Ok(Service::Xinetd(text)) => {
            reply.output.out(padded(name));
            reply.output.out_line(if xinetd::is_on(&text) { "\ton" } else { "\toff" });
            return reply;
        }
        Ok(Service::Script(_)) => match Index::load_one(&layout, name) {
            Ok(entries) if !entries.is_empty() => {
                line(&mut reply.output, name, &entries);
                return reply;
            }
            Ok(_) => {
                let name = name.to_string_lossy();
                reply.output.err_line(format!(
                    "service {name} supports chkconfig, but is not referenced in any runlevel (run 'chkconfig --add {name}')"
                ));
                return reply.fail(1);
            }
            Err(level) => Failure::from(level),
        },
        Err(trouble) => Failure::from(trouble),
    };
    reply.output.err_line(failure.line(name));
    reply.fail(1)
}

/// Lists every service.
pub(super) fn all(call: &Call, only: Option<ServiceType>) -> Reply {
    let layout = layout(call);
    let mut reply = start(call);
    if only != Some(ServiceType::Xinetd)
        && let Err(line) = scripts(call, &layout, &mut reply.output)
    {
        reply.output.err_line(line);
        return reply.fail(1);
    }
    if only != Some(ServiceType::Sysv) {
        xinetd_services(&layout, &mut reply.output);
    }
    reply
}

/// The note about native services, which comes before everything else; display_list_systemd_note().
fn start(call: &Call) -> Reply {
    let mut reply = Reply::new();
    if native::is_init(call.root) && native::has_units(call.root) {
        reply.output.err(NOTE);
    }
    reply
}

fn scripts(call: &Call, layout: &Layout, output: &mut Output) -> Result<(), String> {
    let unopened = |error: Error| {
        let reason = error.errno().unwrap_or(Errno::EIO).desc();
        format!("failed to open {}: {reason}", layout.init())
    };
    if !layout.root().is_dir(layout.init()) && call.config.shims.answers == Answers::Image {
        return Ok(());
    }
    let index = match Index::load(layout) {
        Ok(index) => index,
        // isConfigured() ends the program where a level's directory cannot be read, so the list is cut off at the
        // first script.
        Err(level) => {
            let usable = load_all(layout, |_| true).map_err(unopened)?;
            let failure = Failure::from(level);
            return usable.first().map_or(Ok(()), |(name, _)| Err(failure.line(name)));
        }
    };
    let systemd_runs = native::is_running(call.root);
    let is_listed = |name: &OsStr| {
        let is_replaced = systemd_runs && native::unit(call.root, name).is_some();
        !is_replaced && !index.of(name).is_empty()
    };
    for (name, _) in load_all(layout, is_listed).map_err(unopened)? {
        line(output, &name, index.of(&name));
    }
    Ok(())
}

fn line(output: &mut Output, name: &OsStr, entries: &Entries) {
    output.out(padded(name));
    for level in 0..crate::runlevels::COUNT {
        let state = if entries.is_on(level) { "on" } else { "off" };
        output.out(format!("\t{level}:{state}"));
    }
    output.out_line("");
}

/// The services of xinetd, if xinetd itself is on in any level; isXinetdEnabled().
fn xinetd_services(layout: &Layout, output: &mut Output) {
    if !is_on_anywhere(layout, OsStr::new("xinetd")) {
        return;
    }
    output.out_line("\nxinetd based services:");
    for (name, on) in xinetd::load_all(layout.root()).unwrap_or_default() {
        let mut label = name;
        label.push(":");
        output.out("\t");
        output.out(padded(&label));
        output.out_line(if on { "\ton" } else { "\toff" });
    }
}

fn padded(name: &OsStr) -> Vec<u8> {
    let mut bytes = name.as_bytes().to_vec();
    bytes.resize(bytes.len().max(NAME_WIDTH), b' ');
    bytes
}
