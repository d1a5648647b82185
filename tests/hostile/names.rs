//! A file's name, and what lies under it, is data.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use nodeshim::rpmdb::PackageFile;

use crate::image::{Image, build, build_with, package};
use crate::support::{scratch, succeed};
use crate::{answer, call};

/// Names that rpm takes for macros, patterns, options or several words.
const NAMES: [&str; 9] = [
    "%(touch pwned).rpm",
    "%{lua:os.execute('touch pwned')}.rpm",
    "pkg[1].rpm",
    "star*.rpm",
    "--eval=%(touch pwned).rpm",
    "two words.rpm",
    "back\\slash.rpm",
    "quote'\".rpm",
    "new\nline.rpm",
];

const POST: &str = "%post\nfirewall-cmd --permanent --add-port=7070/tcp\n";

#[test]
fn file_names_are_no_macros_and_no_globs_for_lint_and_policy_test() {
    let image = Image::new();
    let place = scratch();
    let package = build(place.path(), "odd", POST);
    let plain = answer(image.nodeshim("policy", ["test", &package]).current_dir(place.path()));
    for name in NAMES {
        fs::copy(&package, place.path().join(name)).unwrap();
        let given = format!("./{name}");
        let tested = answer(image.nodeshim("policy", ["test", &given]).current_dir(place.path()));
        assert_eq!((tested.code, &tested.text), (plain.code, &plain.text), "{name:?}");
        answer(image.nodeshim("lint", [&given]).current_dir(place.path())).ends(0).says(&["7070"]);
        let tried = ["--dry-run", "--allow-unsigned", "--", &given];
        answer(image.nodeshim("install", tried).current_dir(place.path())).ends(0);
        assert!(!place.path().join("pwned").exists(), "{name:?} was run");
    }
    call(&image, "lint", ["/none[1].rpm"]).ends(1).says(&["No such file"]);
}

#[test]
fn file_names_in_a_repository_run_nothing() {
    let image = Image::new();
    let place = scratch();
    let needed = build_with(&place.path().join("in"), "needed", "Provides: thing\n", &[], POST);
    let needs = build_with(place.path(), "needs", "Requires: thing\n", &[], "");
    let repository = place.path().join("repo");
    fs::create_dir(&repository).unwrap();
    fs::copy(&needed, repository.join("%(touch pwned).rpm")).unwrap();
    let args = ["--allow-unsigned", "--repo", repository.to_str().unwrap(), &needs];
    let done = answer(image.nodeshim("install", args).current_dir(place.path()));
    for directory in [place.path(), Path::new("/"), &image.path()] {
        assert!(!directory.join("pwned").exists(), "{}", done.text);
    }
    done.ends(0).says(&["needed-1.0-1.noarch"]);
}

#[test]
fn what_is_no_package_is_refused_by_what_it_is() {
    let image = Image::new();
    let place = scratch();
    let at = |name: &str| place.path().join(name);
    mkfifo(&at("fifo.rpm"), Mode::S_IRWXU).unwrap();
    symlink("/dev/zero", at("zero.rpm")).unwrap();
    fs::create_dir(at("directory.rpm")).unwrap();
    fs::write(at("manifest.rpm"), format!("{}\n", package("node-agent-1.0"))).unwrap();
    fs::write(at("short.rpm"), [0xed, 0xab, 0xee, 0xdb]).unwrap();
    let cases = [
        ("fifo.rpm", "FIFO"),
        ("zero.rpm", "a device"),
        ("directory.rpm", "a directory"),
        ("manifest.rpm", "not an RPM package"),
        ("short.rpm", "not an RPM package"),
    ];
    for (name, why) in cases {
        let path = at(name).display().to_string();
        call(&image, "lint", [&path]).ends(1).says(&[name, why]);
        call(&image, "policy", ["test", &path]).ends(1).says(&[name, why]);
        if name != "directory.rpm" {
            assert_ne!(call(&image, "install", ["--allow-unsigned", &path]).code, 0, "{name}");
        }
    }
}

#[test]
fn source_packages_are_refused_as_such() {
    let image = Image::new();
    let place = scratch();
    let spec = place.path().join("s.spec");
    let text = "Name: s\nVersion: 1\nRelease: 1\nSummary: s\nLicense: MIT\nBuildArch: noarch\n%description\ns\n%files\n";
    fs::write(&spec, text).unwrap();
    let mut rpmbuild = Command::new("rpmbuild");
    for (name, value) in [("_topdir", place.path()), ("_srcrpmdir", place.path())] {
        rpmbuild.arg("--define").arg(format!("{name} {}", value.display()));
    }
    succeed(rpmbuild.args(["-bs", "--quiet"]).arg(&spec));
    let package = place.path().join("s-1-1.src.rpm").display().to_string();
    call(&image, "lint", [&package]).ends(1).says(&["is a source package"]);
    call(&image, "install", ["--allow-unsigned", &package]).ends(15).says(&["source package"]);
}

/// The fields that are read here, as rpm itself prints them.
fn by_rpm(path: &str) -> Vec<String> {
    let format = "%{NEVRA}\n[F %{FILEMODES} %{FILENAMES}\n][T %{TRIGGERTYPE} %{TRIGGERSCRIPTPROG}\n]\
                  %|POSTIN?{post %{POSTIN}\n}|%|PREUN?{preun %{PREUN}\n}|[P %{POSTINPROG}\n]";
    let output = succeed(Command::new("rpm").args(["-qp", "--nosignature", "--qf", format, path]));
    let mut lines: Vec<String> =
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

fn by_nodeshim(path: &str) -> Vec<String> {
    let package = PackageFile::read(Path::new(path), |_| false).unwrap();
    let mut text = format!("{}\n", package.nevra);
    package.files.iter().for_each(|(path, mode)| text += &format!("F {mode} {path}\n"));
    let triggers = package.trigger_programs.iter();
    let triggers = triggers.filter_map(|(kind, program)| Some((kind.strip_prefix("%trigger")?, program)));
    triggers.for_each(|(when, program)| text += &format!("T {when} {program}\n"));
    for scriptlet in &package.scriptlets {
        if let Some(name @ ("post" | "preun")) = scriptlet.kind.strip_prefix('%') {
            text += &format!("{name} {}\n", scriptlet.body);
        }
    }
    let post = package.programs.iter().filter(|(kind, _)| kind == "%post");
    post.flat_map(|(_, words)| words).for_each(|word| text += &format!("P {word}\n"));
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn headers_are_read_as_rpm_reads_them() {
    let place = scratch();
    let triggers = "%post -p \"/bin/true -x\"\n%preun\necho it\\'s \"$1\"\n\n\n%triggerin -- a\necho in\n\
                    %triggerun -- b\necho un\n%triggerpostun -p /usr/bin/python3 -- c, d\npass\n\
                    %filetriggerin -- /usr\necho files\n";
    let files = [("/usr/share/x/a b", "one"), ("/etc/x.conf", "two")];
    let odd = build_with(place.path(), "odd", "Epoch: 3\n", &files[1..], triggers);
    let named = [
        "node-agent-1.0",
        "node-hook-el8-1.0",
        "node-lua-1.0",
        "node-roller-2.0",
    ];
    let all: Vec<String> =
        named.iter().map(|name| package(name)).filter(|path| Path::new(path).exists()).collect();
    assert!(!all.is_empty());
    for path in all.iter().chain([&odd]) {
        assert_eq!(by_nodeshim(path), by_rpm(path), "{path}");
    }
}

#[test]
fn any_change_of_a_header_is_read_or_refused() {
    let place = scratch();
    let package = build(place.path(), "odd", POST);
    let good = fs::read(&package).unwrap();
    let end = good.len().min(6000);
    let spoilt = place.path().join("spoilt.rpm");
    let mut random = 0x2545_f491_u32;
    for round in 0..3000 {
        let mut bytes = good.clone();
        for _ in 0..=round % 4 {
            random ^= random << 13;
            random ^= random >> 17;
            random ^= random << 5;
            let at = 96 + random as usize % (end - 96);
            bytes[at] = [0xff, 0, 0x7f, 0x80, bytes[at] ^ 1][random as usize >> 8 & 3];
        }
        fs::write(&spoilt, &bytes).unwrap();
        let _ = PackageFile::read(&spoilt, |_| false);
    }
    for length in (0..end).step_by(7) {
        fs::write(&spoilt, &good[..length]).unwrap();
        let _ = PackageFile::read(&spoilt, |_| false);
    }
}
