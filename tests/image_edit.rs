//! `nodeshim image edit` on ISOs that boot: with the root file system packed as it is, and as a file
//! system image in what is packed.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "support/image.rs"]
mod image;
#[path = "support/schema.rs"]
mod schema;
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use image::{Image, package};
use serde_json::Value;
use support::{nodeshim, scratch, succeed};
use tempfile::TempDir;

const WANTS: &str = "/etc/systemd/system/multi-user.target.wants/node-agent.service";

/// A place with a live image `in.iso`, and temporary files of its own.
struct Live {
    place: TempDir,
    nested: bool,
}

impl Live {
    /// Makes the ISO: two boot images, a master boot record, and the root file system.
    fn new(nested: bool) -> Live {
        let live = Live {
            place: scratch(),
            nested,
        };
        let image = Image::new();
        let tree = live.at("tree");
        fs::create_dir_all(live.at("iso/LiveOS")).expect("a directory");
        fs::create_dir_all(live.at("iso/boot")).expect("a directory");
        fs::create_dir_all(live.at("temporary")).expect("a directory");
        if nested {
            fs::create_dir_all(tree.join("LiveOS")).expect("a directory");
            let file = tree.join("LiveOS/rootfs.img");
            let label = ["-q", "-F", "-L", "LiveRoot", "-d"];
            succeed(Command::new("mkfs.ext4").args(label).arg(image.path()).arg(&file).arg("96M"));
        } else {
            succeed(Command::new("cp").arg("-a").arg(image.path()).arg(&tree));
        }
        let packed = live.at("iso/LiveOS/squashfs.img");
        let options = [
            "-comp",
            "xz",
            "-b",
            "262144",
            "-noappend",
            "-no-progress",
            "-quiet",
        ];
        succeed(Command::new("mksquashfs").arg(&tree).arg(packed).args(options));
        fs::write(live.at("iso/boot/bios.img"), [0x90; 2048]).expect("a boot image");
        fs::write(live.at("iso/boot/efi.img"), [0xe9; 4096]).expect("a boot image");
        fs::write(live.at("iso/kept"), "kept\n").expect("a file");
        fs::write(live.at("mbr"), [0xcc; 440]).expect("a boot record");
        let mut make = Command::new("xorriso");
        make.args(["-as", "mkisofs", "-quiet", "-R", "-V", "NODE LIVE", "-o"])
            .arg(live.at("in.iso"));
        make.args([
            "-b",
            "boot/bios.img",
            "-c",
            "boot/catalog",
            "-no-emul-boot",
            "-boot-load-size",
            "4",
        ]);
        make.args(["-eltorito-alt-boot", "-e", "boot/efi.img", "-no-emul-boot", "-G"])
            .arg(live.at("mbr"));
        succeed(make.arg("--protective-msdos-label").arg(live.at("iso")));
        live
    }

    fn at(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn edit(&self, out: &str, args: &[&str]) -> Output {
        let mut command = Command::new(nodeshim());
        command
            .args(["image", "edit"])
            .arg(self.at("in.iso"))
            .arg("--out")
            .arg(self.at(out))
            .args(args);
        self.clean(&mut command).output().expect("nodeshim starts")
    }

    /// Gives a command an environment in which the staged nodeshim is the first of its name.
    fn clean<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", support::stage().join("usr/bin").display());
        command.env_clear().env("PATH", path).env("HOME", "/root");
        command.env("TMPDIR", self.at("temporary")).env("SOURCE_DATE_EPOCH", "1700000000")
    }

    /// What is at a path of the root file system inside an ISO: a link's target, or content.
    fn look(&self, iso: &str, path: &str) -> String {
        let packed = self.at("look.img");
        let _ = fs::remove_file(&packed);
        let mut extract = Command::new("xorriso");
        extract.args(["-osirrox", "on", "-indev"]).arg(as_file(&self.at(iso)));
        succeed(extract.args(["-extract", "/LiveOS/squashfs.img"]).arg(&packed));
        let tree = self.at("look");
        let _ = fs::remove_dir_all(&tree);
        succeed(Command::new("unsquashfs").args(["-no-progress", "-q", "-d"]).arg(&tree).arg(&packed));
        if !self.nested {
            let at = tree.join(path.trim_start_matches('/'));
            let link = fs::read_link(&at).map(|target| target.display().to_string());
            return link.or_else(|_| fs::read_to_string(&at)).unwrap_or_default();
        }
        let file = tree.join("LiveOS/rootfs.img");
        succeed(Command::new("e2fsck").args(["-f", "-n"]).arg(&file));
        let ask = |request: String| {
            let output = succeed(Command::new("debugfs").arg("-R").arg(request).arg(&file));
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        format!("{}{}", ask(format!("stat {path}")), ask(format!("cat {path}")))
    }

    fn is_clean(&self) -> bool {
        fs::read_dir(self.at("temporary")).expect("a directory").next().is_none()
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// How xorriso is told that a path below `/dev` names a file.
fn as_file(iso: &Path) -> String {
    format!("stdio:{}", iso.display())
}

/// Boot records and volume id, without where and how long things are.
fn boots(iso: &Path) -> Vec<String> {
    let report = [
        "-report_el_torito",
        "plain",
        "-report_system_area",
        "plain",
        "-pvd_info",
    ];
    let output = succeed(Command::new("xorriso").arg("-indev").arg(as_file(iso)).args(report));
    let kept = [
        "El Torito img",
        "El Torito boot img",
        "System area summary",
        "Volume Id",
        "MBR partition  ",
    ];
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let words = |line: &str| {
        let mut words: Vec<&str> = line.split_whitespace().collect();
        if line.starts_with("El Torito boot img") || line.starts_with("MBR partition") {
            words.pop();
        }
        words.join(" ")
    };
    lines
        .lines()
        .filter(|line| kept.iter().any(|kept| line.starts_with(kept)))
        .map(words)
        .collect()
}

fn edit_and_look(nested: bool) {
    let live = Live::new(nested);
    let before = fs::read(live.at("in.iso")).expect("the ISO");
    let packages = [package("node-agent-4.50"), package("node-gateway-3.0")];
    let args = ["--allow-unsigned", "--install", &packages[0], &packages[1]];
    let made = live.edit("out.iso", &args);
    assert!(made.status.success(), "{}", text(&made));
    assert!(
        before == fs::read(live.at("in.iso")).expect("the ISO"),
        "the ISO that is read was changed"
    );
    let boots_before = boots(&live.at("in.iso"));
    assert!(
        boots_before.len() >= 7 && boots_before.iter().any(|line| line.contains("NODE LIVE")),
        "{boots_before:?}"
    );
    assert_eq!(boots_before, boots(&live.at("out.iso")));
    let head = |iso: &str| fs::read(live.at(iso)).expect("an ISO")[..440].to_vec();
    assert_eq!(head("in.iso"), head("out.iso"), "the master boot record");
    let link = live.look("out.iso", WANTS);
    assert!(link.contains("/usr/lib/systemd/system/node-agent.service"), "{link}");
    assert!(live.look("out.iso", "/etc/nftables/nodeshim.d/node-gateway.nft").contains("9090"));
    let beside = fs::read_to_string(live.at("out.iso.json")).expect("the report");
    let report: Value = serde_json::from_str(&beside).expect("JSON");
    schema::assert_fits("image", &report);
    assert_eq!(report["ending"], "installed");
    assert_eq!(report["plugins"][1]["ports"][0], "9090/tcp", "{beside}");
    assert!(live.is_clean());
}

#[test]
fn packages_come_into_a_packed_root() {
    edit_and_look(false);
}

#[test]
fn packages_come_into_a_file_system_that_is_packed() {
    edit_and_look(true);
}

#[test]
fn the_recipe_for_live_isos_installs_each_package() {
    let live = Live::new(false);
    let mut command = Command::new("sh");
    command
        .arg(support::stage().join("usr/share/doc/nodeshim/recipes").join("live-iso"))
        .arg(live.at("in.iso"))
        .arg(live.at("out.iso"))
        .args([package("node-agent-4.50"), package("node-gateway-3.0")]);
    succeed(live.clean(&mut command).env("NODESHIM_OPTIONS", "--allow-unsigned"));
    assert!(live.look("out.iso", WANTS).contains("/usr/lib/systemd/system/node-agent.service"));
    assert!(live.look("out.iso", "/etc/nftables/nodeshim.d/node-gateway.nft").contains("9090"));
    assert_eq!(boots(&live.at("in.iso")), boots(&live.at("out.iso")));
}

#[test]
fn what_cannot_be_made_is_said_and_leaves_nothing() {
    let live = Live::new(false);
    let gateway = package("node-gateway-3.0");
    let refused = |out: &str, args: &[&str], words: &str| {
        let output = live.edit(out, args);
        assert!(!output.status.success() && text(&output).contains(words), "{}", text(&output));
        assert!(live.is_clean());
    };
    refused("out.iso", &["--install", &gateway], "no image was made");
    refused("out.iso", &["--remove", "absent"], "no package absent is installed");
    refused("mbr", &["--allow-unsigned", "--install", &gateway], "File exists");
    assert!(!live.at("out.iso").exists() && !live.at("out.iso.json").exists());
    fs::write(live.at("in.iso"), "no image").expect("a file");
    refused("out.iso", &["--allow-unsigned", "--install", &gateway], "not an ISO 9660 image");
    fs::create_dir(live.at("other")).expect("a directory");
    fs::write(live.at("other/file"), "x").expect("a file");
    let mut make = Command::new("xorriso");
    make.args(["-as", "mkisofs", "-quiet", "-o"]).arg(live.at("in.iso"));
    succeed(make.arg(live.at("other")));
    refused(
        "out.iso",
        &["--allow-unsigned", "--install", &gateway],
        "there is no LiveOS/squashfs.img in it",
    );
    assert!(!live.at("out.iso").exists());
}
