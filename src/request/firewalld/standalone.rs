//! Options that stand alone: help, version, the default zone, logging, lockdown, panic mode,
//! reloading, and checking the configuration.

use super::direct::check_file as check_direct;
use super::session::{Exit, Session, Step, UNREADABLE};
use crate::argv::firewalld::table::OPTIONS;
use crate::argv::firewalld::{Given, Side};
use crate::firewall::firewalld::ipset::TYPES;
use crate::firewall::firewalld::rich::Element;
use crate::firewall::firewalld::{
    Checked, Code, Fault, Ipset, Kind, Policy, Whitelist, Zone, direct, lockdown,
};
use crate::intent::Intent;

/// The version whose behaviour is answered with.
const VERSION: &str = "1.3.3";

/// Exit status of `--check-config` for an error that has no code.
const NO_CODE: u8 = 2;

const LOG_DENIED: [&str; 5] = ["all", "unicast", "broadcast", "multicast", "off"];

impl Session<'_> {
    /// Carries out what stands alone; goes on if nothing of it was given.
    pub fn stand_alone_options(&mut self) -> Step {
        if self.given.has("--help") {
            let help = self.help();
            return self.answer(help);
        }
        if self.given.has("--version") {
            return self.answer(VERSION);
        }
        self.default_zone_options()?;
        self.log_denied_options()?;
        self.lockdown_options()?;
        self.daemon_options()?;
        if self.given.has("--get-ipset-types") {
            return self.answer(TYPES.join(" "));
        }
        if self.given.has("--get-automatic-helpers") {
            return self.answer("no");
        }
        if self.given.has("--reset-to-defaults") {
            return self.reset();
        }
        if self.given.any(&["--policy-server", "--policy-desktop", "--set-automatic-helpers"]) {
            return self.success();
        }
        if self.given.any(&["--get-active-zones", "--get-active-policies"]) {
            return self.active();
        }
        Ok(())
    }

    fn default_zone_options(&mut self) -> Step {
        if self.given.has("--get-default-zone") {
            let zone = self.conf()?.default_zone(&self.tree);
            return self.answer(zone);
        }
        let Some(zone) = self.given.value("--set-default-zone").map(str::to_owned) else {
            return Ok(());
        };
        let mut conf = self.conf()?;
        let known = self.tree.exists(Kind::Zone, &zone);
        let same = conf.default_zone(&self.tree) == zone;
        let checked = match self.side {
            // The original reads and checks everything for it.
            Side::Offline if known && !same => self.surroundings().rest(Kind::Zone, ""),
            _ => Ok(()),
        };
        let changes = known && !same && checked.is_ok();
        self.intent(Intent::DefaultZone { zone: zone.clone() }, changes);
        self.checked(checked)?;
        if !known {
            return self.refuse(&Code::InvalidZone.about(zone));
        }
        if same {
            return self.already_set(&Code::ZoneAlreadySet.about(zone));
        }
        conf.set("DefaultZone", &zone);
        self.save_conf(&conf)?;
        self.success()
    }

    pub fn save_conf(&mut self, conf: &crate::firewall::firewalld::Conf) -> Step {
        if self.dry {
            return Ok(());
        }
        let saved = conf.save(&self.tree);
        self.done(saved)
    }

    /// A setting that is so already: an error offline, a warning from the daemon.
    fn already_set(&mut self, fault: &Fault) -> Step {
        match self.side {
            Side::Offline => self.refuse(fault),
            Side::Online => {
                self.complain(format!("Warning: {fault}"));
                self.success()
            }
        }
    }

    fn log_denied_options(&mut self) -> Step {
        let mut conf = self.conf()?;
        if self.given.has("--get-log-denied") {
            let value = conf.get("LogDenied").to_owned();
            return self.answer(value);
        }
        let Some(value) = self.given.value("--set-log-denied").map(str::to_owned) else {
            return Ok(());
        };
        let known = LOG_DENIED.contains(&value.as_str());
        let same = conf.get("LogDenied") == value;
        self.definition("conf", "LogDenied", "edit", known && !same);
        if !known {
            let known: Vec<String> = LOG_DENIED.iter().map(|known| format!("'{known}'")).collect();
            let detail = format!("'{value}', choose from {}", known.join(","));
            return self.refuse(&Code::InvalidValue.about(detail));
        }
        if same {
            return self.already_set(&Code::AlreadySet.about(value));
        }
        conf.set("LogDenied", &value);
        self.save_conf(&conf)?;
        self.success()
    }

    fn lockdown_options(&mut self) -> Step {
        let mut conf = self.conf()?;
        let on = matches!(conf.get("Lockdown").to_lowercase().as_str(), "yes" | "true");
        if self.given.has("--query-lockdown") {
            return self.yes_or_no(on);
        }
        let wanted = match (self.given.has("--lockdown-on"), self.given.has("--lockdown-off")) {
            (true, _) => true,
            (_, true) => false,
            _ => return Ok(()),
        };
        self.definition("conf", "Lockdown", "edit", on != wanted);
        if on != wanted {
            conf.set("Lockdown", if wanted { "yes" } else { "no" });
            self.save_conf(&conf)?;
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
            self.complain(format!("Warning: {}", code.about(asked)));
        }
        self.success()
    }

    /// What only a running daemon can be asked for.
    fn daemon_options(&mut self) -> Step {
        if self.given.has("--state") {
            return self.answer("running");
        }
        if self.given.any(&["--reload", "--complete-reload"]) {
            let default_zone = self.conf()?.default_zone(&self.tree);
            let checked = self.check_local(&default_zone);
            self.checked(checked)?;
            self.forget_runtime()?;
            return self.success();
        }
        if self.given.has("--runtime-to-permanent") {
            return self.runtime_to_permanent();
        }
        if self.given.has("--query-panic") {
            return self.yes_or_no(false);
        }
        if self.given.has("--panic-on") {
            let text = "all network traffic is to be dropped (--panic-on)".to_owned();
            let severity = "high".to_owned();
            self.intent(Intent::Note { severity, text }, false);
            return self.success();
        }
        if self.given.has("--panic-off") {
            let fault = Code::NotEnabled.about("panic mode is not enabled");
            self.complain(format!("Warning: {fault}"));
            return self.success();
        }
        if self.side == Side::Online && self.given.has("--check-config") {
            return match self.check_all() {
                Ok(()) => self.success(),
                Err(fault) => self.refuse(&fault),
            };
        }
        Ok(())
    }

    fn active(&mut self) -> Step {
        let zones = self.surroundings().other_zones("");
        let zones = self.checked(zones)?;
        if !self.given.has("--get-active-zones") {
            return self.active_policies(&zones);
        }
        for (name, zone) in zones {
            if zone.is_active() {
                self.print(&name);
            }
            for (what, list) in [("interfaces", &zone.interfaces), ("sources", &zone.sources)] {
                if !list.is_empty() {
                    self.print(format!("  {what}: {}", list.join(" ")));
                }
            }
        }
        Err(Exit(0))
    }

    /// Policies between zones of which some are active.
    fn active_policies(&mut self, zones: &[(String, Zone)]) -> Step {
        let is_active = |name: &String| {
            matches!(name.as_str(), "HOST" | "ANY")
                || zones.iter().any(|(zone, found)| zone == name && found.is_active())
        };
        let names = self.tree.names(Kind::Policy);
        for name in self.done(names)? {
            let policy = self.load_policy(&name)?;
            let lists = [
                ("ingress", &policy.ingress_zones),
                ("egress", &policy.egress_zones),
            ];
            if lists.iter().all(|(_, list)| list.iter().any(is_active)) {
                self.print(&name);
                for (what, list) in lists {
                    self.print(format!("  {what}-zones: {}", list.join(" ")));
                }
            }
        }
        Err(Exit(0))
    }

    /// Checks what is local: with a mistake in it the daemon would refuse to reload.
    fn check_local(&self, default_zone: &str) -> Checked<()> {
        let surroundings = self.surroundings();
        for kind in Kind::ALL {
            for name in self.tree.local_names(kind).unwrap_or_default() {
                surroundings.object(kind, &name)?;
                self.check_rules(kind, &name, default_zone)?;
            }
        }
        self.check_file(direct::FILE, check_direct)?;
        self.check_file(lockdown::FILE, Whitelist::check)
    }

    /// That there are the services that rich rules name, which shows when they are carried out: in
    /// zones and policies that are active.
    fn check_rules(&self, kind: Kind, name: &str, default_zone: &str) -> Checked<()> {
        let text = self.tree.read(kind, name).unwrap_or_default().unwrap_or_default();
        let rules = match kind {
            Kind::Zone => Some(Zone::parse(&text, &self.names)?)
                .filter(|zone| zone.is_active() || name == default_zone)
                .map(|zone| zone.traffic.rules),
            Kind::Policy => Some(Policy::parse(&text, &self.names)?)
                .filter(Policy::is_active)
                .map(|policy| policy.traffic.rules),
            _ => None,
        };
        for rule in rules.unwrap_or_default() {
            if let Some(Element::Service { name }) = rule.element
                && !self.tree.exists(Kind::Service, &name)
            {
                return Err(Code::InvalidService.about(name));
            }
        }
        Ok(())
    }

    /// Reads and checks every object, and the two files beside them.
    pub fn check_all(&self) -> Result<(), Fault> {
        let surroundings = self.surroundings();
        for kind in Kind::ALL {
            for name in self.tree.names(kind).unwrap_or_default() {
                surroundings.object(kind, &name)?;
            }
        }
        self.check_file(direct::FILE, check_direct)?;
        self.check_file(lockdown::FILE, Whitelist::check)
    }

    fn check_file(&self, name: &str, check: fn(&str) -> Checked<()>) -> Checked<()> {
        let path = self.tree.file(name);
        let Ok(text) = self.tree.root.read_text(&path) else {
            return Ok(());
        };
        check(&text).map_err(|fault| {
            let detail = format!("'{}': {}", path.display(), fault.detail);
            fault.code.about(detail)
        })
    }

    /// What the original logs about `firewalld.conf` whenever it starts.
    pub fn log_conf(&mut self) -> Step {
        for line in self.conf()?.complaints(&self.tree) {
            self.reply.output.err_line(line);
        }
        Ok(())
    }

    /// `firewall-offline-cmd --check-config`: silent if all is well, but for what it logs: it reads
    /// the configuration twice.
    pub fn check_config(&mut self) -> Step {
        let conf = self.conf()?.complaints(&self.tree);
        let conf = conf.into_iter().filter(|line| !line.starts_with("ERROR: Default zone "));
        let left_out = self.left_out();
        match self.check_all() {
            Ok(()) => {
                for line in left_out.iter().cloned().chain(conf).chain(left_out.iter().cloned()) {
                    self.reply.output.err_line(line);
                }
                Err(Exit(0))
            }
            Err(fault) => {
                if fault.in_file {
                    self.reply.output.err_line(UNREADABLE);
                }
                let exit = match fault.code {
                    Code::UnknownError => NO_CODE,
                    code => code.exit(),
                };
                self.fail(format!("Configuration error: {fault}"), exit)
            }
        }
    }

    /// What the original logs about entries and rich rules that it leaves out.
    fn left_out(&self) -> Vec<String> {
        let mut said = Vec::new();
        for kind in [Kind::Ipset, Kind::Zone, Kind::Policy] {
            for name in self.tree.names(kind).unwrap_or_default() {
                let text = self.tree.read(kind, &name).unwrap_or_default().unwrap_or_default();
                let lines = match kind {
                    Kind::Ipset => Ipset::parse(&text).map(|ipset| ipset.left_out),
                    Kind::Zone => Zone::parse(&text, &self.names).map(|zone| zone.traffic.left_out),
                    _ => Policy::parse(&text, &self.names).map(|policy| policy.traffic.left_out),
                };
                said.extend(lines.unwrap_or_default());
            }
        }
        said.iter().map(|line| format!("WARNING: {line}")).collect()
    }

    fn help(&self) -> String {
        let mut help = format!("\nUsage: {} [OPTIONS...]\n", self.side.program());
        let own = OPTIONS.iter().filter(|option| match self.side {
            Side::Offline => option.offline,
            Side::Online => option.online,
        });
        for option in own {
            help += &format!("\n  {}", option.names.join(", "));
        }
        help.push('\n');
        help
    }
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
