//! The engine behind firewall-offline-cmd and firewall-cmd: both edit the same files, and differ in
//! what they accept and how they answer.

mod bindings;
mod check;
mod clauses;
mod definitions;
mod deletion;
mod direct;
mod entries;
mod files;
mod listing;
mod lokkit;
mod messages;
mod objects;
mod properties;
mod runtime;
mod session;
mod standalone;
mod start;
mod store;
mod text;
mod whitelist;
mod wording;
mod zone_or_policy;

use crate::argv::firewalld::table::Group;
use crate::argv::firewalld::{Given, Parsed, Side, edits_service, lokkit_options};
use crate::config::Answers;
use crate::firewall::firewalld::store::{LOCAL, SHIPPED};
use crate::firewall::firewalld::{Generation, Grammar, Tree};
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
    if runtime && files::runtime_tree(call).is_some() {
        tree = tree.beneath(files::RUNTIME);
    }
    let mut session = Session {
        call,
        side,
        given,
        tree,
        grammar: Grammar::with(call.root, call.firewalld_generation()),
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
        start::start(session)?;
    }
    if session.given.has_group(Group::StandAlone) {
        standalone::stand_alone_options(session)?;
    }
    definitions::info_options(session)?;
    if session.given.has_group(Group::Config) {
        definitions::config_options(session)?;
    }
    if session.given.has_group(Group::Whitelist) {
        whitelist::whitelist_options(session)?;
    }
    if session.given.has("--direct") {
        direct::direct_options(session)?;
    }
    if session.side == Side::Offline && lokkit_options(&session.given) && !edits_service(&session.given) {
        return lokkit::lokkit_options(session);
    }
    let value = |session: &Session, name: &str| session.given.value(name).map(str::to_owned);
    if let Some(ipset) = value(session, "--ipset") {
        objects::ipset_options(session, &ipset)?;
    }
    if let Some(icmptype) = value(session, "--icmptype") {
        objects::icmptype_options(session, &icmptype)?;
    }
    if let Some(service) = value(session, "--service") {
        objects::service_options(session, &service)?;
    }
    if let Some(helper) = value(session, "--helper") {
        objects::helper_options(session, &helper)?;
    }
    if let Some(set) = value(session, "--policy-set") {
        return properties::policy_set_options(session, &set);
    }
    let adapts = session.given.has_group(Group::Traffic)
        || session.given.any(&[
            "--set-short",
            "--get-short",
            "--set-description",
            "--get-description",
        ]);
    if session.side == Side::Offline || adapts {
        entries::zone_or_policy_options(session)?;
    }
    // firewall-cmd with nothing to do.
    let Generation(major, minor) = session.grammar.generation();
    let usage = Side::Online.usage_line((major, minor)).trim_end();
    session.fail(format!("State: running\n\nNo options specified\n{usage}"), 2)
}
