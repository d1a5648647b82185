//! Transactions that fail, wholly or half way.

use std::process::{Command, Stdio};

use crate::image::{Image, build, build_with};
use crate::support::nodeshim;
use crate::{Answer, call};

const PORT: &str = "firewall-cmd --permanent --add-port=7001/tcp";

fn install(image: &Image, args: &[&str]) -> Answer {
    call(image, "install", [&["--allow-unsigned"], args].concat())
}

#[test]
fn a_package_that_is_not_installed_leaves_no_intent() {
    let image = Image::new();
    let good = build(&image.beside("p"), "fine", &format!("%post\n{PORT}"));
    let bad =
        build(&image.beside("p"), "broken", "%pre\nfirewall-cmd --permanent --add-port=7002/tcp\nexit 3");
    install(&image, &[&good, &bad])
        .ends(21)
        .says(&["not installed: broken-1.0-1.noarch", "scriptlet failed"]);
    let rules = call(&image, "export", ["--format", "nft"]).ends(0).out;
    assert!(rules.contains("7001") && !rules.contains("7002"), "{rules}");
    let zone = image.root().read_text("/etc/firewalld/zones/public.xml").unwrap_or_default();
    assert!(!zone.contains("7002"), "{zone}");
    let plugins = call(&image, "plugins", ["--json"]).ends(0).json();
    assert_eq!(plugins["items"].as_array().map(Vec::len), Some(1), "{plugins}");
}

#[test]
fn a_scriptlet_that_fails_afterwards_is_told_apart() {
    let image = Image::new();
    let package = build(&image.beside("p"), "late", &format!("%post\n{PORT}\nexit 3"));
    let answer = install(&image, &[&package]).ends(22);
    answer.says(&["%post(late-1.0-1.noarch) scriptlet failed, exit status 3", "7001"]);
}

#[test]
fn what_rpm_refuses_is_passed_on() {
    let image = Image::new();
    let directory = image.beside("p");
    let one = build_with(&directory, "one", "", &[("/etc/same", "one\n")], "");
    let two = build_with(&directory, "two", "", &[("/etc/same", "two\n")], "");
    install(&image, &[&one, &two]).ends(20).says(&["/etc/same", "conflicts"]);
    install(&image, &[&one]).ends(0);
    install(&image, &[&one]).ends(20).says(&["package one-1.0-1.noarch is already installed"]);
    install(&image, &["--reinstall", &one]).ends(0);
    let missing = image.beside("missing.rpm");
    install(&image, &[&missing.display().to_string()])
        .ends(1)
        .says(&["missing.rpm: No such file or directory"]);
    let empty = image.beside("empty");
    std::fs::create_dir_all(&empty).expect("a directory");
    install(&image, &[&empty.display().to_string()]).ends(1).says(&["no RPM packages found"]);
    let older = crate::image::package("node-roller-1.0");
    install(&image, &[&crate::image::package("node-roller-2.0")]).ends(0);
    install(&image, &[&older]).ends(20).says(&["newer than", "already installed"]);
    install(&image, &["--downgrade", &older]).ends(0);
}

#[test]
fn install_dry_run_changes_nothing() {
    let image = Image::new();
    let package = build(&image.beside("p"), "one", &format!("%post\necho\n{PORT}"));
    let before = image.files();
    install(&image, &["--dry-run", &package]).ends(0).says(&[
        "would ask: ports",
        "7001/tcp",
        "%post:2",
        "dry run",
    ]);
    crate::support::assert_same(&before, &image.files(), "trying changed");
}

#[test]
fn a_full_disk_is_said_so() {
    let image = Image::new();
    let big = "x".repeat(3_000_000);
    let package = build_with(&image.beside("p"), "big", "", &[("/etc/big", &big)], &format!("%post\n{PORT}"));
    // rpm asks how much room there is before it begins.
    let script = "mount -t tmpfs -o size=40m tmpfs /mnt && cp -a \"$1\" /mnt/root && \
        n=$(df -k --output=avail /mnt | tail -1) && head -c $(((n - 1500) * 1024)) /dev/zero >/mnt/root/filler && \
        exec \"$2\" install --root /mnt/root --allow-unsigned \"$3\"";
    let mut command = Command::new("unshare");
    command.args(["-m", "--propagation", "private", "sh", "-c", script, "sh"]);
    command.arg(image.path()).arg(nodeshim()).arg(&package).stdin(Stdio::null());
    let output = command.output().expect("unshare starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(23), "{said}");
    assert!(said.contains("no space left"), "{said}");
}
