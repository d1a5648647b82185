//! The recipes for image builders, each run as it is installed, on an image of its own: with real rpm, dnf, make,
//! buildah and ostree. Anaconda, mkosi and kiwi are stood in for by the order of their steps: each of them runs the
//! script that it is given in the image after its own packages are there. The recipe for live ISOs is run where these
//! are edited.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "support/image.rs"]
mod image;
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use image::{Image, contained, package, with_rpm};
use nodeshim::attribution::FoundBy;
use support::{stage, succeed};

/// What the two plugins that recipes install leave in an image.
const LEFT: [&str; 2] = [
    "/etc/rc.d/rc3.d/S80node-exporter",
    "/etc/nftables/nodeshim.d/node-console-a.nft",
];

fn recipe(name: &str) -> PathBuf {
    stage().join("usr/share/doc/nodeshim/recipes").join(name)
}

fn plugins() -> [String; 2] {
    ["node-exporter-0.9", "node-console-a-1.0"].map(package)
}

/// Copies the plugins into a directory, which is made.
fn put_plugins(directory: &Path) {
    fs::create_dir_all(directory).expect("a directory");
    succeed(Command::new("cp").args(plugins()).arg(directory));
}

/// A command in an environment in which the staged nodeshim is the first of its name.
fn clean(program: &str) -> Command {
    let mut command = Command::new(program);
    let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", stage().join("usr/bin").display());
    command.env_clear().env("PATH", path).env("HOME", "/root").stdin(Stdio::null());
    command
}

/// Panics unless the plugins are installed, what they asked for is in the image as theirs, and nothing of the shims.
fn assert_installed(image: &Image, by: FoundBy) {
    for path in LEFT {
        assert!(image.has(path), "{path}");
    }
    let events = image.events();
    let requests: Vec<_> = events.iter().filter(|event| !event.tool.is_seen()).collect();
    assert!(requests.len() >= 3, "{requests:?}");
    for event in requests {
        assert!(["node-exporter", "node-console-a"].contains(&&*event.origin.name()), "{event:?}");
        assert_eq!(event.origin.found_by, by, "{event:?}");
    }
    let ports = succeed(&mut image.nodeshim("ports", ["--json"])).stdout;
    assert!(String::from_utf8_lossy(&ports).contains("8443"));
    for gone in ["armed.toml", "shim", "real"] {
        assert!(!image.has(&format!("/usr/lib/sysimage/nodeshim/{gone}")), "{gone}");
    }
}

/// An image that has rpm, and nodeshim with all its files.
fn with_nodeshim() -> Image {
    let image = with_rpm();
    succeed(Command::new("cp").arg("-a").arg(stage().join("usr")).arg(image.path()));
    image
}

/// A script in the image, with `/proc` there as all builders have it.
fn inside(image: &Image, words: &[&str]) -> Command {
    let root = image.path().display().to_string();
    contained(image, &[&["chroot", &root], words].concat())
}

#[test]
fn the_makefile_installs_with_rpm_once_and_writes_a_report() {
    let image = Image::new();
    let place = image.beside("build");
    put_plugins(&place);
    let rpm = image.rpm(&[]);
    let (program, options) = rpm.split_first().expect("a program");
    // --root is the recipe's own.
    let make = |goal: &str| {
        let mut command = clean("make");
        command.arg("-f").arg(recipe("Makefile")).arg(goal).current_dir(&place);
        command.arg(format!("IMAGE={}", image.path().display()));
        succeed(command.arg(format!("RPM={program} {}", options[2..].join(" "))))
    };
    make("all");
    assert_installed(&image, FoundBy::RpmPlugin);
    let again = make("report");
    assert!(!String::from_utf8_lossy(&again.stdout).contains("nodeshim run"), "{again:?}");
    let page = fs::read_to_string(place.join("report.html")).expect("the report");
    assert!(page.contains("plugin-node-exporter"));
    // A package that was not there before is a reason to install again.
    fs::copy(package("node-lua-1.0"), place.join("node-lua.rpm")).expect("a copy");
    fs::remove_file(place.join("node-exporter-0.9-1.noarch.rpm")).expect("a package");
    fs::remove_file(place.join("node-console-a-1.0-1.noarch.rpm")).expect("a package");
    make("check");
    assert!(image.has("/etc/systemd/system/multi-user.target.wants/node-lua.service"));
}

#[test]
fn dnf_installs_into_a_root_and_ports_are_shown() {
    let image = Image::new();
    let home = image.beside("home");
    fs::create_dir_all(&home).expect("a home");
    fs::write(home.join(".rpmmacros"), "%_dbpath /var/lib/rpm\n").expect("macros");
    let mut command = clean("sh");
    command
        .arg(recipe("dnf-installroot"))
        .arg(image.path())
        .args(plugins())
        .env("HOME", &home);
    command.env("DNF_OPTIONS", "--disablerepo=* --releasever=1");
    let said = succeed(&mut command).stdout;
    assert!(String::from_utf8_lossy(&said).contains("8443/tcp"), "{}", String::from_utf8_lossy(&said));
    assert_installed(&image, FoundBy::RpmPlugin);
}

/// Prints the interpreter of a kickstart's only `%post`, and its script, as Anaconda reads them.
const POST: &str = "import sys
from pykickstart.parser import KickstartParser
from pykickstart.version import makeVersion
parser = KickstartParser(makeVersion())
parser.readKickstart(sys.argv[1])
script, = parser.handler.scripts
assert script.inChroot and script.errorOnFail
print(script.interp)
print(script.script)
";

#[test]
fn a_kickstart_is_valid_and_its_post_installs() {
    succeed(Command::new("ksvalidator").arg(recipe("kickstart.ks")));
    let python = "/usr/local/lib/pykickstart/bin/python3";
    let python = if Path::new(python).exists() {
        python
    } else {
        "python3"
    };
    let parsed = succeed(Command::new(python).args(["-c", POST]).arg(recipe("kickstart.ks"))).stdout;
    let parsed = String::from_utf8(parsed).expect("text");
    let (interpreter, script) = parsed.split_once('\n').expect("an interpreter");
    let image = with_nodeshim();
    put_plugins(&image.path().join("root/plugins"));
    // Anaconda writes the script into the root and starts it there.
    fs::write(image.path().join("tmp/ks-script"), script).expect("a script");
    succeed(&mut inside(&image, &[interpreter, "/tmp/ks-script"]));
    assert_installed(&image, FoundBy::RpmPlugin);
}

#[test]
fn mkosi_and_kiwi_run_their_scripts_in_the_image() {
    // mkosi(1), "Scripts": postinst scripts run after the packages are installed, with the sources at $SRCDIR, and
    // those named .chroot in the image. kiwi's documentation, "User-Defined Scripts": config.sh lies in /image with
    // all of the description, and is run there in a chroot at the end of the prepare step.
    for (name, sources, at, first) in [
        ("mkosi.postinst.chroot", "src", "src/postinst", None),
        ("kiwi-config.sh", "image", "image/config.sh", Some("bash")),
    ] {
        let image = with_nodeshim();
        put_plugins(&image.path().join(sources).join("plugins"));
        let script = image.path().join(at);
        fs::copy(recipe(name), &script).expect("a copy");
        succeed(Command::new("chmod").arg("0755").arg(&script));
        let script = format!("/{at}");
        let words: Vec<&str> = first.into_iter().chain([&*script, "final"]).collect();
        succeed(inside(&image, &words).env("SRCDIR", "/src").env("BUILDROOT", "/"));
        assert_installed(&image, FoundBy::RpmPlugin);
    }
}

/// buildah with its storage in a directory of the test.
struct Buildah {
    place: PathBuf,
}

impl Buildah {
    fn command(&self, words: &[&str]) -> Command {
        let mut command = clean("buildah");
        command
            .arg("--root")
            .arg(self.place.join("storage"))
            .arg("--runroot")
            .arg(self.place.join("run"));
        // No registry is asked, and no file system of the kernel's is needed.
        command.args(["--storage-driver", "vfs"]).args(words).current_dir(&self.place);
        command
    }

    fn say(&self, words: &[&str]) -> String {
        let output = succeed(&mut self.command(words));
        String::from_utf8(output.stdout).expect("text").trim().to_owned()
    }

    /// Builds an image from a file, whose context is a directory.
    fn build(&self, name: &str, file: &Path, context: &Path) {
        let (file, context) = (file.display().to_string(), context.display().to_string());
        let words = [
            "bud",
            "--isolation",
            "chroot",
            "--build-arg",
            "BASE=base",
            "-t",
            name,
            "-f",
            &file,
            &context,
        ];
        self.say(&words);
    }

    /// The files of an image.
    fn files(&self, name: &str) -> Vec<String> {
        let container = self.say(&["from", name]);
        let mounted = self.say(&["mount", &container]);
        let found = succeed(Command::new("find").arg(&mounted).args(["-printf", "%P\\n"])).stdout;
        self.say(&["rm", &container]);
        let mut found: Vec<String> =
            String::from_utf8(found).expect("text").lines().map(str::to_owned).collect();
        found.sort();
        found
    }
}

#[test]
fn a_container_is_built_with_nodeshim_mounted_and_keeps_only_the_records() {
    let base = with_rpm();
    fs::create_dir_all(base.path().join("mnt")).expect("a directory");
    let buildah = Buildah {
        place: base.beside("buildah"),
    };
    fs::create_dir_all(&buildah.place).expect("a directory");
    fs::write(buildah.place.join("Containerfile"), "FROM scratch\nCOPY root /\n").expect("a file");
    let context = base.path().parent().expect("a parent").to_owned();
    buildah.build("base", &buildah.place.join("Containerfile"), &context);
    // Our own image, by the file that makes it.
    let own = buildah.place.join("own");
    fs::create_dir_all(own.join("root")).expect("a directory");
    succeed(Command::new("cp").arg("-a").arg(stage().join("usr")).arg(own.join("root")));
    buildah.build("nodeshim", &support::project().join("packaging/Containerfile"), &own);
    let own = buildah.place.join("context");
    put_plugins(&own.join("plugins"));
    buildah.build("node", &recipe("Containerfile"), &own);
    let (before, after) = (buildah.files("base"), buildah.files("node"));
    for path in LEFT {
        assert!(after.iter().any(|found| *found == path[1..]), "{path}: {after:?}");
    }
    let new: Vec<&String> = after.iter().filter(|path| !before.contains(path)).collect();
    let own = "usr/lib/sysimage/nodeshim";
    let left: Vec<_> = new
        .iter()
        .filter(|path| path.contains("nodeshim") && !path.starts_with(own) && !path.starts_with("etc/"))
        .collect();
    // The unit that starts an init script at boot is the only thing besides that the image keeps of ours.
    assert_eq!(left, [&&"usr/lib/systemd/system/nodeshim-start@.service".to_owned()], "{new:?}");
    assert!(new.iter().all(|path| !path.starts_with("mnt/")), "{new:?}");
    for gone in ["armed.toml", "shim", "real"] {
        assert!(!after.contains(&format!("{own}/{gone}")), "{gone}");
    }
}

#[test]
fn a_tree_is_committed_to_ostree_and_checked_with_its_etc_in_usr() {
    let image = Image::new();
    image.install(&["node-exporter-0.9", "node-console-a-1.0"]);
    let repository = image.beside("repository").display().to_string();
    let words = ["init", "--repo", &repository, "--mode", "bare"];
    succeed(clean("ostree").args(words));
    let commit = |tree: &Path| {
        let mut command = clean("sh");
        command.arg(recipe("ostree-commit")).arg(tree).args([&*repository, "node"]);
        command
    };
    succeed(&mut commit(&image.path()));
    // What another checks out is read the same way, and what was changed in it is found.
    let tree = image.beside("tree");
    succeed(
        clean("ostree")
            .args(["checkout", "--repo", &repository, "--force-copy", "node"])
            .arg(&tree),
    );
    assert!(!tree.join("etc").exists() && tree.join("usr/etc/rc.d").exists());
    let nodeshim = |verb: &str| {
        let mut command = clean("nodeshim");
        command.args([verb, "--root"]).arg(&tree);
        command
    };
    succeed(&mut nodeshim("check"));
    let listed = succeed(&mut nodeshim("ports")).stdout;
    assert!(String::from_utf8_lossy(&listed).contains("8443/tcp"));
    fs::remove_file(tree.join("usr/etc/nftables/nodeshim.d/node-console-a.nft")).expect("a ruleset");
    let found = nodeshim("check").output().expect("nodeshim starts");
    let text = String::from_utf8_lossy(&found.stdout).into_owned();
    assert!(
        !found.status.success() && text.contains("/etc/nftables/nodeshim.d/node-console-a.nft"),
        "{text}"
    );
    succeed(&mut nodeshim("settle"));
    assert!(
        tree.join("usr/etc/nftables/nodeshim.d/node-console-a.nft").exists() && !tree.join("etc").exists()
    );
    succeed(&mut nodeshim("check"));
    let refused = nodeshim("run").args(["--", "true"]).output().expect("nodeshim starts");
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && text.contains("/usr/etc, as OSTree commits it"), "{text}");
    assert!(!commit(&tree).output().expect("sh starts").status.success());
}

#[test]
fn every_recipe_is_installed_and_run() {
    let mut names: Vec<String> = fs::read_dir(recipe("."))
        .expect("the recipes")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .collect();
    names.sort();
    let tests = ["recipes.rs", "image_edit.rs"]
        .map(|name| fs::read_to_string(support::project().join("tests").join(name)).expect("a test"))
        .concat();
    for name in &names {
        assert!(tests.matches(&format!("\"{name}\"")).count() > 0, "no test runs {name}");
    }
    assert_eq!(names.len(), 8, "{names:?}");
}
