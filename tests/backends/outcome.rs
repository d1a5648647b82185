//! What an image does after settling, whatever tool runs on it later: presets as the real systemctl
//! applies them, images that lack what a backend needs, and nothing left behind.

use std::collections::BTreeMap;
use std::process::Command;

use nodeshim::config::Unused;
use nodeshim::inspect::{self, View};
use nodeshim::intent::{DeferredVerb, Intent, Scope, UnitWant};
use nodeshim::journal::Journal;
use nodeshim::settle::{Planner, SettleOptions, settle};
use nodeshim::tool::Tool;
use proptest::prelude::*;

use crate::image::{BareImage, allow, facts, port, unit};

const UNITS: &str = "/usr/lib/systemd/system";
const WANTS: &str = "/etc/systemd/system/multi-user.target.wants";
const INSTALL: &str = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n";

pub fn put_unit(image: &BareImage, name: &str, more: &str) {
    image.put(&format!("{UNITS}/{name}"), &format!("{INSTALL}{more}"));
}

fn put_preset(image: &BareImage, name: &str, text: &str) {
    image.put(&format!("/usr/lib/systemd/system-preset/{name}"), text);
}

/// An image with two templates, two services and a distribution's last word.
pub fn image(vendor: &str) -> BareImage {
    let image = BareImage::with_nft();
    put_unit(&image, "multi-user.target", "");
    put_unit(&image, "a.service", "");
    put_unit(&image, "b.service", "");
    put_unit(&image, "w@.service", "");
    put_unit(&image, "getty@.service", "DefaultInstance=tty1\n");
    put_preset(&image, "90-vendor.preset", vendor);
    image
}

/// This machine's own systemctl on the image.
pub fn systemctl(image: &BareImage, words: &[&str]) -> String {
    let output = Command::new("systemctl")
        .arg(format!("--root={}", image.path().display()))
        .args(words)
        .output()
        .expect("systemctl");
    image.root.take_changes();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Unit → state of its file, of everything that is there or enabled.
fn states(image: &BareImage, units: &[&str]) -> BTreeMap<String, String> {
    let state = |unit: &&str| (unit.to_string(), systemctl(image, &["is-enabled", unit]).trim().to_owned());
    units.iter().map(state).collect()
}

pub fn enabled(image: &BareImage) -> Vec<String> {
    let entries = image.root.list(WANTS).unwrap_or_default();
    let mut names: Vec<String> =
        entries.iter().map(|entry| entry.name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn preset_all_keeps_our_own_units_under_disable_everything() {
    let image = image("disable *\n");
    let start = Intent::Defer {
        verb: DeferredVerb::Start,
        unit: "a.service".into(),
        scope: Scope::System,
    };
    image.record("p", "%post", 1, vec![allow(port("80", "tcp")), start]);
    image.settle(&["p"]);
    let own = ["nodeshim-start@a.service.service"];
    assert_eq!(enabled(&image), own);
    systemctl(&image, &["preset-all"]);
    assert_eq!(enabled(&image), own);
    let firewall = "/etc/systemd/system/sysinit.target.wants/nodeshim-firewall.service";
    assert!(image.root.exists(firewall));
    assert!(image.settle(&["p"]).plan.is_empty(), "nothing is to be mended");
    // Without any plugin only the node's own firewall is left, and kept.
    image.settle(&[]);
    systemctl(&image, &["preset-all"]);
    assert!(image.root.exists(firewall));
    assert_eq!(enabled(&image), [""; 0]);
}

#[test]
fn an_instance_that_a_package_enables_leaves_the_distributions_own_enabled() {
    let image = image("enable getty@.service\ndisable *\n");
    image.ask("p", Tool::Systemctl, &["enable", "getty@ttyS0.service"]);
    image.settle(&["p"]);
    systemctl(&image, &["preset-all"]);
    assert_eq!(enabled(&image), ["getty@tty1.service", "getty@ttyS0.service"]);
}

#[test]
fn three_packages_keep_three_instances_of_one_template() {
    let image = image("enable w@.service p q\ndisable *\n");
    for (package, instance) in [("pa", "w@one"), ("pb", "w@two"), ("pc", "w@four")] {
        image.ask(package, Tool::Systemctl, &["enable", instance]);
    }
    image.settle(&["pa", "pb", "pc"]);
    systemctl(&image, &["preset-all"]);
    let all = [
        "w@four.service",
        "w@one.service",
        "w@p.service",
        "w@q.service",
        "w@two.service",
    ];
    assert_eq!(enabled(&image), all);
    // The file that they share goes with the second last of them.
    image.settle(&["pa"]);
    let shared = "/etc/systemd/system-preset/80-nodeshim-+shared.preset";
    assert!(!image.root.exists(shared));
    assert!(
        image
            .read("/etc/systemd/system-preset/80-nodeshim-pa.preset")
            .contains("enable w@.service one p q\n")
    );
}

#[test]
fn an_instance_that_is_enabled_after_its_template_was_disabled_is_kept() {
    let image = image("enable w@.service p\n");
    image.ask("p", Tool::Systemctl, &["disable", "w@.service"]);
    image.ask("p", Tool::Systemctl, &["enable", "w@k.service"]);
    image.settle(&["p"]);
    systemctl(&image, &["preset-all"]);
    assert!(enabled(&image).contains(&"w@k.service".to_owned()), "{:?}", enabled(&image));
    assert!(!enabled(&image).contains(&"w@p.service".to_owned()));
}

#[test]
fn an_instance_that_a_package_disabled_stays_so_when_it_is_preset_by_its_own_name() {
    let image = image("enable w@.service p q\ndisable *\n");
    systemctl(&image, &["preset-all"]);
    image.ask("p", Tool::Systemctl, &["disable", "w@p.service"]);
    image.settle(&["p"]);
    systemctl(&image, &["preset", "w@p.service", "w@q.service"]);
    assert_eq!(enabled(&image), ["w@q.service"]);
    // The template's own line is gone with the package, and the distribution's counts again.
    image.settle(&[]);
    systemctl(&image, &["preset", "w@p.service"]);
    assert_eq!(enabled(&image), ["w@p.service", "w@q.service"]);
}

#[test]
fn an_instance_that_was_disabled_with_its_template_stays_so_when_the_template_is_preset() {
    let image = image("");
    for (verb, unit) in [
        ("enable", "w@one.service"),
        ("disable", "w@.service"),
        ("preset", "w@.service"),
    ] {
        image.ask("p", Tool::Systemctl, &[verb, unit]);
    }
    image.settle(&["p"]);
    systemctl(&image, &["preset-all"]);
    assert!(!enabled(&image).contains(&"w@one.service".to_owned()), "{:?}", enabled(&image));
}

/// What the vendor's rules may say, and what packages may ask for.
const RULES: [&str; 8] = [
    "enable a.service",
    "disable b.service",
    "enable w@.service p q",
    "disable w@.service",
    "enable getty@.service",
    "enable w@.service",
    "disable a*",
    "enable *",
];
const REQUESTS: [(&str, &str); 13] = [
    ("enable", "a.service"),
    ("disable", "a.service"),
    ("enable", "b.service"),
    ("disable", "b.service"),
    ("enable", "w@one.service"),
    ("enable", "w@p.service"),
    ("disable", "w@p.service"),
    ("disable", "w@.service"),
    ("enable", "getty@ttyS0.service"),
    ("disable", "getty@tty1.service"),
    ("enable", "getty@.service"),
    ("preset", "w@.service"),
    ("preset", "a.service"),
];
const LOOKED_AT: [&str; 8] = [
    "a.service",
    "b.service",
    "w@one.service",
    "w@p.service",
    "w@q.service",
    "getty@tty1.service",
    "getty@ttyS0.service",
    "getty@.service",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]
    /// The vendor's rules first and then the requests, all by the real systemctl, is what a real
    /// preset-all comes to after our requests and settling.
    #[test]
    fn preset_all_after_settling_gives_what_the_originals_left(
        rules in proptest::collection::vec(0usize..RULES.len(), 0..4),
        requests in proptest::collection::vec((0usize..3, 0usize..REQUESTS.len()), 1..9),
        rest in any::<bool>(),
    ) {
        let mut vendor: String = rules.iter().map(|rule| format!("{}\n", RULES[*rule])).collect();
        vendor.push_str(if rest { "disable *\n" } else { "" });
        let (ours, theirs) = (image(&vendor), image(&vendor));
        systemctl(&theirs, &["preset-all"]);
        for (package, request) in &requests {
            let (verb, unit) = REQUESTS[*request];
            systemctl(&theirs, &[verb, unit]);
            // What one package asks of a template ends what it asked of instances, not what others did.
            let package = if unit.contains('@') { 0 } else { *package };
            ours.ask(&format!("p{package}"), Tool::Systemctl, &[verb, unit]);
        }
        ours.settle(&["p0", "p1", "p2"]);
        systemctl(&ours, &["preset-all"]);
        prop_assert_eq!(
            states(&ours, &LOOKED_AT),
            states(&theirs, &LOOKED_AT),
            "{:?} {:?}",
            vendor,
            requests.iter().map(|(package, request)| (package, REQUESTS[*request])).collect::<Vec<_>>()
        );
    }
}

fn view(image: &BareImage, packages: &[&str]) -> View {
    let facts = facts(packages);
    let journal = Journal::read(&image.root).unwrap();
    View {
        prepared: Planner::new(&image.root, &facts, &journal).plan().unwrap(),
        journal,
        facts,
        ..View::default()
    }
}

fn differences(image: &BareImage, packages: &[&str]) -> Vec<String> {
    let found = inspect::check(&image.root, &view(image, packages)).unwrap();
    found.into_iter().map(|one| format!("{} {}: {}", one.kind, one.path, one.text)).collect()
}

#[test]
fn an_image_without_nft_gets_no_unit_that_cannot_work() {
    let image = image("disable *\n");
    image.root.remove("/usr/sbin/nft").unwrap();
    image.record("p", "%post", 1, vec![allow(port("80", "tcp"))]);
    let report = image.settle(&["p"]);
    let warning = "warning: the image has no nft: no rule is loaded at boot, and nothing is kept out; \
                   install the package nftables";
    assert!(report.plan.notes.iter().any(|note| note.text == warning), "{report:?}");
    let unit = format!("{UNITS}/nodeshim-firewall.service");
    let link = "/etc/systemd/system/sysinit.target.wants/nodeshim-firewall.service";
    assert!(!image.root.exists(&unit) && image.root.meta(link).is_err());
    let found = inspect::check(&image.root, &view(&image, &["p"])).unwrap();
    assert!(found.iter().all(|one| !one.is_drift()), "{found:?}");
    assert!(found.iter().any(|one| one.text.contains("install the package nftables")), "{found:?}");
    // With the program, wherever it is, the unit comes.
    image.put("/usr/bin/nft", "");
    let report = image.settle(&["p"]);
    assert!(report.plan.notes.is_empty(), "{report:?}");
    assert!(image.read(&unit).contains("ExecStart=/usr/bin/nft -f"));
    assert!(image.root.exists(link));
    assert_eq!(differences(&image, &["p"]), [""; 0]);
}

/// What an image has that loads rules without `nft`, and the backend that uses it.
const LOADERS: [(&str, &str, &str); 2] = [
    ("/usr/sbin/firewalld", "firewalld.service", "/etc/firewalld/services/nodeshim-p.xml"),
    ("/usr/sbin/iptables", "iptables.service", "/etc/sysconfig/iptables"),
];

#[test]
fn an_image_without_nft_gets_its_rules_where_something_loads_them() {
    for (program, loader, rules) in LOADERS {
        let image = image("disable *\n");
        image.root.remove("/usr/sbin/nft").unwrap();
        image.put(program, "");
        let reject = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j REJECT\nCOMMIT\n";
        image.put("/etc/sysconfig/iptables", reject);
        image.put("/usr/lib/firewalld/zones/public.xml", "<zone><service name=\"ssh\"/></zone>");
        put_unit(&image, loader, "");
        assert!(image.settle(&[]).plan.is_empty(), "nothing is asked for");
        image.record("p", "%post", 1, vec![allow(port("80", "tcp"))]);
        let report = image.settle(&["p"]);
        assert!(!report.plan.notes.iter().any(|note| note.text.contains("warning")), "{report:?}");
        assert!(image.read(rules).contains("80"));
        assert!(!image.root.exists("/etc/nftables"));
        assert_eq!(enabled(&image), [loader]);
        systemctl(&image, &["preset-all"]);
        assert_eq!(enabled(&image), [loader], "presets leave what loads the firewall");
        assert!(image.settle(&["p"]).plan.is_empty());
        assert_eq!(differences(&image, &["p"]), [""; 0]);
    }
}

#[test]
fn what_loads_rules_is_not_enabled_against_whoever_switched_it_off() {
    let image = image("disable *\n");
    image.root.remove("/usr/sbin/nft").unwrap();
    image.put("/usr/sbin/firewalld", "");
    put_unit(&image, "firewalld.service", "");
    let off = unit("firewalld.service", UnitWant::Disable);
    image.record("p", "%post", 1, vec![allow(port("80", "tcp")), off]);
    let report = image.settle(&["p"]);
    let is_named = |text: &str| text.starts_with("warning: firewalld.service is switched off");
    assert!(report.plan.notes.iter().any(|note| is_named(&note.text)), "{report:?}");
    assert_eq!(enabled(&image), [""; 0]);
}

/// An image like Enterprise Linux 6: init scripts and run levels, nothing of systemd.
pub fn sysv_image() -> BareImage {
    let image = BareImage::with_nft();
    for level in 0..7 {
        image.root.create_dirs(format!("/etc/rc.d/rc{level}.d"), 0o755).unwrap();
    }
    image.put("/etc/inittab", "id:3:initdefault:\n");
    for script in ["iptables", "agent"] {
        let text = "#!/bin/sh\n# chkconfig: 2345 08 92\n# description: x\n";
        image.put(&format!("/etc/rc.d/init.d/{script}"), text);
    }
    image.put("/etc/sysconfig/system-config-firewall", "--enabled\n");
    image
}

#[test]
fn an_image_without_systemd_gets_iptables_files_and_run_levels_alone() {
    let image = sysv_image();
    assert_eq!(image.ask("p", Tool::Lokkit, &["--port=8080:tcp"]), 0);
    assert_eq!(image.ask("p", Tool::Chkconfig, &["--add", "agent"]), 0);
    image.record("q", "%post", 1, vec![allow(port("8080", "tcp")), allow(port("9090", "tcp"))]);
    let start = Intent::Defer {
        verb: DeferredVerb::Start,
        unit: "agent.service".into(),
        scope: Scope::System,
    };
    image.record("q", "%post", 1, vec![unit("agent.service", UnitWant::Enable), start]);
    let report = image.settle(&["p", "q"]);
    for directory in ["/etc/systemd", "/usr/lib/systemd", "/etc/nftables"] {
        assert!(!image.root.exists(directory), "{directory}: {report:?}");
    }
    assert!(image.root.meta("/etc/rc.d/rc3.d/S08agent").is_ok());
    let rules = image.read("/etc/sysconfig/iptables");
    for port in ["8080", "9090"] {
        assert_eq!(rules.matches(&format!("--dport {port} ")).count(), 1, "{port}:\n{rules}");
    }
    assert!(image.settle(&["p", "q"]).plan.is_empty());
    // lokkit's port goes from its configuration with its package, and is then the other one's.
    image.settle(&["q"]);
    let rules = image.read("/etc/sysconfig/iptables");
    assert_eq!(rules.matches("--dport 8080 ").count(), 1, "{rules}");
    image.settle(&[]);
    assert!(!image.read("/etc/sysconfig/iptables").contains("--dport 8080"), "{rules}");
}

#[test]
fn without_systemd_modules_are_loaded_by_a_script_and_accounts_are_named() {
    let image = sysv_image();
    let metadata = "schema = 1\n[kernel]\nmodules = [\"dm_multipath\"]\n[[user]]\nname = \"agent\"\n";
    image.put("/usr/share/ovirt-node/plugins.d/p.toml", metadata);
    let report = image.settle(&["p"]);
    let script = "/etc/sysconfig/modules/nodeshim-p.modules";
    let text = image.read(script);
    assert!(text.starts_with("#!/bin/sh\n") && text.contains("\nmodprobe dm_multipath "), "{text}");
    assert_eq!(image.root.meta(script).unwrap().mode, 0o755);
    let warning = "warning: nothing will make its users and groups: the image has no systemd";
    assert!(report.plan.notes.iter().any(|note| note.text == warning), "{report:?}");
    for directory in ["/etc/modules-load.d", "/etc/sysusers.d"] {
        assert!(!image.root.exists(directory), "{directory}");
    }
    image.root.remove("/usr/share/ovirt-node/plugins.d/p.toml").unwrap();
    image.settle(&[]);
    assert!(!image.root.exists(script));
}

#[test]
fn check_finds_again_what_settling_had_put_back() {
    let image = image("disable *\n");
    systemctl(&image, &["enable", "a.service"]);
    image.ask("p", Tool::Systemctl, &["disable", "a.service"]);
    image.settle(&["p"]);
    assert_eq!(enabled(&image), [""; 0]);
    image.settle(&[]);
    assert_eq!(enabled(&image), ["a.service"], "it is as it was before the package came");
    assert_eq!(differences(&image, &[]), [""; 0]);
    image.root.remove(format!("{WANTS}/a.service")).unwrap();
    let expected = format!("missing {WANTS}/a.service: was put back by settling and is gone");
    assert_eq!(differences(&image, &[]), [expected]);
}

#[test]
fn check_finds_a_unit_that_metadata_enables_and_somebody_disabled() {
    let image = image("disable *\n");
    let metadata = "schema = 1\n[units]\nenable = [\"b.service\"]\n";
    image.put("/usr/share/ovirt-node/plugins.d/p.toml", metadata);
    image.settle(&["p"]);
    assert_eq!(differences(&image, &["p"]), [""; 0]);
    systemctl(&image, &["disable", "b.service"]);
    let expected = format!("request {UNITS}/b.service: was enabled by settling and is disabled");
    assert_eq!(differences(&image, &["p"]), [expected]);
}

#[test]
fn directories_that_settling_made_go_with_the_last_erase() {
    let image = BareImage::with_nft();
    put_unit(&image, "a.service", "");
    image.root.create_dirs("/etc/sysctl.d", 0o755).unwrap();
    image.root.take_changes();
    let forward = nodeshim::intent::FirewallItem::Masquerade { interface: None };
    let intents = vec![
        allow(port("80", "tcp")),
        allow(forward),
        unit("a.service", UnitWant::Enable),
    ];
    image.record("p", "%post", 1, intents);
    image.settle(&["p"]);
    assert!(image.root.is_dir("/etc/systemd/system-preset") && image.root.is_dir("/etc/nftables/nodeshim.d"));
    let mut facts = facts(&[]);
    facts.config.firewall.unused = Unused::Remove;
    settle(&image.root, &facts, &SettleOptions::default()).unwrap();
    let left = image.root.list("/etc").unwrap();
    let left: Vec<String> = left.iter().map(|entry| entry.name.to_string_lossy().into_owned()).collect();
    assert_eq!(left, ["sysctl.d"], "what was there before stays");
}
