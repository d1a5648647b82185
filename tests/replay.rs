//! Image upgrades with real rpm: what plugins asked for in one image is carried over to the next,
//! what was reverted on the node stays reverted, and what no longer applies is reported.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "support/image.rs"]
mod image;
#[path = "support/schema.rs"]
mod schema;
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use image::{Image, build_with};
use serde_json::Value;
use support::{assert_same, nodeshim, succeed};

const WANTS: &str = "/etc/systemd/system/multi-user.target.wants";
const POLICY: &str = "/etc/nodeshim/policy.d/90-replayed.toml";
const NFT: &str = "/etc/nftables/nodeshim.d";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn unit(name: &str) -> (String, String) {
    let path = format!("/usr/lib/systemd/system/{name}.service");
    let text = "[Service]\nExecStart=/usr/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n";
    (path, text.to_owned())
}

/// A plugin with a unit of its own name that it enables, and what else its %post does.
fn plugin(place: &Path, name: &str, unit_name: &str, post: &str) -> String {
    let (path, content) = unit(unit_name);
    build_with(&place.join(unit_name), name, "", &[(&path, &content)], &format!("%post\n{post}\n"))
}

/// Runs `nodeshim replay`; returns its report and whether everything applies.
fn replay(image: &Image, from: &Path) -> (Value, bool) {
    let output = image
        .nodeshim("replay", ["--json", "--from"])
        .arg(from)
        .output()
        .expect("nodeshim starts");
    let applies = code(&output) == 0;
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    schema::assert_fits("replay", &report);
    (report, applies)
}

fn code(output: &Output) -> i32 {
    let code = output.status.code().expect("an exit code");
    assert!(code < 2 && !output.stdout.is_empty(), "{}", text(&output.stderr));
    code
}

/// What became of a plugin's intents: `WISH: FATE`.
fn fates(report: &Value, plugin: &str) -> Vec<String> {
    let items = report["items"].as_array().expect("items").iter();
    let of_plugin = items.filter(|item| item["plugin"] == plugin);
    of_plugin
        .map(|item| format!("{}: {}", item["text"].as_str().unwrap(), item["fate"].as_str().unwrap()))
        .collect()
}

fn enabled(image: &Image, unit: &str) -> bool {
    let link = image.has(&format!("{WANTS}/{unit}.service"));
    let output = Command::new("systemctl")
        .arg("--root")
        .arg(image.path())
        .args(["is-enabled", unit])
        .output();
    assert_eq!(output.expect("systemctl starts").status.success(), link, "{unit}");
    link
}

/// The image's ruleset, which nft takes.
fn rules(image: &Image) -> String {
    let rules = text(&succeed(&mut image.nodeshim("export", ["--format", "nft"])).stdout);
    let file = image.beside("rules.nft");
    fs::write(&file, &rules).expect("a file");
    succeed(Command::new("unshare").args(["-n", "nft", "-c", "-f"]).arg(&file));
    rules
}

/// What settling loads.
fn loaded(image: &Image) -> String {
    let files = fs::read_dir(image.path().join(NFT.trim_start_matches('/')));
    let mut paths: Vec<PathBuf> = files.into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read_to_string(path).expect("a file")).collect()
}

/// Installs without nodeshim.
fn install_bare(image: &Image, files: &[&str]) {
    let args = [&["-i", "--noscripts"], files].concat();
    let argv = image.rpm(&args);
    succeed(
        Command::new(&argv[0])
            .args(&argv[1..])
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
    );
}

#[test]
fn intents_take_effect_in_the_next_image_and_again_adds_nothing() {
    let old = Image::new();
    let post = "systemctl enable alpha\nfirewall-cmd --permanent --add-port=8443/tcp --add-port=8444/tcp\n\
                firewall-cmd --permanent --remove-port=8444/tcp";
    let alpha = plugin(&old.beside("rpms"), "alpha", "alpha", post);
    old.transaction(&["-i", &alpha]);
    let next = Image::new();
    install_bare(&next, &[&alpha]);
    assert!(!enabled(&next, "alpha"));
    let before = old.files();
    let (report, applies) = replay(&next, &old.path());
    assert!(applies, "{report:#}");
    assert_same(&before, &old.files(), "the old image was changed");
    assert!(enabled(&next, "alpha"));
    assert!(loaded(&next).contains("8443") && rules(&next).contains("8443"));
    assert!(!rules(&next).contains("8444"));
    let event = next.events().remove(0);
    let was = old.events().remove(0);
    assert_eq!((event.origin, event.argv, event.time), (was.origin.clone(), was.argv, was.time));
    let replayed = event.replayed.expect("where it comes from");
    assert_eq!((replayed.image.as_str(), replayed.event), ("testimage-1", was.id));
    let body = format!("/usr/lib/sysimage/nodeshim/scriptlets/{}", was.origin.script.expect("a script"));
    assert_eq!(next.read(&body), old.read(&body));
    let first = next.files();
    for _ in 0..9 {
        let (report, applies) = replay(&next, &old.path());
        assert!(applies && report["added"] == 0 && report["changes"] == 0, "{report:#}");
        assert_same(&first, &next.files(), "replaying again changed");
    }
    succeed(&mut next.nodeshim("check", [""; 0]));
    // Through the chain of images it is the same event of the first.
    let third = Image::new();
    install_bare(&third, &[&alpha]);
    assert!(replay(&third, &next.path()).1);
    let first: Vec<_> = next.events().into_iter().map(|event| event.replayed).collect();
    let through: Vec<_> = third.events().into_iter().map(|event| event.replayed).collect();
    assert_eq!(first, through);
    assert_eq!(replay(&third, &old.path()).0["added"], 0);
    assert!(enabled(&third, "alpha") && loaded(&third).contains("8443"));
}

#[test]
fn what_is_not_installed_waits_and_a_package_that_asks_again_replaces_what_it_asked() {
    let old = Image::new();
    let rpms = old.beside("rpms");
    let beta = plugin(&rpms, "beta", "beta", "systemctl enable beta\nlokkit -p 7000:tcp");
    old.transaction(&["-i", &beta]);
    old.install(&["node-roller-1.0"]);
    let next = Image::new();
    let (report, applies) = replay(&next, &old.path());
    assert!(!applies);
    assert_eq!(
        fates(&report, "beta"),
        [
            "enable beta.service: not-installed",
            "open 7000/tcp: not-installed"
        ]
    );
    assert!(!loaded(&next).contains("7000"));
    let waiting = next.files();
    succeed(&mut next.nodeshim("settle", [""; 0]));
    assert_same(&waiting, &next.files(), "settling changed what waits");
    install_bare(&next, &[&beta]);
    succeed(&mut next.nodeshim("settle", [""; 0]));
    assert!(enabled(&next, "beta") && loaded(&next).contains("7000"));
    // The new version of the roller asks for another port, and for no old one.
    next.install(&["node-roller-2.0"]);
    assert!(enabled(&next, "node-roller") && loaded(&next).contains("7100"));
    let list = text(&succeed(&mut next.nodeshim("list", ["node-roller"])).stdout);
    assert!(list.contains("7100") && !list.contains("7000"), "{list}");
    let (report, applies) = replay(&next, &old.path());
    assert!(!applies && report["added"] == 0, "{report:#}");
    let fates = fates(&report, "node-roller");
    assert!(fates.iter().any(|fate| fate == "enable node-roller.service: asked-here"), "{fates:?}");
    assert!(fates.iter().any(|fate| fate.ends_with("7000/tcp in zone public: dropped")), "{fates:?}");
    next.erase(&["beta"]);
    assert!(!loaded(&next).contains("set tcp_beta"), "{}", loaded(&next));
}

#[test]
fn replay_reports_what_no_longer_applies() {
    let (old, next) = (Image::new(), Image::new());
    let rpms = old.beside("rpms");
    let before = plugin(
        &rpms,
        "gamma",
        "gamma",
        "systemctl enable gamma\nsystemctl start gamma\nlokkit -p 9090:tcp",
    );
    let port = plugin(&rpms, "delta", "delta", "lokkit -p 6000:tcp");
    old.transaction(&["-i", &before, &port]);
    let after = plugin(&rpms, "gamma", "gamma-daemon", "true");
    let other = plugin(&rpms, "other", "other", "lokkit -p 6000:tcp");
    install_bare(&next, &[&after, &port]);
    next.transaction(&["-i", &other]);
    let socket = next.path().join("usr/lib/systemd/system/console.socket");
    fs::write(socket, "[Socket]\nListenStream=0.0.0.0:9090\n").unwrap();
    let (report, applies) = replay(&next, &old.path());
    assert!(!applies);
    assert_eq!(
        fates(&report, "gamma"),
        [
            "enable gamma.service: gone",
            "open 9090/tcp: taken",
            "start gamma.service at boot: gone"
        ]
    );
    assert_eq!(fates(&report, "delta"), ["open 6000/tcp: taken"]);
    let output = next.nodeshim("replay", ["--dry-run", "--from"]).arg(old.path()).output().unwrap();
    let said = text(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "gone gamma: enable gamma.service: there is no gamma.service; gamma brings gamma-daemon.service",
        "open 9090/tcp: console.socket listens on it here",
        "open 6000/tcp: other has asked for it here",
        "4 requests from testimage-1, 4 of them no longer apply",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
}

#[test]
fn an_archive_is_as_good_as_the_image_and_always_the_same() {
    let old = Image::new();
    let alpha = plugin(&old.beside("rpms"), "alpha", "alpha", "systemctl enable alpha\nlokkit -p 8443:tcp");
    old.transaction(&["-i", &alpha]);
    let save = |name: &str| {
        let file = old.beside(name);
        succeed(old.nodeshim("replay", ["--save"]).arg(&file).env("SOURCE_DATE_EPOCH", "86400"));
        file
    };
    let plain = save("a.tar");
    assert_eq!(fs::read(&plain).unwrap(), fs::read(save("b.tar")).unwrap());
    assert_eq!(fs::read(save("a.tar.gz")).unwrap(), fs::read(save("b.tar.gz")).unwrap());
    let own = old.beside("own.tar.xz");
    let directory = old.path().join("usr/lib/sysimage");
    succeed(Command::new("tar").arg("-C").arg(directory).arg("-cJf").arg(&own).arg("nodeshim"));
    let result = |from: &Path| {
        let next = Image::new();
        install_bare(&next, &[&alpha]);
        let (report, applies) = replay(&next, from);
        assert!(applies && report["added"] == 2, "{report:#}");
        assert!(enabled(&next, "alpha") && loaded(&next).contains("8443"));
        let mut files = next.files();
        files.retain(|path, _| path.starts_with("etc"));
        files
    };
    let of_root = result(&old.path());
    // More padding than a pipe holds: the program that unpacks it writes on after the archive's end.
    let padded = old.beside("padded.tar");
    fs::write(&padded, [fs::read(&plain).unwrap(), vec![0; 512 << 10]].concat()).unwrap();
    succeed(Command::new("gzip").arg(&padded));
    for archive in [plain, old.beside("a.tar.gz"), old.beside("padded.tar.gz")] {
        assert_same(&of_root, &result(&archive), "an archive gave something else");
    }
    // Without the rest of the image its name is not known, and what was undone neither.
    assert_same(&of_root, &result(&own), "nodeshim's own directory gave something else");
    fs::write(old.beside("x.tar"), "no archive").unwrap();
    let output = Command::new(nodeshim())
        .arg("replay")
        .arg("--root")
        .arg(old.path())
        .arg("--from")
        .arg(old.beside("x.tar"))
        .output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("x.tar: not a readable archive"), "{}", text(&output.stderr));
}

/// The upgrade of a node to a new layer: `/etc` of the old one, where it differs from the factory's,
/// laid over that of the new one; what was disabled removed; the packages that were installed on
/// the node installed again with their scriptlets, in a root of their own.
/// What an archive is unpacked into goes, and what a killed replay left of it, too.
#[test]
fn replaying_an_archive_leaves_no_private_directory() {
    let image = Image::new();
    image.transaction(&[
        "-i",
        &plugin(&image.beside("rpms"), "p", "p", "systemctl enable p"),
    ]);
    let (archive, temporary) = (image.beside("old.tar"), image.beside("tmp"));
    succeed(image.nodeshim("replay", ["--save"]).arg(&archive));
    let left = temporary.join("nodeshim-replay-17-0");
    fs::create_dir_all(left.join("etc")).unwrap();
    fs::set_permissions(&left, fs::Permissions::from_mode(0o700)).unwrap();
    let mut replay = image.nodeshim("replay", ["--dry-run", "--from"]);
    let output = replay.arg(&archive).env("TMPDIR", &temporary).output().unwrap();
    assert!(text(&output.stdout).contains("enable p"), "{output:?}");
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0);
}

#[test]
fn a_new_layer_has_what_the_old_one_had_and_the_administrator_wins() {
    let old = Image::new();
    let rpms = old.beside("rpms");
    let base = plugin(&rpms, "base", "base", "systemctl enable base\nlokkit -p 5001:tcp");
    let build = |image: &Image| {
        image.transaction(&["-i", &base]);
        let etc = image.path().join("etc");
        let factory = image.path().join("usr/share/factory");
        fs::create_dir_all(&factory).unwrap();
        succeed(Command::new("cp").arg("-a").arg(etc).arg(factory));
    };
    build(&old);
    let extra = plugin(&rpms, "extra", "extra", "systemctl enable extra\nlokkit -p 5002:tcp -p 5003:udp");
    let more = plugin(&rpms, "more", "more", "systemctl enable more\nlokkit -p 5004:tcp");
    old.transaction(&["-i", &extra, &more]);
    // What the administrator does on the node.
    for unit in ["base", "extra"] {
        fs::remove_file(old.path().join(format!("{WANTS}/{unit}.service").trim_start_matches('/'))).unwrap();
    }
    let rules_of = |image: &Image, plugin: &str| {
        image.path().join(format!("{NFT}/{plugin}.nft").trim_start_matches('/'))
    };
    let file = rules_of(&old, "extra");
    let without = fs::read_to_string(&file).unwrap().replace("5002", "5999");
    fs::write(&file, without).unwrap();
    // The new layer, with a plugin that the old one had not.
    let next = Image::new();
    build(&next);
    let fresh = plugin(&rpms, "fresh", "fresh", "systemctl enable fresh\nlokkit -p 5005:tcp");
    next.transaction(&["-i", &fresh]);
    lay_over(&old.path(), &next.path());
    let check = |next: &Image| {
        assert!(!enabled(next, "base") && !enabled(next, "extra"));
        assert!(enabled(next, "more") && enabled(next, "fresh"));
        let rules = rules(next);
        for port in ["5001", "5003", "5004", "5005"] {
            assert!(rules.contains(port) && loaded(next).contains(port), "{port}\n{rules}");
        }
        assert!(!rules.contains("5002") && !loaded(next).contains("5002"), "{rules}");
        assert!(rules_of(next, "extra").is_file() && rules_of(next, "more").is_file());
        succeed(&mut next.nodeshim("plan", [""; 0]));
    };
    // Replaying may come before the packages are there, or after.
    let (report, _) = replay(&next, &old.path());
    assert!(fates(&report, "extra").contains(&"enable extra.service: kept".to_owned()), "{report:#}");
    assert!(fates(&report, "base").contains(&"enable base.service: kept".to_owned()), "{report:#}");
    next.transaction(&["-i", &extra, &more]);
    check(&next);
    let (report, applies) = replay(&next, &old.path());
    assert!(applies && report["added"] == 0, "{report:#}");
    check(&next);
    assert!(next.has(POLICY));
    // In the layer after it, it is so still.
    let third = Image::new();
    build(&third);
    third.transaction(&["-i", &fresh, &extra, &more]);
    assert!(enabled(&third, "extra"));
    let (report, applies) = replay(&third, &next.path());
    assert!(applies, "{report:#}");
    check(&third);
}

/// Copies what is new or differs from the factory's copy.
fn lay_over(old: &Path, next: &Path) {
    let script = "cd \"$1/etc\" && find . ! -type d | while read -r f; do\n\
        factory=\"$1/usr/share/factory/etc/$f\"\n\
        if [ -L \"$f\" ]; then [ \"$(readlink \"$f\")\" = \"$(readlink \"$factory\")\" ] && continue\n\
        else cmp -s \"$f\" \"$factory\" && continue; fi\n\
        mkdir -p \"$2/etc/$(dirname \"$f\")\"; cp -a --remove-destination \"$f\" \"$2/etc/$f\"; done\n\
        cd \"$1/usr/share/factory/etc/systemd\" && find . ! -type d | while read -r f; do\n\
        [ -e \"$1/etc/systemd/$f\" ] || [ -L \"$1/etc/systemd/$f\" ] || \
        find \"$2/etc/systemd\" -name \"$(basename \"$f\")\" -delete; done";
    succeed(Command::new("bash").args(["-ec", script, "sh"]).arg(old).arg(next));
}

/// The upgrade of a node whose changed files are bound over those of each image.
#[test]
fn a_persistent_file_that_covers_the_image_s_gets_the_ports_too() {
    let with_iptables = || {
        let image = Image::new();
        let units = image.path().join("etc/systemd/system/basic.target.wants");
        fs::create_dir_all(&units).unwrap();
        let (_, content) = unit("iptables");
        fs::write(image.path().join("usr/lib/systemd/system/iptables.service"), content).unwrap();
        std::os::unix::fs::symlink(
            "/usr/lib/systemd/system/iptables.service",
            units.join("iptables.service"),
        )
        .unwrap();
        image
    };
    let old = with_iptables();
    let rpms = old.beside("rpms");
    let alpha = plugin(&rpms, "alpha", "alpha", "systemctl enable alpha\nlokkit -p 8443:tcp");
    let closed = plugin(&rpms, "closed", "closed", "lokkit -p 7443:tcp");
    old.transaction(&["-i", &alpha, &closed]);
    let file = "etc/sysconfig/iptables";
    let persistent = old.beside("config");
    fs::create_dir_all(persistent.join("etc/sysconfig")).unwrap();
    let text_of = fs::read_to_string(old.path().join(file)).unwrap();
    let kept: Vec<&str> = text_of.lines().filter(|line| !line.contains("7443")).collect();
    assert!(kept.len() < text_of.lines().count());
    fs::write(persistent.join(file), kept.join("\n") + "\n").unwrap();
    fs::copy(persistent.join(file), old.path().join(file)).unwrap();
    let next = with_iptables();
    next.transaction(&["-i", &alpha, &closed]);
    let fresh = plugin(&rpms, "fresh", "fresh", "systemctl enable fresh\nlokkit -p 9443:tcp");
    next.transaction(&["-i", &fresh]);
    fs::create_dir_all(next.path().join("config")).unwrap();
    fs::write(next.path().join("config/files"), format!("/{file}\n")).unwrap();
    let script = "mount --bind \"$1/$3\" \"$2/$3\"; shift 3; exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["-m", "--propagation", "private", "bash", "-ec", script, "sh"]);
    command.arg(&persistent).arg(next.path()).arg(file).arg(nodeshim());
    command
        .args(["replay", "--json", "--root"])
        .arg(next.path())
        .arg("--from")
        .arg(old.path());
    let output = command.output().unwrap();
    assert_eq!(code(&output), 0, "{}", text(&output.stdout));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(fates(&report, "closed").contains(&"open 7443/tcp: kept".to_owned()), "{report:#}");
    assert_eq!(report["covered"], serde_json::json!([format!("/{file}")]));
    let now = fs::read_to_string(persistent.join(file)).unwrap();
    assert!(now.contains("8443") && now.contains("9443") && !now.contains("7443"), "{now}");
    assert!(enabled(&next, "alpha") && enabled(&next, "fresh"));
}
