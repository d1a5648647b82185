//! The rpm database of an image, written by rpm itself.

use std::fs;
use std::process::Command;

use nodeshim::rpmdb::{Installed, owners, scriptlets};

use crate::image::BareImage;
use crate::support;

const SPEC: &str = r#"
Name: lib.a+b-c
Version: 1.0
Release: 2
Epoch: 3
Summary: test
License: none
BuildArch: noarch
%description
test
%post
echo "it's"
	printf 'x\n' \
  y
%preun -p /bin/sh
true
%posttrans -p /sbin/ldconfig
%triggerin -- bash
true
%transfiletriggerin -- /usr/lib
cat
%files
"#;

#[test]
fn packages_and_scriptlets_are_read_from_either_place() {
    for directory in ["usr/lib/sysimage/rpm", "var/lib/rpm"] {
        let image = BareImage::with_nft();
        assert!(!Installed::load(&image.root).unwrap().is_known());
        fs::write(image.path().join("x.spec"), SPEC).unwrap();
        let top = image.path().join("top");
        let mut build = Command::new("rpmbuild");
        build
            .arg("-bb")
            .arg("--define")
            .arg(format!("_topdir {}", top.display()))
            .arg(image.path().join("x.spec"));
        support::succeed(&mut build);
        fs::create_dir_all(image.path().join(directory)).unwrap();
        let mut install = Command::new("rpm");
        install.arg("--root").arg(image.path()).args(["--dbpath", &format!("/{directory}")]);
        install.args(["-i", "--justdb", "--nodeps", "--noscripts", "--notriggers"]);
        let help = Command::new("rpm").arg("--help").output().unwrap();
        if String::from_utf8_lossy(&help.stdout).contains("--force-debian") {
            install.arg("--force-debian");
        }
        install.arg(top.join("RPMS/noarch/lib.a+b-c-1.0-2.noarch.rpm"));
        support::succeed(&mut install);
        let installed = Installed::load(&image.root).unwrap();
        assert!(installed.is_known());
        let nevra = "lib.a+b-c-3:1.0-2.noarch";
        assert_eq!(installed.nevra("lib.a+b-c").as_deref(), Some(nevra));
        assert!(installed.has_nevra(nevra));
        let found = scriptlets(&image.root).unwrap();
        let bodies: Vec<(&str, &str)> = found.iter().map(|it| (it.kind.as_str(), it.body.as_str())).collect();
        let expected = [
            ("%post", "echo \"it's\"\n\tprintf 'x\\n' \\\n  y"),
            ("%preun", "true"),
            ("%triggerin", "true"),
            ("%transfiletriggerin", "cat"),
        ];
        assert_eq!(bodies, expected);
        let owners = owners(&found);
        assert_eq!(owners.len(), 3, "%preun and %triggerin share a body");
    }
}
