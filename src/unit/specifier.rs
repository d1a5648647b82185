//! Expanding `%` specifiers in `[Install]` values; see "Specifiers" in systemd.unit(5).

use std::cell::{OnceCell, RefCell};

use nix::errno::Errno;

use crate::intent::Scope;
use crate::os_release::OsRelease;
use crate::root::Root;
use crate::unit::generation::{Generation, Trait};
use crate::unit::name;
use crate::unit::problem::Problem;

const MACHINE_ID: &str = "/etc/machine-id";
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
const MACHINE_INFO: &str = "/etc/machine-info";

/// The specifiers of 239, then those that later releases brought; the tables in install_name_printf(),
/// which 239 calls install_full_printf().
const KNOWN: [(u16, &str); 3] = [(0, "nNpijUumHbv"), (240, "aBlowWgG"), (250, "AMq")];

/// Where the values come from that do not lie in a unit's name.
#[derive(Debug)]
pub(crate) struct Specifiers<'r> {
    root: &'r Root,
    /// Whose units have values; none of them is a user's where they are all users'.
    pub scope: Scope,
    /// The tree that the caller has as its root; the kernel speaks there.
    whole: &'r Root,
    /// As which systemd to expand.
    pub generation: Generation,
    /// The os-release file, where a caller names one.
    pub os_release_path: Option<String>,
    os_release: OnceCell<Option<OsRelease>>,
    /// Specifiers that were expanded to something about the machine that builds the image.
    host_dependent: RefCell<Vec<String>>,
}

impl<'r> Specifiers<'r> {
    /// Values come from this image.
    pub(crate) fn new(root: &'r Root) -> Self {
        Specifiers::within(root, root)
    }

    /// Values come from the image `root`, which lies in the one that the caller is in.
    pub(crate) fn within(root: &'r Root, whole: &'r Root) -> Self {
        Specifiers {
            root,
            scope: Scope::System,
            whole,
            generation: Generation::NEWEST,
            os_release_path: None,
            os_release: OnceCell::new(),
            host_dependent: RefCell::default(),
        }
    }

    /// What was expanded to a property of the building machine so far, as `UNIT: %X`.
    pub(crate) fn take_host_dependent(&self) -> Vec<String> {
        self.host_dependent.take()
    }

    /// Expands all specifiers in `text` for the unit `unit`.
    pub(crate) fn expand(&self, unit: &str, text: &str) -> Result<String, Problem> {
        let mut expanded = String::with_capacity(text.len());
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                expanded.push(c);
                continue;
            }
            match chars.next() {
                None | Some('%') => expanded.push('%'),
                Some(other) if !other.is_ascii_alphanumeric() => expanded.extend(['%', other]),
                Some(specifier) => expanded.push_str(&self.value(unit, specifier)?),
            }
        }
        Ok(expanded)
    }

    fn value(&self, unit: &str, specifier: char) -> Result<String, Problem> {
        let number = self.generation.number();
        if !KNOWN.iter().any(|(since, known)| *since <= number && known.contains(specifier)) {
            return Err(Problem::BadSpecifier);
        }
        match specifier {
            'n' => Ok(unit.to_owned()),
            'N' => Ok(name::stem_of(unit).to_owned()),
            'p' => Ok(name::prefix_of(unit).to_owned()),
            'i' => Ok(name::instance_of(unit).unwrap_or("").to_owned()),
            'j' => {
                let prefix = name::prefix_of(unit);
                Ok(prefix.rsplit_once('-').map_or(prefix, |(_, last)| last).to_owned())
            }
            'u' | 'U' | 'g' | 'G' if self.scope == Scope::Global => {
                // specifier_user_name() and the like, observed with 257 and 262.
                Err(match self.generation.has(Trait::PresetsExpandAsSystem) {
                    true => Problem::Os(Errno::EINVAL),
                    false => Problem::Unresolved,
                })
            }
            'u' | 'g' => Ok("root".to_owned()),
            'U' | 'G' => Ok("0".to_owned()),
            'm' => self.machine_id(),
            'o' => self.os_release("ID"),
            'w' => self.os_release("VERSION_ID"),
            'B' => self.os_release("BUILD_ID"),
            'W' => self.os_release("VARIANT_ID"),
            'M' => self.os_release("IMAGE_ID"),
            'A' => self.os_release("IMAGE_VERSION"),
            'q' => match self.pretty_name() {
                Some(name) => Ok(name),
                None => self.value(unit, 'l'),
            },
            'b' | 'H' | 'l' | 'v' | 'a' => {
                self.host_dependent.borrow_mut().push(format!("{unit}: %{specifier}"));
                self.of_host(specifier)
            }
            _ => Err(Problem::BadSpecifier),
        }
    }

    /// The tree that files are read in.
    fn tree(&self) -> &'r Root {
        match self.generation.has(Trait::HostSpecifiers) {
            true => self.whole,
            false => self.root,
        }
    }

    fn os_release(&self, field: &str) -> Result<String, Problem> {
        let load = || match &self.os_release_path {
            Some(path) => OsRelease::load_from(self.tree(), path),
            None => OsRelease::load(self.tree()),
        };
        let release = self.os_release.get_or_init(load).as_ref().ok_or(Problem::Unresolved)?;
        Ok(release.get(field).unwrap_or_default().to_owned())
    }

    /// `PRETTY_HOSTNAME` of machine-info(5), which has the form of os-release.
    fn pretty_name(&self) -> Option<String> {
        let info = OsRelease::load_from(self.root, MACHINE_INFO)?;
        info.value("PRETTY_HOSTNAME").map(str::to_owned)
    }

    fn machine_id(&self) -> Result<String, Problem> {
        let text = self.tree().read_text(MACHINE_ID).map_err(|error| match Problem::from(&error) {
            Problem::Missing => Problem::Unresolved,
            problem => problem,
        })?;
        let id = text.trim_end_matches('\n');
        match id {
            "" => Err(Problem::Os(Errno::ENOMEDIUM)),
            "uninitialized" => Err(Problem::Os(Errno::ENOPKG)),
            _ => plain_id(id),
        }
    }

    fn of_host(&self, specifier: char) -> Result<String, Problem> {
        let names = || nix::sys::utsname::uname().map_err(Problem::Os);
        match specifier {
            'a' => Ok(architecture().to_owned()),
            'b' => {
                let id = self.whole.read_text(BOOT_ID).map_err(|error| Problem::from(&error))?;
                plain_id(id.trim_end())
            }
            'v' => Ok(names()?.release().to_string_lossy().into_owned()),
            _ => {
                let name = names()?.nodename().to_string_lossy().into_owned();
                let short = name.split('.').next().unwrap_or_default().to_owned();
                Ok(if specifier == 'l' { short } else { name })
            }
        }
    }
}

/// 32 hexadecimal digits, with or without dashes, in lower case.
fn plain_id(id: &str) -> Result<String, Problem> {
    let digits: String = id.chars().filter(|c| *c != '-').collect();
    let valid = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    valid.then(|| digits.to_ascii_lowercase()).ok_or(Problem::Os(Errno::EINVAL))
}

/// systemd's name of the processor architecture that this program is built for.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "x86-64",
        "aarch64" => "arm64",
        "powerpc64" if cfg!(target_endian = "little") => "ppc64-le",
        "powerpc64" => "ppc64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_expanded_and_the_rest_refused() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        let specifiers = Specifiers::new(&root);
        let expand = |text: &str| specifiers.expand("work-kind@red.service", text);
        assert_eq!(
            expand("%n|%N|%p|%i|%j|%u%G").unwrap(),
            "work-kind@red.service|work-kind@red|work-kind|red|kind|root0"
        );
        assert_eq!(expand("a%%b%-%").unwrap(), "a%b%-%");
        assert_eq!(expand("%t"), Err(Problem::BadSpecifier));
        assert_eq!(expand("%o"), Err(Problem::Unresolved));
        assert_eq!(expand("%m"), Err(Problem::Unresolved));
        assert!(specifiers.take_host_dependent().is_empty());
        expand("%a").unwrap();
        assert_eq!(specifiers.take_host_dependent(), ["work-kind@red.service: %a"]);
    }

    #[test]
    fn specifiers_come_with_their_generation() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        root.create_dirs("/etc", 0o755).unwrap();
        root.write("/etc/os-release", b"ID=x\n", None).unwrap();
        root.write("/etc/machine-info", b"PRETTY_HOSTNAME='a b'\n", None).unwrap();
        let expand = |generation, text| {
            let mut specifiers = Specifiers::new(&root);
            specifiers.generation = generation;
            specifiers.expand("a.service", text)
        };
        assert_eq!(expand(Generation::EL8, "%o"), Err(Problem::BadSpecifier));
        assert_eq!(expand(Generation::EL8, "%n").unwrap(), "a.service");
        assert_eq!(expand(Generation::release(247), "%o").unwrap(), "x");
        assert_eq!(expand(Generation::release(247), "%q"), Err(Problem::BadSpecifier));
        assert_eq!(expand(Generation::release(252), "%q").unwrap(), "a b");
    }

    #[test]
    fn another_os_release_may_be_named() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        root.create_dirs("/srv", 0o755).unwrap();
        root.write("/srv/release", b"ID=other\n", None).unwrap();
        let mut specifiers = Specifiers::new(&root);
        specifiers.os_release_path = Some("/srv/release".to_owned());
        assert_eq!(specifiers.expand("a.service", "%o").unwrap(), "other");
    }

    #[test]
    fn a_tree_below_has_specifiers_of_its_own_since_249() {
        let dir = tempfile::tempdir().unwrap();
        let whole = Root::open(dir.path()).unwrap();
        for (etc, id) in [("/etc", "outer"), ("/opt/image/etc", "inner")] {
            whole.create_dirs(etc, 0o755).unwrap();
            let text = format!("ID={id}\n");
            whole.write(format!("{etc}/os-release"), text.as_bytes(), None).unwrap();
        }
        let below = whole.enter("/opt/image").unwrap();
        let expand = |generation| {
            let mut specifiers = Specifiers::within(&below, &whole);
            specifiers.generation = Generation::release(generation);
            specifiers.expand("a.service", "%o").unwrap()
        };
        assert_eq!([248, 249].map(expand), ["outer", "inner"]);
    }

    #[test]
    fn the_image_is_asked_not_the_host() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        root.create_dirs("/etc", 0o755).unwrap();
        root.write("/etc/os-release", b"ID=\"demo os\"\n", None).unwrap();
        root.write("/etc/machine-id", b"uninitialized\n", None).unwrap();
        let specifiers = Specifiers::new(&root);
        assert_eq!(specifiers.expand("a.service", "%o%W").unwrap(), "demo os");
        assert_eq!(specifiers.expand("a.service", "%m"), Err(Problem::Os(Errno::ENOPKG)));
        root.write("/etc/machine-id", b"0123456789ABCDEF0123456789abcdef\n", None).unwrap();
        assert_eq!(specifiers.expand("a.service", "%m").unwrap(), "0123456789abcdef0123456789abcdef");
    }
}
