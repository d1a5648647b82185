//! What the looking verbs say of an image.

use nodeshim::inspect::{self, View};
use nodeshim::intent::{FirewallItem, Intent, UnitWant};
use nodeshim::journal::Journal;
use nodeshim::settle::{Planner, standing};
use nodeshim::state::EffectiveState;

use crate::image::{BareImage, allow, facts, port, unit};

fn view(image: &BareImage, packages: &[&str]) -> View {
    let facts = facts(packages);
    let journal = Journal::read(&image.root).unwrap();
    let prepared = Planner::new(&image.root, &facts, &journal).plan().unwrap();
    View {
        declared: Default::default(),
        hooks: Vec::new(),
        outside: Vec::new(),
        journal,
        audit: Default::default(),
        prepared,
        facts,
    }
}

fn service(service: &str) -> FirewallItem {
    FirewallItem::FirewallService {
        service: service.into(),
    }
}

/// Two plugins: one has a unit with a link, both want port 80, one by a service's name.
fn image() -> BareImage {
    let image = BareImage::with_nft();
    image.root.create_dirs("/usr/lib/systemd/system", 0o755).unwrap();
    image.root.write("/usr/lib/systemd/system/a.service", b"", None).unwrap();
    image.root.create_dirs("/etc/systemd/system/m.wants", 0o755).unwrap();
    image.root.take_changes();
    let link = "/etc/systemd/system/m.wants/a.service";
    image.root.symlink("/usr/lib/systemd/system/a.service", link).unwrap();
    image.record("a", "%post", 1, vec![unit("a.service", UnitWant::Enable)]);
    image.record("a", "%post", 1, vec![allow(port("70-90", "tcp"))]);
    image.record("b", "%posttrans", 1, vec![allow(service("http")), Intent::FirewallSwitch { on: false }]);
    image
}

#[test]
fn why_leads_from_a_port_to_package_scriptlet_and_command() {
    let image = image();
    let view = view(&image, &["a", "b"]);
    for asked in ["80", "80/tcp", "80:tcp"] {
        let answer = inspect::why(&image.root, &view, asked);
        assert_eq!(answer.wanted_by.iter().collect::<Vec<_>>(), ["a", "b"], "{asked}");
        let reasons: Vec<(u64, &str)> =
            answer.reasons.iter().map(|reason| (reason.event, reason.origin.as_str())).collect();
        assert_eq!(reasons, [(2, "a-1-1.noarch %post(1)"), (3, "b-1-1.noarch %posttrans(1)")]);
        assert!(answer.reasons.iter().all(|reason| reason.wanted && reason.command == "firewall-cmd"));
    }
    assert!(inspect::why(&image.root, &view, "80/udp").reasons.is_empty());
    assert!(inspect::why(&image.root, &view, "91").reasons.is_empty());
}

#[test]
fn why_knows_units_and_paths_made_by_requests_or_by_settling() {
    let image = image();
    image.settle(&["a", "b"]);
    let view = view(&image, &["a", "b"]);
    for asked in ["a.service", "a", "/etc/systemd/system/m.wants/a.service"] {
        let answer = inspect::why(&image.root, &view, asked);
        assert_eq!(answer.wanted_by.iter().collect::<Vec<_>>(), ["a"], "{asked}");
        assert_eq!(answer.reasons[0].event, 1);
    }
    let file = inspect::why(&image.root, &view, "/etc/nftables/nodeshim.d/b.nft");
    assert_eq!(file.reasons.iter().map(|reason| reason.event).collect::<Vec<_>>(), [3]);
    assert!(file.generated.is_some());
}

#[test]
fn why_explains_what_nobody_wants_any_more() {
    let image = image();
    image.settle(&["a", "b"]);
    image.settle(&["b"]);
    let answer = inspect::why(&image.root, &view(&image, &["b"]), "a.service");
    assert!(answer.wanted_by.is_empty());
    assert_eq!((answer.reasons.len(), answer.reasons[0].wanted), (1, false));
}

#[test]
fn global_intents_are_listed_first_and_counted() {
    let image = image();
    let view = view(&image, &["a", "b"]);
    let standing = EffectiveState::from(&view.prepared.fold);
    let rows = inspect::list(&standing, None);
    assert_eq!((rows[0].plugin.as_str(), rows[0].global), ("b", true));
    assert_eq!(rows.len(), 4);
    assert_eq!(inspect::list(&standing, Some("a")).len(), 2);
    let plugins = inspect::plugins(&standing, &Default::default());
    let counts: Vec<_> =
        plugins.iter().map(|p| (p.plugin.as_str(), p.firewall, p.services, p.global)).collect();
    assert_eq!(counts, [("a", 1, 1, 0), ("b", 1, 0, 1)]);
    assert_eq!(inspect::show(&standing, &Default::default(), "a").unwrap().ports, ["70-90/tcp"]);
    assert_eq!(inspect::show(&standing, &Default::default(), "c"), None);
    assert_eq!(inspect::log(&view.journal.events, Some("a"), false).len(), 2);
    let shown = inspect::show(&standing, &Default::default(), "a").unwrap();
    assert_eq!(shown.requests, 2);
    assert!(shown.paths.contains("/etc/systemd/system/m.wants/a.service"));
}

#[test]
fn the_state_file_alone_says_the_same_as_all_events() {
    let image = image();
    let by_events = |packages: &[&str]| EffectiveState::from(&view(&image, packages).prepared.fold);
    let loaded = |packages: &[&str]| standing(&image.root, &facts(packages)).unwrap();
    assert_eq!(loaded(&["a", "b"]), by_events(&["a", "b"]), "nothing is settled yet");
    image.settle(&["a", "b"]);
    for packages in [&["a", "b"][..], &["b"], &[]] {
        assert_eq!(loaded(packages), by_events(packages), "{packages:?}");
    }
    let files = "/usr/share/ovirt-node/plugins.d";
    image.root.create_dirs(files, 0o755).unwrap();
    let text = b"schema = 1\nsummary = \"B\"\n[firewall]\nports = [\"7711/tcp\"]\n";
    image.root.write(format!("{files}/b.toml"), text, None).unwrap();
    let declared = loaded(&["a", "b"]);
    assert_eq!(declared, by_events(&["a", "b"]), "a file has come that declares something");
    assert_eq!(declared.state.plugins["b"].wants.len(), 3);
    image.settle(&["a", "b"]);
    assert_eq!(loaded(&["a", "b"]).state.plugins.len(), 2);
    image.record("a", "%post", 1, vec![unit("z.service", UnitWant::Enable)]);
    assert_eq!(loaded(&["a", "b"]).state.last_event, 4);
    image.settle(&["a", "b"]);
    image.root.write(nodeshim::journal::PATH, b"format = 1\n# end 3 0\n", None).unwrap();
    let lost = standing(&image.root, &facts(&["a", "b"])).unwrap_err().to_string();
    assert!(lost.contains("lost") && lost.contains("nodeshim repair"), "{lost}");
}

#[test]
fn check_names_what_was_changed_behind_the_journal() {
    let image = image();
    let kinds = |image: &BareImage| -> Vec<(&str, String)> {
        let found = inspect::check(&image.root, &view(image, &["a", "b"])).unwrap();
        found.into_iter().map(|difference| (difference.kind, difference.path)).collect()
    };
    assert!(kinds(&image).contains(&("state", "/usr/lib/sysimage/nodeshim/state.toml".into())));
    image.settle(&["a", "b"]);
    assert_eq!(kinds(&image), []);
    let link = "/etc/systemd/system/m.wants/a.service";
    image.root.remove(link).unwrap();
    image.root.write("/etc/nftables/nodeshim.d/b.nft", b"mine", None).unwrap();
    image.root.remove("/etc/nftables/nodeshim.d/a.nft").unwrap();
    image.root.write("/etc/nftables/nodeshim.d/stale.nft", b"", None).unwrap();
    let expected = [
        ("missing", "/etc/nftables/nodeshim.d/a.nft"),
        ("content", "/etc/nftables/nodeshim.d/b.nft"),
        ("extra", "/etc/nftables/nodeshim.d/stale.nft"),
        ("missing", link),
    ];
    assert_eq!(kinds(&image), expected.map(|(kind, path)| (kind, path.to_owned())));
    image.root.replace_with_symlink("/elsewhere", link).unwrap();
    assert!(kinds(&image).contains(&("target", link.into())));
}
