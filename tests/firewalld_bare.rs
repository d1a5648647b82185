//! firewall-cmd and firewall-offline-cmd in an image that has no firewalld: scriptlets find a command
//! and go on as though firewalld were installed, and what they leave is fit for a firewalld that
//! comes later.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "support/call.rs"]
mod call;

use std::fs;
use std::path::Path;
use std::process::Command;

use call::call;
use nodeshim::config::{Answers, Config};
use nodeshim::firewall::definitions::Definitions;
use nodeshim::request::Stream;
use nodeshim::root::Root;
use nodeshim::tool::Tool;

const ORIGINAL: &str = "/usr/bin/firewall-offline-cmd";

/// An image with one of the tools.
struct Bare {
    image: tempfile::TempDir,
    tool: Tool,
}

impl Bare {
    fn new(tool: Tool) -> Self {
        let image = tempfile::tempdir().unwrap();
        fs::create_dir_all(image.path().join("etc")).unwrap();
        fs::write(image.path().join("etc/services"), "ssh 22/tcp\nnot-stock 4711/tcp\nnot-stock 4711/udp\n")
            .unwrap();
        Bare { image, tool }
    }

    /// Exit status and standard output of a call, which is permanent.
    fn ask(&self, line: &str) -> (u8, String) {
        let line = match self.tool {
            Tool::FirewallCmd => format!("--permanent {line}"),
            _ => line.to_owned(),
        };
        let reply = call(self.image.path(), self.tool, &line, |_| {});
        (reply.exit, String::from_utf8_lossy(&reply.output.all(Stream::Stdout)).trim().to_owned())
    }

    fn expect(&self, lines: &[(&str, u8, &str)]) {
        for (line, exit, stdout) in lines {
            assert_eq!(self.ask(line), (*exit, (*stdout).to_owned()), "{}: {line}", self.tool.name());
        }
    }

    fn local(&self, path: &str) -> std::path::PathBuf {
        self.image.path().join("etc/firewalld").join(path)
    }
}

/// What an installed firewalld finds wrong with the files, whether it ships all services or only
/// those of its own zones; empty too where there is none to ask.
fn complaint(bare: &Bare) -> String {
    if !Path::new(ORIGINAL).exists() {
        eprintln!("not checked: needs {ORIGINAL}");
        return String::new();
    }
    let scratch = tempfile::tempdir().unwrap();
    let copied = Command::new("cp").arg("-r").arg("/usr/lib/firewalld").arg(scratch.path()).status();
    assert!(copied.unwrap().success());
    let fewer = scratch.path().join("firewalld");
    let of_zones = [
        "ssh.xml",
        "mdns.xml",
        "samba-client.xml",
        "netbios-ns.xml",
        "dhcpv6-client.xml",
    ];
    for service in fs::read_dir(fewer.join("services")).unwrap() {
        let service = service.unwrap();
        if !of_zones.iter().any(|name| service.file_name() == *name) {
            fs::remove_file(service.path()).unwrap();
        }
    }
    check(bare, Path::new("/usr/lib/firewalld")) + &check(bare, &fewer)
}

fn check(bare: &Bare, shipped: &Path) -> String {
    let output = Command::new(ORIGINAL)
        .arg("--check-config")
        .arg("--system-config")
        .arg(bare.local(""))
        .arg("--default-config")
        .arg(shipped)
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap();
    match output.status.success() {
        true => String::new(),
        false => String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn both(check: impl Fn(&Bare)) {
    for tool in [Tool::FirewallCmd, Tool::FirewallOfflineCmd] {
        check(&Bare::new(tool));
    }
}

#[test]
fn ports_and_services_are_opened_and_seen_afterwards() {
    both(|bare| {
        bare.expect(&[
            ("--query-port=8443/tcp", 1, "no"),
            ("--query-service=ssh", 0, "yes"),
            ("--add-port=8443/tcp", 0, "success"),
            ("--add-service=samba", 0, "success"),
            ("--zone=internal --add-service=not-stock", 0, "success"),
            ("--zone=work --add-service=tftp-client", 0, "success"),
            ("--zone=dmz --add-icmp-block=redirect", 0, "success"),
            ("--query-port=8443/tcp", 0, "yes"),
            ("--query-service=samba", 0, "yes"),
            ("--list-services", 0, "dhcpv6-client samba ssh"),
            ("--zone=internal --list-services", 0, "dhcpv6-client mdns not-stock samba-client ssh"),
            ("--zone=external --query-masquerade", 0, "yes"),
            ("--get-zones", 0, "block dmz drop external home internal public trusted work"),
        ]);
        for service in [
            "ssh",
            "dhcpv6-client",
            "samba",
            "samba-client",
            "netbios-ns",
            "not-stock",
            "mdns",
        ] {
            assert!(bare.local(&format!("services/{service}.xml")).is_file(), "{service}");
        }
        let public = fs::read_to_string(bare.local("zones/public.xml")).unwrap();
        assert!(public.contains("<forward/>") && public.contains("8443"), "{public}");
        assert_eq!(complaint(bare), "");
        let (exit, listed) = bare.ask("--list-all");
        assert_eq!(exit, 0);
        assert!(listed.contains("ports: 8443/tcp"), "{listed}");
    });
}

#[test]
fn packages_define_services_of_their_own() {
    both(|bare| {
        bare.expect(&[
            ("--new-service=mine", 0, "success"),
            ("--service=mine --add-port=7/tcp", 0, "success"),
            ("--service=mine --add-include=http", 0, "success"),
            ("--add-service=mine", 0, "success"),
            ("--query-service=mine", 0, "yes"),
            ("--service=mine --get-ports", 0, "7/tcp"),
            ("--service=https --add-port=8443/tcp", 0, "success"),
            ("--service=https --get-ports", 0, "443/tcp 8443/tcp"),
            // Listed in /etc/services, which is no reason to refuse a package its own definition.
            ("--new-service=not-stock", 0, "success"),
            ("--new-zone=plug", 0, "success"),
            ("--zone=plug --add-service=ldap", 0, "success"),
        ]);
        assert!(bare.local("services/http.xml").is_file());
        assert!(bare.local("services/ldap.xml").is_file());
        assert_eq!(complaint(bare), "");
        bare.expect(&[
            ("--delete-service=mine", 0, "success"),
            ("--query-service=mine", 1, "no"),
        ]);
        assert_eq!(complaint(bare), "");
    });
}

#[test]
fn mistakes_are_refused_all_the_same() {
    both(|bare| {
        assert_eq!(bare.ask("--add-service=no-such-service").0, 101);
        assert_eq!(bare.ask("--add-service=../ssh").0, 101);
        assert_eq!(bare.ask("--zone=nope --add-port=1/tcp").0, 112);
        assert_eq!(bare.ask("--add-icmp-block=nope").0, 107);
        assert_eq!(bare.ask("--new-zone=public").0, 26);
        assert_eq!(bare.ask("--delete-zone=public").0, 23);
        assert!(!bare.local("zones").exists());
    });
}

#[test]
fn strictly_there_is_no_zone_without_firewalld() {
    both(|bare| {
        for line in [
            "--permanent --add-port=8443/tcp",
            "--permanent --zone=public --query-port=1/tcp",
        ] {
            let line = match bare.tool {
                Tool::FirewallCmd => line,
                _ => line.trim_start_matches("--permanent "),
            };
            let strict = |config: &mut Config| config.shims.answers = Answers::Strict;
            assert_eq!(call(bare.image.path(), bare.tool, line, strict).exit, 112, "{line}");
        }
        assert!(!bare.local("").exists());
    });
}

#[test]
fn what_is_named_can_be_planned_from_the_files_or_without() {
    let bare = Bare::new(Tool::FirewallCmd);
    let root = Root::open(bare.image.path()).unwrap();
    let ports = |name: &str| {
        let parts = Definitions::new(&root).service(name).unwrap();
        let mut ports: Vec<String> = Vec::new();
        for part in &parts {
            for (protocol, ranges) in &part.ports {
                ports.extend(ranges.iter().map(|range| format!("{range}/{protocol}")));
            }
        }
        ports.sort();
        ports
    };
    let names = [
        "ssh",
        "samba",
        "vdsm",
        "not-stock",
        "cluster-suite",
        "high-availability",
    ];
    let without = names.map(ports);
    assert_eq!(without[2], ["49152-49216/tcp", "54321/tcp", "5900-6923/tcp"]);
    assert_eq!(without[3], ["4711/tcp", "4711/udp"]);
    for name in names {
        let (exit, _) = bare.ask(&format!("--zone=work --add-service={name}"));
        assert!(exit == 0, "{name}");
    }
    assert!(bare.local("services/vdsm.xml").is_file());
    assert_eq!(names.map(ports), without);
}
