//! Names and paths as parts of unit names, the way systemd-escape writes them.

use crate::unit::name;
use crate::unit::paths::simplify;

/// The unit of an absolute path: a `.device` below `/dev` and `/sys`, else a `.mount`. `None` for a
/// relative path and one with `..`.
///
/// `unit_name_mangle_with_suffix()` of systemd's basic/unit-name.c, which tries `is_device_path()` first.
pub(crate) fn path_unit(path: &str) -> Option<String> {
    if !path.starts_with('/') || path.split('/').any(|part| part == "..") {
        return None;
    }
    let path = simplify(path);
    let is_device = path.starts_with("/dev/") || path.starts_with("/sys/");
    let unit_type = if is_device { "device" } else { "mount" };
    Some(format!("{}.{unit_type}", escape_path(&path)))
}

/// A simplified absolute path: without its first slash, the others become dashes, what is not
/// allowed in a name, and dashes, `\xNN`. The root is a dash.
///
/// `unit_name_path_escape()` of systemd's basic/unit-name.c.
fn escape_path(path: &str) -> String {
    let inner = path.trim_start_matches('/');
    if inner.is_empty() {
        return "-".to_owned();
    }
    let mut text = String::with_capacity(inner.len());
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            b'/' => text.push('-'),
            b'.' if at == 0 => push_code(&mut text, byte),
            b'-' | b'\\' | b'@' => push_code(&mut text, byte),
            byte => push(&mut text, byte),
        }
    }
    text
}

/// Replaces each byte that no unit name has by `\xNN`, and `/` by `-`.
///
/// `do_escape_mangle()` of systemd's basic/unit-name.c.
pub(crate) fn escape_name(given: &str) -> String {
    let mut text = String::with_capacity(given.len());
    for byte in given.bytes() {
        match byte {
            b'/' => text.push('-'),
            byte => push(&mut text, byte),
        }
    }
    text
}

fn push(text: &mut String, byte: u8) {
    if name::is_name_byte(byte) {
        text.push(char::from(byte));
    } else {
        push_code(text, byte);
    }
}

fn push_code(text: &mut String, byte: u8) {
    text.push_str(&format!("\\x{byte:02x}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_mounts_and_devices() {
        for (path, unit) in [
            ("/", Some("-.mount")),
            ("/etc/init.d/foo", Some("etc-init.d-foo.mount")),
            ("/etc//my-x/", Some(r"etc-my\x2dx.mount")),
            ("/.x/.y", Some(r"\x2ex-.y.mount")),
            ("/a@b", Some(r"a\x40b.mount")),
            ("/dev/", Some("dev.mount")),
            ("/devx", Some("devx.mount")),
            ("//dev/sda 1", Some(r"dev-sda\x201.device")),
            ("/sys/x", Some("sys-x.device")),
            ("/etc/../x", None),
            ("etc/x", None),
        ] {
            assert_eq!(path_unit(path).as_deref(), unit, "{path}");
        }
    }

    #[test]
    fn names_keep_dashes_and_lose_slashes() {
        assert_eq!(escape_name("a/b-c d@ä"), r"a-b-c\x20d@\xc3\xa4");
    }
}
