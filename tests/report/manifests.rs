//! oVirt Node's own files, with real packages: manifests, what changed in them, and records.

use std::fs;
use std::process::Command;

use crate::image::{Image, build_with};
use crate::say;
use crate::support::succeed;

const KINDS: [&str; 7] = ["rpm", "srpm", "license", "file", "dir", "owns", "deps"];

fn manifest(image: &Image, out: &str) -> Vec<(String, String)> {
    let directory = image.beside(out);
    fs::create_dir_all(&directory).unwrap();
    let out = directory.display().to_string();
    assert_eq!(say(image, "report", &["--format", "manifest", "--out", &out]), "");
    let read = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        (name, fs::read_to_string(entry.path()).unwrap())
    };
    let mut files: Vec<_> = fs::read_dir(&directory).unwrap().map(|entry| read(entry.unwrap())).collect();
    files.sort();
    files
}

fn text<'f>(files: &'f [(String, String)], name: &str) -> &'f str {
    let found = files.iter().find(|(known, _)| known == name);
    found.map(|(_, text)| text.as_str()).unwrap_or_else(|| panic!("{name}: {files:?}"))
}

#[test]
fn manifests_are_nodes_own_and_tell_what_changed() {
    let image = Image::new();
    let before = manifest(&image, "before");
    assert_eq!(before.len(), 14);
    // The image's own are what later ones are compared with.
    let kept = image.path().join("etc/ovirt-plugins-manifests.d");
    fs::create_dir_all(&kept).unwrap();
    for (name, content) in before.iter().filter(|(name, _)| name.starts_with("manifest-")) {
        fs::write(kept.join(name), content).unwrap();
    }
    let files = [
        ("/usr/share/base/data", "0123456789\n"),
        ("/etc/base.conf", "x\n"),
    ];
    let base = build_with(&image.beside("rpms"), "base", "", &files, "");
    let user =
        build_with(&image.beside("rpms"), "user", "Requires: base", &[], "%post\necho made >/etc/made\n");
    image.transaction(&["-i", &base, &user]);
    let after = manifest(&image, "after");

    let rpms = "base-1.0-1.noarch ((none))\nimage-base-1-1.noarch ((none))\nuser-1.0-1.noarch ((none))\n";
    assert_eq!(text(&after, "manifest-rpm.txt"), rpms);
    assert_eq!(
        text(&after, "delta-manifest-rpm.txt"),
        "--- old/manifest-rpm.txt\n+++ new/manifest-rpm.txt\n+base-1.0-1.noarch ((none))\n+user-1.0-1.noarch ((none))\n"
    );
    assert!(text(&after, "manifest-srpm.txt").contains("base-1.0-1.src.rpm\n"));
    assert_eq!(text(&after, "manifest-license.txt"), "Apache-2.0\n");
    assert_eq!(text(&after, "delta-manifest-license.txt"), "");
    let file = text(&after, "manifest-file.txt");
    assert!(
        file.contains("1\t/etc/base.conf\n") && file.contains("1\t/usr/share/base/data\n"),
        "{file}"
    );
    let directories = text(&after, "manifest-dir.txt");
    assert!(
        directories.contains("1\t/usr/share/base\n") && !directories.contains("/data"),
        "{directories}"
    );
    let owns = text(&after, "manifest-owns.txt");
    assert!(owns.contains("/etc/base.conf\nbase-1.0-1.noarch\n"), "{owns}");
    assert!(owns.contains("/etc/made\nNot owned by any package.\n"), "{owns}");
    let deps = text(&after, "manifest-deps.txt");
    assert!(deps.contains("base is needed by (installed) user-1.0-1.noarch"), "{deps}");
    assert!(text(&after, "delta-manifest-file.txt").contains("\n+1\t/etc/base.conf\n"));
    for kind in KINDS {
        let (delta, whole) = (format!("delta-manifest-{kind}.txt"), format!("manifest-{kind}.txt"));
        assert_eq!(text(&after, &delta), diff(&image, &whole, text(&before, &whole)), "{kind}");
    }
    let rpm = image.rpm(&["-q", "base", "user"]);
    succeed(Command::new(&rpm[0]).args(&rpm[1..]));
}

/// What `diff -u` says, without places and lines that are the same.
fn diff(image: &Image, name: &str, old: &str) -> String {
    let old_file = image.beside("old");
    fs::write(&old_file, old).unwrap();
    let output = Command::new("diff")
        .arg("-u")
        .arg(&old_file)
        .arg(image.beside("after").join(name))
        .output();
    let output = String::from_utf8(output.expect("diff").stdout).unwrap();
    let lines = output.lines().skip(2).filter(|line| line.starts_with(['+', '-']));
    let lines: String = lines.map(|line| format!("{line}\n")).collect();
    match lines.is_empty() {
        true => lines,
        false => format!("--- old/{name}\n+++ new/{name}\n{lines}"),
    }
}

#[test]
fn records_are_the_three_lines_that_ovirt_writes() {
    let image = Image::new();
    let preamble = "Provides: ovirt-node-plugin(demo) = 2.0";
    let file = build_with(&image.beside("rpms"), "demo-plugin", preamble, &[], "");
    image.transaction(&["-i", &file]);
    let printed = say(&image, "report", &["--format", "ovirt"]);
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines[..2], ["Name:demo-plugin", "Version:1.0-1.noarch"], "{printed}");
    assert!(lines[2].starts_with("Install Date:") && lines.len() == 3, "{printed}");
    assert!(!image.has("/etc/ovirt-plugins.d/demo-plugin"), "reporting changes nothing");
    let out = image.beside("records");
    fs::create_dir(&out).unwrap();
    say(&image, "report", &["--format", "ovirt", "--out", &out.display().to_string()]);
    assert_eq!(fs::read_to_string(out.join("demo-plugin")).unwrap(), printed);
    say(&image, "plugins", &["--register"]);
    assert_eq!(image.read("/etc/ovirt-plugins.d/demo-plugin"), printed);
}
