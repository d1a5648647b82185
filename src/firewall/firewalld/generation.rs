//! The one table of what differs between versions of firewalld, and how an image's own is found.
//!
//! Observed: 0.9.3, 0.9.11, 1.3.3, 1.3.4, 2.3.1, 2.5.0, 2.5.2. The versions in between were read at
//! their release tags: each row says where.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use super::packaged::noted;
use crate::config::{Config, FirewalldGeneration};
use crate::error::if_exists;
use crate::os_release::OsRelease;
use crate::root::Root;

/// A version of firewalld, major and minor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Generation(pub u16, pub u16);

/// The version of an image's firewalld, where it is of that generation; else what is assumed, or the generation's first.
pub(crate) fn version(root: &Root, generation: Generation) -> String {
    let texts = package_texts(root).into_iter();
    let installed = texts.filter_map(|text| version_in(&text).map(str::to_owned));
    let installed = installed.chain(noted(root));
    let mut installed = installed.filter(|version| version.parse() == Ok(generation));
    installed.next().unwrap_or_else(|| match generation {
        FALLBACK => FALLBACK_VERSION.to_owned(),
        other => format!("{other}.0"),
    })
}

/// Whether an answer without text is no line: so since 2.5.1, while 2.5.0 ends such a line too (print_msg() of
/// `command.py`; observed with 2.5.0 and 2.5.2). A generation is the first of its releases where the image does not
/// say which it has.
pub(crate) fn leaves_out_empty_lines(root: &Root, generation: Generation) -> bool {
    let release = || {
        version(root, generation)
            .split('.')
            .nth(2)
            .and_then(|release| release.parse::<u16>().ok())
    };
    match generation.cmp(&NEWEST) {
        Ordering::Less => false,
        Ordering::Equal => release().is_some_and(|release| release > 0),
        Ordering::Greater => true,
    }
}

/// What is assumed of an image that says nothing.
pub(crate) const FALLBACK: Generation = Generation(1, 3);

/// The release of it that is assumed, as Debian 12 has it.
const FALLBACK_VERSION: &str = "1.3.3";

/// The newest that is known; what is read without an image in mind may be in its language.
pub(crate) const NEWEST: Generation = Generation(2, 5);

/// What some versions have or do and others don't.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// A zone may have a priority in each direction.
    ZonePriorities,
    /// A policy may be switched off, and a set of policies at once.
    PolicyDisable,
    /// A rich rule's limit may have a burst.
    LimitBurst,
    /// A limit without a burst is written with a burst of 0.
    ZeroBurstWritten,
    /// Rich rules have the element `tcp-mss-clamp`.
    TcpMssClamp,
    /// Rich rules have the element `nflog`.
    NfLog,
    /// A rich rule's destination may be an ipset.
    DestinationIpset,
    /// Rich rules are kept by priority.
    SortedRules,
    /// A rich rule that makes no sense makes its file wrong; before, it was left out.
    StrictRules,
    /// The services and ipsets that rich rules name must exist.
    RuleNamesChecked,
    /// Ports of a file that overlap are merged.
    PortsMerged,
    /// What zones and policies have twice is logged.
    RepeatsLogged,
    /// Zone names up to 96 and policy names up to 128 characters, not 17 and 18.
    LongNames,
    /// Entries of an ipset must not overlap.
    IpsetOverlaps,
    /// An ipset cannot have more entries than its `maxelem`.
    IpsetSizeChecked,
    /// firewall-offline-cmd takes the family of a new ipset from `--family`.
    OfflineIpsetFamily,
    /// There is a lockdown, and its whitelist.
    Lockdown,
    /// There is `--reset-to-defaults`.
    ResetToDefaults,
    /// A local file that is wrong refuses every call; before, it was logged and passed over.
    WrongFileRefuses,
    /// firewall-offline-cmd logs that it falls back to stock configuration before it gives up.
    FallbackLogged,
    /// Every object is checked with all others before one is stored.
    WholeChecked,
    /// Messages about a zone or policy name it.
    FaultsNameTheirPlace,
    /// `--check-config` looks into directories below `zones`.
    CheckEntersDirectories,
    /// Listings mark the default zone, and call active what runs.
    DefaultMarked,
    /// firewall-cmd's usage line names `--help`.
    UsageNamesHelp,
    /// firewall-cmd without options answers its state.
    StateWithoutOptions,
    /// A policy to the host may forward ports to another host.
    HostForwardsElsewhere,
    /// A policy from the host cannot forward ports.
    HostForwardRefused,
    /// Policies may be changed for a time only.
    TimedPolicies,
    /// firewall-offline-cmd refuses an inversion of ICMP blocks that is so already.
    InversionRefused,
}

use Feature::*;

/// The table: what, the first version that has it, the first that has it no more, and where that
/// shows, in firewalld's sources below `src/firewall` or its manuals.
#[rustfmt::skip]
const DIFFERENCES: [(Feature, Option<Generation>, Option<Generation>, &str); 30] = [
    (ZonePriorities, Some(Generation(2, 0)), None, "firewalld.zone(5); firewall-offline-cmd(1) --set-priority"),
    (PolicyDisable, Some(Generation(2, 4)), None, "firewalld.policy(5); firewall-offline-cmd(1) --add-disable, --policy-set"),
    (LimitBurst, Some(Generation(2, 2)), None, "firewalld.richlanguage(5); core/rich.py Rich_Limit"),
    (ZeroBurstWritten, Some(Generation(2, 3)), None, "core/rich.py Rich_Limit; observed with 2.5.0"),
    (TcpMssClamp, Some(Generation(1, 0)), None, "firewalld.richlanguage(5); core/rich.py"),
    (NfLog, Some(Generation(1, 1)), None, "firewalld.richlanguage(5); core/rich.py"),
    (DestinationIpset, Some(Generation(1, 0)), None, "core/rich.py Rich_Destination"),
    (SortedRules, Some(Generation(2, 3)), None, "core/rich.py Rich_Rule.__lt__; core/io/policy.py common_writer"),
    (StrictRules, Some(Generation(2, 3)), None, "core/io/policy.py common_startElement"),
    (RuleNamesChecked, Some(Generation(2, 3)), None, "core/io/policy.py common_check_config of 2.3.4; refused by 2.3.1 when it reloads"),
    (PortsMerged, Some(Generation(1, 1)), None, "core/io/policy.py coalescePortRange"),
    (RepeatsLogged, None, Some(Generation(2, 3)), "core/io/zone.py 'already set, ignoring'"),
    (LongNames, Some(Generation(2, 4)), None, "functions.py max_zone_name_len, max_policy_name_len"),
    (IpsetOverlaps, Some(Generation(1, 0)), None, "core/ipset.py check_entry_overlaps_existing"),
    (IpsetSizeChecked, Some(Generation(2, 2)), None, "core/io/ipset.py _check_config"),
    (OfflineIpsetFamily, Some(Generation(2, 2)), None, "firewall-offline-cmd --new-ipset"),
    (Lockdown, None, Some(Generation(2, 2)), "firewall-cmd 'Lockdown feature is deprecated and removed.'"),
    (ResetToDefaults, Some(Generation(1, 3)), None, "firewall-cmd(1)"),
    (WrongFileRefuses, Some(Generation(1, 2)), None, "core/fw.py _start_load_user_config; before, _loader"),
    (FallbackLogged, Some(Generation(1, 2)), Some(Generation(2, 0)), "core/fw.py start; observed with 1.3.3 and 2.3.1"),
    (WholeChecked, Some(Generation(1, 1)), None, "core/fw_config.py full_check_config"),
    (FaultsNameTheirPlace, Some(Generation(1, 1)), None, "core/io/zone.py and core/io/policy.py _check_config"),
    (CheckEntersDirectories, Some(Generation(2, 4)), None, "core/io/functions.py get_config_files_in_dir"),
    (DefaultMarked, Some(Generation(2, 1)), None, "command.py print_zone_policy_info"),
    (UsageNamesHelp, Some(Generation(1, 2)), None, "firewall-cmd's argument parser"),
    (StateWithoutOptions, Some(Generation(1, 2)), None, "firewall-cmd 'No options specified'"),
    (HostForwardsElsewhere, Some(Generation(2, 2)), None, "core/io/policy.py _check_config"),
    (HostForwardRefused, None, Some(Generation(1, 1)), "core/io/policy.py _check_config of 0.9"),
    (TimedPolicies, Some(Generation(2, 1)), None, "firewall-cmd's checks of --timeout"),
    (InversionRefused, Some(Generation(1, 2)), None, "client.py addIcmpBlockInversion, which did not raise the error that it made"),
];

impl Generation {
    /// Whether the generation has something.
    pub fn has(self, feature: Feature) -> bool {
        let rows = DIFFERENCES.iter().filter(|(of, ..)| *of == feature);
        rows.into_iter().any(|(_, since, until, _)| {
            since.is_none_or(|since| since <= self) && until.is_none_or(|until| self < until)
        })
    }

    /// The generation that an image's configuration names, else its own.
    pub fn of(root: &Root) -> Generation {
        let config = Config::load(root).map(|(config, _)| config).unwrap_or_default();
        Generation::chosen(config.shims.firewalld_generation, root)
    }

    /// The generation that a configuration names, else the image's own.
    pub(crate) fn chosen(choice: FirewalldGeneration, root: &Root) -> Generation {
        match choice {
            FirewalldGeneration::Auto => Generation::detect(root),
            FirewalldGeneration::Version(major, minor) => Generation(major, minor),
        }
    }

    /// Finds an image's generation: by the version in firewalld's python package, else by what the rpm
    /// database named when the image was armed, else by the distribution, else [`FALLBACK`].
    pub fn detect(root: &Root) -> Generation {
        let texts = package_texts(root);
        let by_package = texts.iter().filter_map(|text| version_in(text)?.parse().ok()).max();
        let by_package = by_package.or_else(|| noted(root)?.parse().ok());
        by_package.or_else(|| by_os_release(&OsRelease::load(root)?)).unwrap_or(FALLBACK)
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// Where python keeps packages: `python3.9/site-packages`, `python3/dist-packages`.
const PYTHON_DIRS: [&str; 2] = ["/usr/lib", "/usr/lib64"];

/// `firewall/config/__init__.py` of each Python that has it.
fn package_texts(root: &Root) -> Vec<String> {
    let mut texts = Vec::new();
    for dir in PYTHON_DIRS {
        let entries = if_exists(root.list(dir)).ok().flatten().unwrap_or_default();
        let pythons = entries.iter().filter_map(|entry| entry.name.to_str());
        for python in pythons.filter(|name| name.starts_with("python3")) {
            for packages in ["site-packages", "dist-packages"] {
                let path = format!("{dir}/{python}/{packages}/firewall/config/__init__.py");
                texts.extend(root.read_text(path));
            }
        }
    }
    texts
}

/// Whether an image has firewalld's Python package, which names its version.
#[cfg(feature = "admin")]
pub(crate) fn has_package(root: &Root) -> bool {
    package_texts(root).iter().any(|text| version_in(text).is_some())
}

/// The version in a line `VERSION = "1.3.4"`.
fn version_in(text: &str) -> Option<&str> {
    let value = text.lines().find_map(|line| line.strip_prefix("VERSION = "))?;
    Some(value.trim_matches(['"', '\'']))
}

impl FromStr for Generation {
    type Err = ();

    /// Reads `MAJOR.MINOR`; what follows is not looked at.
    fn from_str(text: &str) -> Result<Self, ()> {
        let mut numbers = text.split('.').map(str::parse);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => Ok(Generation(major, minor)),
            _ => Err(()),
        }
    }
}

/// What distributions ship: their package archives, as of 2026.
fn by_os_release(os_release: &OsRelease) -> Option<Generation> {
    let field = |name| os_release.value(name);
    let ids = format!("{} {}", field("ID")?, field("ID_LIKE").unwrap_or_default());
    let is = |id: &str| ids.split(' ').any(|known| known == id);
    let version = field("VERSION_ID")?;
    let mut numbers = version.split('.').map(|number| number.parse::<u16>().unwrap_or(0));
    let (major, minor) = (numbers.next()?, numbers.next().unwrap_or(0));
    Some(if ids.split(' ').next() == Some("fedora") {
        match major {
            ..=34 => Generation(0, 9),
            35 => Generation(1, 0),
            36 => Generation(1, 1),
            37 => Generation(1, 2),
            38 => Generation(1, 3),
            39 | 40 => Generation(2, 1),
            41 => Generation(2, 2),
            42 | 43 => Generation(2, 3),
            _ => NEWEST,
        }
    } else if is("rhel") || is("centos") {
        match major {
            ..=8 => Generation(0, 9),
            9 => Generation(1, 3),
            _ => NEWEST,
        }
    } else if is("ubuntu") {
        match (major, minor) {
            (..=21, _) => Generation(0, 9),
            (22 | 23, _) => Generation(1, 1),
            (24, ..=4) => Generation(2, 1),
            _ => Generation(2, 3),
        }
    } else if is("debian") {
        match major {
            ..=11 => Generation(0, 9),
            12 => Generation(1, 3),
            13 => Generation(2, 3),
            _ => NEWEST,
        }
    } else {
        return None;
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_says_where_it_shows_and_is_the_only_one() {
        for (feature, since, until, source) in DIFFERENCES {
            assert!(!source.is_empty(), "{feature:?}");
            assert!(since.is_some() || until.is_some(), "{feature:?}: no difference");
            assert_eq!(DIFFERENCES.iter().filter(|(other, ..)| *other == feature).count(), 1, "{feature:?}");
        }
        assert!(Generation(1, 3).has(FallbackLogged) && !Generation(2, 0).has(FallbackLogged));
        assert!(Generation(2, 1).has(Lockdown) && !Generation(2, 2).has(Lockdown));
        assert!(!Generation(1, 9).has(ZonePriorities) && Generation(2, 0).has(ZonePriorities));
    }

    #[test]
    fn an_empty_answer_is_a_line_up_to_2_5_0() {
        let silent = |release: &str, generation| {
            let dir = tempfile::tempdir().unwrap();
            let root = Root::open(dir.path()).unwrap();
            let package = "/usr/lib/python3.9/site-packages/firewall/config";
            root.create_dirs(package, 0o755).unwrap();
            let text = format!("VERSION = \"{release}\"\n");
            root.write(format!("{package}/__init__.py"), text.as_bytes(), None).unwrap();
            leaves_out_empty_lines(&root, generation)
        };
        assert!(silent("2.5.2", NEWEST) && !silent("2.5.0", NEWEST) && !silent("1.3.4", NEWEST));
        assert!(!silent("2.4.3", Generation(2, 4)) && silent("2.6.0", Generation(2, 6)));
    }

    #[test]
    fn distributions_stand_in_for_the_package() {
        for (text, expected) in [
            ("ID=\"rhel\"\nVERSION_ID=\"9.4\"\n", Some(Generation(1, 3))),
            (
                "ID=\"almalinux\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"8.10\"\n",
                Some(Generation(0, 9)),
            ),
            ("ID=\"centos\"\nID_LIKE=\"rhel fedora\"\nVERSION_ID=\"10\"\n", Some(NEWEST)),
            ("ID=fedora\nVERSION_ID=42\n", Some(Generation(2, 3))),
            ("ID=ubuntu\nID_LIKE=debian\nVERSION_ID=\"24.04\"\n", Some(Generation(2, 1))),
            ("ID=debian\nVERSION_ID='12'\n", Some(Generation(1, 3))),
            ("ID=demo-os\nVERSION_ID=4.5\n", None),
        ] {
            assert_eq!(by_os_release(&OsRelease::parse(text)), expected, "{text}");
        }
    }

    #[test]
    fn the_configuration_comes_first_then_the_package_then_the_distribution() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        let put = |path: &str, text: &str| {
            root.create_dirs(std::path::Path::new(path).parent().unwrap(), 0o755).unwrap();
            root.write(path, text.as_bytes(), None).unwrap();
        };
        assert_eq!(Generation::of(&root), FALLBACK);
        put("/etc/os-release", "ID=fedora\nVERSION_ID=42\n");
        assert_eq!(Generation::of(&root), Generation(2, 3));
        put(
            "/usr/lib/python3.6/site-packages/firewall/config/__init__.py",
            "# x\nVERSION = \"0.9.11\"\n",
        );
        assert_eq!(Generation::of(&root), Generation(0, 9));
        put("/etc/nodeshim/nodeshim.toml", "[shims]\nfirewalld-generation = \"2.5\"\n");
        assert_eq!(Generation::of(&root), Generation(2, 5));
    }
}
