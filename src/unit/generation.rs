//! The one table of what differs between systemd generations, and how an image's own is found.
//!
//! Observed: 247, 252, 254, 257, 262; what lies between two that agree is taken to agree as well,
//! what lies between two that differ follows the release notes.

use crate::error::if_exists;
use crate::root::Root;

/// A major version of systemd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Generation(pub u16);

/// What is assumed of an image that tells nothing.
pub const FALLBACK: Generation = Generation(257);

/// Where the version shows in the name of the private library.
const LIBRARY_DIRS: [&str; 2] = ["/usr/lib/systemd", "/usr/lib64/systemd"];

const LIBRARY_PREFIX: &str = "libsystemd-shared-";

/// How `--now` answers where nothing can be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Now {
    /// Tries the message bus, after the links are made, and fails.
    Bus,
    /// Says that it is refused, after the links are made, and fails.
    Refused,
    /// Says that it does nothing.
    Ignored,
}

impl Generation {
    /// `UpheldBy=` and `.upholds/` directories.
    pub fn has_upheld_by(self) -> bool {
        self.0 >= 254
    }

    /// `ignore` lines in presets.
    pub fn has_preset_ignore(self) -> bool {
        self.0 >= 254
    }

    /// `is-enabled` prints `not-found` and exits 4, instead of stopping at the first unknown unit.
    pub fn has_not_found_state(self) -> bool {
        self.0 >= 253
    }

    /// The option `--no-warn`.
    pub fn has_no_warn(self) -> bool {
        self.0 >= 253
    }

    /// The option `--drop-in` of `edit`.
    pub fn has_drop_in(self) -> bool {
        self.0 >= 253
    }

    /// The option `--stdin` of `edit`.
    pub fn has_stdin(self) -> bool {
        self.0 >= 256
    }

    /// Messages of the form `Failed to VERB unit: Unit X ...`, with single quotes round paths.
    pub fn has_quoted_messages(self) -> bool {
        self.0 >= 256
    }

    /// `Removed "PATH".` instead of `Removed PATH.`
    pub fn quotes_removed(self) -> bool {
        self.0 >= 249
    }

    /// `disable` looks at `[Install]` first, and explains a unit that has none.
    pub fn disable_explains(self) -> bool {
        self.0 >= 254
    }

    /// `disable` of a unit that is not there exits 1.
    pub fn disable_fails_for_missing(self) -> bool {
        self.0 >= 259
    }

    /// A link into a target that does not exist is warned of.
    pub fn warns_of_missing_target(self) -> bool {
        self.0 >= 250
    }

    /// A missing `Also=` unit is reported and passed over.
    pub fn tolerates_missing_also(self) -> bool {
        self.0 >= 250
    }

    /// The alias links of a unit that is linked by path point to the link in the configuration
    /// directory, instead of the file outside.
    pub fn aliases_point_to_link(self) -> bool {
        self.0 >= 256
    }

    /// Init scripts are handed to `systemd-sysv-install`.
    pub fn has_sysv(self) -> bool {
        self.0 < 260
    }

    /// Builds for images where `/lib` is a directory of its own keep programs there.
    pub fn knows_split_usr(self) -> bool {
        self.0 < 255
    }

    /// One unit that cannot be preset does not stop the others of a call.
    pub fn preset_goes_on(self) -> bool {
        self.0 >= 259
    }

    /// `preset-all` exits 1 where a unit names an impossible alias.
    pub fn preset_all_fails_for_alias(self) -> bool {
        self.0 <= 252 || self.0 >= 259
    }

    /// The verb in messages of `preset-all` is its own.
    pub fn names_preset_all(self) -> bool {
        self.0 >= 259
    }

    /// What `Failed to VERB...` puts after the verb where no unit is to blame.
    pub fn failed_object(self) -> &'static str {
        match self.0 {
            ..=255 => "",
            256..=258 => " unit",
            _ => " units",
        }
    }

    /// `--now` with any verb but enable, disable, reenable and mask is an error.
    pub fn checks_now(self) -> bool {
        self.0 >= 256
    }

    /// What `--now` comes to.
    pub fn now(self) -> Now {
        match self.0 {
            ..=255 => Now::Bus,
            256..=258 => Now::Refused,
            _ => Now::Ignored,
        }
    }

    /// An unknown verb is quoted and near ones are proposed.
    pub fn proposes_verbs(self) -> bool {
        self.0 >= 256
    }

    /// Finds the image's generation: by the private library, else by the distribution.
    pub fn detect(root: &Root) -> Generation {
        let libraries = LIBRARY_DIRS.iter().filter_map(|dir| if_exists(root.list(dir)).ok().flatten());
        libraries
            .flatten()
            .filter_map(|entry| by_library(entry.name.to_str()?))
            .max()
            .or_else(|| by_os_release(&load_os_release(root)?))
            .unwrap_or(FALLBACK)
    }
}

/// The version in `libsystemd-shared-252.so` or `libsystemd-shared-255.4-1.fc40.so`.
fn by_library(name: &str) -> Option<Generation> {
    let rest = name.strip_prefix(LIBRARY_PREFIX)?;
    if !rest.contains(".so") {
        return None;
    }
    let digits = rest.find(|c: char| !c.is_ascii_digit()).map_or(rest, |end| &rest[..end]);
    digits.parse().ok().map(Generation)
}

fn load_os_release(root: &Root) -> Option<String> {
    ["/etc/os-release", "/usr/lib/os-release"]
        .iter()
        .find_map(|path| root.read_text(path).ok())
}

/// The value of a field of os-release, unquoted.
pub fn os_release_field(text: &str, field: &str) -> Option<String> {
    let value = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix(field)?.strip_prefix('='))
        .next_back()?;
    let quoted = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    Some(quoted.unwrap_or(value).to_owned())
}

fn by_os_release(text: &str) -> Option<Generation> {
    let ids = [os_release_field(text, "ID"), os_release_field(text, "ID_LIKE")];
    let ids: Vec<String> = ids
        .into_iter()
        .flatten()
        .flat_map(|ids| ids.split(' ').map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let version = os_release_field(text, "VERSION_ID")?;
    let major: u16 = version.split('.').next()?.parse().ok()?;
    let is = |id: &str| ids.iter().any(|known| known == id);
    let number = if ids.first().is_some_and(|id| id == "fedora") {
        match major {
            ..=33 => 246,
            34..=37 => major + 214,
            _ => major + 215,
        }
    } else if is("rhel") || is("centos") {
        match major {
            ..=8 => 239,
            9 => 252,
            _ => 257,
        }
    } else if is("debian") {
        match major {
            ..=10 => 241,
            11 => 247,
            12 => 252,
            _ => 257,
        }
    } else {
        return None;
    };
    Some(Generation(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_tells_the_version() {
        assert_eq!(by_library("libsystemd-shared-252.so"), Some(Generation(252)));
        assert_eq!(by_library("libsystemd-shared-255.4-1.fc40.so"), Some(Generation(255)));
        assert_eq!(by_library("libsystemd-shared-x.so"), None);
        assert_eq!(by_library("systemd"), None);
    }

    #[test]
    fn distributions_stand_in_for_it() {
        let cases = [
            ("ID=\"rhel\"\nVERSION_ID=\"9.4\"\n", Some(252)),
            ("ID=\"almalinux\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"8.10\"\n", Some(239)),
            ("ID=fedora\nVERSION_ID=37\n", Some(251)),
            ("ID=fedora\nVERSION_ID=42\n", Some(257)),
            ("ID=debian\nVERSION_ID='12'\n", Some(252)),
            ("ID=demo-os\nVERSION_ID=4.5\n", None),
        ];
        for (text, expected) in cases {
            assert_eq!(by_os_release(text), expected.map(Generation), "{text}");
        }
    }

    #[test]
    fn an_image_is_asked_for_its_library_first() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        assert_eq!(Generation::detect(&root), FALLBACK);
        root.create_dirs("/etc", 0o755).unwrap();
        root.write("/etc/os-release", b"ID=fedora\nVERSION_ID=41\n", None).unwrap();
        assert_eq!(Generation::detect(&root), Generation(256));
        root.create_dirs("/usr/lib64/systemd", 0o755).unwrap();
        root.write("/usr/lib64/systemd/libsystemd-shared-254.26.so", b"", None).unwrap();
        assert_eq!(Generation::detect(&root), Generation(254));
    }
}
