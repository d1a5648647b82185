//! Changes that were not recorded: files of an image that were changed between two settlings, and packages that
//! a plain rpm installed, upgraded or erased meanwhile.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "support/image.rs"]
mod image;
mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use image::{Image, build_version};
use nodeshim::state::{Plugin, State};
use support::succeed;

const WANTS: &str = "/etc/systemd/system/multi-user.target.wants";
const LINK: &str = "/etc/systemd/system/multi-user.target.wants/u.service";
const UNIT_FILE: &str = "/usr/lib/systemd/system/u.service";
const ZONE: &str = "/etc/firewalld/zones/public.xml";
const UNIT: &str =
    "[Unit]\nDescription=u\n[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n";
const SCRIPT: &str = "#!/bin/sh\n# chkconfig: 2345 50 50\n# description: s\n";

/// An image with what loads the rules of a firewall.
fn image() -> Image {
    let image = Image::new();
    for program in ["nft", "firewalld"] {
        fs::write(image.path().join("usr/sbin").join(program), "").unwrap();
    }
    image
}

/// Version `version` of a package with a unit, an init script and a target, which asks for `post`.
fn package(image: &Image, name: &str, version: u32, post: &str) -> String {
    let body = format!(
        "%install\nmkdir -p %{{buildroot}}/usr/lib/systemd/system %{{buildroot}}/etc/rc.d/init.d\n\
         cat > %{{buildroot}}{UNIT_FILE} <<'EOF'\n{UNIT}EOF\n\
         cat > %{{buildroot}}/etc/rc.d/init.d/s <<'EOF'\n{SCRIPT}EOF\n\
         for t in work rescue; do echo '[Unit]' > %{{buildroot}}/usr/lib/systemd/system/$t.target; done\n\
         %files\n{UNIT_FILE}\n/usr/lib/systemd/system/work.target\n/usr/lib/systemd/system/rescue.target\n\
         %attr(0755,root,root) /etc/rc.d/init.d/s\n%post\n{post}\n"
    );
    build_version(&image.beside("rpms"), name, version, "", &body)
}

fn say(image: &Image, verb: &str, args: &[&str]) -> String {
    String::from_utf8(succeed(&mut image.nodeshim(verb, args)).stdout).expect("text")
}

/// What `check` prints, on one line, and whether it found a difference.
fn check(image: &Image) -> (String, bool) {
    let output = image.nodeshim("check", [""; 0]).output().expect("a check");
    let text = String::from_utf8(output.stdout).expect("text");
    (text.split_whitespace().collect::<Vec<_>>().join(" "), !output.status.success())
}

fn plugin(image: &Image, name: &str) -> Plugin {
    State::load(&image.root()).expect("the state").plugins.remove(name).unwrap_or_default()
}

fn remove(image: &Image, path: &str) {
    fs::remove_file(image.path().join(&path[1..])).expect("it was there");
}

fn settled(image: &Image) {
    say(image, "settle", &[]);
    assert_eq!(check(image), (String::new(), false));
    assert!(say(image, "settle", &[]).contains("0 changes"));
}

#[test]
fn a_unit_link_that_was_removed_by_hand_is_the_builders_decision() {
    let image = image();
    let asks = "systemctl enable u.service; systemctl start u.service";
    image.transaction(&["-U", &package(&image, "u", 1, asks)]);
    remove(&image, LINK);
    let (said, differs) = check(&image);
    assert!(
        differs && said.contains(&format!("missing {LINK}: is gone since the image was settled")),
        "{said}"
    );
    assert!(said.contains("the builder's decision"), "{said}");
    let plan = say(&image, "plan", &[]);
    assert!(plan.contains("80-nodeshim-u.preset"), "{plan}");
    settled(&image);
    assert!(!image.has(LINK), "it is not settled away");
    image.transaction(&["-U", &package(&image, "u", 2, asks)]);
    assert!(!image.has(LINK), "nor by an upgrade");
    let u = plugin(&image, "u");
    assert_eq!((u.wants.len(), u.deferred.len(), u.overruled.len()), (0, 0, 2), "{u:?}");
    let list = say(&image, "list", &[]);
    assert!(list.contains("overruled by (builder)"), "{list}");
    let why = say(&image, "why", &["u.service"]);
    assert!(why.contains("direct change") && why.contains("nobody recorded it"), "{why}");
    let report = say(&image, "report", &[]);
    assert!(report.contains("(builder)") && report.contains("disable u.service"), "{report}");
    succeed(
        Command::new("systemctl")
            .arg(format!("--root={}", image.path().display()))
            .arg("preset-all"),
    );
    assert!(!image.has(LINK), "nor by presets");
    say(&image, "revert", &["(builder)"]);
    assert!(image.has(LINK));
}

#[test]
fn a_unit_link_that_was_made_by_hand_is_the_builders_decision() {
    let image = image();
    image.transaction(&["-U", &package(&image, "u", 1, "systemctl disable u.service")]);
    fs::create_dir_all(image.path().join(&WANTS[1..])).unwrap();
    symlink(UNIT_FILE, image.path().join(&LINK[1..])).unwrap();
    settled(&image);
    image.transaction(&["-U", &package(&image, "u", 2, "systemctl disable u.service")]);
    assert!(image.has(LINK), "{:?}", plugin(&image, "(builder)"));
    let preset = image.read("/etc/systemd/system-preset/80-nodeshim-+builder.preset");
    assert!(preset.contains("enable u.service"), "{preset}");
}

#[test]
fn a_port_that_was_taken_out_of_a_zone_file_by_hand_stays_closed() {
    for backend in ["nftables", "firewalld"] {
        let image = image();
        fs::create_dir_all(image.path().join("etc/nodeshim")).unwrap();
        let config = format!("[firewall]\nbackend = \"{backend}\"\n");
        fs::write(image.path().join("etc/nodeshim/nodeshim.toml"), config).unwrap();
        let asks = "firewall-cmd --permanent --add-port=8080/tcp --add-port=9090/tcp";
        image.transaction(&["-U", &package(&image, "u", 1, asks)]);
        let zone: String = image
            .read(ZONE)
            .lines()
            .filter(|line| !line.contains("8080"))
            .map(|l| l.to_owned() + "\n")
            .collect();
        fs::write(image.path().join(&ZONE[1..]), zone).unwrap();
        settled(&image);
        image.transaction(&["-U", &package(&image, "u", 2, asks)]);
        let rules = say(&image, "export", &["--format", "nft"]);
        assert!(!rules.contains("8080") && rules.contains("9090"), "{rules}");
        assert!(!image.read(ZONE).contains("8080"), "{}", image.read(ZONE));
        let service = image.path().join("etc/firewalld/services/nodeshim-u.xml");
        assert!(!fs::read_to_string(service).unwrap_or_default().contains("8080"));
        let why = say(&image, "why", &["8080/tcp"]);
        assert!(why.contains("(builder)"), "{why}");
    }
}

#[test]
fn a_port_that_was_taken_by_hand_out_of_a_zone_file_with_thousands_stays_closed() {
    let image = image();
    let ports = |of: std::ops::Range<u32>| -> String {
        of.map(|port| format!("  <port port=\"{}\" protocol=\"tcp\"/>\n", 1024 + 2 * port))
            .collect()
    };
    let zone = |ports: String| format!("<zone>\n  <service name=\"ssh\"/>\n{ports}</zone>\n");
    fs::create_dir_all(image.path().join("etc/firewalld/zones")).unwrap();
    let place = image.path().join(&ZONE[1..]);
    fs::write(&place, zone(ports(0..10_000))).unwrap();
    image.transaction(&[
        "-U",
        &package(&image, "u", 1, "firewall-cmd --permanent --add-port=81/tcp"),
    ]);
    let without = image.read(ZONE).replace("  <port port=\"81\" protocol=\"tcp\"/>\n", "");
    assert!(without.len() > 300_000 && without.len() < image.read(ZONE).len());
    fs::write(&place, without).unwrap();
    settled(&image);
    let again = "firewall-cmd --permanent --add-port=81/tcp";
    image.transaction(&["-U", &package(&image, "u", 2, again)]);
    assert!(!image.read(ZONE).contains("\"81\""));
}

#[test]
fn a_default_target_that_was_changed_by_hand_stays() {
    let image = image();
    let asks = "systemctl set-default rescue.target";
    image.transaction(&["-U", &package(&image, "u", 1, asks)]);
    let default = image.path().join("etc/systemd/system/default.target");
    fs::remove_file(&default).unwrap();
    symlink("/usr/lib/systemd/system/work.target", &default).unwrap();
    settled(&image);
    image.transaction(&["-U", &package(&image, "u", 2, asks)]);
    assert!(fs::read_link(&default).unwrap().ends_with("work.target"));
}

#[test]
fn a_run_level_link_that_was_removed_by_hand_stays_away() {
    let image = image();
    let asks = "chkconfig --add s; chkconfig s on";
    image.transaction(&["-U", &package(&image, "u", 1, asks)]);
    remove(&image, "/etc/rc.d/rc3.d/S50s");
    settled(&image);
    image.transaction(&["-U", &package(&image, "u", 2, asks)]);
    assert!(!image.has("/etc/rc.d/rc3.d/S50s") && image.has("/etc/rc.d/rc5.d/S50s"));
    for level in [2, 4, 5] {
        remove(&image, &format!("/etc/rc.d/rc{level}.d/S50s"));
    }
    settled(&image);
    image.transaction(&["-U", &package(&image, "u", 3, asks)]);
    for level in 2..6 {
        assert!(!image.has(&format!("/etc/rc.d/rc{level}.d/S50s")), "level {level}");
    }
}

#[test]
fn what_a_run_changes_directly_is_the_builders_decision() {
    let image = image();
    let asks = "systemctl enable u.service";
    image.transaction(&["-U", &package(&image, "u", 1, asks)]);
    let link = image.path().join(&LINK[1..]).display().to_string();
    succeed(&mut image.nodeshim("run", ["--name", "post", "--", "rm", &link]));
    image.transaction(&["-U", &package(&image, "u", 2, asks)]);
    assert!(!image.has(LINK));
    let overruled = plugin(&image, "u").overruled;
    assert!(overruled.iter().all(|one| one.by == "(builder post)"), "{overruled:?}");
}

#[test]
fn presets_that_were_applied_between_two_settlings_are_no_decision() {
    let image = image();
    let asks = "systemctl enable u.service";
    fs::create_dir_all(image.path().join(&WANTS[1..])).unwrap();
    let unit = image.path().join("usr/lib/systemd/system/v.service");
    fs::write(unit, UNIT).unwrap();
    let link = image.path().join(&WANTS[1..]).join("v.service");
    symlink("/usr/lib/systemd/system/v.service", &link).unwrap();
    image.transaction(&["-U", &package(&image, "u", 1, asks)]);
    succeed(
        Command::new("systemctl")
            .arg(format!("--root={}", image.path().display()))
            .arg("preset-all"),
    );
    assert!(fs::symlink_metadata(&link).is_err(), "the image's presets disable it");
    settled(&image);
    image.transaction(&[
        "-U",
        &package(&image, "u", 2, "systemctl enable u.service v.service"),
    ]);
    assert!(image.has(LINK) && fs::symlink_metadata(&link).is_ok());
}

#[test]
fn an_image_whose_etc_was_made_anew_has_no_decisions() {
    let image = image();
    let asks = "systemctl enable u.service; firewall-cmd --permanent --add-port=8080/tcp";
    image.transaction(&["-U", &package(&image, "u", 1, asks)]);
    for directory in ["etc/systemd", "etc/rc.d", "etc/firewalld"] {
        fs::remove_dir_all(image.path().join(directory)).unwrap();
    }
    say(&image, "settle", &[]);
    assert!(say(&image, "export", &["--format", "nft"]).contains("8080"));
    image.transaction(&["-U", &package(&image, "u", 2, asks)]);
    assert!(image.has(LINK));
    assert!(plugin(&image, "u").overruled.is_empty());
}

/// Stands for the original in an image, which knows of no recording.
const SYSTEMCTL: &str = "#!/bin/sh\n[ $1 = enable ] && mkdir -p /etc/systemd/system/multi-user.target.wants && \
    exec ln -sf /usr/lib/systemd/system/u.service /etc/systemd/system/multi-user.target.wants/u.service\n\
    [ $1 = disable ] && exec rm -f /etc/systemd/system/multi-user.target.wants/u.service\nexit 0\n";

fn plain_rpm(image: &Image, args: &[&str]) {
    let argv = image.rpm(args);
    let path = "/usr/bin:/usr/sbin:/bin:/sbin";
    succeed(Command::new(&argv[0]).args(&argv[1..]).env_clear().env("PATH", path));
}

#[test]
fn packages_that_a_plain_rpm_installed_upgraded_or_erased_are_named() {
    let image = image();
    let tool = image.path().join("usr/bin/systemctl");
    fs::write(&tool, SYSTEMCTL).unwrap();
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
    let other = build_version(&image.beside("rpms"), "other", 1, "", "%files\n%post\nsystemctl enable x\n");
    image.transaction(&["-U", &other]);
    assert_eq!(check(&image), (String::new(), false));
    let quiet = build_version(&image.beside("rpms"), "quiet", 1, "", "%files\n%post\ntrue\n");
    let asks = "systemctl enable u.service\nsystemctl start \"$NAME\"";
    plain_rpm(&image, &["-U", &package(&image, "u", 1, asks), &quiet]);
    assert!(image.has(LINK));
    let named = "package u-1-1.noarch: was installed without nodeshim; its scriptlets ask for: enable u.service (%post)";
    for _ in 0..2 {
        let (said, differs) = check(&image);
        assert!(differs && said.contains(named) && said.contains("shows only when"), "{said}");
        assert!(!said.contains("quiet") && !said.contains("other"), "{said}");
        let report = say(&image, "report", &[]).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(report.contains("u-1-1.noarch: was installed without nodeshim"), "{report}");
        say(&image, "settle", &[]);
    }
    assert!(plugin(&image, "(builder)").wants.is_empty(), "the scriptlet did it, not the builder");
    plain_rpm(&image, &["-U", &package(&image, "u", 2, "systemctl disable u.service")]);
    let (said, _) = check(&image);
    assert!(said.contains("u-2-1.noarch: was upgraded without nodeshim"), "{said}");
    // Installed again in a run, it is known.
    image.transaction(&["-U", "--force", &package(&image, "u", 2, asks)]);
    assert_eq!(check(&image), (String::new(), false));
    plain_rpm(&image, &["-e", "u"]);
    let (said, differs) = check(&image);
    assert!(differs && said.contains("u-2-1.noarch: was erased without nodeshim"), "{said}");
    settled(&image);
    assert!(plugin(&image, "(builder)").is_empty(), "nobody decided about a unit that went");
}
