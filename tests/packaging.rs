//! The packages of nodeshim itself: what the spec file packages is what is staged, rpmlint has nothing to say,
//! and an image that they are installed in records what its own packages ask for.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "support/image.rs"]
mod image;
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use image::{contained, package, with_rpm};
use support::{project, scratch, stage, succeed};

const NAMES: [&str; 4] = [
    "nodeshim",
    "nodeshim-node",
    "nodeshim-rpm-plugin",
    "nodeshim-shim",
];

/// Packs files of the project, as packaging/release does, and builds the packages of what is staged.
fn build(place: &Path) -> Vec<PathBuf> {
    let version = env!("CARGO_PKG_VERSION");
    let spec = fs::read_to_string(project().join("packaging/nodeshim.spec")).expect("the spec file");
    assert!(
        spec.contains(&format!("\nVersion:        {version}\n")),
        "the spec file has another version"
    );
    let tree = place.join(format!("nodeshim-{version}"));
    fs::create_dir_all(tree.join("vendor")).expect("a directory");
    for name in ["README.md", "CHANGELOG.md", "LICENSE"] {
        fs::copy(project().join(name), tree.join(name)).expect("a copy");
    }
    let name = tree.file_name().expect("a name");
    let pack = |archive: String, directory: &Path, name: &std::ffi::OsStr| {
        succeed(
            Command::new("tar")
                .arg("-C")
                .arg(directory)
                .arg("-czf")
                .arg(place.join(archive))
                .arg(name),
        );
    };
    pack(format!("nodeshim-{version}.tar.gz"), place, name);
    pack(format!("nodeshim-{version}-vendor.tar.gz"), &tree, "vendor".as_ref());
    let define = |name: &str, value: &Path| format!("{name} {}", value.display());
    let mut command = Command::new("rpmbuild");
    command.args(["-bb", "--quiet", "--without", "rust_packages"]);
    for (name, value) in [
        ("_topdir", place.join("top")),
        ("_sourcedir", place.to_owned()),
        ("_rpmdir", place.join("rpms")),
        ("_dbpath", place.join("db")),
        ("staged", stage().to_owned()),
        ("_prefix", "/usr".into()),
        ("_libexecdir", "/usr/libexec".into()),
    ] {
        command.args(["--define", &define(name, &value)]);
    }
    succeed(command.arg(project().join("packaging/nodeshim.spec")));
    let found = succeed(Command::new("find").arg(place.join("rpms")).args(["-name", "*.rpm"])).stdout;
    let mut found: Vec<PathBuf> =
        String::from_utf8(found).expect("text").lines().map(PathBuf::from).collect();
    found.sort();
    found
}

fn lint(packages: &[PathBuf]) {
    let packaging = project().join("packaging");
    let mut command = Command::new("rpmlint");
    command
        .arg("-r")
        .arg(packaging.join("nodeshim.rpmlintrc"))
        .arg(packaging.join("nodeshim.spec"));
    let output = command.args(packages).output().expect("rpmlint starts");
    let text = String::from_utf8_lossy(&output.stdout);
    // Which filter applies depends on the distribution whose macros built the packages.
    let found: Vec<&str> = text
        .lines()
        .filter(|line| line.contains(": E: ") || line.contains(": W: "))
        .filter(|line| !line.contains("unused-rpmlintrc-filter"))
        .collect();
    assert!(text.contains("packages and 1 specfiles checked") && found.is_empty(), "{text}");
}

#[test]
fn our_packages_hold_what_is_staged_and_serve_the_image_that_they_are_in() {
    let place = scratch();
    let packages = build(place.path());
    assert_eq!(packages.len(), NAMES.len(), "{packages:?}");
    lint(&packages);
    let image = with_rpm();
    let mut rpm = image.rpm(&["-U", "--nodeps"]);
    rpm.extend(packages.iter().map(|path| path.display().to_string()));
    let installed = succeed(image.nodeshim("run", ["--"]).args(rpm));
    let said = String::from_utf8_lossy(&installed.stderr);
    assert!(said.contains("00-node.toml: the image's first policy, of nodeshim-node-"), "{said}");
    for name in NAMES {
        let verified = image.rpm(&["-V", "--nodeps", name]);
        succeed(Command::new(&verified[0]).args(&verified[1..]));
    }
    let version = succeed(&mut contained(&image, &["chroot", &at(&image), "/usr/bin/nodeshim", "--version"]));
    assert!(
        String::from_utf8_lossy(&version.stdout)
            .starts_with(&format!("nodeshim {}", env!("CARGO_PKG_VERSION")))
    );
    succeed(Command::new("cp").arg(package("node-exporter-0.9")).arg(image.path().join("plugin.rpm")));
    let words = "/usr/bin/nodeshim run -- rpm --dbpath /var/lib/rpm --nodeps -i /plugin.rpm";
    let run: Vec<String> =
        ["chroot", &at(&image)].into_iter().chain(words.split(' ')).map(str::to_owned).collect();
    succeed(&mut contained(&image, &run.iter().map(String::as_str).collect::<Vec<_>>()));
    assert!(image.has("/etc/rc.d/rc3.d/S80node-exporter"));
    // The plugin of the package named the scriptlet, and the units of nodeshim-node are those that settling enables.
    let listed =
        succeed(&mut contained(&image, &["chroot", &at(&image), "/usr/bin/nodeshim", "list"])).stdout;
    assert!(String::from_utf8_lossy(&listed).contains("node-exporter"));
    assert!(
        image
            .events()
            .iter()
            .any(|event| event.origin.found_by == nodeshim::attribution::FoundBy::RpmPlugin)
    );
    let erase: Vec<&str> = ["-e", "--nodeps"].into_iter().chain(NAMES).collect();
    let erase = image.rpm(&erase);
    succeed(Command::new(&erase[0]).args(&erase[1..]));
    for gone in [
        "/usr/bin/nodeshim",
        "/usr/libexec/nodeshim",
        "/usr/share/nodeshim",
        "/usr/share/cockpit",
        "/usr/lib/nodeshim",
    ] {
        let left = succeed(
            Command::new("find")
                .arg(image.path().join(&gone[1..]).parent().expect("a parent"))
                .args(["-path", "*nodeshim*"]),
        )
        .stdout;
        assert!(!image.has(gone), "{gone} is left: {}", String::from_utf8_lossy(&left));
    }
}

fn at(image: &image::Image) -> String {
    image.path().display().to_string()
}
