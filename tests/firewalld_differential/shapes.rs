//! Files of the shapes that packages, installers and people write, below `tests/firewalld_shapes`: each is read,
//! listed, checked, rewritten and set up.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What the files name: objects of a firewalld as it is shipped.
const SERVICES: [&str; 22] = [
    "ssh",
    "dhcp",
    "dhcpv6",
    "dns",
    "tftp",
    "dhcpv6-client",
    "cockpit",
    "snmp",
    "http",
    "https",
    "kerberos",
    "kpasswd",
    "ldap",
    "ldaps",
    "samba-client",
    "ipp-client",
    "mdns",
    "nfs",
    "ntp",
    "ftp",
    "sip",
    "vdsm",
];
const ICMPTYPES: [&str; 7] = [
    "echo-request",
    "destination-unreachable",
    "redirect",
    "timestamp-request",
    "neighbour-advertisement",
    "neighbour-solicitation",
    "router-advertisement",
];
const ZONES: [&str; 8] = [
    "public",
    "internal",
    "external",
    "docker",
    "libvirt-routed",
    "block",
    "drop",
    "trusted",
];

/// One file.
pub struct Shape {
    pub kind: String,
    pub name: String,
    path: PathBuf,
}

impl Shape {
    /// All of them.
    pub fn all() -> Vec<Shape> {
        let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/firewalld_shapes");
        let entries = |path: &Path| -> Vec<PathBuf> {
            let mut paths: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
            paths.sort();
            paths
        };
        let stem = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
        let of_kind = |kind: PathBuf| {
            let shape = |path: PathBuf| Shape {
                kind: stem(&kind),
                name: stem(&path),
                path,
            };
            entries(&kind).into_iter().map(shape).collect::<Vec<_>>()
        };
        let kinds = entries(&top).into_iter().filter(|path| path.is_dir());
        kinds.flat_map(of_kind).collect()
    }

    /// The word for its kind in options.
    fn word(&self) -> &str {
        match self.kind.as_str() {
            "policies" => "policy",
            kind => kind.trim_end_matches('s'),
        }
    }

    /// Calls that read it, change it and so write it again, and put the change back.
    pub fn calls(&self) -> Vec<Vec<String>> {
        let (word, name) = (self.word(), &self.name);
        let edit = match word {
            "ipset" => ["--add-option=counters=true", "--remove-option=counters"],
            "icmptype" => ["--add-destination=ipv4", "--remove-destination=ipv4"],
            _ => ["--add-port=7/tcp", "--remove-port=7/tcp"],
        };
        let on = |option: &str| vec![format!("--{word}={name}"), option.to_owned()];
        vec![
            vec!["--check-config".to_owned()],
            vec![format!("--info-{word}={name}")],
            on(edit[0]),
            on(edit[1]),
        ]
    }

    /// Its bytes.
    pub fn bytes(&self) -> Vec<u8> {
        fs::read(&self.path).unwrap()
    }

    /// Where it lies in an image.
    pub fn place(&self) -> String {
        format!("etc/firewalld/{}/{}.xml", self.kind, self.name)
    }
}

/// What is shipped around the files.
pub fn shipped() -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut put = |kind: &str, name: &str, text: &str| {
        files.insert(format!("usr/lib/firewalld/{kind}/{name}.xml"), text.to_owned());
    };
    for name in SERVICES {
        put("services", name, "<service><port port=\"22\" protocol=\"tcp\"/></service>\n");
    }
    for name in ICMPTYPES {
        put("icmptypes", name, "<icmptype/>\n");
    }
    for name in ZONES {
        put("zones", name, "<zone/>\n");
    }
    for (name, module) in [("ftp", "nf_conntrack_ftp"), ("sip", "nf_conntrack_sip")] {
        let text = format!("<helper module=\"{module}\"><port port=\"21\" protocol=\"tcp\"/></helper>\n");
        put("helpers", name, &text);
    }
    for name in ["f2b-sshd", "containers"] {
        put("ipsets", name, "<ipset type=\"hash:ip\"/>\n");
    }
    files.insert("etc/firewalld/firewalld.conf".to_owned(), "DefaultZone=public\n".to_owned());
    files
}
