//! Where unit files are looked for, highest first, and what each of these directories is for.
//!
//! All paths are absolute inside the (possibly `--root`) tree; see systemd.unit(5).

use crate::intent::Scope;
use crate::root::{Kind, Root};

const SYSTEM_GENERATORS: [&str; 3] = [
    "/run/systemd/generator.early",
    "/run/systemd/generator",
    "/run/systemd/generator.late",
];
const SYSTEM_TRANSIENT: &str = "/run/systemd/transient";
const SYSTEM_CONTROL: [&str; 2] = ["/etc/systemd/system.control", "/run/systemd/system.control"];

/// The variables that a user's directories depend on.
#[derive(Debug, Clone, Default)]
pub struct UserDirs {
    /// `$HOME`
    pub home: Option<String>,
    /// `$XDG_CONFIG_HOME`
    pub config_home: Option<String>,
    /// `$XDG_DATA_HOME`
    pub data_home: Option<String>,
    /// `$XDG_RUNTIME_DIR`
    pub runtime_dir: Option<String>,
}

/// The search path of one manager.
#[derive(Debug, Clone)]
pub struct SearchPath {
    /// Which manager.
    pub scope: Scope,
    /// Highest priority first.
    pub dirs: Vec<String>,
    /// Where persistent links go.
    pub persistent: String,
    /// Where `--runtime` links go; a user without `$XDG_RUNTIME_DIR` has no such place.
    pub runtime: Option<String>,
    generators: Vec<String>,
    transient: Option<String>,
    control: Vec<String>,
}

impl SearchPath {
    /// The system manager's. `/lib/systemd/system` counts, last, where `/lib` is a directory of
    /// its own.
    pub fn system(root: &Root) -> SearchPath {
        let owned = |dirs: &[&str]| dirs.iter().map(|dir| (*dir).to_owned()).collect::<Vec<_>>();
        let mut dirs = owned(&SYSTEM_CONTROL);
        dirs.extend(owned(&[
            SYSTEM_TRANSIENT,
            SYSTEM_GENERATORS[0],
            "/etc/systemd/system",
            "/etc/systemd/system.attached",
            "/run/systemd/system",
            "/run/systemd/system.attached",
            SYSTEM_GENERATORS[1],
            "/usr/local/lib/systemd/system",
            "/usr/lib/systemd/system",
            SYSTEM_GENERATORS[2],
        ]));
        if root.meta("/lib").is_ok_and(|meta| meta.kind == Kind::Dir) {
            dirs.push("/lib/systemd/system".to_owned());
        }
        SearchPath {
            scope: Scope::System,
            dirs,
            persistent: "/etc/systemd/system".to_owned(),
            runtime: Some("/run/systemd/system".to_owned()),
            generators: owned(&SYSTEM_GENERATORS),
            transient: Some(SYSTEM_TRANSIENT.to_owned()),
            control: owned(&SYSTEM_CONTROL),
        }
    }

    /// That of all users' managers.
    pub fn global() -> SearchPath {
        let dirs = [
            "/etc/systemd/user",
            "/run/systemd/user",
            "/usr/local/share/systemd/user",
            "/usr/share/systemd/user",
            "/usr/local/lib/systemd/user",
            "/usr/lib/systemd/user",
        ];
        SearchPath {
            scope: Scope::Global,
            dirs: dirs.map(str::to_owned).to_vec(),
            persistent: dirs[0].to_owned(),
            runtime: Some(dirs[1].to_owned()),
            generators: Vec::new(),
            transient: None,
            control: Vec::new(),
        }
    }

    /// That of the calling user's manager.
    pub fn user(user: &UserDirs) -> SearchPath {
        let home = user.home.as_deref().unwrap_or("/root");
        let below_home = |own: &Option<String>, usual: &str| {
            let own = own.as_deref().filter(|dir| dir.starts_with('/'));
            own.map_or_else(|| join(home, usual), str::to_owned)
        };
        let config = below_home(&user.config_home, ".config");
        let data = below_home(&user.data_home, ".local/share");
        let runtime = user.runtime_dir.as_deref().filter(|dir| dir.starts_with('/'));
        let in_runtime = |name: &str| runtime.map(|dir| join(dir, &format!("systemd/{name}")));
        let persistent = join(&config, "systemd/user");
        let mut control = vec![join(&config, "systemd/user.control")];
        control.extend(in_runtime("user.control"));
        let generators: Vec<String> = ["generator.early", "generator", "generator.late"]
            .into_iter()
            .filter_map(in_runtime)
            .collect();
        let mut dirs = control.clone();
        dirs.extend(in_runtime("transient"));
        dirs.extend(generators.first().cloned());
        dirs.extend([
            persistent.clone(),
            "/etc/xdg/systemd/user".to_owned(),
            "/etc/systemd/user".to_owned(),
        ]);
        dirs.extend(in_runtime("user"));
        dirs.push("/run/systemd/user".to_owned());
        dirs.extend(generators.get(1).cloned());
        dirs.push(join(&data, "systemd/user"));
        dirs.extend(SearchPath::global().dirs.split_off(2));
        dirs.extend(generators.get(2).cloned());
        SearchPath {
            scope: Scope::User,
            dirs,
            persistent,
            runtime: in_runtime("user"),
            generators,
            transient: in_runtime("transient"),
            control,
        }
    }

    /// Whether the file lies directly in a directory of the search path.
    pub fn contains(&self, path: &str) -> bool {
        let parent = parent(path);
        self.dirs.iter().any(|dir| dir == parent)
    }

    /// Whether the file lies below a directory of the search path, at any depth; gives the rest
    /// of the path.
    pub fn tail<'p>(&self, path: &'p str) -> Option<&'p str> {
        self.dirs.iter().find_map(|dir| path.strip_prefix(dir.as_str())?.strip_prefix('/'))
    }

    /// Whether the file lies where an administrator's links go.
    pub fn is_config(&self, path: &str) -> bool {
        let parent = parent(path);
        parent == self.persistent || self.runtime.as_deref() == Some(parent)
    }

    /// Whether a generator made the file.
    pub fn is_generated(&self, path: &str) -> bool {
        let parent = parent(path);
        self.generators.iter().any(|dir| dir == parent)
    }

    /// Whether the file belongs to a unit that is made at run time.
    pub fn is_transient(&self, path: &str) -> bool {
        self.transient.as_deref() == Some(parent(path))
    }

    /// Whether the file was made by `set-property`.
    pub fn is_control(&self, path: &str) -> bool {
        let parent = parent(path);
        self.control.iter().any(|dir| dir == parent)
    }

    /// Whether a directory of the search path is gone after a reboot.
    pub fn is_runtime_dir(&self, dir: &str) -> bool {
        dir.starts_with("/run/") || self.runtime.as_deref() == Some(dir)
    }

    /// Whether the file was installed with the system or made by a generator, rather than by an
    /// administrator.
    pub fn is_vendor(&self, path: &str) -> bool {
        path.starts_with("/usr/") || path.starts_with("/lib/") || self.is_generated(path)
    }
}

/// The directory that a path lies in.
pub fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((parent, _)) => parent,
    }
}

/// A path below a directory.
pub fn join(dir: &str, name: &str) -> String {
    if dir.ends_with('/') {
        format!("{dir}{name}")
    } else {
        format!("{dir}/{name}")
    }
}

/// Whether there is certainly nothing to simplify; most paths are like this.
fn is_simple(path: &str) -> bool {
    let mut pairs = path.as_bytes().windows(2);
    path.starts_with('/') && !path.ends_with('/') && !pairs.any(|pair| matches!(pair, b"//" | b"/."))
}

/// Removes doubled slashes, `.` and a trailing slash; `..` stays.
pub fn simplify(path: &str) -> String {
    if is_simple(path) {
        return path.to_owned();
    }
    let mut simple = String::with_capacity(path.len());
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if path.starts_with('/') || !simple.is_empty() {
            simple.push('/');
        }
        simple.push_str(part);
    }
    if simple.is_empty() && path.starts_with('/') {
        simple.push('/');
    }
    simple
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_directories_of_its_own() {
        let user = UserDirs {
            home: Some("/home/a".into()),
            ..UserDirs::default()
        };
        let path = SearchPath::user(&user);
        assert_eq!(path.persistent, "/home/a/.config/systemd/user");
        assert_eq!(path.runtime, None);
        assert!(path.dirs.contains(&"/usr/lib/systemd/user".to_owned()));
        assert!(path.is_config("/home/a/.config/systemd/user/x.service"));
    }

    #[test]
    fn only_direct_children_are_in_the_search_path() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        let path = SearchPath::system(&root);
        assert!(path.contains("/usr/lib/systemd/system/a.service"));
        assert!(!path.contains("/usr/lib/systemd/system/sub/a.service"));
        assert_eq!(path.tail("/usr/lib/systemd/system/sub/a.service"), Some("sub/a.service"));
        assert!(path.is_generated("/run/systemd/generator.late/a.service"));
        assert!(path.is_runtime_dir("/run/systemd/system"));
    }

    #[test]
    fn paths_are_simplified_as_text() {
        assert_eq!(simplify("//a/./b//"), "/a/b");
        assert_eq!(simplify("a//b/.."), "a/b/..");
        assert_eq!(simplify("/"), "/");
    }
}
