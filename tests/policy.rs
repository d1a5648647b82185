//! Policy over real rpm transactions: what is denied has no effect, is recorded with its rule and is
//! shown; what is left of a call is carried out.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

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
fn whatever_is_denied_after_the_fact_is_in_list_show_and_report() {
    let image = image("");
    let wants = image.path().join(&WANTS[1..]);
    fs::create_dir_all(&wants).unwrap();
    std::os::unix::fs::symlink("/usr/lib/systemd/system/a.service", wants.join("a.service")).unwrap();
    let default = image.path().join("etc/systemd/system/default.target");
    std::os::unix::fs::symlink("/usr/lib/systemd/system/multi-user.target", &default).unwrap();
    for target in ["multi-user", "rescue"] {
        let path = image.path().join(format!("usr/lib/systemd/system/{target}.target"));
        fs::write(path, "[Unit]\nDescription=x\n").unwrap();
    }
    let post = "%post\nsystemctl disable a\nsystemctl set-default rescue.target\nsystemctl mask b\n\
                systemctl restart sshd.service\nsystemctl add-wants rescue.target a.service\n\
                firewall-cmd --permanent --add-port=8080/tcp\nfirewall-cmd --set-default-zone=trusted\n\
                firewall-cmd --permanent --remove-service=ssh\nlokkit --selinux=permissive -n\n";
    let metadata = "schema = 1\n[firewall]\nports = [\"7711/tcp\"]\n[kernel]\nparameters = [\"quiet\"]\n";
    let files = [("/usr/share/ovirt-node/plugins.d/p.toml", metadata)];
    let file = build_with(&image.beside("rpms"), "p", "", &files, post);
    image.transaction(&["-i", &file]);
    // What its tool refused (the image has no such zone, and no SELinux) had no effect that could be denied.
    let (failed, asked): (Vec<_>, Vec<_>) = rows(&image).into_iter().partition(|row| row["failed"] == true);
    assert!(!failed.is_empty());
    let verdict = |row: &serde_json::Value| row["verdict"].as_str().unwrap().to_owned();
    assert!(asked.len() >= 7 && asked.iter().all(|row| verdict(row) == "allow"), "{asked:#?}");
    assert!(!image.has(&format!("{WANTS}/a.service")));

    let policy = image.path().join("etc/nodeshim/policy.d/10-site.toml");
    fs::write(
        policy,
        "[[rule]]\nname = \"nothing\"\nplugin = \"p\"\nverdict = \"deny\"\nreason = \"not here\"\n",
    )
    .unwrap();
    say(&image, "settle", &[]);
    assert!(image.has(&format!("{WANTS}/a.service")), "what was disabled is enabled again");
    assert!(
        fs::read_link(&default).unwrap().ends_with("multi-user.target"),
        "as is the default target"
    );
    assert!(!image.has("/etc/systemd/system/b.service"), "no longer masked");
    say(&image, "check", &[]);
    assert!(say(&image, "plan", &[]).contains("0 changes"));
    let (still_failed, denied): (Vec<_>, Vec<_>) =
        rows(&image).into_iter().partition(|row| row["failed"] == true);
    assert_eq!(still_failed, failed);
    assert!(denied.iter().all(|row| verdict(row) == "deny"), "{denied:#?}");
    let words = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown = words(say(&image, "show", &["p"]));
    let (_, shown) = shown.split_once(" denied ").unwrap_or_else(|| panic!("{shown}"));
    let listed = words(say(&image, "list", &[]));
    let report = words(say(&image, "report", &[]));
    let json: serde_json::Value = serde_json::from_str(&say(&image, "report", &["--json"])).unwrap();
    let in_report = json["plugins"][0]["denied"].as_array().unwrap();
    for row in &asked {
        let text = row["text"].as_str().unwrap();
        let done = !row["events"].as_array().unwrap().is_empty() && row["deferred"] == false;
        let mark = if done { " after the fact" } else { "" };
        let by = format!("{text} (denied by policy{mark}: 10-site.toml: nothing: not here");
        assert!(listed.contains(&format!("p {by}")), "{by} in {listed}");
        assert!(shown.contains(&by), "{by} in {shown}");
        assert!(report.contains(&format!("denied {text} (")), "{text} in {report}");
        let item = in_report
            .iter()
            .find(|item| item["text"] == text)
            .unwrap_or_else(|| panic!("{text}: {json:#}"));
        assert_eq!((&item["late"], &item["rule"]), (&done.into(), &"10-site.toml: nothing: not here".into()));
    }
    assert_eq!(denied.len(), in_report.len());
    assert_eq!(denied.len(), asked.len(), "{denied:#?}");
    assert!(
        report.contains(
            "set default target rescue.target (affects the whole system; after the fact; 10-site.toml"
        ),
        "{report}"
    );
}

fn rows(image: &Image) -> Vec<serde_json::Value> {
    let list: serde_json::Value = serde_json::from_str(&say(image, "list", &["--json"])).unwrap();
    list["items"].as_array().unwrap().clone()
}

/// What is denied now, what is told as history, in all that shows a plugin.
fn assert_history(image: &Image, intent: &str, history: &str) {
    let words = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let marked = format!("{intent} ({history}");
    for (verb, args) in [("list", &[][..]), ("show", &["p"]), ("report", &[])] {
        let said = words(say(image, verb, args));
        assert!(said.contains(&marked), "{verb}: {marked} in {said}");
        assert!(!said.contains("denied by policy") && !said.contains(" denied open"), "{verb}: {said}");
    }
    let html = say(image, "report", &["--format", "html"]);
    assert!(html.contains("allowed since"), "{html}");
    let json: serde_json::Value = serde_json::from_str(&say(image, "report", &["--json"])).unwrap();
    assert_eq!(json["plugins"][0]["denied"].as_array().map(Vec::len), Some(0), "{json:#}");
    let plugins: serde_json::Value = serde_json::from_str(&say(image, "plugins", &["--json"])).unwrap();
    assert_eq!(plugins["items"][0]["denied"], 0, "{plugins:#}");
    say(image, "check", &[]);
}

#[test]
fn what_was_denied_before_and_stands_now_is_told_as_history() {
    const DENY: &str =
        "[[rule]]\nname = \"no\"\nplugin = \"p\"\nverdict = \"deny\"\nexit = 0\nreason = \"not here\"\n";
    const HISTORY: &str = "allowed since: 10-site.toml: no: not here [";
    let post = "%post\nfirewall-cmd --permanent --add-port=8080/tcp\n";
    for first in [DENY, ""] {
        let image = image(first);
        let file = build(&image.beside("rpms"), "p", post);
        let set = |rules: &str| {
            fs::write(image.path().join("etc/nodeshim/policy.d/10-site.toml"), rules).unwrap();
        };
        image.transaction(&["-i", &file]);
        let verdict = |of: &serde_json::Value| of["verdict"].as_str().unwrap().to_owned();
        if first.is_empty() {
            // Allowed when it was asked for, denied since, allowed again.
            set(DENY);
            say(&image, "settle", &[]);
            assert!(rows(&image).iter().all(|row| verdict(row) == "deny"));
            set("");
            say(&image, "settle", &[]);
            assert_history(&image, "open 8080/tcp in zone public", &format!("denied once, {HISTORY}#1]"));
            set(DENY);
        }
        // Denied when it is asked for, by a shim.
        assert_eq!(image.transaction(&["-U", "--replacepkgs", &file]).status.code(), Some(0));
        assert!(rows(&image).iter().all(|row| verdict(row) == "deny"), "{:#?}", rows(&image));
        set("");
        image.transaction(&["-U", "--replacepkgs", &file]);
        for _ in 0..2 {
            assert_history(&image, "open 8080/tcp in zone public", &format!("denied 2 times, {HISTORY}"));
            say(&image, "settle", &[]);
        }
        assert_eq!(rows(&image).len(), 1, "{:#?}", rows(&image));
    }
}

#[test]
fn a_policy_of_one_run_leaves_its_denials_and_nothing_else() {
    let image = Image::new();
    let policy = image.beside("mine.toml");
    fs::write(&policy, "[[rule]]\nport = 8080\nverdict = \"deny\"\nexit = 0\n").unwrap();
    let file = build(&image.beside("rpms"), "p", "%post\nfirewall-cmd --permanent --add-port=8080/tcp\n");
    let policy = policy.display().to_string();
    let mut run = image.nodeshim("run", ["--policy", &policy, "--"]);
    succeed(run.args(image.rpm(&["-i", &file])));
    assert_eq!(image.events()[0].verdict, Verdict::Deny);
    say(&image, "settle", &[]);
    assert!(say(&image, "list", &[]).contains("denied by policy: run: #1"));
    assert!(!image.has("/usr/lib/sysimage/nodeshim/run-policy.toml"));
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
            let found = events.iter().find(|event| event.argv.iter().any(|word| word.contains(words)));
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
