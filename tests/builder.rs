//! Precedence: what the builder of an image decides, in a run and outside of one, against what
//! packages ask for. Real rpm transactions into real image roots.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "builder/firewall.rs"]
mod firewall;
#[path = "support/image.rs"]
mod image;
#[path = "builder/own_system.rs"]
mod own_system;
mod support;

use std::fs;
use std::process::Command;

use image::{Image, build, build_version, build_with};
use nodeshim::attribution::{BUILDER, FoundBy};
use nodeshim::intent::Intent;
use nodeshim::state::{Plugin, State};
use nodeshim::tool::Tool;
use support::succeed;

const UNIT: &str =
    "[Unit]\nDescription=u\n[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n";
const SERVICE: &str = "<service><port protocol=\"tcp\" port=\"PORT\"/></service>";
const LINK: &str = "/etc/systemd/system/multi-user.target.wants/u.service";
const ZONE: &str = "/etc/firewalld/zones/public.xml";
const ASK: &str = "systemctl enable u.service; systemctl start u.service\n\
                   firewall-cmd --permanent --add-port=8080/tcp";

/// Version `version` of the package `u`, which asks for its unit and port whenever it comes.
fn package(image: &Image, version: u32) -> String {
    let body = format!(
        "%install\nmkdir -p %{{buildroot}}/usr/lib/systemd/system\n\
         cat > %{{buildroot}}/usr/lib/systemd/system/u.service <<'EOF'\n{UNIT}EOF\n\
         %files\n/usr/lib/systemd/system/u.service\n%post\n{ASK}\n"
    );
    build_version(&image.beside("rpms"), "u", version, "", &body)
}

/// What the builder runs in the image, in a run.
fn builder(image: &Image, options: &[&str], script: &str) -> String {
    let root = image.path().display().to_string();
    let run = image.nodeshim("run", options).args(["--", "chroot", &root, "sh", "-c", script]).output();
    let run = run.expect("a run");
    assert!(run.status.success(), "{script}: {}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8_lossy(&run.stderr).into_owned()
}

fn plugin(image: &Image, name: &str) -> Plugin {
    State::load(&image.root()).expect("the state").plugins.remove(name).unwrap_or_default()
}

fn rulesets(image: &Image) -> String {
    output(&mut image.nodeshim("export", ["--format", "nft"]))
}

fn output(command: &mut Command) -> String {
    String::from_utf8(succeed(command).stdout).expect("text")
}

/// Whether the unit is off and the port closed, whatever is looked at.
fn assert_off(image: &Image) {
    assert!(!image.has(LINK), "the unit is enabled");
    assert!(!image.read(ZONE).contains("8080"), "{}", image.read(ZONE));
    assert!(!image.read(ZONE).contains("nodeshim-u"), "{}", image.read(ZONE));
    assert!(!rulesets(image).contains("8080"), "{}", rulesets(image));
    let wants = image.path().join("etc/systemd/system/multi-user.target.wants");
    let names: Vec<_> = fs::read_dir(wants)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().contains("u.service")), "{names:?}");
    let preset = image.path().join("etc/systemd/system-preset");
    for entry in fs::read_dir(preset).into_iter().flatten().flatten() {
        let text = fs::read_to_string(entry.path()).expect("a preset");
        assert!(!text.contains("enable u.service"), "{}: {text}", entry.path().display());
    }
}

#[test]
fn what_the_builder_disables_and_closes_stays_so_through_upgrades() {
    for backend in ["nftables", "firewalld"] {
        let image = Image::new();
        fs::create_dir_all(image.path().join("etc/nodeshim")).unwrap();
        fs::write(
            image.path().join("etc/nodeshim/nodeshim.toml"),
            format!("[firewall]\nbackend = \"{backend}\"\n"),
        )
        .unwrap();
        image.transaction(&["-U", &package(&image, 1)]);
        assert!(image.has(LINK));
        let off = "systemctl disable u.service; firewall-cmd --permanent --remove-port=8080/tcp";
        builder(&image, &["--name", "kickstart-post"], off);
        assert_off(&image);
        let event = image
            .events()
            .into_iter()
            .rfind(|event| event.origin.found_by == FoundBy::Builder)
            .unwrap();
        assert_eq!(event.origin.run.as_deref(), Some("kickstart-post"));
        let upgrade = image.transaction(&["-U", &package(&image, 2)]);
        assert_off(&image);
        let said = String::from_utf8_lossy(&upgrade.stderr).into_owned();
        assert!(said.contains("overruled"), "{said}");
        let u = plugin(&image, "u");
        assert_eq!((u.wants.len(), u.deferred.len(), u.overruled.len()), (0, 0, 3), "{u:?}");
        assert!(u.overruled.iter().all(|one| one.by == "(builder kickstart-post)"), "{u:?}");
        let list = output(&mut image.nodeshim("list", ["u"]));
        assert!(list.contains("overruled by (builder kickstart-post)"), "{list}");
        let why = output(&mut image.nodeshim("why", ["8080/tcp"]));
        assert!(why.contains("kickstart-post"), "{why}");
        let again = output(&mut image.nodeshim("settle", [""; 0]));
        assert!(again.contains("0 changes"), "{again}");
        let check = image.nodeshim("check", [""; 0]).output().unwrap();
        assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
    }
}

#[test]
fn revert_takes_the_builders_decision_back() {
    let image = Image::new();
    image.transaction(&["-U", &package(&image, 1)]);
    builder(
        &image,
        &[],
        "systemctl disable u.service; firewall-cmd --permanent --remove-port=8080/tcp",
    );
    assert_off(&image);
    succeed(&mut image.nodeshim("revert", [BUILDER]));
    assert!(image.has(LINK));
    assert!(rulesets(&image).contains("8080"), "{}", rulesets(&image));
    assert!(plugin(&image, "u").overruled.is_empty());
}

#[test]
fn the_builder_may_ask_the_opposite_again() {
    let image = Image::new();
    image.transaction(&["-U", &package(&image, 1)]);
    builder(&image, &[], "systemctl disable u.service");
    builder(&image, &[], "systemctl enable u.service");
    image.transaction(&["-U", &package(&image, 2)]);
    assert!(image.has(LINK));
    assert!(plugin(&image, "u").overruled.is_empty());
}

#[test]
fn refused_requests_have_no_effect_now_or_later() {
    let image = Image::new();
    let asks = "%post\nfirewall-cmd --permanent --add-service=nosuch || :\n\
                firewall-cmd --permanent --add-port=81/tcp --add-port=99999/tcp || :\n\
                firewall-cmd --permanent --add-service=web --add-service=later\n\
                systemctl enable u.service || :\n";
    let services = image.path().join("usr/lib/firewalld/services");
    fs::create_dir_all(&services).unwrap();
    fs::write(services.join("web.xml"), SERVICE.replace("PORT", "82")).unwrap();
    let late = build(&image.beside("rpms"), "late", asks);
    image.transaction(&["-U", &late]);
    let refused = plugin(&image, "late");
    let opened = refused.wants.iter().filter(|want| matches!(want.intent, Intent::Allow { .. }));
    assert_eq!(opened.count(), 2, "the good port and service of two each are open: {refused:?}");
    assert!(
        refused.wants.iter().all(|want| !matches!(want.intent, Intent::Unit { .. })),
        "{refused:?}"
    );
    assert!(
        refused
            .failed
            .iter()
            .any(|want| matches!(&want.intent, Intent::Unit { unit, .. } if unit == "u.service"))
    );
    let list = output(&mut image.nodeshim("list", ["late"]));
    assert!(list.contains("enable u.service (failed: its tool refused it)"), "{list}");
    assert!(list.contains("service later in zone public (failed: its tool refused it)"), "{list}");
    // The unit and the service turn up later: the original has no second try.
    let service = SERVICE.replace("PORT", "83");
    let files = [
        ("/usr/lib/systemd/system/u.service", UNIT),
        ("/usr/lib/firewalld/services/later.xml", &service),
    ];
    let unit = build_with(&image.beside("rpms"), "unit", "", &files, "");
    image.transaction(&["-U", &unit]);
    assert!(!image.has(LINK));
    assert!(!image.has("/etc/systemd/system-preset/80-nodeshim-late.preset"));
    let rules = rulesets(&image);
    assert!(!rules.contains("99999"));
    assert!(rules.contains("82") && !rules.contains("83"), "{rules}");
}

#[test]
fn metadata_that_names_a_unit_holds_once_the_unit_is_there() {
    let image = Image::new();
    let declared = "schema = 1\n[units]\nenable = [\"u.service\"]\n";
    let path = "/usr/share/ovirt-node/plugins.d/late.toml";
    let asks = "%post\nsystemctl enable u.service || :\n";
    let late = build_with(&image.beside("rpms"), "late", "", &[(path, declared)], asks);
    image.transaction(&["-U", &late]);
    assert!(!image.has(LINK));
    let unit =
        build_with(&image.beside("rpms"), "unit", "", &[("/usr/lib/systemd/system/u.service", UNIT)], "");
    image.transaction(&["-U", &unit]);
    assert!(image.has(LINK));
}

#[test]
fn what_no_boot_can_do_is_no_request_for_the_boot() {
    let image = Image::new();
    let scripts = "%post\nsystemctl try-restart u.service; systemctl reload u.service\n\
                   service u condrestart || :\nsystemctl start gone.service\nsystemctl stop u.service\n";
    let files = [("/usr/lib/systemd/system/u.service", UNIT)];
    let package = build_with(&image.beside("rpms"), "restarts", "", &files, scripts);
    image.transaction(&["-U", &package]);
    let restarts = plugin(&image, "restarts");
    assert!(restarts.deferred.is_empty() && restarts.overruled.is_empty(), "{restarts:?}");
    let why = output(&mut image.nodeshim("why", ["u.service"]));
    assert!(!why.contains("wanted by restarts"), "{why}");
    assert!(why.contains("try-restart"), "what was asked is shown: {why}");
}

#[test]
fn an_init_script_that_an_upgrade_drops_takes_its_requests_along() {
    let image = Image::new();
    let script = "#!/bin/sh\n# chkconfig: 2345 50 50\n# description: old\n";
    let body = format!(
        "%install\nmkdir -p %{{buildroot}}/etc/rc.d/init.d\ncat > %{{buildroot}}/etc/rc.d/init.d/old <<'EOF'\n{script}EOF\n\
         %files\n%attr(0755,root,root) /etc/rc.d/init.d/old\n%post\nchkconfig --add old; chkconfig old on; service old start\n"
    );
    image.transaction(&["-U", &build_version(&image.beside("rpms"), "old", 1, "", &body)]);
    let before = plugin(&image, "old");
    assert_eq!((before.wants.len(), before.deferred.len()), (2, 1), "{before:?}");
    image.transaction(&[
        "-U",
        &build_version(&image.beside("rpms"), "old", 2, "", "%files\n"),
    ]);
    let after = plugin(&image, "old");
    assert!(after.wants.is_empty() && after.deferred.is_empty(), "{after:?}");
}

#[test]
fn what_rpm_does_between_arm_and_disarm_is_the_packages_by_its_scripts_digest() {
    let image = Image::new();
    let rpm = |args: &[&str]| {
        succeed(&mut image.nodeshim("arm", [""; 0]));
        let argv = image.rpm(args);
        succeed(
            Command::new(&argv[0])
                .args(&argv[1..])
                .env_clear()
                .env("PATH", "/usr/bin:/usr/sbin:/bin:/sbin"),
        );
        succeed(&mut image.nodeshim("disarm", [""; 0]));
        succeed(&mut image.nodeshim("settle", [""; 0]));
    };
    let body = format!(
        "%install\nmkdir -p %{{buildroot}}/usr/lib/systemd/system\n\
         cat > %{{buildroot}}/usr/lib/systemd/system/u.service <<'EOF'\n{UNIT}EOF\n\
         %files\n/usr/lib/systemd/system/u.service\n%post\n{ASK}\n%preun\nsystemctl --no-reload disable --now u.service\n"
    );
    rpm(&["-U", &build_version(&image.beside("rpms"), "u", 1, "", &body)]);
    let events = image.events();
    assert!(
        !events.is_empty() && events.iter().all(|event| event.origin.package() == Some("u")),
        "{events:?}"
    );
    assert!(events.iter().all(|event| event.origin.found_by == FoundBy::Digest), "{events:?}");
    assert!(rulesets(&image).contains("8080"));
    rpm(&["-e", "u"]);
    // A package that is gone is known by what was installed when the image was armed.
    let last = image.events().into_iter().rfind(|event| event.tool != Tool::Nodeshim).unwrap().origin;
    assert_eq!((last.package(), last.scriptlet.as_deref()), (Some("u"), Some("%preun")), "{last:?}");
    assert!(!rulesets(&image).contains("8080"), "{}", rulesets(&image));
    assert!(!image.read(ZONE).contains("8080"), "{}", image.read(ZONE));
}

#[test]
fn what_the_builder_calls_between_arm_and_disarm_is_the_builders() {
    let image = Image::new();
    image.transaction(&["-U", &package(&image, 1)]);
    succeed(&mut image.nodeshim("arm", [""; 0]));
    succeed(Command::new("chroot").arg(image.path()).args(["systemctl", "disable", "u.service"]));
    succeed(&mut image.nodeshim("disarm", [""; 0]));
    succeed(&mut image.nodeshim("settle", [""; 0]));
    image.transaction(&["-U", &package(&image, 2)]);
    assert!(!image.has(LINK));
    let overruled = plugin(&image, "u").overruled;
    assert_eq!(overruled.len(), 2, "the unit's enabling and its start: {overruled:?}");
}

#[test]
fn a_run_on_another_root_than_its_commands_is_refused_with_both_names() {
    let (image, other) = (Image::new(), Image::new());
    let run = image.nodeshim("run", ["--"]).args(other.rpm(&["-qa"])).output().unwrap();
    assert_eq!(run.status.code(), Some(1));
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(
        said.contains(&*image.path().to_string_lossy()) && said.contains(&*other.path().to_string_lossy()),
        "{said}"
    );
    assert!(!image.has("/usr/lib/sysimage/nodeshim/armed.toml"));
}

#[test]
fn a_directory_that_is_no_image_root_fails_by_name() {
    let directory = support::scratch();
    for verb in ["check", "list", "plan", "settle", "report", "export"] {
        let mut command = Command::new(support::nodeshim());
        command.arg(verb).arg("--root").arg(directory.path());
        if verb == "export" {
            command.args(["--format", "nft"]);
        }
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{verb}: {said}");
        assert!(
            said.contains(&*directory.path().to_string_lossy()) && said.contains("not an image root"),
            "{said}"
        );
    }
    assert!(fs::read_dir(directory.path()).unwrap().next().is_none(), "nothing was made in it");
}

#[test]
fn settle_and_plan_agree_without_a_journal() {
    let image = Image::new();
    let left = image.path().join("etc/systemd/system-preset/80-nodeshim-gone.preset");
    fs::create_dir_all(left.parent().unwrap()).unwrap();
    fs::write(&left, "enable gone.service\n").unwrap();
    assert!(output(&mut image.nodeshim("plan", [""; 0])).starts_with("0 changes"));
    assert!(output(&mut image.nodeshim("settle", [""; 0])).starts_with("0 changes"));
    assert!(left.exists());
}

#[test]
fn the_last_line_of_a_run_names_what_did_not_come_about() {
    let image = Image::new();
    image.transaction(&["-U", &package(&image, 1)]);
    let said = builder(&image, &[], "systemctl enable typo.service || :; systemctl disable u.service");
    let last = said.lines().last().unwrap_or_default();
    assert!(last.contains("failed: enable typo.service ((builder))"), "{said}");
    assert!(last.contains("overruled: enable u.service (u, by (builder))"), "{said}");
    for (on, code) in [("failed", 1), ("denied,bypass", 0), ("failed,overruled", 1)] {
        let root = image.path().display().to_string();
        let script = "systemctl enable typo.service || :";
        let mut run = image.nodeshim("run", ["--fail-on", on]);
        let run = run.args(["--", "chroot", &root, "sh", "-c", script]).output().unwrap();
        assert_eq!(run.status.code(), Some(code), "{on}: {}", String::from_utf8_lossy(&run.stderr));
    }
}

/// The order of steps of an image builder that runs presets itself, as mkosi does: its script after the
/// packages, then the real `preset-all`, then its last script.
#[test]
fn presets_that_an_image_builder_applies_afterwards_leave_what_was_settled() {
    let image = Image::new();
    fs::write(image.path().join("usr/sbin/nft"), "").unwrap();
    let presets = image.path().join("usr/lib/systemd/system-preset");
    fs::create_dir_all(&presets).unwrap();
    fs::write(presets.join("99-default.preset"), "disable *\n").unwrap();
    image.transaction(&["-U", &package(&image, 1)]);
    builder(&image, &["--name", "postinst"], "firewall-cmd --permanent --add-port=9090/tcp");
    let root = format!("--root={}", image.path().display());
    let systemctl =
        |words: &[&str]| Command::new("systemctl").arg(&root).args(words).output().expect("systemctl");
    assert!(systemctl(&["preset-all"]).status.success());
    let state = String::from_utf8_lossy(&systemctl(&["is-enabled", "u.service"]).stdout).into_owned();
    assert_eq!(state, "enabled\n");
    builder(&image, &["--name", "finalize"], "systemctl disable u.service");
    assert!(systemctl(&["preset-all"]).status.success());
    assert!(!image.has(LINK), "the builder's decision is in the presets, too");
    let firewall = "/etc/systemd/system/sysinit.target.wants/nodeshim-firewall.service";
    assert!(image.root().read_link(firewall).is_ok(), "nothing loads the firewall at boot");
    let rules = rulesets(&image);
    assert!(rules.contains("9090") && rules.contains("8080"), "{rules}");
}

/// A rule of a lower number comes before all that settling writes: then the next to apply presets undoes it.
#[test]
fn a_preset_of_the_image_that_comes_before_the_settled_ones_is_named() {
    let image = Image::new();
    fs::write(image.path().join("usr/sbin/nft"), "").unwrap();
    image.transaction(&["-U", &package(&image, 1)]);
    let presets = image.path().join("usr/lib/systemd/system-preset");
    fs::create_dir_all(&presets).unwrap();
    fs::write(presets.join("90-late.preset"), "disable *\n").unwrap();
    assert!(!output(&mut image.nodeshim("check", [""; 0])).contains("comes before"));
    fs::write(presets.join("00-early.preset"), "# all\ndisable *\n").unwrap();
    let check = output(&mut image.nodeshim("check", [""; 0]))
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    for unit in ["nodeshim-firewall.service", "u.service"] {
        let text = format!(
            "/usr/lib/systemd/system-preset/00-early.preset:2 comes before it and disables {unit} where presets are applied"
        );
        assert!(check.contains(&text), "{check}");
    }
    let settled = image.nodeshim("settle", [""; 0]).output().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&settled.stdout), String::from_utf8_lossy(&settled.stderr));
    assert!(said.contains("comes before it and disables nodeshim-firewall.service"), "{said}");
    // It is so.
    let root = format!("--root={}", image.path().display());
    succeed(Command::new("systemctl").args([&root, "preset-all"]));
    assert!(!image.has(LINK) && !image.nodeshim("check", [""; 0]).output().unwrap().status.success());
}

#[test]
fn a_script_in_a_run_sees_the_callers_home_and_its_rpm_loads_the_plugin() {
    let image = Image::new();
    let home = image.beside("home");
    fs::create_dir(&home).unwrap();
    let post = "%post\necho $HOME $XDG_CONFIG_HOME >/of-scriptlet\n";
    let dotfiles = build(&image.beside("rpms"), "dotfiles", post);
    let rpm = image.rpm(&["-U", &package(&image, 1), &dotfiles]).join(" ");
    let script = format!("echo $HOME; mkdir ~/.made; {rpm}");
    let mut run = image.nodeshim("run", ["--", "sh", "-c", &script]);
    let config = home.join("config");
    let run = run.env("HOME", &home).env("XDG_CONFIG_HOME", &config).output().unwrap();
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(run.status.success(), "{said}");
    assert_eq!(String::from_utf8_lossy(&run.stdout).lines().next(), home.to_str());
    assert!(home.join(".made").is_dir());
    // rpm's own home leads it to the plugin; its scriptlets have the caller's.
    assert_eq!(image.read("/of-scriptlet"), format!("{} {}\n", home.display(), config.display()));
    let events = image.events();
    assert!(
        events.iter().any(|event| event.origin.found_by == FoundBy::RpmPlugin),
        "{events:?} {said}"
    );
    let root = image.path().display().to_string();
    let inside = image.nodeshim("run", ["--", "chroot", &root, "sh", "-c", "echo $HOME"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&inside.stdout), "/root\n");
}
