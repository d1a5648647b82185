//! Carrying out systemd-sysv-convert requests: packages that replaced an init script by a unit
//! call it in triggers, so that an administrator can have the unit started where the script was.

use std::ffi::OsStr;

use nix::errno::Errno;

use crate::argv::sysv_convert::Request;
use crate::config::Answers;
use crate::error::Result;
use crate::intent::{Intent, Scope, UnitWant};
use crate::request::{Call, Reply, chkconfig};
use crate::root::Root;
use crate::sysv::convert::{self, LEVELS, Saved};
use crate::sysv::links::Index;

const USAGE: &str = "usage: systemd-sysv-convert [-h] [--save] [--show] [--apply] SERVICE [SERVICE ...]";

/// Where a unit has to be, and what links name. The original knows the first alone, which leads to
/// the second in most images.
const UNITS: [&str; 2] = ["/lib/systemd/system", "/usr/lib/systemd/system"];

/// Carries a request out.
pub(super) fn execute(call: &Call, request: Option<Request>) -> Reply {
    let done = match request {
        None => return Reply::error(USAGE, 2),
        Some(Request::Help) => {
            let mut reply = Reply::new();
            reply.output.out_line(USAGE);
            return reply;
        }
        Some(Request::Save(services)) => save(call, &services),
        Some(Request::Show(services)) => show(call.root, &services),
        Some(Request::Apply(services)) => apply(call, &services),
    };
    done.unwrap_or_else(|error| Reply::error(error.to_string(), 1))
}

/// Whether a word can be a service's name: no path, and nothing that ends a database field.
fn is_name(service: &str) -> bool {
    !matches!(service, "." | "..") && !service.is_empty() && !service.contains(['/', '\t', '\n'])
}

fn save(call: &Call, services: &[String]) -> Result<Reply> {
    let layout = chkconfig::layout(call);
    let missing = services.iter().find(|service| {
        !is_name(service) || call.root.meta_followed(layout.script(OsStr::new(service))).is_err()
    });
    if let Some(service) = missing {
        return Ok(Reply::error(format!("There is no SysV service {service}."), 1));
    }
    let mut saved = Vec::new();
    for service in services {
        let entries = match Index::load_one(&layout, OsStr::new(service)) {
            Ok(entries) => entries,
            Err(unreadable) => return Err(unreadable.error),
        };
        for level in LEVELS {
            let started = entries.at(level).iter().filter(|entry| entry.is_on());
            saved.extend(started.map(|entry| entry.priority).max().map(|priority| Saved {
                service: service.clone(),
                level,
                priority,
            }));
        }
    }
    convert::save(call.root, &saved)?;
    Ok(Reply::new())
}

/// What the database holds of some services, or the answer that it holds nothing.
fn look_up(root: &Root, services: &[String]) -> Result<std::result::Result<Vec<Saved>, Reply>> {
    let mut saved = convert::load(root)?;
    saved.retain(|saved| services.contains(&saved.service));
    Ok(if saved.is_empty() {
        Err(Reply::error("Nothing was saved for these services.", 1))
    } else {
        Ok(saved)
    })
}

fn show(root: &Root, services: &[String]) -> Result<Reply> {
    let saved = match look_up(root, services)? {
        Ok(saved) => saved,
        Err(reply) => return Ok(reply),
    };
    let mut reply = Reply::new();
    for Saved {
        service,
        level,
        priority,
    } in saved
    {
        let line = format!("{service}: on in runlevel {level} with priority {priority}");
        reply.output.out_line(line);
    }
    Ok(reply)
}

/// The path of the unit that took a script's place.
fn unit_path(call: &Call, service: &str) -> Option<String> {
    let strict = call.config.shims.answers == Answers::Strict;
    UNITS
        .into_iter()
        .take(if strict { 1 } else { UNITS.len() })
        .map(|directory| format!("{directory}/{service}.service"))
        .find(|path| call.root.meta_followed(path).is_ok())
}

/// Makes the targets of the levels want the units, without regard to their `[Install]`. An existing
/// link stays, even if it leads elsewhere.
fn apply(call: &Call, services: &[String]) -> Result<Reply> {
    let mut units = Vec::new();
    for service in services {
        let Some(path) = unit_path(call, service).filter(|_| is_name(service)) else {
            return Ok(Reply::error(format!("There is no systemd service {service}.service."), 1));
        };
        if !units.iter().any(|(known, _)| *known == service) {
            units.push((service, path));
        }
    }
    let saved = match look_up(call.root, services)? {
        Ok(saved) => saved,
        Err(reply) => return Ok(reply),
    };
    let mut reply = Reply::new();
    for (service, path) in units {
        let of_service = || saved.iter().filter(|saved| saved.service == *service);
        if of_service().next().is_none() {
            continue;
        }
        let mut changed = false;
        for level in LEVELS.filter(|level| of_service().any(|saved| saved.level == *level)) {
            let directory = format!("/etc/systemd/system/runlevel{level}.target.wants");
            let link = format!("{directory}/{service}.service");
            reply.output.err_line(format!("ln -sf {path} {link}"));
            call.root.create_dirs(&directory, 0o755)?;
            changed |= link_once(call.root, &path, &link)?;
        }
        let intent = Intent::Unit {
            unit: format!("{service}.service"),
            want: UnitWant::Enable,
            scope: Scope::System,
            rule: None,
        };
        reply.intent(intent, changed);
    }
    Ok(reply)
}

/// Makes a link where nothing is. Returns whether it did.
fn link_once(root: &Root, target: &str, link: &str) -> Result<bool> {
    match root.symlink(target, link) {
        Err(error) if error.errno() == Some(Errno::EEXIST) => Ok(false),
        made => made.map(|()| true),
    }
}
