//! Where unit files are looked for, highest first, and what each of these directories is for.
//!
//! All paths are absolute inside the (possibly `--root`) tree; see systemd.unit(5).

use std::collections::HashSet;

use crate::intent::Scope;
use crate::root::{Kind, Root};
use crate::unit::generation::{Generation, Trait};

const SYSTEM_GENERATORS: [&str; 3] = [
    "/run/systemd/generator.early",
    "/run/systemd/generator",
    "/run/systemd/generator.late",
];
const SYSTEM_TRANSIENT: &str = "/run/systemd/transient";
const SYSTEM_CONTROL: [&str; 2] = ["/etc/systemd/system.control", "/run/systemd/system.control"];

/// The caller's environment, as far as it says where units lie.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    /// `$HOME`
    pub home: Option<String>,
    /// `$XDG_CONFIG_HOME`
    pub config_home: Option<String>,
    /// `$XDG_CONFIG_DIRS`
    pub config_dirs: Option<String>,
    /// `$XDG_DATA_HOME`
    pub data_home: Option<String>,
    /// `$XDG_DATA_DIRS`
    pub data_dirs: Option<String>,
    /// `$XDG_RUNTIME_DIR`
    pub runtime_dir: Option<String>,
    /// `$SYSTEMD_UNIT_PATH`
    pub unit_path: Option<String>,
    /// The working directory, which relative paths start from; absolute.
    pub directory: String,
}

impl Environment {
    fn absolute(&self, path: &str) -> String {
        let path = if path.starts_with('/') {
            path.to_owned()
        } else {
            join(&self.directory, path)
        };
        simplify(&path)
    }

    /// The directories that a list names, with this at the end of each.
    fn list(&self, list: &str, end: &str) -> Vec<String> {
        let named = list.split(':').filter(|dir| !dir.is_empty());
        named.map(|dir| self.absolute(&join(dir, end))).collect()
    }

    /// A directory of the user's own: from its variable, or below the home directory.
    fn own(&self, variable: &Option<String>, usual: &str, generation: Generation) -> String {
        match variable {
            Some(dir) if dir.starts_with('/') || !generation.has(Trait::AbsoluteXdg) => {
                // An empty one is the root.
                format!("{}/", dir.trim_end_matches('/'))
            }
            _ => {
                // get_home_dir(): a path that is not absolute counts as if it was not set.
                let home = self.home.as_deref().filter(|home| home.starts_with('/')).unwrap_or("/root");
                format!("{}/{usual}/", home.trim_end_matches('/'))
            }
        }
    }
}

/// The search path of one manager.
#[derive(Debug, Clone)]
pub(crate) struct SearchPath {
    /// Which manager.
    pub scope: Scope,
    /// Highest priority first.
    pub dirs: Vec<String>,
    /// Where persistent links go. A user's is relative where the variable that names it is: links are announced by
    /// that path then, and none of `dirs`, which are absolute, is this place (lookup_paths_init() up to 256).
    pub persistent: String,
    /// Where `--runtime` links go; a user without `$XDG_RUNTIME_DIR` has no such place.
    pub runtime: Option<String>,
    /// What relative paths start from.
    directory: String,
    generators: Vec<String>,
    transient: Option<String>,
    control: Vec<String>,
}

impl SearchPath {
    /// That of a scope's manager, for a caller with this environment.
    pub(crate) fn new(
        root: &Root,
        scope: Scope,
        environment: &Environment,
        generation: Generation,
    ) -> SearchPath {
        let mut path = match scope {
            Scope::System => SearchPath::system(root, generation),
            Scope::Global => SearchPath::global(),
            Scope::User => SearchPath::user(environment, generation),
        };
        if let Some(given) = &environment.unit_path {
            let usual = std::mem::take(&mut path.dirs);
            path.dirs = environment.list(given, "");
            // systemd(1), "Environment": a colon at the end adds the usual path.
            if given.ends_with(':') {
                path.dirs.extend(usual);
            }
        }
        let mut seen = HashSet::new();
        path.dirs.retain(|dir| seen.insert(dir.clone()));
        path
    }

    /// The system manager's. `/lib/systemd/system` counts, last, where `/lib` is a directory of
    /// its own. There are no `.attached` directories before 240.
    pub(crate) fn system(root: &Root, generation: Generation) -> SearchPath {
        let owned = |dirs: &[&str]| dirs.iter().map(|dir| (*dir).to_owned()).collect::<Vec<_>>();
        let attached = |dir| Some(dir).filter(|_| generation.number() >= 240);
        let mut dirs = owned(&SYSTEM_CONTROL);
        dirs.extend(owned(&[SYSTEM_TRANSIENT, SYSTEM_GENERATORS[0], "/etc/systemd/system"]));
        dirs.extend(attached("/etc/systemd/system.attached").map(str::to_owned));
        dirs.extend(owned(&["/run/systemd/system"]));
        dirs.extend(attached("/run/systemd/system.attached").map(str::to_owned));
        dirs.extend(owned(&[
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
            directory: "/".to_owned(),
            generators: owned(&SYSTEM_GENERATORS),
            transient: Some(SYSTEM_TRANSIENT.to_owned()),
            control: owned(&SYSTEM_CONTROL),
        }
    }

    /// That of all users' managers.
    pub(crate) fn global() -> SearchPath {
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
            directory: "/".to_owned(),
            generators: Vec::new(),
            transient: None,
            control: Vec::new(),
        }
    }

    /// That of the calling user's manager; user_dirs() up to 256, user_unit_search_dirs() since.
    pub(crate) fn user(environment: &Environment, generation: Generation) -> SearchPath {
        let config = environment.own(&environment.config_home, ".config", generation);
        let data = environment.own(&environment.data_home, ".local/share", generation);
        let of_runtime = environment.runtime_dir.as_deref();
        let runtime = of_runtime.filter(|dir| dir.starts_with('/') || !generation.has(Trait::AbsoluteXdg));
        let in_runtime = |name: &str| runtime.map(|dir| simplify(&format!("{dir}/systemd/{name}")));
        let persistent = simplify(&format!("{config}systemd/user"));
        let mut control = vec![simplify(&format!("{config}systemd/user.control"))];
        control.extend(in_runtime("user.control"));
        let generators: Vec<String> = ["generator.early", "generator", "generator.late"]
            .into_iter()
            .filter_map(in_runtime)
            .collect();
        let mut dirs = control.clone();
        dirs.extend(in_runtime("transient"));
        dirs.extend(generators.first().cloned());
        let usual = if generation.has(Trait::EtcXdg) {
            "/etc/xdg"
        } else {
            ""
        };
        let config_dirs =
            environment.list(environment.config_dirs.as_deref().unwrap_or(usual), "systemd/user");
        // In 239 these come before the user's own.
        if generation.number() < 240 {
            dirs.extend(config_dirs);
            dirs.push(persistent.clone());
        } else {
            dirs.push(persistent.clone());
            dirs.extend(config_dirs);
        }
        dirs.push("/etc/systemd/user".to_owned());
        dirs.extend(in_runtime("user"));
        dirs.push("/run/systemd/user".to_owned());
        dirs.extend(generators.get(1).cloned());
        dirs.push(format!("{data}systemd/user"));
        let shared = environment.data_dirs.as_deref().unwrap_or("/usr/local/share:/usr/share");
        dirs.extend(environment.list(shared, "systemd/user"));
        dirs.extend(
            [
                "/usr/local/lib/systemd/user",
                "/usr/local/share/systemd/user",
                "/usr/lib/systemd/user",
                "/usr/share/systemd/user",
            ]
            .map(str::to_owned),
        );
        dirs.extend(generators.get(2).cloned());
        SearchPath {
            scope: Scope::User,
            dirs: dirs.iter().map(|dir| environment.absolute(dir)).collect(),
            persistent,
            runtime: in_runtime("user"),
            directory: environment.directory.clone(),
            generators,
            transient: in_runtime("transient"),
            control,
        }
    }

    /// A path as it is from the image's root, for one that may start from the working directory.
    pub(crate) fn absolute(&self, path: &str) -> String {
        if path.starts_with('/') {
            path.to_owned()
        } else {
            join(&self.directory, path)
        }
    }

    /// Whether the file lies directly in a directory of the search path.
    pub(crate) fn contains(&self, path: &str) -> bool {
        let parent = parent(path);
        self.dirs.iter().any(|dir| dir == parent)
    }

    /// Whether the file lies below a directory of the search path, at any depth; gives the rest
    /// of the path.
    pub(crate) fn tail<'p>(&self, path: &'p str) -> Option<&'p str> {
        self.dirs.iter().find_map(|dir| path.strip_prefix(dir.as_str())?.strip_prefix('/'))
    }

    /// Whether the file lies where an administrator's links go.
    pub(crate) fn is_config(&self, path: &str) -> bool {
        let parent = parent(path);
        parent == self.persistent || self.runtime.as_deref() == Some(parent)
    }

    /// Whether a generator made the file.
    pub(crate) fn is_generated(&self, path: &str) -> bool {
        let parent = parent(path);
        self.generators.iter().any(|dir| dir == parent)
    }

    /// Whether the file belongs to a unit that is made at run time.
    pub(crate) fn is_transient(&self, path: &str) -> bool {
        self.transient.as_deref() == Some(parent(path))
    }

    /// Whether the file was made by `set-property`.
    pub(crate) fn is_control(&self, path: &str) -> bool {
        let parent = parent(path);
        self.control.iter().any(|dir| dir == parent)
    }

    /// Whether a directory of the search path is gone after a reboot.
    pub(crate) fn is_runtime_dir(&self, dir: &str) -> bool {
        dir.starts_with("/run/") || self.runtime.as_deref() == Some(dir)
    }

    /// Whether the file was installed with the system or made by a generator, rather than by an
    /// administrator.
    pub(crate) fn is_vendor(&self, path: &str) -> bool {
        path.starts_with("/usr/") || path.starts_with("/lib/") || self.is_generated(path)
    }
}

/// The directory that a path lies in.
pub(crate) fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((parent, _)) => parent,
    }
}

/// A path below a directory.
pub(crate) fn join(dir: &str, name: &str) -> String {
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
pub(crate) fn simplify(path: &str) -> String {
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

/// As [`simplify`], and without steps up from the root; path_simplify_full() since 256.
pub(crate) fn normalize(path: &str) -> String {
    let mut path = simplify(path);
    while let Some(rest) = path.strip_prefix("/..").filter(|rest| rest.is_empty() || rest.starts_with('/')) {
        path = simplify(&format!("/{rest}"));
    }
    path
}

/// As [`simplify`], but `.` stays too; path_simplify() up to 249.
pub(crate) fn simplify_slashes(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let start = if path.starts_with('/') { "/" } else { "" };
    format!("{start}{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATEST: Generation = Generation::NEWEST;

    fn home(dir: &str) -> Environment {
        Environment {
            home: Some(dir.into()),
            directory: "/srv".into(),
            ..Environment::default()
        }
    }

    #[test]
    fn a_user_has_directories_of_its_own() {
        let path = SearchPath::user(&home("/home/a"), LATEST);
        assert_eq!(path.persistent, "/home/a/.config/systemd/user");
        assert_eq!(path.runtime, None);
        assert!(path.dirs.contains(&"/usr/lib/systemd/user".to_owned()));
        assert!(path.is_config("/home/a/.config/systemd/user/x.service"));
        for not_absolute in ["", "rel"] {
            let path = SearchPath::user(&home(not_absolute), LATEST);
            assert_eq!(path.persistent, "/root/.config/systemd/user");
        }
    }

    #[test]
    fn xdg_variables_name_directories() {
        let xdg = Environment {
            config_home: Some("own".into()),
            config_dirs: Some("/a::b".into()),
            data_dirs: Some("/d".into()),
            ..home("/home/a")
        };
        let older = SearchPath::user(&xdg, Generation::release(252));
        assert_eq!(older.persistent, "own/systemd/user");
        assert_eq!(older.absolute(&older.persistent), "/srv/own/systemd/user");
        for dir in [
            "/srv/own/systemd/user",
            "/a/systemd/user",
            "/srv/b/systemd/user",
            "/d/systemd/user",
        ] {
            assert!(older.dirs.contains(&dir.to_owned()), "{dir}");
        }
        assert_eq!(SearchPath::user(&xdg, LATEST).persistent, "/home/a/.config/systemd/user");
        let has_etc = |generation| {
            let dirs = SearchPath::user(&home("/home/a"), generation).dirs;
            dirs.contains(&"/etc/xdg/systemd/user".to_owned())
        };
        assert_eq!([Generation::EL8, Generation::EL9, Generation::EL10].map(has_etc), [false, true, false]);
    }

    #[test]
    fn a_unit_path_takes_the_place_of_the_usual_one() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        let dirs = |given: &str| {
            let environment = Environment {
                unit_path: Some(given.to_owned()),
                ..home("/")
            };
            SearchPath::new(&root, Scope::System, &environment, LATEST).dirs
        };
        assert_eq!(dirs("/a:b:/a"), ["/a", "/srv/b"]);
        assert_eq!(dirs(""), Vec::<String>::new());
        assert_eq!(
            dirs("/usr/lib/systemd/system:")[..2],
            ["/usr/lib/systemd/system", "/etc/systemd/system.control"]
        );
    }

    #[test]
    fn only_direct_children_are_in_the_search_path() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        let path = SearchPath::system(&root, LATEST);
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
