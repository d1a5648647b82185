//! Policy over real rpm transactions: what is denied has no effect, is recorded with its rule and is
//! shown; what is left of a call is carried out.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "policy/history.rs"]
mod history;
#[path = "support/image.rs"]
mod image;
mod support;

use std::fs;
use std::process::Command;

use image::{Image, build, build_with};
use nodeshim::intent::{Intent, Verdict};
use nodeshim::journal::Event;
use support::succeed;

const UNIT: &str =
    "[Unit]\nDescription=x\n[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n";
const WANTS: &str = "/etc/systemd/system/multi-user.target.wants";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn say(image: &Image, verb: &str, args: &[&str]) -> String {
    text(&succeed(&mut image.nodeshim(verb, args)).stdout)
}

/// An image with a policy file of the administrator's and units a and b.
fn image(policy: &str) -> Image {
    let image = Image::new();
    let directory = image.path().join("etc/nodeshim/policy.d");
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("10-site.toml"), policy).unwrap();
    for unit in ["a", "b"] {
        let path = image.path().join(format!("usr/lib/systemd/system/{unit}.service"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, UNIT).unwrap();
    }
    image
}

fn install(image: &Image, name: &str, scriptlets: &str) -> String {
    let file = build(&image.beside("rpms"), name, scriptlets);
    text(&image.transaction(&["-i", &file]).stderr)
}

fn last(image: &Image) -> Event {
    image.events().pop().expect("an event")
}

#[test]
fn of_a_list_of_units_only_the_denied_one_is_left_out() {
    let policy =
        "[[rule]]\nname = \"no-a\"\nunit = \"a.service\"\nverdict = \"deny\"\nreason = \"not here\"\n";
    let image = image(policy);
    let said = install(&image, "p", "%post\nsystemctl enable --now a b\necho exit $? >&2\n");
    assert!(
        said.contains("systemctl: a: denied by policy: not here") && said.contains("exit 1"),
        "{said}"
    );
    assert!(!image.has(&format!("{WANTS}/a.service")) && image.has(&format!("{WANTS}/b.service")));
    let event = last(&image);
    assert_eq!((event.verdict, event.exit), (Verdict::Deny, 1));
    assert_eq!(event.held[0].because, "10-site.toml: no-a");
    let list = say(&image, "list", &[]);
    assert!(
        list.contains("enable a.service (denied by policy: 10-site.toml: no-a: not here) [#1]"),
        "{list}"
    );
    assert!(
        list.contains("enable b.service [#1]") && list.contains("start b.service at boot"),
        "{list}"
    );
    assert!(say(&image, "show", &["p"]).contains("denied\n  enable a.service"));
    assert!(
        say(&image, "log", &[]).contains("enable a.service: denied by policy (10-site.toml: no-a: not here)")
    );
    assert!(say(&image, "why", &["a.service"]).contains("denied to p by policy"));
    let json = say(&image, "list", &["--json"]);
    assert!(json.contains("\"verdict\": \"deny\""), "{json}");
    say(&image, "check", &[]);
}

#[test]
fn of_several_options_only_the_denied_one_is_left_out() {
    let policy = "[[rule]]\nport = \"22/tcp\"\nverdict = \"deny\"\nexit = 0\n";
    let image = image(policy);
    let calls = [
        "lokkit -p 8080:tcp -p 22:tcp --port=9090:udp",
        "firewall-cmd --permanent --add-port=22/tcp --add-port=8081/tcp",
        "firewall-offline-cmd --port=8082:tcp -s ssh",
        "firewall-cmd --permanent --add-service=ssh",
        "firewall-cmd --permanent --add-rich-rule='rule port port=20-30 protocol=tcp accept'",
    ];
    let scriptlet: String = calls.iter().map(|call| format!("{call}\necho exit $? >&2\n")).collect();
    let said = install(&image, "p", &format!("%post\n{scriptlet}"));
    assert_eq!(said.matches("exit 0").count(), calls.len(), "{said}");
    let list = say(&image, "list", &[]);
    for open in ["8080/tcp", "9090/udp", "8081/tcp", "8082/tcp"] {
        assert!(list.contains(&format!("open {open}")), "{list}");
    }
    for denied in [
        "open 22/tcp (denied by policy",
        "open service ssh in zone public (denied by policy",
        "port=\"20-30\"",
    ] {
        assert!(list.contains(denied), "{list}");
    }
    assert!(
        image
            .events()
            .iter()
            .all(|event| event.verdict == Verdict::Deny && !event.held.is_empty())
    );
    let written = fs::read_to_string(image.path().join("etc/sysconfig/system-config-firewall")).unwrap();
    assert!(written.contains("8080") && !written.contains("22"), "{written}");
    let zone = fs::read_to_string(image.path().join("etc/firewalld/zones/public.xml")).unwrap();
    assert!(zone.contains("8081") && !zone.contains("\"22\"") && !zone.contains("<rule"), "{zone}");
}

#[test]
fn a_request_that_cannot_be_divided_gets_the_strictest_verdict() {
    let policy = "[[rule]]\nkind = \"definition\"\nverdict = \"deny\"\nexit = 7\n";
    let image = image(policy);
    let call = "firewall-cmd --permanent --new-service=x --add-port=8080/tcp";
    let said = install(&image, "p", &format!("%post\n{call}\necho exit $? >&2\n"));
    assert!(said.contains("exit 7"), "{said}");
    let event = last(&image);
    assert!(event.intents.is_empty() && event.changes.is_empty(), "{event:?}");
    assert_eq!(event.held.len(), 2);
}

#[test]
fn options_in_one_word_are_denied_one_by_one() {
    let policy = "[[rule]]\nkind = [\"firewall-reset\", \"selinux\"]\nverdict = \"deny\"\nexit = 7\n";
    let image = image(policy);
    let said = install(&image, "p", "%post\nlokkit -qfp 8080:tcp\necho exit $? >&2\n");
    assert!(said.contains("exit 7"), "{said}");
    let event = last(&image);
    assert!(
        matches!(&event.held[..], [held] if matches!(held.intent, Intent::FirewallReset { .. })),
        "{event:?}"
    );
    assert!(matches!(&event.intents[..], [port] if port.changed), "{event:?}");
    // The same word twice: only the option is left out, not what the other one means.
    let said = install(&image, "q", "%post\nlokkit --selinux=disabled --trust=disabled\n");
    assert!(said.contains("denied"), "{said}");
    let written = fs::read_to_string(image.path().join("etc/sysconfig/system-config-firewall")).unwrap();
    assert!(written.contains("--trust=disabled") && written.contains("8080"), "{written}");
}

#[test]
fn deferred_is_for_the_boot_and_ignored_is_nothing() {
    let policy = "[[rule]]\nunit = \"a.service\"\nverdict = \"defer\"\n\n[[rule]]\nunit = \"b.service\"\nverdict = \"ignore\"\n";
    let image = image(policy);
    install(&image, "p", "%post\nset -e\nsystemctl enable a\nsystemctl enable b\n");
    assert!(!image.has(&format!("{WANTS}/a.service")) && !image.has(&format!("{WANTS}/b.service")));
    let list = say(&image, "list", &[]);
    assert_eq!(list, "p  enable a.service (deferred to the boot by policy) [#1]\n");
}

#[test]
fn the_last_rule_that_matches_decides_and_files_override_shipped_ones() {
    let image = image("[[rule]]\nplugin = \"p*\"\nport = \"8000-8999\"\nverdict = \"allow\"\n");
    let shipped = image.path().join("usr/lib/nodeshim/policy.d");
    fs::create_dir_all(&shipped).unwrap();
    fs::write(
        shipped.join("00-vendor.toml"),
        "[[rule]]\nkind = \"allow\"\nverdict = \"deny\"\nexit = 0\n",
    )
    .unwrap();
    fs::write(shipped.join("10-site.toml"), "[[rule]]\nverdict = \"ignore\"\n").unwrap();
    let post =
        "%post\nfirewall-cmd --permanent --add-port=8080/tcp\nfirewall-cmd --permanent --add-port=80/tcp\n";
    install(&image, "p", post);
    install(&image, "q", post);
    let list = say(&image, "list", &[]);
    assert!(list.contains("p  open 8080/tcp in zone public [#1]"), "{list}");
    assert_eq!(list.matches("denied by policy: 00-vendor.toml: #1").count(), 3, "{list}");
}

#[test]
fn what_a_plugin_turns_out_to_be_later_is_judged_at_settling() {
    let policy = "[[rule]]\nplugin = \"p\"\nunit = \"a.service\"\nverdict = \"deny\"\n\n\
                  [[rule]]\nplugin = \"p\"\nport = 8080\nverdict = \"deny\"\n";
    let image = image(policy);
    let post = "%post\nsystemctl enable a\nfirewall-cmd --permanent --add-port=8080/tcp\n";
    let file = build(&image.beside("rpms"), "p", post);
    // Without plugins rpm does not say whose scriptlet it is.
    let output = image.transaction(&["-i", "--noplugins", &file]);
    assert!(image.events().iter().any(|event| !event.intents.is_empty()), "the shim did not know");
    let said = text(&output.stderr);
    assert!(said.contains("p: enable a.service: denied by policy (10-site.toml: #1)"), "{said}");
    assert!(!image.has(&format!("{WANTS}/a.service")));
    assert!(!say(&image, "export", &["--format", "nft"]).contains("8080"));
    assert!(say(&image, "plan", &[]).contains("0 changes"));
    say(&image, "check", &[]);
}

#[test]
fn a_broken_policy_stops_the_admin_tool_and_makes_a_shim_cautious() {
    let image = image("[[rule]]\nverdict = \"deny\"\n\n[[rule]]\nports = 22\nverdict = \"deny\"\n");
    let file = build(&image.beside("rpms"), "p", "");
    let output = image.nodeshim("run", ["--"]).args(image.rpm(&["-i", &file])).output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.contains("/etc/nodeshim/policy.d/10-site.toml: line 5: unknown key \"ports\""),
        "{said}"
    );
    // A package that breaks the policy while it is installed.
    let path = image.path().join("etc/nodeshim/policy.d/10-site.toml");
    fs::remove_file(&path).unwrap();
    let post = "%post\necho x > /etc/nodeshim/policy.d/10-site.toml\nlokkit --disabled\necho exit $? >&2\n\
                firewall-cmd --permanent --add-port=8080/tcp\n";
    let file = build(&image.beside("rpms"), "q", post);
    let output = image.nodeshim("run", ["--"]).args(image.rpm(&["-i", &file])).output().unwrap();
    assert!(text(&output.stderr).contains("exit 1"), "{}", text(&output.stderr));
    let events = image.events();
    assert_eq!(events[0].held[0].because, "unreadable policy");
    assert!(events[0].warnings[0].contains("10-site.toml: line 1"), "{:?}", events[0].warnings);
    assert!(events[1].held.is_empty());
    assert_eq!(output.status.code(), Some(1), "settling refuses to go on");
    fs::remove_file(&path).unwrap();
    say(&image, "settle", &[]);
}

#[test]
fn metadata_is_judged_like_requests() {
    let image = image("[[rule]]\nsource = \"metadata\"\nport = 7711\nverdict = \"deny\"\n");
    let path = "/usr/share/ovirt-node/plugins.d/m.toml";
    let metadata = "schema = 1\n[firewall]\nports = [\"7711/tcp\", \"7712/tcp\"]\n";
    let file = build_with(&image.beside("rpms"), "m", "", &[(path, metadata)], "");
    image.transaction(&["-i", &file]);
    let list = say(&image, "list", &[]);
    assert!(list.contains("open 7712/tcp [m.toml]"), "{list}");
    assert!(list.contains("open 7711/tcp (denied by policy: 10-site.toml: #1) [m.toml]"), "{list}");
}

#[test]
fn the_shipped_policy_reads_and_protects_the_node() {
    let image = image("");
    let file = build(
        &image.beside("rpms"),
        "p",
        "%post\nset -e\nsystemctl disable sshd\nsystemctl reboot\nlokkit --disabled\n\
         firewall-cmd --set-default-zone=trusted\nfirewall-cmd --permanent --remove-port=22/tcp\n\
         systemctl enable a\n",
    );
    let metadata = "schema = 1\n[[user]]\nname = \"p\"\ngroups = [\"wheel\", \"kvm\"]\n[[user]]\nname = \"root\"\nuid = 998\n";
    let files = [("/usr/share/ovirt-node/plugins.d/q.toml", metadata)];
    let declares = build_with(&image.beside("rpms"), "q", "", &files, "");
    let mut run = image.nodeshim("run", ["--policy", "node", "--"]);
    succeed(run.args(image.rpm(&["-i", &file, &declares])));
    let verdicts: Vec<Verdict> = image.events().iter().map(|event| event.verdict).collect();
    assert_eq!(verdicts[..5], [Verdict::Deny; 5]);
    assert_eq!(verdicts[5], Verdict::Allow);
    assert!(image.has(&format!("{WANTS}/a.service")));
    let accounts = image.read("/etc/sysusers.d/nodeshim-q.conf");
    assert!(accounts.contains("\nm p kvm\n") && accounts.contains("\nu p "), "{accounts}");
    assert!(!accounts.contains("wheel") && !accounts.contains("root"), "{accounts}");
}

#[test]
fn policy_test_tells_what_a_call_a_package_and_a_plugin_would_get() {
    let image = image("[[rule]]\nname = \"no-a\"\nunit = \"a.service\"\nverdict = \"deny\"\n");
    let ask = |args: &[&str]| -> Command { image.nodeshim("policy", [&["test"], args].concat()) };
    let said = text(&ask(&["--", "systemctl", "enable", "a", "b"]).output().unwrap().stdout);
    assert!(said.contains("deny   enable a.service (10-site.toml: no-a)"), "{said}");
    assert!(said.contains("allow  enable b.service"), "{said}");
    let file =
        build(&image.beside("rpms"), "p", "%post\nsystemctl enable a.service\nsystemctl start \"$X\"\n");
    let output = ask(&[&file]).output().unwrap();
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("deny   enable a.service (10-site.toml: no-a)"), "{said}");
    assert!(said.contains("systemctl start $X"), "{said}");
    image.transaction(&["-i", &file]);
    let said = text(&ask(&["p"]).output().unwrap().stdout);
    assert!(said.contains("deny   enable a.service"), "{said}");
    let list = say(&image, "policy", &["list"]);
    assert!(list.contains("/etc/nodeshim/policy.d/10-site.toml") && list.contains("no-a"), "{list}");
}

#[test]
fn a_rule_can_want_that_a_firewall_module_is_loaded_or_removed() {
    for (want, denied, allowed) in [
        ("load", "--addmodule=nf_nat_ftp", "--removemodule=nf_nat_ftp"),
        ("remove", "--removemodule=nf_nat_ftp", "--addmodule=nf_nat_ftp"),
    ] {
        let rule = format!("[[rule]]\nkind = \"firewall-module\"\nwant = \"{want}\"\nverdict = \"deny\"\n");
        let image = image(&rule);
        for (option, code) in [(denied, 1), (allowed, 0)] {
            let output = image.nodeshim("policy", ["test", "--", "lokkit", option]).output().unwrap();
            assert_eq!(output.status.code(), Some(code), "{want} {option}: {output:?}");
        }
    }
}

/// Up to 252 systemctl has no `--no-warn`; `strict` refuses what the image's generation refuses, and nothing
/// is asked for then.
#[test]
fn policy_test_and_lint_read_a_call_with_the_images_generation_and_answers() {
    let image = image("[[rule]]\nname = \"no-a\"\nunit = \"a.service\"\nverdict = \"deny\"\n");
    let file = build(&image.beside("rpms"), "p", "%post\nsystemctl enable --no-warn a.service\n");
    let policy = image.path().join("etc/nodeshim/policy.d/10-site.toml");
    let call = ["test", "--", "systemctl", "enable", "--no-warn", "a.service"];
    let lint = ["--policy", policy.to_str().unwrap(), file.as_str()];
    for (generation, said) in [("252", ""), ("253", "enable a.service")] {
        let config = format!("[shims]\nanswers = \"strict\"\nsystemctl-generation = {generation}\n");
        fs::write(image.path().join("etc/nodeshim/nodeshim.toml"), config).unwrap();
        for (verb, args) in [
            ("policy", &call[..]),
            ("policy", &["test", &file]),
            ("lint", &lint),
        ] {
            let output = image.nodeshim(verb, args).output().unwrap();
            let found = text(&output.stdout);
            assert_eq!(found.contains("enable a.service"), !said.is_empty(), "{generation} {verb}: {found}");
            // lint calls a refused call an error, too.
            let exit = i32::from(verb == "lint" || !said.is_empty());
            assert_eq!(output.status.code(), Some(exit), "{generation} {verb}: {found}");
        }
    }
}

const BY_HAND: &str = "%post
mkdir -p /etc/systemd/system/multi-user.target.wants
ln -s /usr/lib/systemd/system/a.service /etc/systemd/system/multi-user.target.wants/a.service
ln -s /usr/lib/systemd/system/b.service /etc/systemd/system/multi-user.target.wants/b.service
rm /etc/systemd/system/multi-user.target.wants/kept.service
ln -s /dev/null /etc/systemd/system/kept.service
ln -s ../init.d/a /etc/rc.d/rc3.d/S80a
sed -i 's,</zone>,<port port=\"7777\" protocol=\"tcp\"/><port port=\"8888\" protocol=\"tcp\"/></zone>,' \
  /etc/firewalld/zones/public.xml
echo 'p 7777/tcp' >>/etc/services
";

/// What goes around the tools is held to the same rules, once it is done.
#[test]
fn what_is_done_by_hand_against_policy_is_taken_back() {
    for how in ["events", "times"] {
        let image = image(
            "[[rule]]\nname = \"no-a\"\ntool = \"systemctl\"\nunit = \"a.service\"\nverdict = \"deny\"\n\n\
             [[rule]]\nunit = \"a.service\"\nkind = \"service\"\nverdict = \"deny\"\n\n\
             [[rule]]\nunit = \"kept.service\"\nverdict = \"deny\"\nreason = \"the node's own\"\n\n\
             [[rule]]\nport = \"7777\"\nverdict = \"deny\"\n\n\
             [[rule]]\ntool = \"hand\"\nkind = \"note\"\nverdict = \"deny\"\n",
        );
        let etc = image.path().join("etc");
        fs::create_dir_all(etc.join("systemd/system/multi-user.target.wants")).unwrap();
        fs::create_dir_all(etc.join("firewalld/zones")).unwrap();
        let unit = "/usr/lib/systemd/system/kept.service";
        fs::write(image.path().join(&unit[1..]), UNIT).unwrap();
        std::os::unix::fs::symlink(unit, image.path().join(&WANTS[1..]).join("kept.service")).unwrap();
        fs::write(etc.join("services"), "ssh 22/tcp\n").unwrap();
        let zone =
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<zone><port port=\"22\" protocol=\"tcp\"/></zone>\n";
        fs::write(etc.join("firewalld/zones/public.xml"), zone).unwrap();
        let file = build(&image.beside("rpms"), "p", BY_HAND);
        let way = format!("--audit={how}");
        let mut run = image.nodeshim("run", [way.as_str(), "--"]);
        let said = text(&succeed(run.args(image.rpm(&["-i", &file]))).stderr);
        assert!(
            said.contains("p: enable a.service: denied by policy (10-site.toml: no-a)"),
            "{how}: {said}"
        );
        for gone in [
            &format!("{WANTS}/a.service"),
            "/etc/systemd/system/kept.service",
            "/etc/rc.d/rc3.d/S80a",
        ] {
            assert!(!image.has(gone), "{how}: {gone}: {said}");
        }
        assert!(image.has(&format!("{WANTS}/b.service")), "{how}: nobody denied it");
        assert!(image.has(&format!("{WANTS}/kept.service")), "{how}: it was there before: {said}");
        let zone = image.read("/etc/firewalld/zones/public.xml");
        assert!(!zone.contains("7777") && zone.contains("8888") && zone.contains("22"), "{how}: {zone}");
        assert!(said.contains("is left as it is"), "{how}: the list of ports stays: {said}");
        let denied = |words: &str| {
            let events = image.events();
            let found = events.iter().find(|event| event.words().contains(words));
            let event = found.unwrap_or_else(|| panic!("{how}: {words}: {events:#?}"));
            assert_eq!(event.verdict, Verdict::Deny, "{how}: {event:#?}");
            assert!(event.warnings[0].starts_with("done directly, against policy"), "{event:#?}");
        };
        [
            "wants/a.service",
            "wants/kept.service",
            "system/kept.service",
            "S80a",
            "public.xml",
            "services",
        ]
        .iter()
        .for_each(|words| denied(words));
        let list = say(&image, "list", &[]);
        assert!(
            list.contains("enable a.service (denied by policy after the fact: 10-site.toml: no-a)"),
            "{how}: {list}"
        );
        assert!(say(&image, "show", &["p"]).contains("denied\n"), "{how}");
        assert!(say(&image, "report", &[]).contains("denied"), "{how}");
        assert!(say(&image, "plan", &[]).contains("0 changes"), "{how}: {}", say(&image, "plan", &[]));
        say(&image, "check", &[]);
    }
}
