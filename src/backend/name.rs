//! Plugin names in other alphabets, reversibly: two plugins never share a file, set or service.

use std::borrow::Cow;

use crate::attribution::{BUILDER, UNKNOWN};
use crate::firewall::valid;

/// The plugin's name as part of a file name; none if it could be more than a name. What is no
/// package's begins with a plus, as no package name does.
pub(crate) fn stem(plugin: &str) -> Option<Cow<'_, str>> {
    let run = plugin.strip_prefix("(builder ").and_then(|rest| rest.strip_suffix(')'));
    match (plugin, run) {
        (UNKNOWN, _) => Some("+unknown".into()),
        (BUILDER, _) => Some("+builder".into()),
        (_, Some(run)) => valid::name(run).then(|| format!("+builder-{run}").into()),
        _ => (valid::name(plugin) && !plugin.starts_with('+')).then_some(plugin.into()),
    }
}

/// A stem in nft's alphabet: `a`-`z`, digits and `_`. A dash becomes `__`, any other byte `_HH`.
pub(crate) fn identifier(stem: &str) -> String {
    let mut text = String::new();
    for byte in stem.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' => text.push(char::from(byte)),
            b'-' => text.push_str("__"),
            other => text.push_str(&format!("_{other:02x}")),
        }
    }
    text
}

/// A stem in the alphabet of firewalld's service names: letters, digits and `-` stay, any other
/// byte becomes `_HH`.
pub(crate) fn service(stem: &str) -> String {
    let mut text = String::new();
    for byte in stem.bytes() {
        match byte {
            b'-' => text.push('-'),
            byte if byte.is_ascii_alphanumeric() => text.push(char::from(byte)),
            other => text.push_str(&format!("_{other:02x}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn back(text: &str) -> String {
        let mut name = String::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if let Some(after) = rest.strip_prefix("__") {
                name.push('-');
                rest = after;
            } else if let Some(hex) = rest.strip_prefix('_') {
                name.push(char::from(u8::from_str_radix(&hex[..2], 16).unwrap()));
                rest = &hex[2..];
            } else {
                name.push(c);
                rest = &rest[1..];
            }
        }
        name
    }

    proptest! {
        #[test]
        fn every_valid_name_comes_back(name in "[A-Za-z0-9_+][A-Za-z0-9._+-]{0,30}") {
            prop_assert_eq!(back(&identifier(&name)), name.clone());
            prop_assert_eq!(back(&service(&name)), name);
            prop_assert!(identifier("A.b-c_d+").bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'));
        }
    }

    #[test]
    fn plugin_names_that_could_inject_have_no_file_stem() {
        assert_eq!(stem(UNKNOWN).as_deref(), Some("+unknown"));
        assert_eq!(stem("(builder post)").as_deref(), Some("+builder-post"));
        assert_eq!(stem("(builder ../post)"), None);
        for bad in ["+unknown", "a/b", "..", "a\nb", "a\"b", "(x)"] {
            assert_eq!(stem(bad), None, "{bad}");
        }
    }
}
