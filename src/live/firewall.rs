//! Making the running firewall what its files say. It is never left more open than these: what
//! cannot be loaded leaves what was loaded before, or the node's own part alone.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::firewalld::Firewalld;
use super::nft;
use super::result::{ApplyResult, Filter};
use super::systemd::Manager;
use crate::backend::nftables;
use crate::backend::rulesets::{Undone, wanted};
use crate::boot::Applied;
use crate::config::Backend;
use crate::digest::digest;
use crate::error::{Error, Result, if_exists};
use crate::firewall::definitions::Definitions;
use crate::firewall::firewalld::{Grammar, Zone};
use crate::root::Root;
use crate::state::State;

const ZONES: &str = "/etc/firewalld/zones";
const IPTABLES: [(&str, &str); 2] = [
    ("iptables-restore", "/etc/sysconfig/iptables"),
    ("ip6tables-restore", "/etc/sysconfig/ip6tables"),
];
/// The node's own part, where it has to be loaded without the plugins'.
const BASE: &str = "/run/nodeshim/base.nft";
const FIREWALLD_UNIT: &str = "firewalld.service";
/// For how long a firewalld that is just starting is waited for.
const STARTING: Duration = Duration::from_secs(30);

/// What the decision rests on.
pub(super) struct Input<'a> {
    /// The node.
    pub root: &'a Root,
    /// Which firewall it has.
    pub backend: Backend,
    /// This boot.
    pub boot: &'a str,
    /// Whether this run wrote files of a firewall.
    pub changed: bool,
    /// Only look.
    pub dry_run: bool,
    /// The service manager, where it can be reached.
    pub manager: Option<&'a Manager>,
}

/// Brings the running firewall up to date and notes in `applied` that it is.
pub(super) fn bring_up(input: &Input, applied: &mut Applied, report: &mut ApplyResult) {
    let outcome = match input.backend {
        Backend::Firewalld => firewalld(input, applied.pending),
        Backend::Iptables => iptables(input, applied.pending),
        Backend::Nftables | Backend::Auto => nftables(input, applied, report),
    };
    report.firewall = outcome.unwrap_or_else(|error| {
        report.problem(format!("firewall: {error}"));
        Filter::Failed
    });
    if report.firewall != Filter::Failed && !input.dry_run {
        applied.pending = false;
    }
}

fn nftables(input: &Input, applied: &mut Applied, report: &mut ApplyResult) -> Result<Filter> {
    let root = input.root;
    if nftables::is_switched_off(root) {
        return Ok(Filter::Off);
    }
    let is_loaded = || nft::is_loaded();
    if !root.exists(nftables::MAIN) {
        // The last plugin is gone: what it had open is closed, and the node's own part stays.
        if input.changed && !input.dry_run && is_loaded()? {
            load_base(root)?;
        }
        return Ok(Filter::None);
    }
    let files = digest_of_files(root)?;
    let before = applied.loaded.as_deref().filter(|_| applied.boot == input.boot);
    let is_current = before.is_none_or(|before| before == files) && !input.changed && !applied.pending;
    if is_current && !has_failed(input) && is_loaded()? {
        applied.loaded = Some(files);
        return Ok(Filter::InForce);
    }
    if input.dry_run {
        return Ok(Filter::Loaded);
    }
    if let Err(error) = nft::load(nftables::MAIN) {
        let kept = is_loaded()? || load_base(root).is_ok();
        let now = if kept {
            "what was loaded before stays"
        } else {
            "nothing is loaded"
        };
        return Err(error.followed_by(now));
    }
    if let Err(error) = load_helpers(root) {
        report.problem(format!("connection tracking helpers: {error}"));
    }
    applied.loaded = Some(files);
    Ok(Filter::Loaded)
}

/// Whether the boot could not load all of it.
fn has_failed(input: &Input) -> bool {
    let state = input.manager.and_then(|manager| manager.active_state(nftables::UNIT_NAME));
    state.as_deref() == Some("failed")
}

/// Loads the connection tracking helpers, or removes those that are not used any more.
fn load_helpers(root: &Root) -> Result<()> {
    match root.exists(nftables::HELPERS) {
        true => nft::load(nftables::HELPERS),
        false => nft::drop_table(nftables::HELPERS_TABLE),
    }
}

/// Loads the node's own part alone.
fn load_base(root: &Root) -> Result<()> {
    let definitions = Definitions::new(root);
    let none = wanted(root, &State::default(), &Undone::default(), &definitions)?;
    let base = nftables::Firewall::build(&none, &definitions).closed()?;
    root.write(BASE, base.as_bytes(), Some(0o600))?;
    nft::load(BASE)
}

fn digest_of_files(root: &Root) -> Result<String> {
    let mut bytes = root.read(nftables::MAIN)?;
    bytes.extend(if_exists(root.read(nftables::HELPERS))?.unwrap_or_default());
    for entry in if_exists(root.list(nftables::DIRECTORY))?.unwrap_or_default() {
        let path = std::path::Path::new(nftables::DIRECTORY).join(&entry.name);
        bytes.extend(entry.name.as_encoded_bytes());
        bytes.extend(root.read(path)?);
    }
    Ok(digest(&bytes))
}

fn firewalld(input: &Input, pending: bool) -> Result<Filter> {
    let deadline = Instant::now() + STARTING;
    let daemon = loop {
        match Firewalld::connect()? {
            Some(daemon) => break daemon,
            // Since 2.3.3 the unit counts as started before the daemon has its name on the bus.
            None if is_starting(input) && Instant::now() < deadline => sleep(Duration::from_millis(100)),
            None => return Err(Error::Unavailable("firewalld is enabled and does not run".into())),
        }
    };
    match daemon.settled_state(STARTING)?.as_str() {
        "RUNNING" => {}
        state => {
            let text = format!("firewalld is in state {state}; see its log, then `nodeshim apply`");
            return Err(Error::Unavailable(text));
        }
    }
    if !input.changed && !pending {
        return Ok(Filter::InForce);
    }
    if !input.dry_run {
        daemon.reload()?;
        verify(input.root, &daemon)?;
    }
    Ok(Filter::Loaded)
}

/// Whether the service manager has firewalld's unit started, or is about to.
fn is_starting(input: &Input) -> bool {
    let state = input.manager.and_then(|manager| manager.active_state(FIREWALLD_UNIT));
    state.is_some_and(|state| ["active", "activating", "reloading"].contains(&state.as_str()))
}

/// Whether the daemon lets our services through in the zones whose files name them.
fn verify(root: &Root, daemon: &Firewalld) -> Result<()> {
    let names = Grammar::of(root);
    for entry in if_exists(root.list(ZONES))?.unwrap_or_default() {
        let Some(zone) = entry.name.to_str().and_then(|name| name.strip_suffix(".xml")) else {
            continue;
        };
        let text = root.read_text(format!("{ZONES}/{zone}.xml"))?;
        let Ok(planned) = Zone::parse(&text, &names) else {
            continue;
        };
        let is_ours = |service: &&String| service.starts_with("nodeshim-");
        let ours: Vec<&String> = planned.traffic.services.iter().filter(is_ours).collect();
        if ours.is_empty() {
            continue;
        }
        let running = daemon.services(zone)?;
        if let Some(missing) = ours.into_iter().find(|service| !running.contains(service)) {
            return Err(Error::Unavailable(format!(
                "zone {zone} does not have service {missing} after reloading"
            )));
        }
    }
    Ok(())
}

fn iptables(input: &Input, pending: bool) -> Result<Filter> {
    if !input.changed && !pending {
        return Ok(Filter::InForce);
    }
    if !input.dry_run {
        for (program, file) in IPTABLES {
            if input.root.exists(file) {
                nft::restore(program, file)?;
            }
        }
    }
    Ok(Filter::Loaded)
}
