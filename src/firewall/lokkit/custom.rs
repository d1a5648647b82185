//! Custom rules files as lokkit names them: `[TYPE:][TABLE:]FILE`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// An address family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// iptables
    Ipv4,
    /// ip6tables
    Ipv6,
}

/// The tables that take custom rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Table {
    /// `filter`
    Filter,
    /// `mangle`
    Mangle,
    /// `nat`, which IPv6 had none of.
    Nat,
}

/// A file of rules to include. The file need not exist.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CustomRules {
    /// Of which family.
    pub family: Family,
    /// Into which table.
    pub table: Table,
    /// The file.
    pub file: OsString,
}

impl Family {
    /// Both.
    pub const ALL: [Family; 2] = [Family::Ipv4, Family::Ipv6];

    /// `ipv4` or `ipv6`.
    pub fn name(self) -> &'static str {
        match self {
            Family::Ipv4 => "ipv4",
            Family::Ipv6 => "ipv6",
        }
    }
}

impl Table {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Table::Filter => "filter",
            Table::Mangle => "mangle",
            Table::Nat => "nat",
        }
    }
}

impl CustomRules {
    /// Parses a value of `--custom-rules`. A prefix that is no type or table belongs to the file;
    /// _check_rulesfile() of fw_parser.py.
    pub fn parse(value: &OsStr) -> Result<CustomRules, String> {
        let bytes = value.as_bytes();
        let (family, rest) = match split_prefix(bytes) {
            Some((b"ipv4", rest)) => (Family::Ipv4, rest),
            Some((b"ipv6", rest)) => (Family::Ipv6, rest),
            _ => (Family::Ipv4, bytes),
        };
        let (table, file) = match split_prefix(rest) {
            Some((b"filter", rest)) => (Table::Filter, rest),
            Some((b"mangle", rest)) => (Table::Mangle, rest),
            Some((b"nat", rest)) => (Table::Nat, rest),
            _ => (Table::Filter, rest),
        };
        if (family, table) == (Family::Ipv6, Table::Nat) {
            return Err("ipv6 has no nat support.".to_owned());
        }
        if file.iter().any(u8::is_ascii_control) {
            return Err(format!("invalid file name '{}'.", value.display()));
        }
        let file = OsStr::from_bytes(file).to_owned();
        Ok(CustomRules { family, table, file })
    }

    /// The value in canonical form, both prefixes spelled out.
    pub fn to_value(&self) -> Vec<u8> {
        let prefixes = format!("{}:{}:", self.family.name(), self.table.name());
        [prefixes.as_bytes(), self.file.as_bytes()].concat()
    }
}

fn split_prefix(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = bytes.iter().position(|&byte| byte == b':')?;
    Some((&bytes[..colon], &bytes[colon + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_may_be_left_out() {
        let cases = [
            ("/x", Ok("ipv4:filter:/x")),
            ("ipv6:/x", Ok("ipv6:filter:/x")),
            ("nat:/x", Ok("ipv4:nat:/x")),
            ("ipv4:mangle:x:y", Ok("ipv4:mangle:x:y")),
            ("raw:/x", Ok("ipv4:filter:raw:/x")),
            ("filter:ipv6:/x", Ok("ipv4:filter:ipv6:/x")),
            ("", Ok("ipv4:filter:")),
            ("ipv6:nat:/x", Err("ipv6 has no nat support.")),
            ("a\n--disabled", Err("invalid file name 'a\n--disabled'.")),
        ];
        for (value, expected) in cases {
            let parsed = CustomRules::parse(OsStr::new(value)).map(|rules| rules.to_value());
            let expected = expected.map(|text| text.as_bytes().to_vec()).map_err(str::to_owned);
            assert_eq!(parsed, expected, "{value}");
        }
    }
}
