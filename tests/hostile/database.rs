//! The host's rpm database is not the image's, whatever links the image has.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::image::{Image, build};
use crate::support::{scratch, succeed};
use crate::{call, install};

/// Packages that rpm knows of in a database of the host.
fn names(database: &Path) -> String {
    let output = succeed(Command::new("rpm").arg("--dbpath").arg(database).args(["-qa", "--qf", "%{NAME} "]));
    String::from_utf8(output.stdout).unwrap()
}

/// Moves the image's database away and puts a link to a database of the host in the place of `what`,
/// which the image has a copy of at the same path.
fn lead_out(image: &Image, host: &Path, what: &str) -> PathBuf {
    let database = host.join("db");
    succeed(Command::new("cp").arg("-r").arg(image.path().join("usr/lib/sysimage/rpm")).arg(&database));
    let inside = image.path().join(database.strip_prefix("/").unwrap());
    fs::create_dir_all(inside.parent().unwrap()).unwrap();
    succeed(Command::new("cp").arg("-r").arg(&database).arg(&inside));
    let place = image.path().join(what);
    fs::remove_dir_all(&place).unwrap();
    let rest = Path::new("usr/lib/sysimage/rpm").strip_prefix(what).unwrap();
    if rest.as_os_str().is_empty() {
        symlink(&database, place).unwrap();
    } else {
        fs::rename(&database, host.join("rpm")).unwrap();
        fs::rename(&inside, inside.with_file_name("rpm")).unwrap();
        symlink(host, place).unwrap();
        return host.join("rpm");
    }
    database
}

#[test]
fn a_link_to_a_database_of_the_host_is_never_followed() {
    for what in ["usr/lib/sysimage/rpm", "usr/lib/sysimage"] {
        let (image, host) = (Image::new(), scratch());
        let package = build(&host.path().join("packages"), "p", "");
        let database = lead_out(&image, host.path(), what);
        let before = names(&database);
        call(&image, "install", ["--allow-unsigned", &package])
            .ends(1)
            .says(&["leads rpm out of the image"]);
        install(&image, &[&package]).ends(1).says(&["leads rpm out of the image"]);
        call(&image, "remove", ["image-base"]);
        for verb in ["list", "settle", "check", "plugins"] {
            call(&image, verb, [""; 0]);
        }
        assert_eq!(names(&database), before, "{what}");
    }
}

#[test]
fn a_link_to_the_database_that_a_package_makes_is_told_at_the_end_of_the_run() {
    let (image, host) = (Image::new(), scratch());
    let database = host.path().join("db");
    succeed(Command::new("cp").arg("-r").arg(image.path().join("usr/lib/sysimage/rpm")).arg(&database));
    let before = names(&database);
    let script = format!(
        "%posttrans\nmkdir -p {0}\ncp -r /usr/lib/sysimage/rpm {0}/db\nmv /usr/lib/sysimage/rpm /usr/lib/sysimage/old\n\
         ln -s {0}/db /usr/lib/sysimage/rpm\n",
        host.path().display()
    );
    let evil = build(&host.path().join("packages"), "evil", &script);
    install(&image, &[&evil]).ends(1).says(&["leads rpm out of the image"]);
    assert_eq!(names(&database), before);
}

#[test]
fn a_database_file_that_is_a_link_is_not_read() {
    let (image, host) = (Image::new(), scratch());
    let real = image.path().join("usr/lib/sysimage/rpm/rpmdb.sqlite");
    let moved = host.path().join("rpmdb.sqlite");
    fs::copy(&real, &moved).unwrap();
    fs::remove_file(&real).unwrap();
    let inside = image.path().join(moved.strip_prefix("/").unwrap());
    fs::create_dir_all(inside.parent().unwrap()).unwrap();
    fs::copy(&moved, &inside).unwrap();
    symlink(&moved, &real).unwrap();
    call(&image, "plugins", [""; 0]).ends(1).says(&["rpmdb.sqlite: is a link"]);
}

/// What is read of the packages is read of the image's own, too.
#[test]
fn packages_that_are_gone_from_a_database_of_the_host_are_still_the_images() {
    let (image, host) = (Image::new(), scratch());
    let post = "%post\nfirewall-cmd --permanent --add-port=8081/tcp\n";
    install(&image, &[&build(&host.path().join("packages"), "p", post)]).ends(0);
    let database = lead_out(&image, host.path(), "usr/lib/sysimage/rpm");
    let mut erase = Command::new("rpm");
    erase
        .arg("--dbpath")
        .arg(&database)
        .args(image.rpm(&["-e", "--justdb", "--noscripts", "p"]).split_off(5));
    succeed(&mut erase);
    call(&image, "settle", [""; 0]).ends(0);
    call(&image, "list", ["p"]).ends(0).says(&["8081"]);
}
