//! oVirt Node's own files, with real packages: manifests, what changed in them, and records.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::image::{Image, build_with};
use crate::say;
use crate::support::succeed;

const KINDS: [&str; 7] = ["rpm", "srpm", "license", "file", "dir", "owns", "deps"];

/// Written by `report`, into a directory that it makes.
fn manifest(image: &Image, out: &str) -> Vec<(String, String)> {
    let directory = image.beside(out);
    let out = directory.display().to_string();
    assert_eq!(say(image, "report", &["--format", "manifest", "--out", &out]), "");
    read(&directory)
}

fn read(directory: &Path) -> Vec<(String, String)> {
    let read = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        (name, fs::read_to_string(entry.path()).unwrap())
    };
    let mut files: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| read(entry.unwrap())).collect();
    files.sort();
    files
}

fn text<'f>(files: &'f [(String, String)], name: &str) -> &'f str {
    let found = files.iter().find(|(known, _)| known == name);
    found.map(|(_, text)| text.as_str()).unwrap_or_else(|| panic!("{name}: {files:?}"))
}

/// What a shell says with `$1` as the image's root and rpm asked of the image.
fn shell(image: &Image, script: &str) -> String {
    let rpm = image.rpm(&[]).join(" ");
    let whole = format!("export LC_ALL=C; rpm() {{ command {rpm} \"$@\"; }}; {script}");
    let mut command = Command::new("sh");
    let output = succeed(command.args(["-euc", &whole, "sh"]).arg(image.path()));
    String::from_utf8(output.stdout).unwrap()
}

fn plugins(image: &Image) -> [String; 2] {
    let files = [
        ("/usr/share/base/data", "0123456789\n"),
        ("/etc/base.conf", "x\n"),
    ];
    let base = build_with(&image.beside("rpms"), "base", "Epoch: 3", &files, "");
    let user =
        build_with(&image.beside("rpms"), "user", "Requires: base", &[], "%post\necho made >/etc/made\n");
    [base, user]
}

#[test]
fn manifests_are_nodes_own_and_tell_what_changed() {
    let image = Image::new();
    let before = manifest(&image, "before");
    assert_eq!(before.len(), 14);
    let [base, user] = plugins(&image);
    image.transaction(&["-i", &base, &user]);
    let since = image.beside("before").display().to_string();
    let out = image.beside("after").display().to_string();
    let said =
        succeed(&mut image.nodeshim("report", ["--format", "manifest", "--since", &since, "--out", &out]));
    assert!(said.stderr.is_empty(), "{said:?}");
    let after = read(&image.beside("after"));

    // As the node's own recipe asks rpm.
    let signed = "rpm -qa --qf '%{name}-%{version}-%{release}.%{arch} (%{SIGPGP:pgpsig})\\n' | sort";
    assert_eq!(text(&after, "manifest-rpm.txt"), shell(&image, signed));
    assert_eq!(
        text(&after, "delta-manifest-rpm.txt"),
        "--- old/manifest-rpm.txt\n+++ new/manifest-rpm.txt\n+base-1.0-1.noarch ((none))\n+user-1.0-1.noarch ((none))\n"
    );
    let sources = shell(&image, "rpm -qa --qf '%{sourcerpm}\\n' | sort -u");
    assert_eq!(text(&after, "manifest-srpm.txt"), sources);
    let licences = shell(&image, "rpm -qa --qf '%{license}\\n' | sort -u");
    assert_eq!(text(&after, "manifest-license.txt"), licences);
    assert_eq!(text(&after, "delta-manifest-license.txt"), "");
    let file = text(&after, "manifest-file.txt");
    assert!(
        file.contains("1\t/etc/base.conf\n") && file.contains("1\t/usr/share/base/data\n"),
        "{file}"
    );
    let paths = |text: &str| -> Vec<String> {
        let path = |line: &str| line.split_once('\t').map_or(line, |(_, path)| path).to_owned();
        let mut paths: Vec<String> = text.lines().map(path).collect();
        paths.sort();
        paths
    };
    let found =
        |kind: &str| paths(&shell(&image, &format!("cd $1; find . -xdev {kind} -printf '/%P\\n' | sort")));
    assert_eq!(paths(file), found(""));
    assert_eq!(paths(text(&after, "manifest-dir.txt")), found("-type d"));
    assert!(text(&after, "manifest-dir.txt").contains("1\t/usr/share/base\n"));
    assert!(text(&after, "delta-manifest-file.txt").contains("\n+1\t/etc/base.conf\n"));
    owners(&image, text(&after, "manifest-owns.txt"));
    let deps = shell(&image, "for one in $(rpm -qa | sort); do rpm -e --test $one 2>&1 || :; done");
    assert_eq!(text(&after, "manifest-deps.txt"), deps);
    assert!(deps.contains("base is needed by (installed) user-1.0-1.noarch"), "{deps}");
    for kind in KINDS {
        let (delta, whole) = (format!("delta-manifest-{kind}.txt"), format!("manifest-{kind}.txt"));
        let [found, expected] = [
            text(&after, &delta).to_owned(),
            diff(&image, &whole, text(&before, &whole)),
        ]
        .map(|text| match kind {
            // Where equal lines follow each other, diff may take another one of them for the new one.
            "owns" | "deps" => sorted(&text),
            _ => text,
        });
        assert_eq!(found, expected, "{kind}");
    }
}

fn sorted(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort();
    lines.join("\n")
}

/// Holds pairs of a path and an owner against what rpm lists.
fn owners(image: &Image, owns: &str) {
    let listed = shell(image, "for one in $(rpm -qa); do rpm -ql $one | sed \"s,$,\t$one,\"; done");
    let owned: Vec<(&str, &str)> = listed.lines().filter_map(|line| line.split_once('\t')).collect();
    let lines: Vec<&str> = owns.lines().collect();
    assert!(lines.len() > 20 && lines.len().is_multiple_of(2), "{owns}");
    for pair in lines.chunks(2) {
        let of_path: Vec<&str> =
            owned.iter().filter(|(path, _)| *path == pair[0]).map(|(_, owner)| *owner).collect();
        match pair[1] {
            "Not owned by any package." => assert!(of_path.is_empty(), "{pair:?}: {of_path:?}"),
            owner => assert!(of_path.contains(&owner), "{pair:?}: {of_path:?}"),
        }
    }
    assert!(owns.contains("/etc/base.conf\nbase-1.0-1.noarch\n"), "{owns}");
    assert!(owns.contains("/etc/made\nNot owned by any package.\n"), "{owns}");
}

#[test]
fn manifests_are_kept_in_the_image_with_what_changed_since() {
    let image = Image::new();
    let kept = image.path().join("etc/ovirt-plugins-manifests.d");
    say(&image, "report", &["--format", "manifest", "--in-image"]);
    let [base, user] = plugins(&image);
    image.transaction(&["-i", &base, &user]);
    say(&image, "report", &["--format", "manifest", "--in-image"]);
    let once = read(&kept);
    assert_eq!(once.len(), 14);
    assert_eq!(
        text(&once, "delta-manifest-rpm.txt"),
        "--- old/manifest-rpm.txt\n+++ new/manifest-rpm.txt\n+base-1.0-1.noarch ((none))\n+user-1.0-1.noarch ((none))\n"
    );
    assert!(!text(&once, "manifest-file.txt").contains("ovirt-plugins-manifests.d/"));
    say(&image, "report", &["--format", "manifest", "--in-image"]);
    assert_eq!(read(&kept), once, "doing it twice changes something");
    for args in [
        ["--format", "text", "--in-image"].as_slice(),
        &["--format", "ovirt", "--since", "/"],
    ] {
        assert_eq!(image.nodeshim("report", args).output().unwrap().status.code(), Some(2), "{args:?}");
    }
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
    say(&image, "report", &["--format", "ovirt", "--out", &out.display().to_string()]);
    assert_eq!(fs::read_to_string(out.join("demo-plugin")).unwrap(), printed);
    say(&image, "plugins", &["--register"]);
    assert_eq!(image.read("/etc/ovirt-plugins.d/demo-plugin"), printed);
}

#[test]
fn ports_stand_beside_the_records_and_ask_for_nothing_themselves() {
    let image = Image::new();
    let preamble = "Provides: ovirt-node-plugin(demo) = 2.0";
    let post = "%post\nfirewall-cmd --permanent --add-port=8443/tcp --add-port=7000-7001/udp\n\
                firewall-cmd --permanent --add-masquerade\n";
    let file = build_with(&image.beside("rpms"), "demo-plugin", preamble, &[], post);
    let own = [("/etc/ovirt-plugins.d/own.firewall", "7634,tcp\n")];
    let own = build_with(&image.beside("rpms"), "own", "", &own, "%post\nlokkit -n -p 99:tcp\n");
    image.transaction(&["-i", &file, &own]);
    let output = succeed(&mut image.nodeshim("report", ["--format", "ovirt", "--in-image"]));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("own: /etc/ovirt-plugins.d/own.firewall is not nodeshim's and stays as it is"),
        "{said}"
    );
    assert!(said.contains("demo-plugin: more than open ports cannot be expressed"), "{said}");
    let ports = "# written by nodeshim\n8443,tcp\n7000,udp\n7001,udp\n";
    assert_eq!(image.read("/etc/ovirt-plugins.d/demo-plugin.firewall"), ports);
    assert_eq!(image.read("/etc/ovirt-plugins.d/own.firewall"), "7634,tcp\n");
    assert!(image.read("/etc/ovirt-plugins.d/demo-plugin").starts_with("Name:demo-plugin\n"));
    let list = say(&image, "list", &["demo-plugin"]);
    assert!(list.contains("8443/tcp") && !list.contains("[demo-plugin.firewall]"), "{list}");
    assert!(say(&image, "plan", &[]).contains("0 changes"));
    say(&image, "revert", &["demo-plugin"]);
    say(&image, "report", &["--format", "ovirt", "--in-image"]);
    assert!(!image.has("/etc/ovirt-plugins.d/demo-plugin.firewall"), "it goes with the intents");
}
