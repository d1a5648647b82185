//! Which systemd an image has.

use crate::config::SystemctlGeneration;
use crate::error::if_exists;
use crate::os_release::OsRelease;
use crate::root::Root;
use crate::unit::generation::Generation;

/// Where the version shows in the name of the private library.
const LIBRARY_DIRS: [&str; 2] = ["/usr/lib/systemd", "/usr/lib64/systemd"];

const LIBRARY_PREFIX: &str = "libsystemd-shared-";

impl Generation {
    /// That which a configuration names, or the image's own.
    pub fn of_image(root: &Root, configured: SystemctlGeneration) -> Generation {
        match configured {
            SystemctlGeneration::Fixed(generation) => generation,
            SystemctlGeneration::Auto => Generation::detect(root),
        }
    }

    /// Finds the image's: by the private library, else by the distribution, else the newest.
    pub fn detect(root: &Root) -> Generation {
        let distribution = OsRelease::load(root);
        by_library(root, distribution.as_ref())
            .or_else(|| by_distribution(distribution.as_ref()?))
            .unwrap_or(Generation::NEWEST)
    }
}

fn by_library(root: &Root, distribution: Option<&OsRelease>) -> Option<Generation> {
    let libraries = LIBRARY_DIRS.iter().filter_map(|dir| if_exists(root.list(dir)).ok().flatten());
    let named = libraries.flatten().filter_map(|entry| {
        let name = entry.name.to_str()?;
        library_version(name).map(|number| (number, name.to_owned()))
    });
    let (number, name) = named.max()?;
    let build = enterprise_build(&name).or_else(|| enterprise_linux(distribution?));
    let own = build.and_then(Generation::of_enterprise_linux);
    // A newer systemd may be built for an older distribution; it is then that release.
    Some(own.filter(|own| own.number() == number).unwrap_or(Generation::release(number)))
}

/// The version in `libsystemd-shared-252.so` or `libsystemd-shared-255.4-1.fc40.so`.
fn library_version(name: &str) -> Option<u16> {
    let rest = name.strip_prefix(LIBRARY_PREFIX)?;
    if !rest.contains(".so") {
        return None;
    }
    let digits = rest.find(|c: char| !c.is_ascii_digit()).map_or(rest, |end| &rest[..end]);
    digits.parse().ok()
}

/// The distribution in `libsystemd-shared-252-76.el9_4.1.so`.
fn enterprise_build(name: &str) -> Option<u16> {
    let (_, rest) = name.split_once(".el")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).map_or(rest, |end| &rest[..end]);
    digits.parse().ok()
}

/// The version of Enterprise Linux that an image is of, or made from. `PLATFORM_ID` tells it of every rebuild;
/// without it those say which distribution they are like.
fn enterprise_linux(distribution: &OsRelease) -> Option<u16> {
    if let Some(platform) = distribution.value("PLATFORM_ID") {
        return platform.strip_prefix("platform:el")?.parse().ok();
    }
    let known = ["rhel", "centos", "ol"];
    let is_one = distribution.ids().any(|id| known.contains(&id));
    major(distribution).filter(|_| is_one)
}

fn major(distribution: &OsRelease) -> Option<u16> {
    distribution.value("VERSION_ID")?.split('.').next()?.parse().ok()
}

/// The systemd that a distribution came with. What is made from another has version numbers of its own.
fn by_distribution(distribution: &OsRelease) -> Option<Generation> {
    if let Some(version) = enterprise_linux(distribution) {
        return match version {
            ..=7 => Some(Generation::OLDEST),
            _ => Generation::of_enterprise_linux(version),
        };
    }
    let version = distribution.value("VERSION_ID")?;
    let number = shipped(distribution.value("ID")?, major(distribution)?, version)?;
    Some(Generation::release(number))
}

/// What release a version of a distribution has.
fn shipped(id: &str, major: u16, version: &str) -> Option<u16> {
    match (id, major) {
        ("fedora", ..=33) => Some(246),
        ("fedora", 34..=37) => Some(major + 214),
        ("fedora", 38..=47) => Some(major + 215),
        ("amzn", 2023) => Some(252),
        ("debian", ..=10) => Some(241),
        ("debian", 11) => Some(247),
        ("debian", 12) => Some(252),
        ("debian", 13) => Some(257),
        ("ubuntu", 20) => Some(245),
        ("ubuntu", 22) => Some(249),
        ("ubuntu", 24) => Some(if version == "24.10" { 256 } else { 255 }),
        ("ubuntu", 25) => Some(257),
        ("opensuse-leap" | "sles" | "suse", 15) => Some(match version {
            "15.3" => 246,
            "15.4" | "15.5" => 249,
            "15.6" | "15.7" => 254,
            _ => 239,
        }),
        ("opensuse-leap" | "sles" | "suse", 16) => Some(257),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_tells_the_version() {
        assert_eq!(library_version("libsystemd-shared-252.so"), Some(252));
        assert_eq!(library_version("libsystemd-shared-255.4-1.fc40.so"), Some(255));
        assert_eq!(library_version("libsystemd-shared-x.so"), None);
        assert_eq!(library_version("systemd"), None);
        assert_eq!(enterprise_build("libsystemd-shared-252-76.el9_4.1.so"), Some(9));
        assert_eq!(enterprise_build("libsystemd-shared-257-28.el10.so"), Some(10));
        assert_eq!(enterprise_build("libsystemd-shared-255.4-1.fc40.so"), None);
    }

    #[test]
    fn os_release_gives_the_systemd_generation_of_its_distribution() {
        let release = |number| Some(Generation::release(number));
        let cases = [
            ("ID=\"rhel\"\nVERSION_ID=\"9.4\"\n", Some(Generation::EL9)),
            (
                "ID=\"almalinux\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"8.10\"\n",
                Some(Generation::EL8),
            ),
            (
                "ID=ol\nID_LIKE=fedora\nVERSION_ID=9.4\nPLATFORM_ID=\"platform:el9\"\n",
                Some(Generation::EL9),
            ),
            ("ID=ol\nID_LIKE=fedora\nVERSION_ID=10.0\n", Some(Generation::EL10)),
            (
                "ID=amzn\nID_LIKE=fedora\nVERSION_ID=2023\nPLATFORM_ID=\"platform:al2023\"\n",
                release(252),
            ),
            ("ID=opensuse-leap\nID_LIKE=\"suse opensuse\"\nVERSION_ID=\"15.6\"\n", release(254)),
            ("ID=centos\nVERSION_ID=7\n", Some(Generation::OLDEST)),
            ("ID=fedora\nVERSION_ID=37\n", release(251)),
            ("ID=fedora\nVERSION_ID=42\nPLATFORM_ID=platform:f42\n", release(257)),
            ("ID=debian\nVERSION_ID='12'\n", release(252)),
            ("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\nVERSION_ID=22\n", None),
            ("ID=demo-os\nVERSION_ID=4.5\n", None),
        ];
        for (text, expected) in cases {
            assert_eq!(by_distribution(&OsRelease::parse(text)), expected, "{text}");
        }
    }

    #[test]
    fn an_image_is_asked_for_its_library_first() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        assert_eq!(Generation::detect(&root), Generation::NEWEST);
        root.create_dirs("/etc", 0o755).unwrap();
        root.write("/etc/os-release", b"ID=rocky\nVERSION_ID=8.9\nPLATFORM_ID=platform:el8\n", None)
            .unwrap();
        assert_eq!(Generation::detect(&root), Generation::EL8);
        root.create_dirs("/usr/lib64/systemd", 0o755).unwrap();
        for (library, expected) in [
            ("239.so", Generation::EL8),
            ("252.16-1.el8.so", Generation::release(252)),
            ("254.26.so", Generation::release(254)),
            ("257-28.el10.so", Generation::EL10),
        ] {
            root.write(format!("/usr/lib64/systemd/{LIBRARY_PREFIX}{library}"), b"", None).unwrap();
            assert_eq!(Generation::detect(&root), expected, "{library}");
        }
    }
}
