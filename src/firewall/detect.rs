//! Which firewall an image starts, decided by what it enables: firewalld, the iptables services,
//! else nftables; and whether it has the programs for it. Without `nft` it is one that the image has the
//! programs for. An image without systemd has the iptables services alone.

use std::os::unix::ffi::OsStrExt;

use crate::config::{Backend, Config};
use crate::root::{Kind, Root};
use crate::sysv::native::is_sysv;

const UNITS: &str = "/etc/systemd/system";
const IPTABLES_RULES: &str = "/etc/sysconfig/iptables";
const SHIPPED_UNITS: [&str; 3] = ["/usr/lib/systemd/system", "/lib/systemd/system", UNITS];
const FIREWALLD: &str = "firewalld.service";
const IPTABLES: &str = "iptables.service";

/// The backend that the configuration names or, under `auto`, the one that the image enables. Never
/// [`Backend::Auto`]. firewalld wins over iptables, whose units it conflicts with and which it
/// stops at start. A masked unit is not enabled, even if it has links.
pub fn backend(root: &Root, config: &Config) -> Backend {
    match config.firewall.backend {
        Backend::Auto => enabled(root),
        named => named,
    }
}

fn enabled(root: &Root) -> Backend {
    let dirs = dependency_dirs(root);
    if wanted(root, &dirs, FIREWALLD) {
        Backend::Firewalld
    } else if wanted(root, &dirs, IPTABLES) || started_by_sysv(root, "iptables") || is_sysv(root) {
        Backend::Iptables
    } else if nft(root).is_some() {
        Backend::Nftables
    } else {
        // Without its rule file the iptables service loads nothing, and lets everything in.
        let has_rules = |backend: &Backend| *backend != Backend::Iptables || root.is_file(IPTABLES_RULES);
        let works = |backend: &Backend| {
            has_rules(backend) && loaders(root, *backend).iter().any(|unit| !masked(root, unit))
        };
        [Backend::Firewalld, Backend::Iptables]
            .into_iter()
            .find(works)
            .unwrap_or(Backend::Nftables)
    }
}

/// The image's units that load the rules of a backend, if the image has its programs. The unit for
/// nftables is nodeshim's own, and is not among them.
pub(crate) fn loaders(root: &Root, backend: Backend) -> Vec<&'static str> {
    let units: &[&str] = match backend {
        Backend::Firewalld if missing(root, backend).is_none() => &[FIREWALLD],
        Backend::Iptables => &[IPTABLES, "ip6tables.service"],
        _ => &[],
    };
    let is_there = |unit: &&&str| SHIPPED_UNITS.iter().any(|at| root.is_file(format!("{at}/{unit}")));
    units.iter().filter(is_there).copied().collect()
}

/// Those of a backend's [`loaders`] that no boot starts.
pub(crate) fn not_enabled(root: &Root, backend: Backend) -> Vec<&'static str> {
    let dirs = dependency_dirs(root);
    loaders(root, backend).into_iter().filter(|unit| !wanted(root, &dirs, unit)).collect()
}

/// A program that the image lacks for a backend, and the package that brings it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// The program, or what else loads the rules.
    pub program: &'static str,
    /// The package, as Fedora names it.
    pub package: &'static str,
}

/// Where nft may be: the path that distributions have, that of unmerged ones, and that of Fedora 42,
/// which has no directory for system binaries of its own.
const NFT: [&str; 3] = ["/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft"];
/// What loads the iptables files at boot.
const IPTABLES_LOADERS: [&str; 4] = [
    "/usr/lib/systemd/system/iptables.service",
    "/etc/systemd/system/iptables.service",
    "/etc/rc.d/init.d/iptables",
    "/etc/init.d/iptables",
];
const FIREWALLD_PROGRAMS: [&str; 2] = ["/usr/sbin/firewalld", "/usr/bin/firewalld"];

/// The image's nft.
pub fn nft(root: &Root) -> Option<&'static str> {
    NFT.into_iter().find(|path| root.is_file(path))
}

/// What the image lacks so that the rules of a backend are loaded at its boot.
pub fn missing(root: &Root, backend: Backend) -> Option<Missing> {
    let (paths, missing): (&[&str], Missing) = match backend {
        Backend::Auto | Backend::Nftables => (
            &NFT,
            Missing {
                program: "nft",
                package: "nftables",
            },
        ),
        Backend::Firewalld => (
            &FIREWALLD_PROGRAMS,
            Missing {
                program: "firewalld",
                package: "firewalld",
            },
        ),
        Backend::Iptables => (
            &IPTABLES_LOADERS,
            Missing {
                program: "iptables service",
                package: if is_sysv(root) {
                    "iptables"
                } else {
                    "iptables-services"
                },
            },
        ),
    };
    (!paths.iter().any(|path| root.is_file(path))).then_some(missing)
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let Missing { program, package } = self;
        write!(
            f,
            "the image has no {program}: no rule is loaded at boot, and nothing is kept out; install the \
             package {package}"
        )
    }
}

/// The directories below the units' own that hold the links of enabled units.
fn dependency_dirs(root: &Root) -> Vec<String> {
    let names = root.list(UNITS).unwrap_or_default();
    let names = names.iter().filter(|entry| matches!(entry.kind, Kind::Dir | Kind::Link));
    names
        .filter_map(|entry| entry.name.to_str())
        .filter(|name| name.ends_with(".wants") || name.ends_with(".requires"))
        .map(|name| format!("{UNITS}/{name}"))
        .collect()
}

fn wanted(root: &Root, dirs: &[String], unit: &str) -> bool {
    dirs.iter().any(|dir| root.exists(format!("{dir}/{unit}"))) && !masked(root, unit)
}

fn masked(root: &Root, unit: &str) -> bool {
    root.read_link(format!("{UNITS}/{unit}"))
        .is_ok_and(|target| target.as_os_str() == "/dev/null")
}

/// Whether a multi-user run level has a start link of the init script.
fn started_by_sysv(root: &Root, script: &str) -> bool {
    let starts = |name: &[u8]| match name {
        [b'S', tens, ones, rest @ ..] => {
            tens.is_ascii_digit() && ones.is_ascii_digit() && rest == script.as_bytes()
        }
        _ => false,
    };
    // /etc/rcN.d is mostly a link to /etc/rc.d/rcN.d: looked at only where that is missing.
    (2..=5).any(|level| {
        let links = root.list(format!("/etc/rc.d/rc{level}.d"));
        let links = links.or_else(|_| root.list(format!("/etc/rc{level}.d")));
        links.unwrap_or_default().iter().any(|entry| starts(entry.name.as_bytes()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backend_of(links: &[&str], masked: &[&str]) -> Backend {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        for link in links {
            let (parent, _) = link.rsplit_once('/').unwrap();
            root.create_dirs(parent, 0o755).unwrap();
            root.symlink("/usr/lib/systemd/system/x", link).unwrap();
        }
        for unit in masked {
            root.create_dirs(UNITS, 0o755).unwrap();
            root.symlink("/dev/null", format!("{UNITS}/{unit}")).unwrap();
        }
        backend(&root, &Config::default())
    }

    #[test]
    fn enablement_in_the_image_decides() {
        const FIREWALLD_LINK: &str = "/etc/systemd/system/multi-user.target.wants/firewalld.service";
        const IPTABLES_LINK: &str = "/etc/systemd/system/basic.target.wants/iptables.service";
        let cases: [(&[&str], &[&str], Backend); 11] = [
            (&[], &[], Backend::Nftables),
            (&[FIREWALLD_LINK], &[], Backend::Firewalld),
            (&[IPTABLES_LINK], &[], Backend::Iptables),
            (&[FIREWALLD_LINK, IPTABLES_LINK], &[], Backend::Firewalld),
            (&[FIREWALLD_LINK, IPTABLES_LINK], &["firewalld.service"], Backend::Iptables),
            (&[IPTABLES_LINK], &["iptables.service"], Backend::Nftables),
            (&["/etc/systemd/system/x.target.requires/iptables.service"], &[], Backend::Iptables),
            (&["/etc/rc.d/rc3.d/S08iptables"], &[], Backend::Iptables),
            (&["/etc/rc5.d/S08iptables"], &[], Backend::Iptables),
            (&["/etc/rc.d/rc3.d/K92iptables", "/etc/rc.d/rc1.d/S08iptables"], &[], Backend::Nftables),
            (&["/etc/rc.d/rc3.d/S08ip6tables", "/etc/rc.d/rc3.d/Sx8iptables"], &[], Backend::Nftables),
        ];
        for (links, masked, expected) in cases {
            assert_eq!(backend_of(links, masked), expected, "{links:?} {masked:?}");
        }
    }

    #[test]
    fn without_nft_the_backend_is_one_that_the_image_can_load() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        let units = "/usr/lib/systemd/system";
        let chosen = || backend(&root, &Config::default());
        for directory in [units, UNITS, "/usr/sbin"] {
            root.create_dirs(directory, 0o755).unwrap();
        }
        root.write(format!("{units}/iptables.service"), b"", None).unwrap();
        assert_eq!(chosen(), Backend::Nftables, "there are no rules to add to");
        root.create_dirs("/etc/sysconfig", 0o755).unwrap();
        root.write(IPTABLES_RULES, b"", None).unwrap();
        assert_eq!(chosen(), Backend::Iptables);
        assert_eq!(not_enabled(&root, Backend::Iptables), ["iptables.service"]);
        root.write(format!("{units}/firewalld.service"), b"", None).unwrap();
        assert_eq!(chosen(), Backend::Iptables, "the unit alone is no firewalld");
        root.write("/usr/sbin/firewalld", b"", None).unwrap();
        assert_eq!(chosen(), Backend::Firewalld);
        for unit in ["firewalld", "iptables"] {
            root.symlink("/dev/null", format!("{UNITS}/{unit}.service")).unwrap();
        }
        assert_eq!(chosen(), Backend::Nftables);
        root.remove(format!("{UNITS}/firewalld.service")).unwrap();
        root.write("/usr/sbin/nft", b"", None).unwrap();
        assert_eq!(chosen(), Backend::Nftables);
    }

    #[test]
    fn a_named_backend_is_taken_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        let mut config = Config::default();
        config.firewall.backend = Backend::Iptables;
        assert_eq!(backend(&root, &config), Backend::Iptables);
    }
}
