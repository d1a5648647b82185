//! Options that stand alone: help, version, the default zone, logging, lockdown, panic mode,
//! reloading, and checking the configuration.

use super::check::check_place;
use super::deletion::reset;
use super::files::{load_policy, load_zone, save_conf};
use super::runtime::{forget_runtime, runtime_to_permanent};
use super::session::{Exit, Session, Step};
use super::whitelist::NO_LOCKDOWN;
use super::zone_or_policy::ZoneOrPolicy;
use crate::argv::firewalld::{Given, Side, options};
use crate::config::Answers;
use crate::firewall::firewalld::generation::version;
use crate::firewall::firewalld::ipset::TYPES;
use crate::firewall::firewalld::{Checked, Code, Fault, Feature, Generation, Kind, Zone};
use crate::intent::{DefinitionChange, FirewallObject, Intent, NoteSeverity};

const LOG_DENIED: [&str; 5] = ["all", "unicast", "broadcast", "multicast", "off"];

/// Carries out what stands alone; goes on if nothing of it was given.
pub(super) fn stand_alone_options(session: &mut Session) -> Step {
    if session.given.has("--help") {
        let help = help(session);
        return session.answer(help);
    }
    if session.given.has("--version") {
        let version = version(session.call.root, session.grammar.generation());
        return session.answer(version);
    }
    default_zone_options(session)?;
    log_denied_options(session)?;
    lockdown_options(session)?;
    daemon_options(session)?;
    if session.given.has("--get-ipset-types") {
        return session.answer(TYPES.join(" "));
    }
    if session.given.has("--get-automatic-helpers") {
        return session.answer("no");
    }
    if session.given.has("--reset-to-defaults") {
        return reset(session);
    }
    if session.given.any(&["--policy-server", "--policy-desktop", "--set-automatic-helpers"]) {
        return session.success();
    }
    if session.given.any(&["--get-active-zones", "--get-active-policies"]) {
        return active(session);
    }
    Ok(())
}

fn default_zone_options(session: &mut Session) -> Step {
    if session.given.has("--get-default-zone") {
        let zone = session.conf()?.default_zone(&session.tree);
        return session.answer(zone);
    }
    let Some(zone) = session.given.value("--set-default-zone").map(str::to_owned) else {
        return Ok(());
    };
    let mut conf = session.conf()?;
    let known = session.tree.exists(Kind::Zone, &zone);
    let same = conf.default_zone(&session.tree) == zone;
    let checked = check_all(session, &zone, known && !same)?;
    let changes = known && !same && checked.is_ok();
    session.intent(Intent::DefaultZone { zone: zone.clone() }, changes);
    session.checked(checked)?;
    if !known {
        return session.refuse(&Code::InvalidZone.about(zone));
    }
    if same {
        return already_set(session, &Code::ZoneAlreadySet.about(zone));
    }
    conf.set("DefaultZone", &zone);
    save_conf(session, &conf)?;
    if session.side == Side::Offline && masquerades_without_backend(session, &zone)? {
        return session.refuse(&Code::InvalidIpv.about("'ipv4' is not a valid backend or is unavailable"));
    }
    session.success()
}

/// firewall-offline-cmd ends each change of `firewalld.conf` with storing the default zone as it is, and
/// reads and checks everything for that. What it finds leaves the file changed there; here nothing changes.
fn check_all(session: &mut Session, default_zone: &str, changes: bool) -> Step<Checked<()>> {
    if session.side != Side::Offline || !changes {
        return Ok(Ok(()));
    }
    let zone = load_zone(session, default_zone)?;
    Ok(check_place(session, &ZoneOrPolicy::Zone(default_zone.to_owned(), zone)))
}

/// Before 1.1 the masquerading of a new default zone was switched on at once, for which
/// firewall-offline-cmd has no backend (observed with 0.9.11).
fn masquerades_without_backend(session: &mut Session, zone: &str) -> Step<bool> {
    let strict = session.call.config.shims.answers == Answers::Strict;
    if !strict || session.has(Feature::WholeChecked) {
        return Ok(false);
    }
    Ok(load_zone(session, zone)?.traffic.masquerade)
}

/// A setting that is so already: an error offline, a warning from the daemon.
fn already_set(session: &mut Session, fault: &Fault) -> Step {
    match session.side {
        Side::Offline => session.refuse(fault),
        Side::Online => {
            session.complain(format!("Warning: {fault}"));
            session.success()
        }
    }
}

fn log_denied_options(session: &mut Session) -> Step {
    let mut conf = session.conf()?;
    if session.given.has("--get-log-denied") {
        let value = conf.get("LogDenied", &session.grammar).to_owned();
        return session.answer(value);
    }
    let Some(value) = session.given.value("--set-log-denied").map(str::to_owned) else {
        return Ok(());
    };
    let known = LOG_DENIED.contains(&value.as_str());
    let same = conf.get("LogDenied", &session.grammar) == value;
    let default_zone = conf.default_zone(&session.tree);
    let checked = check_all(session, &default_zone, known && !same)?;
    session.definition(
        FirewallObject::Conf,
        "LogDenied",
        DefinitionChange::Edit,
        known && !same && checked.is_ok(),
    );
    session.checked(checked)?;
    if !known {
        let known: Vec<String> = LOG_DENIED.iter().map(|known| format!("'{known}'")).collect();
        let detail = format!("'{value}', choose from {}", known.join(","));
        return session.refuse(&Code::InvalidValue.about(detail));
    }
    if same {
        return already_set(session, &Code::AlreadySet.about(value));
    }
    conf.set("LogDenied", &value);
    save_conf(session, &conf)?;
    session.success()
}

fn lockdown_options(session: &mut Session) -> Step {
    let options = ["--lockdown-on", "--lockdown-off", "--query-lockdown"];
    if session.given.any(&options) && !session.has(Feature::Lockdown) {
        session.reply.output.err_line(NO_LOCKDOWN);
        return Err(Exit(0));
    }
    let mut conf = session.conf()?;
    let on = matches!(conf.get("Lockdown", &session.grammar).to_lowercase().as_str(), "yes" | "true");
    if session.given.has("--query-lockdown") {
        return session.yes_or_no(on);
    }
    let wanted = match (session.given.has("--lockdown-on"), session.given.has("--lockdown-off")) {
        (true, _) => true,
        (_, true) => false,
        _ => return Ok(()),
    };
    session.definition(FirewallObject::Conf, "Lockdown", DefinitionChange::Edit, on != wanted);
    if on != wanted {
        conf.set("Lockdown", if wanted { "yes" } else { "no" });
        save_conf(session, &conf)?;
    } else {
        let code = if wanted {
            Code::AlreadyEnabled
        } else {
            Code::NotEnabled
        };
        let asked = if wanted {
            "enable_lockdown()"
        } else {
            "disable_lockdown()"
        };
        session.complain(format!("Warning: {}", code.about(asked)));
    }
    session.success()
}

/// What only a running daemon can be asked for.
fn daemon_options(session: &mut Session) -> Step {
    if session.given.has("--state") {
        return session.answer("running");
    }
    if session.given.any(&["--reload", "--complete-reload"]) {
        let default_zone = session.conf()?.default_zone(&session.tree);
        let checked = session.whole().reload(&default_zone);
        session.checked(checked)?;
        forget_runtime(session)?;
        return session.success();
    }
    if session.given.has("--runtime-to-permanent") {
        return runtime_to_permanent(session);
    }
    if session.given.has("--query-panic") {
        return session.yes_or_no(false);
    }
    if session.given.has("--panic-on") {
        let text = "all network traffic is to be dropped (--panic-on)".to_owned();
        let severity = NoteSeverity::High;
        session.intent(Intent::Note { severity, text }, false);
        return session.success();
    }
    if session.given.has("--panic-off") {
        let fault = Code::NotEnabled.about("panic mode is not enabled");
        session.complain(format!("Warning: {fault}"));
        return session.success();
    }
    if session.side == Side::Online && session.given.has("--check-config") {
        return match session.whole().everything() {
            Ok(()) => session.success(),
            Err(fault) => session.refuse(&fault),
        };
    }
    Ok(())
}

fn active(session: &mut Session) -> Step {
    let zones = session.whole().other_zones("");
    let zones = session.checked(zones)?;
    if !session.given.has("--get-active-zones") {
        return active_policies(session, &zones);
    }
    // Since 2.1 the default zone is always active.
    let marked = session.has(Feature::DefaultMarked);
    let default = session.conf()?.default_zone(&session.tree);
    for (name, zone) in zones {
        let is_default = marked && name == default;
        if zone.is_active() || is_default {
            session.print(if is_default {
                format!("{name} (default)")
            } else {
                name
            });
        }
        for (what, list) in [("interfaces", &zone.interfaces), ("sources", &zone.sources)] {
            if !list.is_empty() {
                session.print(format!("  {what}: {}", list.join(" ")));
            }
        }
    }
    Err(Exit(0))
}

/// Prints the active policies: those with an active ingress zone and an active egress zone.
fn active_policies(session: &mut Session, zones: &[(String, Zone)]) -> Step {
    let marked = session.has(Feature::DefaultMarked);
    let default = session.conf()?.default_zone(&session.tree);
    let is_active = |name: &String| {
        matches!(name.as_str(), "HOST" | "ANY")
            || (marked && *name == default)
            || zones.iter().any(|(zone, found)| zone == name && found.is_active())
    };
    let names = session.tree.names(Kind::Policy);
    for name in session.done(names)? {
        let policy = load_policy(session, &name)?;
        let lists = [
            ("ingress", &policy.ingress_zones),
            ("egress", &policy.egress_zones),
        ];
        if !policy.disable && lists.iter().all(|(_, list)| list.iter().any(&is_active)) {
            session.print(&name);
            for (what, list) in lists {
                session.print(format!("  {what}-zones: {}", list.join(" ")));
            }
        }
    }
    Err(Exit(0))
}

fn help(session: &Session) -> String {
    let mut help = format!("\nUsage: {} [OPTIONS...]\n", session.side.program());
    let Generation(major, minor) = session.grammar.generation();
    for option in options(session.side, (major, minor)) {
        help += &format!("\n  {}", option.names.join(", "));
    }
    help.push('\n');
    help
}

/// Whether an option was given that firewall-cmd carries out for the running firewall and the files
/// alike.
pub(super) fn is_permanent_anyway(given: &Given) -> bool {
    given.any(&[
        "--set-default-zone",
        "--set-log-denied",
        "--lockdown-on",
        "--lockdown-off",
        "--runtime-to-permanent",
    ])
}
