//! The engine behind firewall-offline-cmd and firewall-cmd: both edit the same files, and differ in
//! what they accept and how they answer.

mod bindings;
mod check;
mod check_policy;
mod clauses;
mod definitions;
mod deletion;
mod direct;
mod item;
mod listing;
mod lokkit;
mod objects;
mod place;
mod runtime;
mod session;
mod standalone;
mod text;
mod whitelist;
mod wording;

use crate::argv::firewalld::table::Group;
use crate::argv::firewalld::{Given, Parsed, Side, edits_service, lokkit_options};
use crate::config::Answers;
use crate::firewall::firewalld::store::{LOCAL, SHIPPED};
use crate::firewall::firewalld::{Names, Tree};
use crate::request::{Call, Output, Reply};
pub(super) use clauses::{clauses, without};
use session::{Exit, Session, Step};

/// Carries a request out, or answers words that were refused.
pub(super) fn answer(side: Side, call: &Call, parsed: Parsed) -> Reply {
    match parsed {
        Ok(given) => execute(side, call, given, false),
        Err(error) => {
            let mut reply = Reply::new();
            reply.output.err(&error.text);
            reply.fail(2)
        }
    }
}

/// Carries a request out. With `dry` nothing is written and nothing changed: the reply holds the
/// intents.
pub(super) fn execute(side: Side, call: &Call, given: Given, dry: bool) -> Reply {
    let place = |option: &str, usual: &str| match given.value(option) {
        Some(given) => call.path(given).to_str().unwrap_or(given).to_owned(),
        None => usual.to_owned(),
    };
    let mut tree = Tree::at(call.root, &place("--system-config", LOCAL), &place("--default-config", SHIPPED));
    // A caller that names a directory means what is in it.
    if call.config.shims.answers == Answers::Image && !given.has("--default-config") {
        tree = tree.with_stock();
    }
    let runtime =
        side == Side::Online && !given.has("--permanent") && !standalone::is_permanent_anyway(&given);
    if runtime && runtime::tree(call).is_some() {
        tree = tree.beneath(runtime::RUNTIME);
    }
    let mut session = Session {
        call,
        side,
        given,
        tree,
        names: Names::of(call.root),
        reply: Reply::new(),
        dry,
        runtime,
    };
    let exit = match run(&mut session) {
        Ok(()) => 0,
        Err(Exit(exit)) => exit,
    };
    session.reply.exit = exit;
    if dry {
        session.reply.output = Output::default();
    }
    session.reply
}

/// Goes through the kinds of options in the order in which the originals look at them; each ends the
/// call if it finds one of its own.
fn run(session: &mut Session) -> Step {
    if session.side == Side::Offline {
        session.log_conf()?;
        if session.given.has("--check-config") {
            return session.check_config();
        }
    }
    if session.given.has_group(Group::StandAlone) {
        session.stand_alone_options()?;
    }
    session.info_options()?;
    if session.given.has_group(Group::Config) {
        session.config_options()?;
    }
    if session.given.has_group(Group::Whitelist) {
        session.whitelist_options()?;
    }
    if session.given.has("--direct") {
        session.direct_options()?;
    }
    if session.side == Side::Offline && lokkit_options(&session.given) && !edits_service(&session.given) {
        return session.lokkit_options();
    }
    let value = |session: &Session, name: &str| session.given.value(name).map(str::to_owned);
    if let Some(ipset) = value(session, "--ipset") {
        session.ipset_options(&ipset)?;
    }
    if let Some(icmptype) = value(session, "--icmptype") {
        session.icmptype_options(&icmptype)?;
    }
    if let Some(service) = value(session, "--service") {
        session.service_options(&service)?;
    }
    if let Some(helper) = value(session, "--helper") {
        session.helper_options(&helper)?;
    }
    let adapts = session.given.has_group(Group::Traffic)
        || session.given.any(&[
            "--set-short",
            "--get-short",
            "--set-description",
            "--get-description",
        ]);
    if session.side == Side::Offline || adapts {
        session.place_options()?;
    }
    // firewall-cmd with nothing to do.
    let usage = Side::Online.usage_line().trim_end();
    session.fail(format!("State: running\n\nNo options specified\n{usage}"), 2)
}
