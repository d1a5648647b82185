//! Turning IPv4 forwarding on in `/etc/sysctl.conf`.

use super::replace;
use crate::error::{Result, if_exists};
use crate::root::Root;

/// The file.
pub(crate) const PATH: &str = "/etc/sysctl.conf";
const KEY: &[u8] = b"net.ipv4.ip_forward";
const LINE: &[u8] = b"net.ipv4.ip_forward = 1";

/// Sets `net.ipv4.ip_forward` to 1; a missing file is made. The file before is kept as `.old` if
/// it changes. Whether it did.
pub(crate) fn turn_forwarding_on(root: &Root) -> Result<bool> {
    let old = if_exists(root.read(PATH))?;
    let new = forwarding(old.as_deref().unwrap_or_default());
    if old.as_deref() == Some(new.as_slice()) {
        return Ok(false);
    }
    replace(root, PATH, &new, None)?;
    Ok(true)
}

/// The text with every line of the key set to 1, or with one more line, as sysctlClass.write() of
/// fw_sysctl.py has it.
fn forwarding(text: &[u8]) -> Vec<u8> {
    let mut new = Vec::with_capacity(text.len() + LINE.len() + 2);
    let mut found = false;
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        match value(line) {
            Some(value) => {
                found = true;
                let changed = [LINE, b"\n"].concat();
                new.extend(if value == b"1" { line } else { &changed });
            }
            None => new.extend(line),
        }
    }
    if found {
        return new;
    }
    if !new.is_empty() {
        if !new.ends_with(b"\n") {
            new.push(b'\n');
        }
        new.push(b'\n');
    }
    new.extend(LINE);
    new.push(b'\n');
    new
}

/// The value that a line gives the key, if it is one of the key.
fn value(line: &[u8]) -> Option<&[u8]> {
    let at = line.iter().position(|&byte| byte == b'=')?;
    (line[..at].trim_ascii() == KEY).then(|| line[at + 1..].trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forwarding_is_set_in_place_or_appended() {
        let cases = [
            ("", "net.ipv4.ip_forward = 1\n"),
            ("# c\nnet.ipv4.ip_forward=0\nx = 0\n", "# c\nnet.ipv4.ip_forward = 1\nx = 0\n"),
            ("net.ipv4.ip_forward=1\n", "net.ipv4.ip_forward=1\n"),
            ("a = 1", "a = 1\n\nnet.ipv4.ip_forward = 1\n"),
            ("#net.ipv4.ip_forward = 0\n", "#net.ipv4.ip_forward = 0\n\nnet.ipv4.ip_forward = 1\n"),
            (
                "net.ipv4.ip_forward = 1\nnet.ipv4.ip_forward = 0",
                "net.ipv4.ip_forward = 1\nnet.ipv4.ip_forward = 1\n",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(String::from_utf8(forwarding(text.as_bytes())).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn the_old_file_is_kept_only_when_it_changes() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        root.create_dirs("/etc", 0o755).unwrap();
        assert!(turn_forwarding_on(&root).unwrap());
        assert!(!turn_forwarding_on(&root).unwrap());
        assert!(!root.exists("/etc/sysctl.conf.old"));
        root.write(PATH, b"net.ipv4.ip_forward = 0\n", None).unwrap();
        assert!(turn_forwarding_on(&root).unwrap());
        assert_eq!(root.read("/etc/sysctl.conf.old").unwrap(), b"net.ipv4.ip_forward = 0\n");
    }
}
