//! An image that is armed is being built, whatever a package makes of it; and no original that is a shim
//! runs itself for ever.

use std::fs;
use std::process::Command;

use crate::image::{build, contained, with_rpm};
use crate::support::{chrooted, scratch, shim};
use crate::{answer, call, image::Image};

#[test]
fn a_package_that_makes_the_directory_of_a_booted_system_changes_nothing() {
    let (image, place) = (with_rpm(), scratch());
    let post = "%post\nmkdir -p /run/systemd/system\nfirewall-cmd --permanent --add-port=6666/tcp\n";
    fs::copy(build(place.path(), "evil", post), image.path().join("evil.rpm")).unwrap();
    let part = image.path().join(shim().strip_prefix("/").unwrap());
    fs::create_dir_all(part.parent().unwrap()).unwrap();
    fs::copy(shim(), part).unwrap();
    // Nothing here may be run outside of the image: its root is what is armed.
    let (root, nodeshim) =
        (image.path().display().to_string(), crate::support::nodeshim().display().to_string());
    let inside = |words: &[&str]| answer(&contained(&image, &[&["chroot", root.as_str()], words].concat()));
    inside(&[&nodeshim, "arm", "--root", "/"]).ends(0);
    inside(&[
        "rpm",
        "--dbpath",
        "/var/lib/rpm",
        "--nosignature",
        "-U",
        "/evil.rpm",
    ])
    .ends(0);
    assert_eq!(image.events().len(), 1, "the call went past the record");
    inside(&[&nodeshim, "disarm", "--root", "/"]).ends(0);
    assert!(!image.has("/usr/lib/sysimage/nodeshim/armed.toml"));
}

#[test]
fn a_waiting_original_that_is_a_shim_does_not_run_itself_for_ever() {
    let image = Image::new();
    for path in [
        "usr/bin/systemctl",
        "usr/lib/sysimage/nodeshim/real/usr/bin/systemctl",
    ] {
        let path = image.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(shim(), path).unwrap();
    }
    let mut command = Command::new("timeout");
    let inner = chrooted(&image.path(), ["systemctl", "daemon-reload"]);
    command
        .arg("20")
        .arg(inner.get_program())
        .args(inner.get_args())
        .env("PATH", "/sbin:/bin:/usr/sbin:/usr/bin");
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("is a stand-in, too"), "{said}");
    call(&image, "disarm", [""; 0]);
}
