//! The files that a lokkit call changes. A file that cannot be written is reported and changes the
//! exit code, but does not stop the rest.

use crate::argv::lokkit::Request;
use crate::config::Backend;
use crate::error::{Error, Result};
use crate::firewall::detect;
use crate::firewall::lokkit::config::{self, Loaded};
use crate::firewall::lokkit::custom::Family;
use crate::firewall::lokkit::modules::{self, Changed};
use crate::firewall::lokkit::selinux::{self, Selinux};
use crate::firewall::lokkit::settings::Settings;
use crate::firewall::lokkit::{rules, sysctl};
use crate::intent::DeferredVerb;
use crate::request::{Call, Reply};

/// What was done so far.
pub(super) struct Effects<'c> {
    call: &'c Call<'c>,
    /// What the caller gets.
    pub reply: Reply,
    /// The configuration file was written.
    pub configured: bool,
    /// The SELinux settings were changed.
    pub selinux_changed: bool,
    /// The module lists that were changed.
    pub modules: Vec<Changed>,
    /// What the original would have done to the iptables services.
    pub restart: Option<DeferredVerb>,
}

impl<'c> Effects<'c> {
    /// Nothing yet.
    pub(super) fn new(call: &'c Call<'c>, reply: Reply) -> Self {
        Effects {
            call,
            reply,
            configured: false,
            selinux_changed: false,
            modules: Vec::new(),
            restart: None,
        }
    }

    /// The SELinux part.
    pub(super) fn selinux(&mut self, wanted: &Selinux, found: &Selinux) {
        if *wanted == Selinux::default() {
            return;
        }
        match selinux::save(self.call.root, wanted, found) {
            Ok(changed) => self.selinux_changed = changed,
            Err(error) => self.failed("Failed to write selinux configuration.", &error),
        }
    }

    /// The firewall part.
    pub(super) fn firewall(&mut self, request: &Request, before: &Loaded, settings: &Settings) {
        let saved = config::save(self.call.root, settings);
        self.configured = saved.is_ok();
        self.written(config::PATH, saved);
        let iptables = detect::backend(self.call.root, self.call.config) == Backend::Iptables;
        if iptables && settings.names_modules() {
            self.modules(settings);
        }
        let is_on = settings.is_on();
        // What was off and stays off is left alone; the condition of updateFirewall() in fw_lokkit.py.
        if !(is_on || before.settings.is_on() || request.is_forced()) {
            return;
        }
        if is_on && !settings.masq.is_empty() {
            let turned = sysctl::turn_forwarding_on(self.call.root);
            self.written(sysctl::PATH, turned.map(drop));
        }
        if iptables {
            Family::ALL.into_iter().for_each(|family| self.rules(settings, family));
            let verb = if is_on {
                DeferredVerb::Restart
            } else {
                DeferredVerb::Stop
            };
            self.restart = request.restarts().then_some(verb);
        }
    }

    fn modules(&mut self, settings: &Settings) {
        for file in modules::FILES {
            match modules::save(self.call.root, file, settings) {
                Ok(changed) => self.modules.push(changed),
                Err(error) => self.written(file.0, Err(error)),
            }
        }
    }

    fn rules(&mut self, settings: &Settings, family: Family) {
        let root = self.call.root;
        let done = if settings.is_on() {
            rules::save(root, settings, family, &mut |warning| self.reply.warnings.push(warning))
        } else {
            rules::remove(root, family)
        };
        self.written(rules::path_of(family), done);
    }

    fn written(&mut self, path: &str, result: Result<()>) {
        if let Err(error) = result {
            // An empty line follows: updateFirewall() ends its message with a newline, and it is printed with
            // one.
            self.failed(&format!("Failed to write {path}.\n"), &error);
        }
    }

    fn failed(&mut self, message: &str, error: &Error) {
        self.reply.output.out_line(message);
        self.reply.warnings.push(error.to_string());
        self.reply.exit = self.reply.exit.saturating_add(1);
    }
}
