//! Whether an image with init scripts has systemd, too, and which unit takes a script's place.

use std::ffi::OsStr;
use std::path::Path;

use crate::root::Root;

/// Where chkconfig looks for units, in this order, and nowhere else; isOverriddenBySystemd() of leveldb.c.
const UNIT_DIRECTORIES: [&str; 2] = ["/lib/systemd/system", "/etc/systemd/system"];

/// Whether systemd is the image's init: `/sbin/init` leads to a file of that name; systemdIsInit().
pub(crate) fn is_init(root: &Root) -> bool {
    root.resolve("/sbin/init")
        .is_ok_and(|path| path.file_name() == Some(OsStr::new("systemd")))
}

/// Whether the image has systemd at all.
pub(crate) fn is_installed(root: &Root) -> bool {
    root.exists("/usr/lib/systemd/systemd") || root.exists("/lib/systemd/systemd") || is_init(root)
}

/// Whether the image boots by init scripts alone: it has such scripts' directory and nothing of
/// systemd, as Enterprise Linux 6.
pub(crate) fn is_sysv(root: &Root) -> bool {
    let of_systemd = ["/usr/lib/systemd/system", "/lib/systemd/system"];
    let of_scripts = ["/etc/rc.d/init.d", "/etc/init.d", "/etc/inittab"];
    of_scripts.iter().any(|path| root.exists(path))
        && !of_systemd.iter().any(|directory| root.is_dir(directory))
        && !is_installed(root)
}

/// Whether systemd runs: not while an image is built; systemdActive().
pub(crate) fn is_running(root: &Root) -> bool {
    root.is_dir("/run/systemd/system") && is_init(root)
}

/// Whether the directory of packaged units is there.
pub(crate) fn has_units(root: &Root) -> bool {
    root.is_dir(UNIT_DIRECTORIES[0])
}

/// The unit that replaces a service: `NAME.service`, or `NAME.socket` where its service is a
/// template; isSocketActivatedBySystemd().
pub(crate) fn unit(root: &Root, name: &OsStr) -> Option<String> {
    let name = name.to_str().filter(|name| !name.contains('/'))?;
    let there = |directory: &str, unit: &str| {
        let path = Path::new(directory).join(unit);
        // A masked unit counts, also in an image without /dev.
        root.meta_followed(&path).is_ok()
            || root.read_link(&path).is_ok_and(|to| to == Path::new("/dev/null"))
    };
    let service = format!("{name}.service");
    if UNIT_DIRECTORIES.into_iter().any(|directory| there(directory, &service)) {
        return Some(service);
    }
    let (template, socket) = (format!("{name}@.service"), format!("{name}.socket"));
    UNIT_DIRECTORIES
        .into_iter()
        .any(|directory| there(directory, &template) && there(directory, &socket))
        .then_some(socket)
}
