//! Which values of options are refused.

use crate::unit::generation::Generation;

const SIGNALS: [&str; 33] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "IOT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE",
    "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ",
    "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS", "POLL",
];

/// Whether this names a signal.
pub(super) fn is_signal(value: &str) -> bool {
    let bare = value.strip_prefix("SIG").unwrap_or(value);
    let real_time = bare.strip_prefix("RTMIN").or_else(|| bare.strip_prefix("RTMAX"));
    let offset =
        |rest: &str| rest.is_empty() || rest[1..].parse::<u8>().is_ok() && rest.starts_with(['+', '-']);
    SIGNALS.contains(&bare)
        || value.parse::<u8>().is_ok_and(|number| number <= 64)
        || real_time.is_some_and(offset)
}

/// Whether this is a way to print times.
pub(super) fn is_timestamp_style(value: &str, generation: Generation) -> bool {
    // NEWS of 248.
    let knows_unix = generation.number() >= 248;
    (knows_unix || value != "unix")
        && matches!(
            value,
            "help" | "pretty" | "unix" | "us" | "utc" | "us+utc" | "µs" | "μs" | "µs+utc" | "μs+utc"
        )
}

/// Whether this can be the name of a capsule: what can be a user's with `c-` before it, in 31 bytes.
pub(super) fn is_capsule_name(value: &str) -> bool {
    const LONGEST: usize = 29;
    !value.is_empty()
        && value.len() <= LONGEST
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

const PARTITIONS: [&str; 13] = [
    "root",
    "usr",
    "home",
    "srv",
    "esp",
    "xbootldr",
    "swap",
    "root-verity",
    "usr-verity",
    "root-verity-sig",
    "usr-verity-sig",
    "tmp",
    "var",
];

const POLICY_FLAGS: [&str; 12] = [
    "verity",
    "signed",
    "encrypted",
    "unprotected",
    "unused",
    "absent",
    "open",
    "ignore",
    "read-only-on",
    "read-only-off",
    "growfs-on",
    "growfs-off",
];

/// Flags that came later; observed with 254 and 262.
const LATER_FLAGS: [&str; 7] = [
    "ext4",
    "btrfs",
    "xfs",
    "f2fs",
    "erofs",
    "squashfs",
    "encryptedwithintegrity",
];

/// What is wrong with an image policy, if anything is; see systemd.image-policy(7).
pub(super) fn image_policy_mistake(value: &str, generation: Generation) -> Option<String> {
    let rules = if matches!(value, "" | "-" | "*" | "~") {
        ""
    } else {
        value
    };
    let is_flag = |flag: &str| {
        flag.is_empty()
            || POLICY_FLAGS.contains(&flag)
            || generation.number() >= 258 && LATER_FLAGS.contains(&flag)
    };
    rules.split(':').filter(|rule| !rule.is_empty()).find_map(|rule| {
        let what = match rule.split_once('=') {
            None => "Failed to parse image policy",
            Some((partition, _)) if !partition.is_empty() && !PARTITIONS.contains(&partition) => {
                "Unknown partition type in image policy"
            }
            Some((_, flags)) if !flags.split('+').all(is_flag) => {
                "Unknown partition policy flag in image policy"
            }
            Some(_) => return None,
        };
        Some(format!("{what}: {value}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_capsules_and_policies_are_checked() {
        assert!(is_capsule_name("x-1"));
        assert!(!["", "x/y", "a b", &"x".repeat(30)].into_iter().any(is_capsule_name));
        let mistake = |value| image_policy_mistake(value, Generation::release(254));
        for good in ["*", "-", "root=verity+signed:swap=absent", "=open"] {
            assert_eq!(mistake(good), None, "{good}");
        }
        assert_eq!(mistake("x").as_deref(), Some("Failed to parse image policy: x"));
        assert_eq!(mistake("x=open").as_deref(), Some("Unknown partition type in image policy: x=open"));
        assert_eq!(
            mistake("root=ext4").as_deref(),
            Some("Unknown partition policy flag in image policy: root=ext4")
        );
        assert_eq!(image_policy_mistake("root=ext4", Generation::NEWEST), None);
    }
}
