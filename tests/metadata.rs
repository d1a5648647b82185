//! Metadata of real packages in real image roots: what it declares takes effect like what scriptlets
//! ask for, is shown with its source, and goes with the package.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "support/image.rs"]
mod image;
mod support;

use image::{Image, build, build_with};
use support::succeed;

const UNIT: &str =
    "[Unit]\nDescription=x\n[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n";
const METADATA: &str = "schema = 1\nsummary = \"A test\"\n\n[firewall]\nports = [\"7711/tcp\", \"7720-7725/udp\"]\n\n\
    [units]\nenable = [\"meta-a.service\"]\nstart = [\"meta-a.service\"]\n\n\
    [kernel]\nmodules = [\"br_netfilter\"]\nparameters = [\"intel_iommu=on\"]\n\n\
    [[group]]\nname = \"meta\"\ngid = 777\n\n\
    [[user]]\nname = \"meta\"\nuid = 777\ngroup = \"meta\"\ngroups = [\"kvm\"]\nhome = \"/var/lib/meta\"\n";
const LINK: &str = "/etc/systemd/system/multi-user.target.wants/meta-a.service";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn say(image: &Image, verb: &str, args: &[&str]) -> String {
    text(&succeed(&mut image.nodeshim(verb, args)).stdout)
}

fn package(image: &Image, name: &str, metadata: &str, scriptlets: &str) -> String {
    let path = format!("/usr/share/ovirt-node/plugins.d/{name}.toml");
    let unit = format!("/usr/lib/systemd/system/{name}.service");
    let files = [(path.as_str(), metadata), (unit.as_str(), UNIT)];
    build_with(&image.beside("rpms"), name, "", &files, scriptlets)
}

#[test]
fn what_is_declared_takes_effect_and_goes_with_the_package() {
    let image = Image::new();
    std::fs::create_dir_all(image.path().join("usr/lib/bootc")).unwrap();
    let before = image.files();
    let file = package(&image, "meta-a", METADATA, "");
    image.transaction(&["-i", &file]);
    assert!(image.has(LINK));
    let rules = say(&image, "export", &["--format", "nft"]);
    assert!(rules.contains("7711") && rules.contains("7720-7725"), "{rules}");
    let preset = image.read("/etc/systemd/system-preset/80-nodeshim-meta-a.preset");
    assert!(preset.contains("enable meta-a.service"), "{preset}");
    assert!(image.read("/etc/modules-load.d/nodeshim-meta-a.conf").contains("\nbr_netfilter\n"));
    let accounts = image.read("/etc/sysusers.d/nodeshim-meta-a.conf");
    assert!(
        accounts.contains("\ng meta 777\nu meta 777:meta - /var/lib/meta -\nm meta kvm\n"),
        "{accounts}"
    );
    let arguments = image.read("/usr/lib/bootc/kargs.d/80-nodeshim-meta-a.toml");
    assert!(arguments.contains("kargs = [\"intel_iommu=on\"]"), "{arguments}");
    let list = say(&image, "list", &[]);
    assert!(list.contains("open 7711/tcp [meta-a.toml]"), "{list}");
    assert!(list.contains("start meta-a.service at boot [meta-a.toml]"), "{list}");
    let why = say(&image, "why", &["7711/tcp"]);
    assert!(why.contains("declared by /usr/share/ovirt-node/plugins.d/meta-a.toml"), "{why}");
    say(&image, "check", &[]);
    assert!(say(&image, "plan", &[]).contains("0 changes"));

    image.erase(&["meta-a"]);
    let mut after = image.files();
    assert!(!image.has(LINK), "the link stays");
    let kept = |path: &std::path::Path| !path.starts_with("usr/lib/sysimage/nodeshim");
    after.retain(|path, _| kept(path) && !path.starts_with("etc/nftables"));
    for (path, what) in &after {
        let directory = what.starts_with("dir") || before.contains_key(path);
        assert!(directory || image.path().join(path).is_dir(), "{} stays", path.display());
    }
}

#[test]
fn an_administrators_disable_is_not_undone() {
    let image = Image::new();
    let file = package(&image, "meta-a", METADATA, "");
    image.transaction(&["-i", &file]);
    std::fs::remove_file(image.path().join(&LINK[1..])).unwrap();
    say(&image, "settle", &[]);
    assert!(!image.has(LINK));
}

#[test]
fn metadata_and_scriptlet_agree_as_two_sources_or_contradict() {
    let image = Image::new();
    let scriptlets =
        "%post\nfirewall-cmd --permanent --add-port=7711/tcp\nsystemctl disable meta-a.service\n";
    let file = package(&image, "meta-a", METADATA, scriptlets);
    let output = image.transaction(&["-i", &file]);
    let said = text(&output.stderr);
    assert!(said.contains("enable meta-a.service, its scriptlet: disable meta-a.service"), "{said}");
    let list = say(&image, "list", &[]);
    assert_eq!(list.matches("7711").count(), 1, "{list}");
    assert!(list.contains("open 7711/tcp in zone public [#1] [meta-a.toml]"), "{list}");
    assert!(!image.has(LINK), "the scriptlet counts");
}

#[test]
fn a_file_that_cannot_be_read_declares_nothing_and_stops_nobody() {
    let image = Image::new();
    let bad = package(&image, "meta-b", "schema = 1\n[firewall]\nports = [\"0/tcp\"]\n", "");
    let good = package(&image, "meta-a", METADATA, "");
    let output = image.transaction(&["-i", &bad, &good]);
    let said = text(&output.stderr);
    assert!(said.contains("meta-b.toml declares nothing: line 3: \"0/tcp\" is not"), "{said}");
    assert!(image.has(LINK));
}

#[test]
fn a_plugin_name_that_a_package_provides_is_its_own() {
    let image = Image::new();
    let path = "/usr/share/ovirt-node/plugins.d/monitor.toml";
    let metadata = "schema = 1\nminimum-node = \"999\"\n[firewall]\nports = [\"7799/tcp\"]\n";
    let file = build_with(
        &image.beside("rpms"),
        "node-monitor-plugin",
        "Provides: ovirt-node-plugin(monitor) = 2.1",
        &[(path, metadata)],
        "",
    );
    std::fs::write(image.path().join("etc/os-release"), "VERSION_ID=4.4\n").unwrap();
    let output = image.transaction(&["-i", &file]);
    let said = text(&output.stderr);
    assert!(
        said.contains("node-monitor-plugin: ") && said.contains("it needs node 999, this is 4.4"),
        "{said}"
    );
    let other = build(&image.beside("rpms"), "other", "");
    image.transaction(&["-i", &other]);
    assert!(!say(&image, "list", &[]).contains("7799"));
}

#[test]
fn the_registry_is_what_rpm_says_and_hooks_are_shown_with_their_faults() {
    let image = Image::new();
    let hooks = "/usr/libexec/vdsm/hooks";
    let of = |name: &str, provides: &str, hook: &str| {
        let path = format!("{hooks}/{hook}");
        build_with(&image.beside("rpms"), name, provides, &[(&path, "#!/bin/sh\n")], "")
    };
    let files = [
        of("hook-a", "Provides: ovirt-node-plugin(a) = 2.1", "before_vm_start/50_x"),
        of(
            "hook-b",
            "Provides: ovirt-node-plugin(b) = 3\nProvides: ovirt-node-plugin(c)",
            "before_vm_start/60_x",
        ),
        of("hook-c", "", "before_vm_strat/50_c"),
    ];
    image.transaction(&["-i", &files[0], &files[1], &files[2]]);
    let registered = say(&image, "plugins", &["--registered"]);
    let line = "[%{PROVIDENAME} %{PROVIDEVERSION} %{=NEVRA}\n]";
    let mut rpm = std::process::Command::new("rpm");
    rpm.args(&image.rpm(&["-qa", "--qf", line])[1..]);
    let all = text(&succeed(&mut rpm).stdout);
    let mut lines: Vec<&str> = all.lines().filter(|line| line.starts_with("ovirt-node-plugin(")).collect();
    lines.sort();
    assert_eq!(lines.len(), 3);
    assert_eq!(registered.lines().collect::<Vec<_>>(), lines);
    let plugins = say(&image, "plugins", &[]);
    assert!(["hook-a", "hook-b", "hook-c"].iter().all(|name| plugins.contains(name)), "{plugins}");
    let show = say(&image, "show", &["hook-a"]);
    assert!(show.contains("is plugin a 2.1"), "{show}");
    assert!(
        show.contains("before_vm_start/50_x 0755: hook-b has a hook of the same name, 60_x"),
        "{show}"
    );
    let check = image.nodeshim("check", [""; 0]).output().unwrap();
    let said = text(&check.stdout).replace("\n            ", " ");
    assert!(said.contains("before_vm_strat/50_c: vdsm has no hook point before_vm_strat"), "{said}");
    std::fs::set_permissions(
        image.path().join(&hooks[1..]).join("before_vm_start/50_x"),
        std::os::unix::fs::PermissionsExt::from_mode(0o644),
    )
    .unwrap();
    assert!(say(&image, "show", &["hook-a"]).contains("0644: is not executable"));

    say(&image, "plugins", &["--register"]);
    let record = image.read("/etc/ovirt-plugins.d/hook-a");
    let lines: Vec<&str> = record.lines().collect();
    assert_eq!(lines[..2], ["Name:hook-a", "Version:1.0-1.noarch"]);
    assert!(lines[2].starts_with("Install Date:") && lines.len() == 3, "{record}");
    assert!(!image.has("/etc/ovirt-plugins.d/hook-c"));
    image.erase(&["hook-a"]);
    say(&image, "plugins", &["--register"]);
    assert!(!image.has("/etc/ovirt-plugins.d/hook-a") && image.has("/etc/ovirt-plugins.d/hook-b"));
}

/// Words without the ends of lines.
fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn what_a_plugin_says_it_changes_is_held_against_what_its_scriptlets_changed() {
    let image = Image::new();
    let metadata =
        "schema = 1\n[files]\nchanges = [\"/etc/virt/virt.conf\", \"/etc/absent.conf\", \"/etc/conf.d\"]\n";
    let files = [
        ("/usr/share/ovirt-node/plugins.d/c.toml", metadata),
        ("/usr/share/c/own", "x\n"),
    ];
    let post = "%post\nmkdir -p /etc/virt /etc/conf.d\necho x >/etc/virt/virt.conf\necho y >/etc/conf.d/a\n\
                echo z >/etc/surprise.conf\necho t >/var/tmp/t\necho own >>/usr/share/c/own\n\
                firewall-cmd --permanent --add-port=7711/tcp\n";
    let file = build_with(&image.beside("rpms"), "c", "", &files, post);
    image.transaction(&["-i", &file]);
    let show = say(&image, "show", &["c"]);
    assert!(
        show.contains(
            "declared changes\n  /etc/virt/virt.conf\n  /etc/absent.conf: no scriptlet of it was seen to change it\n  \
             /etc/conf.d\nchanged without being declared\n  /etc/surprise.conf\n"
        ),
        "{show}"
    );
    let report = unwrapped(&say(&image, "report", &[]));
    for line in [
        "changes /etc/virt/virt.conf declared changes",
        "changes /etc/absent.conf declared; no scriptlet of it was seen to change it",
        "file /etc/surprise.conf created by %post(1) (not declared)",
        "file /etc/virt/virt.conf created by %post(1) file",
    ] {
        assert!(report.contains(line), "{line}: {report}");
    }
    assert_eq!(report.matches("(not declared)").count(), 1, "{report}");
    let html = say(&image, "report", &["--format", "html"]);
    assert_eq!(html.matches(">not declared<").count(), 1, "{html}");
    let log = unwrapped(&say(&image, "log", &["--files"]));
    assert!(
        log.contains("created /etc/surprise.conf: ") && log.matches("not declared").count() == 1,
        "{log}"
    );
    let shown: serde_json::Value =
        serde_json::from_str(&say(&image, "show", &["--files", "--json", "c"])).unwrap();
    assert_eq!(shown["declared"]["undeclared"], serde_json::json!(["/etc/surprise.conf"]));
    assert_eq!(shown["declared"]["changes"][1]["happened"], false);
    // A plugin without metadata has promised nothing.
    let other = build(&image.beside("rpms"), "other", "%post\necho z >/etc/other.conf\n");
    image.transaction(&["-i", &other]);
    assert!(!say(&image, "show", &["other", "--files"]).contains("declared"));
}

#[test]
fn hooks_that_are_declared_are_held_against_those_that_are_there() {
    let image = Image::new();
    let hooks = "/usr/libexec/vdsm/hooks";
    let metadata = "schema = 1\n[vdsm]\nhooks = [\"before_vm_start/50_c\", \"after_vm_start/60_c\", \
                    \"before_vm_start/70_mode\", \"before_vm_start/90_none\"]\n";
    let paths = ["50_c", "60_c", "70_mode", "80_more"].map(|name| format!("{hooks}/before_vm_start/{name}"));
    let mut files: Vec<(&str, &str)> = paths.iter().map(|path| (path.as_str(), "#!/bin/sh\n")).collect();
    files.push(("/usr/share/ovirt-node/plugins.d/c.toml", metadata));
    let post = format!("%post\nchmod 0644 {hooks}/before_vm_start/70_mode\n");
    let file = build_with(&image.beside("rpms"), "c", "", &files, &post);
    let lint = image.nodeshim("lint", [&file]).output().unwrap();
    let lint = unwrapped(&text(&lint.stdout));
    for finding in [
        "c.toml: warning: vdsm-hook: declares hook after_vm_start/60_c: is not there, but at before_vm_start",
        "c.toml: warning: vdsm-hook: declares hook before_vm_start/90_none: is not there",
        "c.toml: warning: vdsm-hook: does not declare hook before_vm_start/80_more, which is there",
    ] {
        assert!(lint.contains(finding), "{finding}: {lint}");
    }
    assert!(!lint.contains("50_c"), "{lint}");
    image.transaction(&["-i", &file]);
    let show = unwrapped(&say(&image, "show", &["c"]));
    let report = unwrapped(&say(&image, "report", &[]));
    for line in [
        "after_vm_start/60_c, which it declares: is not there, but at before_vm_start",
        "before_vm_start/70_mode, which it declares: is not executable (mode 0644)",
        "before_vm_start/90_none, which it declares: is not there",
        "before_vm_start/80_more: is not declared",
    ] {
        assert!(show.contains(line), "{line}: {show}");
        assert!(report.contains(line), "{line}: {report}");
    }
    assert!(!show.contains("50_c, which"), "{show}");
    let html = say(&image, "report", &["--format", "html"]);
    assert!(html.contains("before_vm_start/90_none: is not there"), "{html}");
    let check = image.nodeshim("check", [""; 0]).output().unwrap();
    assert_eq!(check.status.code(), Some(1));
    let said = unwrapped(&text(&check.stdout));
    assert!(
        said.contains("90_none: is not there; /usr/share/ovirt-node/plugins.d/c.toml declares it"),
        "{said}"
    );
    assert_eq!(said.matches("70_mode").count(), 1, "told once: {said}");
}
