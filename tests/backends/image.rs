//! A small image whose journal and package list tests write themselves.

use nodeshim::attribution::{FoundBy, Origin};
use nodeshim::intent::{FirewallItem, Intent, RecordedIntent, Scope, UnitWant};
use nodeshim::journal::{Appender, Event, Replayed, Verdict};
use nodeshim::rpmdb::{Installed, Package};
use nodeshim::settle::{Facts, SettleOptions, SettleResult, settle};
use nodeshim::tool::Tool;

pub use crate::support::bare_image::BareImage;

impl BareImage {
    /// An image with the program that loads nftables' rules at boot.
    pub fn with_nft() -> BareImage {
        let image = BareImage::new();
        image.put("/usr/sbin/nft", "");
        image
    }

    /// Makes a request as a package's `%post` would and records it; returns its exit code.
    pub fn ask(&self, package: &str, tool: Tool, words: &[&str]) -> u8 {
        let reply = self.call(tool, words);
        let mut event = self.event(package, ("%post", 1), Vec::new(), false, reply.exit);
        event.tool = tool;
        event.intents = reply.intents;
        Appender::open(&self.root).unwrap().append(&mut event).unwrap();
        reply.exit
    }

    /// Records that a package's scriptlet asked for something.
    pub fn record(&self, package: &str, scriptlet: &str, arg: u32, intents: Vec<Intent>) {
        self.record_with(package, scriptlet, arg, intents, true);
    }

    /// Records that a package's `%post` asked for something and was told that it failed.
    pub fn record_failed(&self, package: &str, intents: Vec<Intent>) {
        self.append(package, ("%post", 1), intents, false, 1);
    }

    pub fn record_with(&self, package: &str, scriptlet: &str, arg: u32, intents: Vec<Intent>, changed: bool) {
        self.append(package, (scriptlet, arg), intents, changed, 0);
    }

    /// Records what a package's `%post` had asked for in another image.
    pub fn record_replayed(&self, package: &str, intents: Vec<Intent>) {
        let replayed = Replayed {
            image: "old".into(),
            event: 1,
        };
        let mut event = self.event(package, ("%post", 1), intents, false, 0);
        event.replayed = Some(replayed);
        Appender::open(&self.root).unwrap().append(&mut event).unwrap();
    }

    fn append(&self, package: &str, scriptlet: (&str, u32), intents: Vec<Intent>, changed: bool, exit: u8) {
        let mut event = self.event(package, scriptlet, intents, changed, exit);
        Appender::open(&self.root).unwrap().append(&mut event).unwrap();
    }

    fn event(
        &self,
        package: &str,
        (scriptlet, arg): (&str, u32),
        intents: Vec<Intent>,
        changed: bool,
        exit: u8,
    ) -> Event {
        Event {
            id: 0,
            time: "2024-01-01T00:00:00Z".into(),
            tool: Tool::FirewallCmd,
            argv: vec!["firewall-cmd".into()],
            exit,
            verdict: Verdict::Allow,
            message: String::new(),
            warnings: Vec::new(),
            replayed: None,
            origin: Origin {
                found_by: FoundBy::RpmPlugin,
                nevra: Some(format!("{package}-1-1.noarch")),
                scriptlet: Some(scriptlet.into()),
                arg: Some(arg),
                ..Origin::default()
            },
            intents: intents.into_iter().map(|intent| RecordedIntent::new(intent, changed)).collect(),
            held: Vec::new(),
            changes: self.root.take_changes(),
        }
    }

    /// Settles with these packages installed.
    pub fn settle(&self, packages: &[&str]) -> SettleResult {
        settle(&self.root, &facts(packages), &SettleOptions::default()).unwrap()
    }
}

pub fn facts(packages: &[&str]) -> Facts {
    let package = |name: &&str| Package {
        name: (*name).to_owned(),
        epoch: None,
        version: "1".into(),
        release: "1".into(),
        arch: "noarch".into(),
    };
    Facts {
        installed: packages.iter().map(package).collect::<Installed>(),
        config: Default::default(),
        policy: None,
    }
}

pub fn allow(opening: FirewallItem) -> Intent {
    Intent::Allow { opening, zone: None }
}

pub fn allow_in(zone: &str, opening: FirewallItem) -> Intent {
    Intent::Allow {
        opening,
        zone: Some(zone.into()),
    }
}

pub fn port(port: &str, protocol: &str) -> FirewallItem {
    FirewallItem::Port {
        port: port.into(),
        protocol: protocol.into(),
    }
}

pub fn unit(name: &str, want: UnitWant) -> Intent {
    Intent::Unit {
        unit: name.into(),
        want,
        scope: Scope::System,
        rule: None,
    }
}
