//! Names of network interfaces as lokkit accepts them.

use std::ffi::OsStr;

/// The longest name, in bytes.
const LONGEST: usize = 16;

/// An interface name, if it may be one: 1 to 16 bytes, none of blank `/` `!` `:` `*`, not just
/// `+`; checkInterface() of fw_functions.py. A `+` at the end is a wildcard. Whether it exists is not looked
/// at. Control characters, which would break the files that the name ends up in, and what is not UTF-8 are
/// refused as well.
pub(crate) fn parse(name: &OsStr) -> Option<String> {
    let name = name.to_str()?;
    let forbidden = |c: char| " /!:*".contains(c) || c.is_control();
    let valid = (1..=LONGEST).contains(&name.len()) && !name.contains(forbidden) && name != "+";
    valid.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for name in ["lo", "br+", "eth0.5", "abcdefghijklmnop", "++", "a+b"] {
            assert_eq!(parse(OsStr::new(name)).as_deref(), Some(name));
        }
        for name in [
            "",
            "+",
            "abcdefghijklmnopq",
            "a b",
            "a/b",
            "!a",
            "a:1",
            "*",
            "a\n",
        ] {
            assert_eq!(parse(OsStr::new(name)), None, "{name:?}");
        }
    }
}
