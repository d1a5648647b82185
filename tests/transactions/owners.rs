//! Transactions on the packages that own the tools: after each the image is what it would be
//! without nodeshim, down to links, times and attributes, and every scriptlet met the shim.

use std::path::Path;
use std::process::Command;

use super::image::{Image, build_version};
use super::support::{project, succeed};
use super::text;

const KINDS: [&str; 5] = ["pre", "post", "preun", "postun", "posttrans"];
const TOOLS: [&str; 3] = [
    "/usr/bin/systemctl",
    "/usr/sbin/chkconfig",
    "/usr/bin/firewall-cmd",
];

/// A package that owns tools: one with a capability, one with a second name, one link. Each of its
/// scriptlets calls all of them.
fn owner(place: &Path, version: u32) -> String {
    let mut text = format!(
        "%install\ninstall -d %{{buildroot}}/usr/bin %{{buildroot}}/usr/sbin\n\
         printf '#!/bin/sh\\n# {version}\\n' >%{{buildroot}}/usr/bin/systemctl\n\
         printf '#!/bin/sh\\n# {version} too\\n' >%{{buildroot}}/usr/sbin/chkconfig\n\
         touch -d 2001-02-0{version} %{{buildroot}}/usr/bin/systemctl %{{buildroot}}/usr/sbin/chkconfig\n\
         ln %{{buildroot}}/usr/sbin/chkconfig %{{buildroot}}/usr/sbin/chkconfig.twin\n\
         ln -s systemctl %{{buildroot}}/usr/bin/firewall-cmd\n\
         %files\n%attr(0751,root,nobody) %caps(cap_net_raw=ep) /usr/bin/systemctl\n\
         %attr(0755,root,root) /usr/sbin/chkconfig\n%attr(0755,root,root) /usr/sbin/chkconfig.twin\n\
         /usr/bin/firewall-cmd\n"
    );
    for kind in KINDS {
        text += &format!("%{kind}\n");
        for tool in TOOLS {
            text += &format!("{tool} --{kind}-{version} || :\n");
        }
    }
    build_version(place, "toolbox", version, "", &text)
}

/// A package whose scriptlet runs after the tools' has come.
fn user(place: &Path) -> String {
    let script = TOOLS.map(|tool| format!("{tool} --later || :\n")).concat();
    build_version(place, "user", 1, "Requires(post): toolbox", &format!("%files\n%post\n{script}"))
}

/// Two images that go through the same transactions, one of them without nodeshim.
struct Twins {
    with: Image,
    without: Image,
    seen: usize,
}

impl Twins {
    fn transaction(&mut self, what: &str, args: &[&str], scriptlets: &[&str]) {
        self.with.transaction(args);
        let plain = self.without.rpm(args);
        succeed(Command::new(&plain[0]).args(&plain[1..]).env_clear().env("PATH", "/usr/bin:/usr/sbin"));
        assert_eq!(tree(&self.with), tree(&self.without), "{what}");
        assert_eq!(verified(&self.with), verified(&self.without), "{what}: rpm -Va");
        let events = self.with.events();
        let mut asked: Vec<String> = events[self.seen..].iter().map(|event| event.words()).collect();
        self.seen = events.len();
        let mut expected: Vec<String> = scriptlets
            .iter()
            .flat_map(|scriptlet| TOOLS.map(|tool| format!("{tool} --{scriptlet}")))
            .collect();
        asked.sort();
        expected.sort();
        assert_eq!(asked, expected, "{what}: each scriptlet meets every shim");
    }
}

fn tree(image: &Image) -> String {
    let mut command = Command::new(project().join("tests/lib/tree"));
    command.arg(image.path()).args(["usr/lib/sysimage/rpm", "usr/lib/sysimage/nodeshim"]);
    text(&succeed(&mut command).stdout)
}

fn verified(image: &Image) -> String {
    let argv = image.rpm(&["-Va"]);
    let output = Command::new(&argv[0]).args(&argv[1..]).output().expect("rpm starts");
    text(&output.stdout)
}

#[test]
fn a_package_of_tools_may_come_go_and_change_as_without_nodeshim() {
    let mut twins = Twins {
        with: Image::new(),
        without: Image::new(),
        seen: 0,
    };
    let place = twins.with.beside("packages");
    let (one, two, user) = (owner(&place, 1), owner(&place, 2), user(&place));
    twins.transaction(
        "a first installation",
        &["-i", &one, &user],
        &["pre-1", "post-1", "posttrans-1", "later"],
    );
    let upgrade = ["pre-2", "post-2", "preun-1", "postun-1", "posttrans-2"];
    twins.transaction("an upgrade", &["-U", &two], &upgrade);
    let downgrade = ["pre-1", "post-1", "preun-2", "postun-2", "posttrans-1"];
    twins.transaction("a downgrade", &["-U", "--oldpackage", &one], &downgrade);
    // What no package knows of stays on a tool that nobody touches.
    for image in [&twins.with, &twins.without] {
        let path = image.path().join("usr/bin/systemctl");
        let script = "import os, sys; os.setxattr(sys.argv[1], 'user.note', b'mine'); os.utime(sys.argv[1], ns=(5, 7))";
        succeed(Command::new("python3").args(["-c", script]).arg(&path));
    }
    twins.transaction("one that does not touch them", &["-U", "--force", &user], &["later"]);
    twins.transaction("an erasure", &["-e", "user", "toolbox"], &["preun-1", "postun-1"]);
    for tool in TOOLS {
        assert!(!twins.with.has(tool), "{tool}");
    }
}
