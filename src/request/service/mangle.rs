//! A service name as a unit name, the way `systemd-escape --mangle` makes one.

use crate::unit::name::is_valid;

/// The unit that `service` means by a name. A path is a mount or device; what no unit name may
/// have is escaped; `.service` is added where no suffix is there.
pub fn unit_name(name: &str) -> String {
    if let Some(path) = name.strip_prefix('/') {
        let suffix = if path.starts_with("dev/") {
            "device"
        } else {
            "mount"
        };
        return format!("{}.{suffix}", escape_path(path));
    }
    let mut unit = String::with_capacity(name.len() + 8);
    for byte in name.bytes() {
        match byte {
            b'/' => unit.push('-'),
            b'-' | b'\\' | b'@' => unit.push(char::from(byte)),
            byte => push(&mut unit, byte),
        }
    }
    if !is_valid(&unit) {
        unit.push_str(".service");
    }
    unit
}

fn escape_path(path: &str) -> String {
    let mut escaped = String::with_capacity(path.len());
    let parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
    for part in parts {
        if !escaped.is_empty() {
            escaped.push('-');
        }
        for (at, byte) in part.bytes().enumerate() {
            if byte == b'.' && at == 0 && escaped.is_empty() {
                escaped.push_str("\\x2e");
            } else {
                push(&mut escaped, byte);
            }
        }
    }
    if escaped.is_empty() { "-".into() } else { escaped }
}

fn push(text: &mut String, byte: u8) {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b':' | b'_' | b'.' => text.push(char::from(byte)),
        byte => text.push_str(&format!("\\x{byte:02x}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_paths_as_systemd_escape_has_them() {
        for (name, unit) in [
            ("foo", "foo.service"),
            ("foo.socket", "foo.socket"),
            ("foo@x", "foo@x.service"),
            ("foo.conf", "foo.conf.service"),
            (".service", ".service.service"),
            ("foo bar", "foo\\x20bar.service"),
            ("a/b-c", "a-b-c.service"),
            ("ä", "\\xc3\\xa4.service"),
            ("/etc/init.d/foo", "etc-init.d-foo.mount"),
            ("/etc//my-x/", "etc-my\\x2dx.mount"),
            ("/dev/sda 1", "dev-sda\\x201.device"),
            ("/.x/.y", "\\x2ex-.y.mount"),
            ("/", "-.mount"),
        ] {
            assert_eq!(unit_name(name), unit, "{name}");
        }
    }
}
