//! Which firewalld the shims behave as is found in the image: in its Python package, else in its rpm database,
//! else by its distribution.

use std::fs;
use std::process::Command;

use super::image::{Image, build_version};
use super::support::succeed;

const NOTED: &str = "/usr/lib/sysimage/nodeshim/firewalld.toml";

/// What tells generations apart: the version that is printed, a rich rule of 1.0 and an option of 2.0.
const ASKED: &str = "firewall-offline-cmd --version\n\
    firewall-offline-cmd --query-rich-rule='rule tcp-mss-clamp' >/dev/null 2>&1; echo $?\n\
    firewall-offline-cmd --zone=public --get-ingress-priority >/dev/null 2>&1; echo $?\n";
/// The answers of 0.9.11, 1.3.4 and 2.3.1; 1 is "no".
const GENERATIONS: [[&str; 3]; 3] = [["0.9.11", "122", "2"], ["1.3.4", "1", "2"], ["2.3.1", "1", "0"]];

fn asked(image: &Image) -> Vec<String> {
    let root = image.path().display().to_string();
    let run = succeed(image.nodeshim("run", ["--"]).args(["chroot", &root, "sh", "-c", ASKED]));
    String::from_utf8_lossy(&run.stdout).lines().take(3).map(str::to_owned).collect()
}

/// A package that has firewalld's version and none of its files.
fn install(image: &Image, name: &str, version: &str) {
    let package = build_version(&image.beside("rpms"), name, version, "", "%files\n");
    succeed(Command::new("rpm").args(&image.rpm(&["-U", &package])[1..]));
}

#[test]
fn without_the_python_package_the_rpm_database_says_which_firewalld_an_image_has() {
    let image = Image::new();
    assert_eq!(asked(&image), ["1.3.3", "1", "2"], "what is assumed");
    assert!(!image.has(NOTED));
    for expected in GENERATIONS {
        install(&image, "firewalld", expected[0]);
        assert_eq!(asked(&image), expected);
        assert_eq!(asked(&image), expected, "and the next time");
    }
    fs::write(image.path().join("etc/os-release"), "ID=fedora\nVERSION_ID=34\n").unwrap();
    assert_eq!(asked(&image), GENERATIONS[2], "the database knows better than the distribution");
    succeed(Command::new("rpm").args(&image.rpm(&["-e", "firewalld"])[1..]));
    assert_eq!(asked(&image)[1..], GENERATIONS[0][1..], "the distribution's");
    assert!(!image.has(NOTED));
    install(&image, "firewalld-filesystem", "1.3.4");
    succeed(&mut image.nodeshim("arm", [""; 0]));
    let chroot = succeed(Command::new("chroot").arg(image.path()).args(["sh", "-c", ASKED])).stdout;
    assert_eq!(String::from_utf8_lossy(&chroot).lines().collect::<Vec<_>>(), GENERATIONS[1]);
    succeed(&mut image.nodeshim("disarm", [""; 0]));
}

#[test]
fn firewalls_python_package_says_which_firewalld_an_image_has_wherever_its_python_is() {
    for (expected, python) in GENERATIONS.iter().zip([
        "lib/python3.6/site-packages",
        "lib64/python3.9/site-packages",
        "lib/python3.13/site-packages",
    ]) {
        let image = Image::new();
        install(&image, "firewalld", "1.0.0");
        let package = image.path().join("usr").join(python).join("firewall/config");
        fs::create_dir_all(&package).unwrap();
        fs::write(package.join("__init__.py"), format!("# -*- coding\nVERSION = '{}'\n", expected[0]))
            .unwrap();
        assert_eq!(asked(&image), *expected);
        assert!(!image.has(NOTED));
    }
}
