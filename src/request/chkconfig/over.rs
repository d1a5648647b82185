//! `--override`: an override file applied to a service that is already there.

use std::ffi::OsStr;

use super::change::{conclude, write};
use super::failure::Failure;
use super::layout;
use crate::intent::{Intent, ServiceWant};
use crate::request::{Call, Reply};
use crate::sysv::layout::Layout;
use crate::sysv::links::Index;
use crate::sysv::plan::{everywhere, is_unchanged};
use crate::sysv::script;

/// Rewrites all levels from the override file if the service has entries and they all are still
/// what its script says; else, and if there is no such service or file, silently nothing; overrideService().
pub(super) fn apply(call: &Call, name: &OsStr) -> Reply {
    let layout = layout(call);
    let mut reply = Reply::new();
    let intent = Intent::Service {
        service: name.to_string_lossy().into_owned(),
        want: ServiceWant::Override,
        levels: None,
    };
    let done = match rewrite(&layout, name, &mut reply) {
        // What is wrong with the script is not this request's business.
        Err(Failure::Script(_)) => Ok(false),
        done => done,
    };
    conclude(reply, name, intent, done)
}

fn rewrite(layout: &Layout, name: &OsStr, reply: &mut Reply) -> Result<bool, Failure> {
    if !script::has_override(layout, name) {
        return Ok(false);
    }
    let own = script::load_plain(layout, name)?;
    let script = script::load(layout, name)?;
    reply.warnings.extend(script.warning);
    let entries = Index::load_one(layout, name)?;
    if !is_unchanged(&own, &entries) {
        return Ok(false);
    }
    write(layout, name, &entries, &everywhere(&script.defaults))
}
