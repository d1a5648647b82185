//! A package may lock what nodeshim has to change: chattr(1) keeps root out, too, until it is taken back.

use std::fs;
use std::process::Command;

use crate::image::{Image, build};
use crate::support::scratch;
use crate::{call, install};

const OWN: &str = "usr/lib/sysimage/nodeshim";

/// Whether the file system of scratch directories knows `attribute`.
fn is_known(attribute: &str) -> bool {
    let place = scratch();
    let file = place.path().join("file");
    fs::write(&file, "").unwrap();
    let chattr = |word: &str| {
        let output = Command::new("chattr").arg(word).arg(&file).output();
        output.is_ok_and(|output| output.status.success())
    };
    chattr(&format!("+{attribute}")) && chattr(&format!("-{attribute}"))
}

#[test]
fn tools_and_records_that_chattr_has_locked_are_given_back_and_told() {
    if !is_known("i") || !is_known("a") {
        return crate::support::skip::skip("the file system of scratch directories has no attributes");
    }
    let place = scratch();
    let package = build(place.path(), "a", "%post\nfirewall-cmd --permanent --add-port=8081/tcp\n");
    for (attribute, path) in [
        ("+i", "usr/bin/systemctl"),
        ("+i", "usr/bin"),
        ("+a", "usr/bin"),
        ("+i", &format!("{OWN}/armed.toml")),
        ("+i", OWN),
    ] {
        let image = Image::new();
        fs::write(image.path().join("usr/bin/systemctl"), "original").unwrap();
        install(&image, &[&package]).ends(0);
        let locked = image.path().join(path).display().to_string();
        let said = call(&image, "run", ["--", "chattr", attribute, &locked]).ends(1);
        said.says(&["could not be changed (chattr(1)), which is taken back"]);
        assert_eq!(image.read("/usr/bin/systemctl"), "original", "{attribute} {path}");
        for left in ["armed.toml", "real", "shim"] {
            assert!(!image.path().join(OWN).join(left).exists(), "{attribute} {path}: {left}");
        }
        call(&image, "run", ["--", "true"]).ends(0);
    }
    // A record is let go by a repair, which is what the error says.
    for attribute in ["+i", "+a"] {
        let image = Image::new();
        install(&image, &[&package]).ends(0);
        let state = image.path().join(OWN).join("state.toml").display().to_string();
        assert!(Command::new("chattr").args([attribute, &state]).status().unwrap().success());
        let again =
            build(&place.path().join("b"), "b", "%post\nfirewall-cmd --permanent --add-port=8082/tcp\n");
        install(&image, &[&again]).ends(1).says(&["nodeshim repair"]);
        call(&image, "repair", [""; 0]).ends(0).says(&["state.toml: could not be changed"]);
        call(&image, "settle", [""; 0]).ends(0);
        call(&image, "check", [""; 0]).ends(0);
    }
}
