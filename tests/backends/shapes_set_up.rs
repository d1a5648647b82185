//! Files of the shapes that packages, installers and people write, set up by nftables: nft loads what comes of
//! them, and what cannot be set up is named.

use nodeshim::intent::{DefinitionChange, FirewallItem, FirewallObject, Intent};

use crate::image::{BareImage, allow, allow_in, port};
use crate::nftables::{flattened, load};
use crate::shapes::{Shape, shipped};

/// By file: what is in the ruleset, and what is said.
const EXPECTED: [(&str, &[&str], &[&str]); 16] = [
    ("libvirt", &["iifname \"eth9\" goto in_libvirt", "tcp dport 22"], &[]),
    ("docker", &["iifname \"docker0\" goto in_docker"], &[]),
    ("kube-node", &["10.233.0.0/16", "30000-32767", "masquerade"], &[]),
    ("ovirt-node", &["5900-6923", "49152-49216"], &[]),
    ("gluster-storage", &["iifname \"bond0.1234\" goto in_gluster-storage", "49152-49664"], &[]),
    ("fail2ban", &["@ipset_f2b__sshd", "198.51.100.7"], &[]),
    ("vrrp", &["224.0.0.18"], &[]),
    ("bastion", &["203.0.113.0/24", "ssh-admin "], &["audit"]),
    ("reverse-proxy", &["dnat ip to 10.1.2.3:8443", "redirect to :8080"], &[]),
    ("wireguard", &["iifname \"wg0\" goto in_wireguard", "10.66.66.0/24"], &[]),
    ("glusterfs", &["24007-24009", "49152-49664"], &[]),
    ("keepalived", &["ip daddr 224.0.0.18", "ip6 daddr ff02::12"], &[]),
    ("ftp-passive", &["50000-50100"], &[]),
    ("docker-forwarding", &["policy_docker__forwarding"], &[]),
    ("gateway", &["policy_gateway", "masquerade"], &[]),
    ("host-out", &["policy_host__out"], &[]),
];

fn image(shape: &Shape) -> BareImage {
    let image = BareImage::with_nft();
    for (path, text) in shipped() {
        image.put(&path, &text);
    }
    let place = shape.place();
    image.root.create_dirs(place.rsplit_once('/').unwrap().0, 0o755).unwrap();
    image.root.write(&place, &shape.bytes(), None).unwrap();
    image.root.take_changes();
    let edited = |object| Intent::Definition {
        object,
        name: shape.name.clone(),
        change: DefinitionChange::New,
    };
    let bound = |zone: &str, interface: &str| {
        let interface = interface.to_owned();
        allow_in(
            zone,
            FirewallItem::Interface {
                interface,
                trusted: false,
            },
        )
    };
    let mut intents = vec![allow(port("8080", "tcp"))];
    intents.extend(match shape.kind.as_str() {
        "zones" => vec![edited(FirewallObject::Zone), bound(&shape.name, "eth9")],
        "services" => vec![allow(FirewallItem::FirewallService {
            service: shape.name.clone(),
        })],
        "policies" => vec![
            edited(FirewallObject::Policy),
            bound("internal", "eth1"),
            bound("external", "eth2"),
            bound("docker", "docker0"),
            bound("libvirt-routed", "virbr1"),
        ],
        "ipsets" => vec![edited(FirewallObject::Ipset)],
        _ => Vec::new(),
    });
    image.record("p", "%post", 1, intents);
    image
}

#[test]
fn files_of_real_shapes_load_in_nftables_or_are_named() {
    let mut wrong = Vec::new();
    for shape in Shape::all() {
        let image = image(&shape);
        let report = image.settle(&["p"]);
        let said: String = report.plan.notes.iter().map(|note| format!("{}\n", note.text)).collect();
        let text = flattened(&image, &["p"]);
        let listed = load(&text, false, 1).unwrap_or_else(|error| panic!("{}: {error}\n{text}", shape.name));
        if std::env::var_os("SHOW").is_some() {
            println!("=== {} {}\n{said}\n{listed}", shape.kind, shape.name);
        }
        let Some((_, rules, notes)) = EXPECTED.iter().find(|(name, ..)| *name == shape.name) else {
            continue;
        };
        let missing = rules.iter().filter(|words| !listed.contains(**words));
        let unsaid = notes.iter().filter(|words| !said.contains(**words));
        let lacks: Vec<_> = missing.chain(unsaid).collect();
        if !lacks.is_empty() || !listed.contains("8080") || notes.is_empty() && !said.is_empty() {
            wrong.push(format!("{}: without {lacks:?}\n{said}{listed}", shape.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
