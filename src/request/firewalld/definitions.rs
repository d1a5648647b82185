//! Making, deleting and finding objects: `--new-...`, `--delete-...`, `--load-...-defaults`,
//! `--path-...`, `--info-...`, and the lists of names.

use std::path::Path;

use super::listing;
use super::session::{Exit, Session, Step};
use crate::argv::firewalld::Side;
use crate::firewall::firewalld::helper::{check_family, check_module};
use crate::firewall::firewalld::ipset::{check_option, check_type};
use crate::firewall::firewalld::{Checked, Code, Helper, Icmptype, Ipset, Kind, Policy, Service, Tree, Zone};

impl Session<'_> {
    /// The text of an object as this call sees it.
    pub fn read_object(&self, kind: Kind, name: &str) -> crate::error::Result<Option<String>> {
        self.tree.read(kind, name)
    }

    /// Writes an object, unless this call writes nothing.
    pub fn write(&mut self, kind: Kind, name: &str, text: &str) -> Step {
        if self.dry {
            return Ok(());
        }
        let result = match (self.runtime, self.runtime_tree()) {
            (true, Some(runtime)) => runtime.replace(kind, name, text),
            (true, None) => Ok(false),
            (false, _) => self.tree.replace(kind, name, text),
        };
        self.done(result).map(drop)
    }

    /// Options that make, delete or find an object.
    pub fn config_options(&mut self) -> Step {
        for kind in Kind::ALL {
            let word = kind.word();
            let value = |session: &Self, option: String| session.given.value(&option).map(str::to_owned);
            if let Some(name) = value(self, format!("--new-{word}")) {
                return self.make(kind, &name);
            }
            if let Some(file) = value(self, format!("--new-{word}-from-file")) {
                return self.import(kind, &file);
            }
            if let Some(name) = value(self, format!("--delete-{word}")) {
                return self.delete(kind, &name);
            }
            if let Some(name) = value(self, format!("--load-{word}-defaults")) {
                return self.load_defaults(kind, &name);
            }
            if let Some(name) = value(self, format!("--path-{word}")) {
                return self.path(kind, &name);
            }
        }
        Ok(())
    }

    fn make(&mut self, kind: Kind, name: &str) -> Step {
        let made = self.new_object(kind);
        let text = match made {
            Ok(text) => text,
            Err(exit) => {
                self.definition(kind.word(), name, "new", false);
                return Err(exit);
            }
        };
        self.create(kind, name, &text)
    }

    fn create(&mut self, kind: Kind, name: &str, text: &str) -> Step {
        let checked = self.conflict(kind, name);
        let checked = checked.and_then(|()| self.surroundings().new_name(kind, name));
        let checked = checked.and_then(|()| self.surroundings().rest(kind, name));
        self.definition(kind.word(), name, "new", checked.is_ok());
        self.checked(checked)?;
        self.write(kind, name, text)?;
        self.success()
    }

    fn conflict(&self, kind: Kind, name: &str) -> Checked<()> {
        if !self.tree.is_taken(kind, name) {
            return Ok(());
        }
        let word = match kind {
            Kind::Policy => "policy_object",
            _ => kind.word(),
        };
        Err(Code::NameConflict.about(format!("new_{word}(): '{name}'")))
    }

    /// The file of an object that has nothing in it yet.
    fn new_object(&mut self, kind: Kind) -> Step<String> {
        Ok(match kind {
            Kind::Zone => Zone::default().to_xml(),
            Kind::Service => Service::default().to_xml(),
            Kind::Policy => Policy::default().to_xml(),
            Kind::Icmptype => Icmptype::default().to_xml(),
            Kind::Ipset => self.new_ipset()?.to_xml(),
            Kind::Helper => self.new_helper()?.to_xml(),
        })
    }

    fn new_ipset(&mut self) -> Step<Ipset> {
        let Some(kind) = self.given.value("--type").map(str::to_owned) else {
            return self.misuse("No type specified.");
        };
        let checked = check_type(&kind);
        self.checked(checked)?;
        let mut ipset = Ipset {
            kind,
            ..Ipset::default()
        };
        for option in self.given.values("--option").to_vec() {
            let (name, value) = option.split_once('=').unwrap_or((&option, ""));
            let checked = check_option(name, value);
            self.checked(checked)?;
            ipset.options.push((name.to_owned(), value.to_owned()));
        }
        Ok(ipset)
    }

    fn new_helper(&mut self) -> Step<Helper> {
        let Some(module) = self.given.value("--module").map(str::to_owned) else {
            return self.misuse("No module specified.");
        };
        let family = self.given.value("--family").unwrap_or_default().to_owned();
        let checked = check_module(&module).and_then(|()| check_family(&family));
        self.checked(checked)?;
        Ok(Helper {
            module,
            family,
            ..Helper::default()
        })
    }

    /// Makes an object from a file anywhere in the image.
    fn import(&mut self, kind: Kind, file: &str) -> Step {
        let word = kind.word();
        let base = Path::new(file).file_name().map(|name| name.to_string_lossy().into_owned());
        let base = base.unwrap_or_default();
        let name = self.given.value("--name").map(str::to_owned);
        let Some(stem) = base.strip_suffix(".xml").map(str::to_owned) else {
            let exit = if self.side == Side::Offline {
                Code::InvalidName.exit()
            } else {
                2
            };
            let shown = if kind == Kind::Icmptype {
                base
            } else {
                format!("'{base}'")
            };
            let message =
                format!("Failed to load {word} file '{file}': INVALID_NAME: {shown} is missing .xml suffix");
            return self.fail(message, exit);
        };
        let name = name.unwrap_or(stem);
        let text = match self.call.root.read_text(self.call.path(file)) {
            Ok(text) => text,
            Err(error) => {
                self.definition(word, &name, "new", false);
                let reason = error.errno().map_or(String::new(), |errno| match self.side {
                    Side::Offline => errno.desc().to_owned(),
                    Side::Online => format!("[Errno {}] {}", errno as i32, errno.desc()),
                });
                return self.fail(format!("Failed to load {word} file: {reason}: '{file}'"), 2);
            }
        };
        match self.rewritten(kind, &text) {
            Ok(text) => self.create(kind, &name, &text),
            Err(fault) => {
                self.definition(word, &name, "new", false);
                let exit = if self.side == Side::Offline {
                    fault.code.exit()
                } else {
                    2
                };
                self.fail(format!("Failed to load {word} file '{file}': {fault}"), exit)
            }
        }
    }

    /// An object's text as firewalld spells it.
    fn rewritten(&self, kind: Kind, text: &str) -> Checked<String> {
        Ok(match kind {
            Kind::Zone => Zone::parse(text, &self.names)?.to_xml(),
            Kind::Service => Service::parse(text, &self.names)?.to_xml(),
            Kind::Policy => Policy::parse(text, &self.names)?.to_xml(),
            Kind::Ipset => Ipset::parse(text)?.to_xml(),
            Kind::Icmptype => Icmptype::parse(text)?.to_xml(),
            Kind::Helper => Helper::parse(text, &self.names)?.to_xml(),
        })
    }

    fn delete(&mut self, kind: Kind, name: &str) -> Step {
        let edits = self.deletable(kind, name).and_then(|()| self.without(kind, name));
        let edits = edits.and_then(|edits| self.rest_without(kind, name).map(|()| edits));
        self.definition(kind.word(), name, "delete", edits.is_ok());
        let edits = self.checked(edits)?;
        if !self.dry {
            let removed = self.tree.remove(kind, name);
            self.done(removed)?;
        }
        for (kind, name, text) in edits {
            self.write(kind, &name, &text)?;
        }
        self.success()
    }

    fn deletable(&self, kind: Kind, name: &str) -> Checked<()> {
        if self.tree.is_shipped(kind, name) {
            let word = if kind == Kind::Icmptype {
                "icmp type"
            } else {
                kind.word()
            };
            return Err(kind.builtin().about(format!("'{name}' is built-in {word}")));
        }
        if self.tree.is_local(kind, name) {
            Ok(())
        } else {
            Err(self.unknown(kind, name))
        }
    }

    fn load_defaults(&mut self, kind: Kind, name: &str) -> Step {
        let checked = match (self.tree.is_local(kind, name), self.tree.is_shipped(kind, name)) {
            (true, true) => Ok(()),
            (false, false) => Err(self.unknown(kind, name)),
            (true, false) if self.side == Side::Online => {
                Err(Code::NoDefaults.about(format!("'{name}' not a built-in {}", kind.word())))
            }
            _ => Err(Code::NoDefaults.about(name)),
        };
        let checked = checked.and_then(|()| self.rest_with_defaults(kind, name));
        self.definition(kind.word(), name, "delete", checked.is_ok());
        self.checked(checked)?;
        if !self.dry {
            let removed = self.tree.remove(kind, name);
            self.done(removed)?;
        }
        self.success()
    }

    fn path(&mut self, kind: Kind, name: &str) -> Step {
        match self.tree.find(kind, name) {
            Some(path) => self.answer(path.to_string_lossy().as_bytes()),
            None => {
                let fault = self.unknown(kind, name);
                self.refuse(&fault)
            }
        }
    }

    /// Options that print names or whole objects.
    pub fn info_options(&mut self) -> Step {
        for (option, kind) in [
            ("--get-zones", Kind::Zone),
            ("--get-services", Kind::Service),
            ("--get-icmptypes", Kind::Icmptype),
            ("--get-policies", Kind::Policy),
            ("--get-ipsets", Kind::Ipset),
            ("--get-helpers", Kind::Helper),
        ] {
            if self.given.has(option) {
                let names = self.tree.names(kind);
                let names = self.done(names)?;
                return self.answer(names.into_iter().collect::<Vec<_>>().join(" "));
            }
        }
        for (option, kind) in [
            ("--list-all-zones", Kind::Zone),
            ("--list-all-policies", Kind::Policy),
        ] {
            if self.given.has(option) {
                return self.list_all(kind);
            }
        }
        for kind in Kind::ALL {
            if let Some(name) = self.given.value(&format!("--info-{}", kind.word())).map(str::to_owned) {
                let text = self.info(kind, &name)?;
                self.reply.output.out(text);
                return Err(Exit(0));
            }
        }
        self.zone_of("--get-zone-of-interface", |zone| &zone.interfaces)?;
        self.zone_of("--get-zone-of-source", |zone| &zone.sources)
    }

    fn list_all(&mut self, kind: Kind) -> Step {
        let names = self.tree.names(kind);
        for name in self.done(names)? {
            let text = self.info(kind, &name)?;
            self.reply.output.out(text);
            self.reply.output.out_line("");
        }
        Err(Exit(0))
    }

    fn info(&mut self, kind: Kind, name: &str) -> Step<String> {
        match kind {
            Kind::Zone => {
                let zone = self.load_zone(name)?;
                return Ok(listing::zone(name, &zone));
            }
            Kind::Policy => {
                let policy = self.load_policy(name)?;
                return Ok(listing::policy(name, &policy));
            }
            _ => {}
        }
        let text = self.text_of(kind, name)?;
        let shown = match kind {
            Kind::Service => Service::parse(&text, &self.names).map(|found| listing::service(name, &found)),
            Kind::Ipset => Ipset::parse(&text).map(|found| listing::ipset(name, &found)),
            Kind::Icmptype => Icmptype::parse(&text).map(|found| listing::icmptype(name, &found)),
            _ => Helper::parse(&text, &self.names).map(|found| listing::helper(name, &found)),
        };
        self.read_from_file(shown)
    }

    /// Which zone an interface or source is bound to.
    fn zone_of(&mut self, option: &str, list: impl Fn(&Zone) -> &Vec<String>) -> Step {
        let wanted = self.given.values(option).to_vec();
        if wanted.is_empty() {
            return Ok(());
        }
        let zones = self.surroundings().other_zones("");
        let zones = self.checked(zones)?;
        let bound = |name: &String| {
            zones.iter().find(|(_, zone)| list(zone).contains(name)).map(|(zone, _)| zone.clone())
        };
        if let [name] = &wanted[..] {
            return match bound(name) {
                Some(zone) => self.answer(zone),
                None => self.fail("no zone", 2),
            };
        }
        for name in &wanted {
            let zone = bound(name).unwrap_or_else(|| "no zone".to_owned());
            self.complain(format!("{name}: {zone}"));
        }
        self.success()
    }

    /// Where changes for the running firewall alone are kept, if anywhere.
    pub fn runtime_tree(&self) -> Option<Tree<'_>> {
        self.runtime.then(|| super::runtime::tree(self.call)).flatten()
    }
}
