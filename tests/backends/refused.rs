//! Files that the image's firewalld would refuse, and fall back to stock configuration for: settling,
//! planning and checking name them, and who made them.

use std::fs;
use std::process::Command;

use nodeshim::intent::{DefinitionChange, FirewallObject, Intent};
use nodeshim::plan::NoteKind;
use nodeshim::settle;

use crate::image::{BareImage, allow, facts, port};
use crate::support::{self, nodeshim, succeed};

/// An image with a firewalld of that version, and a plugin.
fn image(version: &str) -> BareImage {
    let image = BareImage::with_nft();
    let stock = [
        ("zones/public", "<zone><service name=\"ssh\"/></zone>"),
        ("services/ssh", "<service><port port=\"22\" protocol=\"tcp\"/></service>"),
        ("icmptypes/redirect", "<icmptype/>"),
    ];
    for (name, text) in stock {
        image.put(&format!("/usr/lib/firewalld/{name}.xml"), text);
    }
    let package = format!("VERSION = \"{version}\"\n");
    image.put("/usr/lib/python3.9/site-packages/firewall/config/__init__.py", &package);
    image.record("p", "%post", 1, vec![allow(port("8080", "tcp"))]);
    image
}

/// Each with the word that says what is wrong.
const BROKEN: [(&str, &str, &str); 14] = [
    ("services/apf.xml", "<service><port", "INVALID_SERVICE: not a valid service file"),
    (
        "services/odd.xml",
        "<service><port port=\"x\" protocol=\"tcp\"/></service>",
        "INVALID_PORT",
    ),
    ("services/my app.xml", "<service/>", "INVALID_NAME"),
    ("zones/a.xml", "<zone><service name=\"nosuch\"/></zone>", "INVALID_SERVICE"),
    ("zones/b.xml", "<zone target=\"\"/>", "INVALID_TARGET"),
    ("zones/public (copy).xml", "<zone/>", "INVALID_NAME"),
    ("zones/archive/public.3.xml", "<zone/>", "INVALID_NAME"),
    (
        "zones/public.xml",
        "<zone><rule><service name=\"nosuch\"/><accept/></rule></zone>",
        "INVALID_SERVICE",
    ),
    (
        "zones/public.xml",
        "<zone><rule family=\"ipv4\"><source ipset=\"nosuch\"/><accept/></rule></zone>",
        "INVALID_IPSET",
    ),
    ("ipsets/s.xml", "<ipset type=\"hash:nix\"/>", "INVALID_TYPE"),
    ("icmptypes/i.xml", "<icmptype><destination ipv5=\"yes\"/></icmptype>", "PARSE_ERROR"),
    ("helpers/h.xml", "<helper module=\"x\"/>", "INVALID_MODULE"),
    ("policies/q.xml", "<policy target=\"NIX\"/>", "INVALID_TARGET"),
    (
        "direct.xml",
        "<direct><rule ipv=\"ipv9\" table=\"filter\" chain=\"INPUT\" priority=\"0\">-j DROP</rule></direct>",
        "INVALID_IPV",
    ),
];

#[test]
fn every_kind_of_file_that_firewalld_refuses_is_named_with_its_maker() {
    let mut wrong = Vec::new();
    for (name, text, code) in BROKEN {
        let image = image("1.3.4");
        let path = format!("/etc/firewalld/{name}");
        image.root.create_dirs(path.rsplit_once('/').unwrap().0, 0o755).unwrap();
        image.root.write(&path, text.as_bytes(), None).unwrap();
        image.record("maker", "%post", 1, Vec::new());
        let report = image.settle(&["p", "maker"]);
        let refused: Vec<_> =
            report.plan.notes.iter().filter(|note| note.kind == NoteKind::Refused).collect();
        let start = format!("{path}: firewalld 1.3 refuses it: {code}");
        let is_named = |text: &str| text.starts_with(&start);
        let is_right = matches!(&refused[..], [one] if is_named(&one.text)
            && one.plugin.as_deref() == Some("maker") && one.because.len() == 1);
        let plan = settle::plan(&image.root, &facts(&["p", "maker"])).unwrap();
        if !is_right || !plan.has_faults() {
            wrong.push(format!("{name}: {:?}", report.plan.notes));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_good_configuration_and_an_image_without_firewalld_have_nothing_refused() {
    let image = image("1.3.4");
    let report = image.settle(&["p"]);
    assert!(!report.plan.has_faults(), "{:?}", report.plan.notes);
    let image = BareImage::with_nft();
    image.put("/etc/firewalld/zones/a.xml", "<zone><service name=\"nosuch\"/></zone>");
    image.record("p", "%post", 1, vec![allow(port("8080", "tcp"))]);
    let report = image.settle(&["p"]);
    assert!(
        report.plan.notes.iter().all(|note| note.kind != NoteKind::Refused),
        "{:?}",
        report.plan.notes
    );
}

#[test]
fn a_file_is_refused_by_the_generation_that_does_not_know_what_is_in_it() {
    let zone = "<zone ingress-priority=\"5\"/>";
    for (version, is_refused) in [("0.9.11", true), ("1.3.4", true), ("2.5.0", false)] {
        let image = image(version);
        image.put("/etc/firewalld/zones/a.xml", zone);
        assert_eq!(image.settle(&["p"]).plan.has_faults(), is_refused, "{version}");
    }
}

/// What settling is about to remove says nothing in a plan.
#[test]
fn a_refused_file_that_goes_with_its_plugin_is_not_in_the_plan() {
    let image = image("1.3.4");
    image.root.create_dirs("/etc/firewalld/services", 0o755).unwrap();
    image.root.write("/etc/firewalld/services/a.xml", b"<service><port", None).unwrap();
    let edited = Intent::Definition {
        object: FirewallObject::Service,
        name: "a".into(),
        change: DefinitionChange::New,
    };
    image.record("maker", "%post", 1, vec![edited]);
    image.settle(&["p", "maker"]);
    let plan = settle::plan(&image.root, &facts(&["p"])).unwrap();
    assert!(plan.notes.iter().all(|note| note.kind != NoteKind::Refused), "{:?}", plan.notes);
}

const SPEC: &str = "Name: shipper\nVersion: 1\nRelease: 1\nSummary: test\nLicense: none\nBuildArch: noarch\n\
    %description\ntest\n%install\nmkdir -p %{buildroot}/usr/lib/firewalld/services\n\
    echo '<service><port' >%{buildroot}/usr/lib/firewalld/services/bad.xml\n\
    %files\n/usr/lib/firewalld/services/bad.xml\n";

#[test]
fn settle_plan_and_check_end_with_1_and_name_the_package_that_ships_a_refused_file() {
    let image = image("1.3.4");
    let (spec, top) = (image.path().join("x.spec"), image.path().join("top"));
    fs::write(&spec, SPEC).unwrap();
    let mut build = Command::new("rpmbuild");
    build.arg("-bb").arg("--define").arg(format!("_topdir {}", top.display())).arg(&spec);
    support::succeed(&mut build);
    let mut install = Command::new("rpm");
    install
        .arg("--root")
        .arg(image.path())
        .args(["--dbpath", "/var/lib/rpm", "-i", "--nodeps"]);
    let help = succeed(Command::new("rpm").arg("--help")).stdout;
    if String::from_utf8_lossy(&help).contains("--force-debian") {
        install.arg("--force-debian");
    }
    succeed(install.arg(top.join("RPMS/noarch/shipper-1-1.noarch.rpm")));
    let run = |verb: &str| {
        let mut command = Command::new(nodeshim());
        command.arg(verb).arg("--root").arg(image.path());
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
        (output.status.code(), said)
    };
    let path = "/usr/lib/firewalld/services/bad.xml: firewalld 1.3 refuses it: ";
    for verb in ["plan", "settle"] {
        let (code, said) = run(verb);
        assert_eq!(code, Some(1), "{verb}: {said}");
        assert!(said.contains(&format!("note shipper: {path}")), "{verb}: {said}");
    }
    let (code, said) = run("check");
    assert_eq!(code, Some(1));
    assert!(said.contains(&format!("refused {path}")) && said.contains("; it is of shipper"), "{said}");
}

/// What no packet filter but firewalld does ends the verbs with 1, and a node has a firewall all the same.
#[test]
fn what_a_plugin_relies_on_and_is_not_set_up_ends_settle_plan_check_and_list_with_1() {
    let image = BareImage::with_nft();
    image.put("/etc/firewalld/ipsets/pairs.xml", "<ipset type=\"hash:ip,port\"/>");
    let edited = Intent::Definition {
        object: FirewallObject::Ipset,
        name: "pairs".into(),
        change: DefinitionChange::New,
    };
    image.record("p", "%post", 1, vec![edited]);
    for verb in ["plan", "settle", "check", "list"] {
        let mut command = Command::new(nodeshim());
        command.arg(verb).arg("--root").arg(image.path());
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(if verb == "list" {
            &output.stderr
        } else {
            &output.stdout
        })
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
        assert_eq!(output.status.code(), Some(1), "{verb}: {said}");
        assert!(said.contains("p: ipset pairs is not set up: sets of type hash:ip,port"), "{verb}: {said}");
    }
    assert!(image.root.exists("/etc/nftables/nodeshim.nft"));
}
