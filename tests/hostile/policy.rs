//! Policy is what it was when the run began.

use std::fs;

use crate::image::{Image, build, build_with};
use crate::support::scratch;
use crate::{answer, call};

const DENY: &str = "[[rule]]\nkind = \"allow\"\nverdict = \"deny\"\nexit = 0\n";

fn run_under(image: &Image, policy: &str, package: &str) -> crate::Answer {
    let file = image.beside("policy.toml");
    fs::write(&file, policy).unwrap();
    let argv = image.rpm(&["--nosignature", "-U", package]);
    answer(image.nodeshim("run", ["--policy", file.to_str().unwrap(), "--"]).args(argv))
}

#[test]
fn a_package_cannot_take_the_policy_of_the_run_away() {
    let place = scratch();
    for (name, what) in [
        ("removes", "rm -f /usr/lib/sysimage/nodeshim/run-policy.toml"),
        ("empties", "echo 'format = 1' > /usr/lib/sysimage/nodeshim/run-policy.toml"),
    ] {
        let image = Image::new();
        let post = format!("%post\n{what}\nfirewall-cmd --permanent --add-port=6666/tcp\n");
        run_under(&image, DENY, &build(place.path(), name, &post))
            .ends(1)
            .says(&["run-policy.toml"]);
        let zone = image.root().read_text("/etc/firewalld/zones/public.xml").unwrap_or_default();
        assert!(!zone.contains("6666"), "{name}: {zone}");
        call(&image, "check", [""; 0]).ends(0);
    }
}

#[test]
fn a_policy_file_that_a_package_ships_is_told_and_counts_for_later_runs_only() {
    let (image, place) = (Image::new(), scratch());
    let own = image.path().join("usr/lib/nodeshim/policy.d");
    fs::create_dir_all(&own).unwrap();
    fs::write(own.join("00-node.toml"), DENY).unwrap();
    let files = [("/etc/nodeshim/policy.d/00-node.toml", "")];
    let post = "%post\nfirewall-cmd --permanent --add-port=6666/tcp\n";
    let evil = build_with(place.path(), "evil", "", &files, post);
    crate::install(&image, &[&evil])
        .ends(1)
        .says(&["/etc/nodeshim/policy.d/00-node.toml: came with the run by evil-1.0-1.noarch"]);
    let zone = image.root().read_text("/etc/firewalld/zones/public.xml").unwrap_or_default();
    assert!(!zone.contains("6666"), "{zone}");
}

#[test]
fn check_is_content_after_a_run_with_a_policy_of_its_own() {
    let (image, place) = (Image::new(), scratch());
    let post = "%post\nfirewall-cmd --permanent --add-port=6666/tcp\n";
    run_under(&image, DENY, &build(place.path(), "p", post)).ends(0);
    call(&image, "check", [""; 0]).ends(0);
}

/// A unit is also pulled in by a drop-in, and by what a link leads to in the place of a directory.
#[test]
fn denied_drop_ins_and_linked_directories_of_links_are_taken_back() {
    let image = Image::new();
    let units = image.path().join("usr/lib/systemd/system");
    fs::create_dir_all(&units).unwrap();
    for unit in ["x.service", "sshd.service"] {
        fs::write(units.join(unit), "[Service]\nExecStart=/bin/true\n").unwrap();
    }
    let script = "mkdir -p /opt/w /etc/systemd/system /usr/lib/systemd/system/sshd.service.d\n\
        ln -s /usr/lib/systemd/system/x.service /opt/w/x.service\n\
        ln -s /opt/w /etc/systemd/system/multi-user.target.wants\n\
        echo '[Unit]' >/usr/lib/systemd/system/sshd.service.d/x.conf";
    let package = build(&image.beside("rpms"), "sly", &format!("%post\n{script}\n"));
    let said = run_under(&image, "[[rule]]\nverdict = \"deny\"\n", &package).text;
    for path in [
        "etc/systemd/system/multi-user.target.wants",
        "usr/lib/systemd/system/sshd.service.d/x.conf",
    ] {
        assert!(fs::symlink_metadata(image.path().join(path)).is_err(), "{path} is still there\n{said}");
    }
    assert!(said.contains("enable x.service") && said.contains("edit sshd.service"), "{said}");
}
