//! `--add`, `--del` and the states that a service can be set to.

use std::ffi::OsStr;

use super::failure::Failure;
use super::lookup::{Service, find};
use super::{intent, layout};
use crate::argv::chkconfig::ServiceType;
use crate::argv::service;
use crate::intent::{Intent, ServiceWant};
use crate::request::{self, Call, Reply, Request};
use crate::sysv::header::Defaults;
use crate::sysv::layout::Layout;
use crate::sysv::links::{self, Index, Plan};
use crate::sysv::order::{Node, settle};
use crate::sysv::plan::{Change, own, renumbered};
use crate::sysv::{script, xinetd};

/// Adds a service or sets its state.
pub(crate) fn set(call: &Call, name: &OsStr, only: Option<ServiceType>, change: Change) -> Reply {
    let layout = layout(call);
    let mut reply = Reply::new();
    let done = match find(&layout, name, only) {
        Ok(Service::Script(script)) => {
            reply.warnings.extend(script.warning);
            set_script(&layout, name, &script.defaults, change)
        }
        Ok(Service::Xinetd(_)) if change == Change::Add => Ok(false),
        Ok(Service::Xinetd(text)) => set_xinetd(call, name, &text, change, &mut reply),
        Err(trouble) => Err(trouble.into()),
    };
    conclude(reply, name, intent(name, change), done)
}

/// Removes all entries of a service; delService() of chkconfig.c leaves those of xinetd alone.
pub(super) fn remove(call: &Call, name: &OsStr, only: Option<ServiceType>) -> Reply {
    let layout = layout(call);
    let mut reply = Reply::new();
    let done = match find(&layout, name, only) {
        Ok(Service::Script(script)) => {
            reply.warnings.extend(script.warning);
            remove_entries(&layout, name)
        }
        Ok(Service::Xinetd(_)) => Ok(false),
        Err(trouble) => Err(trouble.into()),
    };
    let intent = Intent::Service {
        service: name.to_string_lossy().into_owned(),
        want: ServiceWant::Remove,
        levels: None,
    };
    conclude(reply, name, intent, done)
}

fn remove_entries(layout: &Layout, name: &OsStr) -> Result<bool, Failure> {
    let entries = Index::load_one(layout, name)?;
    Ok(links::remove(layout, name, &entries)?)
}

/// Notes the intent, which a failed request carries too, and turns a failure into its answer.
pub(super) fn conclude(mut reply: Reply, name: &OsStr, intent: Intent, done: Result<bool, Failure>) -> Reply {
    match done {
        Ok(changed) => reply.intent(intent, changed),
        Err(failure) => {
            reply.intent(intent, false);
            reply.output.err_line(failure.line(name));
            reply.exit = 1;
        }
    }
    reply
}

fn set_script(layout: &Layout, name: &OsStr, defaults: &Defaults, change: Change) -> Result<bool, Failure> {
    if defaults.lsb {
        return set_ordered(layout, name, defaults, change);
    }
    let entries = Index::load_one(layout, name)?;
    let plan = change.plan(defaults, &entries, own(defaults));
    write(layout, name, &entries, &plan)
}

/// Sets a script that takes part in dependency ordering, and moves others that are out of order, as
/// frobDependencies() does on the way.
fn set_ordered(layout: &Layout, name: &OsStr, defaults: &Defaults, change: Change) -> Result<bool, Failure> {
    let index = Index::load(layout)?;
    let entries = index.of(name);
    let others = script::load_all(layout, |other| other != name)?;
    let target = Node {
        name: name.as_encoded_bytes(),
        defaults,
        on: change.on_levels(defaults, entries),
    };
    let neighbours = others.iter().map(|(name, defaults)| Node {
        name: name.as_encoded_bytes(),
        defaults,
        on: index.of(name).on(),
    });
    let nodes: Vec<Node> = std::iter::once(target).chain(neighbours).collect();
    let mut settled = settle(&nodes).into_iter();
    let priorities = settled.next().unwrap_or(own(defaults));
    let mut changed = false;
    for ((other, defaults), priorities) in others.iter().zip(settled) {
        // frobOneDependencies() rewrites the links of a script only if its computed numbers differ from those
        // of its header. A header without numbers always differs.
        if defaults.lsb && (!defaults.explicit || priorities != own(defaults)) {
            let entries = index.of(other);
            changed |= write(layout, other, entries, &renumbered(entries, priorities))?;
        }
    }
    let plan = change.ordered_plan(defaults, entries, priorities);
    Ok(write(layout, name, entries, &plan)? || changed)
}

/// Writes a plan, into level directories that are made if need be.
pub(super) fn write(
    layout: &Layout,
    name: &OsStr,
    entries: &links::Entries,
    plan: &Plan,
) -> Result<bool, Failure> {
    if plan.iter().all(Option::is_none) {
        return Ok(false);
    }
    layout.make_levels()?;
    Ok(links::apply(layout, name, entries, plan)?)
}

/// Sets the state of a service of xinetd, whose levels are xinetd's own, and has xinetd reload; the end of
/// setService().
fn set_xinetd(
    call: &Call,
    name: &OsStr,
    text: &str,
    change: Change,
    reply: &mut Reply,
) -> Result<bool, Failure> {
    let on = match change {
        Change::On(_) => true,
        Change::Off(_) => false,
        _ => xinetd::is_on(text),
    };
    let changed = xinetd::save(call.root, name, text, on)?;
    let reload = request::redirect(call, Request::Service(service::Request::action("xinetd", "reload")));
    reply.output.append(reload.output);
    reply.intents.extend(reload.intents);
    Ok(changed)
}
