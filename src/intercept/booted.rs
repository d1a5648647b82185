//! Whether the system runs that a root is the top of, rather than being built.

use crate::root::Root;

/// What process 1 is called where an init runs the system; in a container build it is rpm, a shell or a
/// helper of the builder.
const INITS: [&str; 2] = ["systemd", "init"];

/// Whether process 1 is an init: a package can make the directory that sd_booted(3) asks for. Where
/// `/proc` does not tell, it may be one.
pub(super) fn is_run_by_init(root: &Root) -> bool {
    root.read_text("/proc/1/comm").map_or(true, |name| INITS.contains(&name.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_has_no_init() {
        let place = tempfile::tempdir().unwrap();
        let root = Root::open(place.path()).unwrap();
        assert!(is_run_by_init(&root));
        root.create_dirs("/proc/1", 0o755).unwrap();
        for (name, expected) in [
            ("systemd\n", true),
            ("init\n", true),
            ("sh\n", false),
            ("rpm\n", false),
        ] {
            root.write("/proc/1/comm", name.as_bytes(), None).unwrap();
            assert_eq!(is_run_by_init(&root), expected, "{name}");
        }
    }
}
