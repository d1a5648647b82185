//! Carrying out systemd-sysv-convert requests: packages that replaced an init script by a unit
//! call it in triggers, so that an administrator can have the unit started where the script was.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::argv::sysv_convert::{Request, parse};
use crate::error::Result;
use crate::request::{Call, Reply, chkconfig, systemctl};
use crate::root::Root;
use crate::sysv::convert::{self, Saved};
use crate::sysv::links::Index;

const USAGE: &str = "usage: systemd-sysv-convert [-h] [--save] [--show] [--apply] SERVICE [SERVICE ...]";

/// The levels that a service's choice is kept for.
const LEVELS: std::ops::RangeInclusive<usize> = 2..=5;
/// The level that is the graphical target; the others are the multi-user one.
const GRAPHICAL: usize = 5;

/// Carries a call out.
pub fn carry_out(call: &Call) -> Reply {
    let done = match parse(call.args) {
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

fn apply(call: &Call, services: &[String]) -> Result<Reply> {
    let has_unit = |service: &str| {
        let unit = format!("{service}.service");
        ["/usr/lib/systemd/system", "/lib/systemd/system"]
            .into_iter()
            .any(|directory| call.root.meta_followed(Path::new(directory).join(&unit)).is_ok())
    };
    if let Some(service) = services.iter().find(|service| !is_name(service) || !has_unit(service)) {
        return Ok(Reply::error(format!("There is no systemd service {service}.service."), 1));
    }
    let saved = match look_up(call.root, services)? {
        Ok(saved) => saved,
        Err(reply) => return Ok(reply),
    };
    let mut wanted: Vec<(String, &str)> = Vec::new();
    for saved in saved {
        let target = if saved.level == GRAPHICAL {
            "graphical.target"
        } else {
            "multi-user.target"
        };
        let pair = (format!("{}.service", saved.service), target);
        if !wanted.contains(&pair) {
            wanted.push(pair);
        }
    }
    let mut reply = Reply::new();
    for (unit, target) in wanted {
        let words: [OsString; 3] = ["add-wants".into(), target.into(), unit.into()];
        let answer = systemctl::carry_out(&call.redirect("systemctl", &words));
        reply.output.append(answer.output);
        reply.intents.extend(answer.intents);
        reply.exit = reply.exit.max(answer.exit);
    }
    Ok(reply)
}
