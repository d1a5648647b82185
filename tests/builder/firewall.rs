//! What the builder decides about services and zones of firewalld: it stands through upgrades, settling again
//! changes nothing, and revert takes it back. Each test goes through all that with one backend, and through what
//! differs with the others: what they write.

use std::fs;
use std::path::Path;

use super::image::{Image, build_version};
use super::support::{scratch, succeed};
use super::{ZONE, builder, output, plugin, rulesets};

const BACKENDS: [&str; 3] = ["nftables", "firewalld", "iptables"];
const SERVICE: &str = "/etc/firewalld/services/plugsvc.xml";
const OWN: &str = "/etc/firewalld/services/nodeshim-plug.xml";
const ASK: &str = "firewall-cmd --permanent --new-service=plugsvc\n\
                   firewall-cmd --permanent --service=plugsvc --add-port=6000/tcp\n\
                   firewall-cmd --permanent --add-service=plugsvc";

fn image(backend: &str) -> Image {
    let image = Image::new();
    for program in ["nft", "firewalld", "iptables"] {
        fs::write(image.path().join("usr/sbin").join(program), "").unwrap();
    }
    fs::create_dir_all(image.path().join("etc/nodeshim")).unwrap();
    let config = format!("[firewall]\nbackend = \"{backend}\"\n");
    fs::write(image.path().join("etc/nodeshim/nodeshim.toml"), config).unwrap();
    image
}

/// Version `version` of a package that asks for `post`, and for its service's end when it goes.
fn package(rpms: &Path, version: u32, post: &str) -> String {
    let preun = "if [ $1 = 0 ]; then set -e; firewall-cmd --permanent --remove-service=plugsvc\n\
                 firewall-cmd --permanent --delete-service=plugsvc; firewall-cmd --check-config; fi";
    let body = format!("%files\n%post\n{post}\n%preun\n{preun}\n");
    build_version(rpms, "plug", version, "", &body)
}

/// Nothing is left to be done, and `check` finds nothing.
fn assert_settled(image: &Image) {
    let again = output(&mut image.nodeshim("settle", [""; 0]));
    assert!(again.contains("0 changes"), "{again}");
    let check = image.nodeshim("check", [""; 0]).output().unwrap();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
}

#[test]
fn a_service_that_was_edited_by_hand_is_the_builders_decision_and_revert_puts_it_back() {
    let rpms = scratch();
    let first = package(rpms.path(), 1, ASK);
    for backend in BACKENDS {
        let image = image(backend);
        image.transaction(&["-U", &first]);
        let edited = image.read(SERVICE).replace("6000", "6001");
        fs::write(image.path().join(&SERVICE[1..]), &edited).unwrap();
        // So does a copy of a shipped one.
        let ssh = "etc/firewalld/services/ssh.xml";
        fs::write(image.path().join(ssh), "<service><port port=\"2222\" protocol=\"tcp\"/></service>\n")
            .unwrap();
        succeed(&mut image.nodeshim("settle", [""; 0]));
        assert_eq!(image.read(SERVICE), edited, "{backend}");
        assert_settled(&image);
        if backend != "firewalld" {
            continue;
        }
        let rules = rulesets(&image);
        assert!(rules.contains("6001") && !rules.contains("6000") && rules.contains("2222"), "{rules}");
        let list = output(&mut image.nodeshim("list", [""; 0]));
        for line in ["edit firewalld service plugsvc", "new firewalld service ssh"] {
            let of_builder = list.lines().any(|one| one.starts_with("(builder)") && one.contains(line));
            assert!(of_builder, "{backend}: {line} is not in {list}");
        }
        succeed(&mut image.nodeshim("revert", ["(builder)"]));
        assert!(image.read(SERVICE).contains("6000"), "{}", image.read(SERVICE));
        assert!(!image.has(&format!("/{ssh}")) && rulesets(&image).contains("6000"));
        assert_settled(&image);
    }
}

#[test]
fn a_service_that_settling_included_is_deleted_as_it_would_be_without_nodeshim() {
    let rpms = scratch();
    let [first, second] = [1, 2].map(|version| package(rpms.path(), version, ASK));
    for backend in BACKENDS {
        let image = image(backend);
        image.transaction(&["-U", &first]);
        let delete = "set -e; firewall-cmd --permanent --remove-service=plugsvc\n\
                      firewall-cmd --permanent --delete-service=plugsvc; firewall-cmd --check-config";
        builder(&image, &[], delete);
        assert!(!image.has(SERVICE) && !image.has(&format!("{OWN}.old")));
        // Who makes it again is overruled in all that this takes.
        image.transaction(&["-U", &second]);
        assert!(!image.has(SERVICE), "{backend}: {}", image.read(SERVICE));
        assert!(!image.read(ZONE).contains("plugsvc"), "{backend}: {}", image.read(ZONE));
        assert_eq!(plugin(&image, "plug").overruled.len(), 2, "{:?}", plugin(&image, "plug"));
        assert_settled(&image);
        if backend != "firewalld" {
            continue;
        }
        assert!(!rulesets(&image).contains("6000"));
        succeed(&mut image.nodeshim("revert", ["(builder)"]));
        assert!(image.read(SERVICE).contains("6000"), "{backend}: {}", image.read(SERVICE));
        assert!(rulesets(&image).contains("6000") && image.read(ZONE).contains("plugsvc"));
        assert_settled(&image);
        image.erase(&["plug"]);
        assert!(!image.has(SERVICE) && !image.has(OWN) && !image.read(ZONE).contains("plugsvc"));
        assert_settled(&image);
    }
}

#[test]
fn zones_targets_and_ssh_are_as_the_builder_decided_whatever_an_upgrade_asks_for() {
    let ask = "firewall-cmd --permanent --add-port=8080/tcp";
    let opposite = "firewall-offline-cmd --add-service=ssh; firewall-cmd --permanent --zone=work2 --add-port=7001/tcp\n\
                    firewall-cmd --permanent --zone=work2 --remove-port=7000/tcp";
    let decided = "set -e; firewall-offline-cmd --remove-service=ssh\n\
                   firewall-cmd --permanent --zone=public --set-target=DROP\n\
                   firewall-cmd --permanent --new-zone=work2\n\
                   firewall-cmd --permanent --zone=work2 --add-port=7000/tcp\n\
                   firewall-cmd --permanent --zone=work2 --remove-port=7001/tcp\n\
                   firewall-cmd --permanent --zone=work2 --add-source=10.1.0.0/16";
    let rpms = scratch();
    let [first, second] =
        [(1, ask), (2, opposite)].map(|(version, post)| package(rpms.path(), version, post));
    for backend in BACKENDS {
        let image = image(backend);
        image.transaction(&["-U", &first]);
        builder(&image, &[], decided);
        image.transaction(&["-U", &second]);
        let (public, work) = (image.read(ZONE), image.read("/etc/firewalld/zones/work2.xml"));
        assert!(public.contains("target=\"DROP\"") && !public.contains("\"ssh\""), "{backend}: {public}");
        assert!(
            work.contains("7000") && work.contains("10.1.0.0/16") && !work.contains("7001"),
            "{backend}: {work}"
        );
        let rules = rulesets(&image);
        assert!(rules.contains("7000") && rules.contains("8080"), "{rules}");
        assert!(!rules.contains("7001") && !rules.contains("dport 22 "), "{rules}");
        assert_settled(&image);
        if backend != "nftables" {
            continue;
        }
        succeed(&mut image.nodeshim("revert", ["(builder)"]));
        assert!(image.read(ZONE).contains("\"ssh\""), "{backend}: {}", image.read(ZONE));
        assert_settled(&image);
    }
}

#[test]
fn what_the_builder_closes_between_arm_and_disarm_stays_closed_with_every_backend() {
    let ask = "firewall-cmd --permanent --add-port=8080/tcp --add-port=9090/tcp";
    let rpms = scratch();
    let [first, second] = [1, 2].map(|version| package(rpms.path(), version, ask));
    for backend in BACKENDS {
        let image = image(backend);
        image.transaction(&["-U", &first]);
        succeed(&mut image.nodeshim("arm", [""; 0]));
        let close = ["firewall-offline-cmd", "--remove-port=8080/tcp"];
        succeed(std::process::Command::new("chroot").arg(image.path()).args(close));
        succeed(&mut image.nodeshim("disarm", [""; 0]));
        succeed(&mut image.nodeshim("settle", [""; 0]));
        if backend == "iptables" {
            assert_settled(&image);
        }
        image.transaction(&["-U", &second]);
        let rules = rulesets(&image);
        assert!(!rules.contains("8080") && rules.contains("9090"), "{backend}: {rules}");
        assert!(!image.read(ZONE).contains("8080"), "{backend}: {}", image.read(ZONE));
        assert_settled(&image);
    }
}
