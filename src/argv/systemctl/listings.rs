//! What options print instead of a verb's work: versions, and the words that they take.

use crate::unit::generation::Generation;
use crate::unit::name::TYPES;

const LAST: u16 = u16::MAX;

/// What each generation was built with, as `--version` prints it: from which release on. Recorded from Debian's
/// builds.
const FEATURES: [(u16, &str); 4] = [
    (
        0,
        "+PAM +AUDIT +SELINUX +IMA +APPARMOR +SMACK +SYSVINIT +UTMP +LIBCRYPTSETUP +GCRYPT +GNUTLS +ACL +XZ \
         +LZ4 +ZSTD +SECCOMP +BLKID +ELFUTILS +KMOD +IDN2 -IDN +PCRE2 default-hierarchy=unified",
    ),
    (
        248,
        "+PAM +AUDIT +SELINUX +APPARMOR +IMA +SMACK +SECCOMP +GCRYPT -GNUTLS +OPENSSL +ACL +BLKID +CURL \
         +ELFUTILS +FIDO2 +IDN2 -IDN +IPTC +KMOD +LIBCRYPTSETUP +LIBFDISK +PCRE2 -PWQUALITY +P11KIT +QRENCODE \
         +TPM2 +BZIP2 +LZ4 +XZ +ZLIB +ZSTD -BPF_FRAMEWORK -XKBCOMMON +UTMP +SYSVINIT default-hierarchy=unified",
    ),
    (
        256,
        "+PAM +AUDIT +SELINUX +APPARMOR +IMA +IPE +SMACK +SECCOMP +GCRYPT -GNUTLS +OPENSSL +ACL +BLKID +CURL \
         +ELFUTILS +FIDO2 +IDN2 -IDN +IPTC +KMOD +LIBCRYPTSETUP +LIBCRYPTSETUP_PLUGINS +LIBFDISK +PCRE2 \
         +PWQUALITY +P11KIT +QRENCODE +TPM2 +BZIP2 +LZ4 +XZ +ZLIB +ZSTD +BPF_FRAMEWORK +BTF -XKBCOMMON -UTMP \
         +SYSVINIT +LIBARCHIVE",
    ),
    (
        260,
        "+PAM +AUDIT +SELINUX +APPARMOR +IMA +IPE +SMACK +SECCOMP -GNUTLS +OPENSSL +ACL +BLKID +CURL \
         +ELFUTILS +FIDO2 +IDN2 +KMOD +LIBCRYPTSETUP +LIBCRYPTSETUP_PLUGINS +LIBFDISK +PCRE2 +PWQUALITY +P11KIT \
         +QRENCODE +TPM2 +BZIP2 +LZ4 +XZ +ZLIB +ZSTD +BPF_FRAMEWORK +BTF -XKBCOMMON -UTMP +LIBARCHIVE",
    ),
];

/// The same for builds of Enterprise Linux, with the tag that is printed after the number.
const BUILDS: [(Generation, &str, &str); 3] = [
    (
        Generation::EL8,
        "239-82.el8",
        "+PAM +AUDIT +SELINUX +IMA -APPARMOR +SMACK +SYSVINIT +UTMP +LIBCRYPTSETUP +GCRYPT +GNUTLS +ACL +XZ \
         +LZ4 +SECCOMP +BLKID +ELFUTILS +KMOD +IDN2 -IDN +PCRE2 default-hierarchy=legacy",
    ),
    (
        Generation::EL9,
        "252-76.el9",
        "+PAM +AUDIT +SELINUX -APPARMOR +IMA +SMACK +SECCOMP +GCRYPT +GNUTLS +OPENSSL +ACL +BLKID +CURL \
         +ELFUTILS -FIDO2 +IDN2 -IDN -IPTC +KMOD +LIBCRYPTSETUP +LIBFDISK +PCRE2 -PWQUALITY +P11KIT -QRENCODE \
         +TPM2 +BZIP2 +LZ4 +XZ +ZLIB +ZSTD -BPF_FRAMEWORK +XKBCOMMON +UTMP +SYSVINIT default-hierarchy=unified",
    ),
    (
        Generation::EL10,
        "257-28.el10",
        "+PAM +AUDIT +SELINUX -APPARMOR +IMA +IPE +SMACK +SECCOMP -GCRYPT +GNUTLS +OPENSSL +ACL +BLKID +CURL \
         +ELFUTILS +FIDO2 +IDN2 -IDN -IPTC +KMOD +LIBCRYPTSETUP +LIBCRYPTSETUP_PLUGINS +LIBFDISK +PCRE2 \
         +PWQUALITY +P11KIT +QRENCODE +TPM2 +BZIP2 +LZ4 +XZ +ZLIB +ZSTD +BPF_FRAMEWORK +BTF +XKBCOMMON +UTMP \
         +SYSVINIT +LIBARCHIVE",
    ),
];

/// The two lines of `--version`. The first is the number alone up to 239.
pub(super) fn version(generation: Generation) -> String {
    let number = generation.number();
    let released = FEATURES.iter().rev().find(|(since, _)| *since <= number);
    let (tag, features) = match BUILDS.iter().find(|(build, ..)| *build == generation) {
        Some((_, tag, features)) => ((*tag).to_owned(), *features),
        None => (number.to_string(), released.map_or("", |(_, features)| features)),
    };
    let tag = match number {
        ..=239 => String::new(),
        _ => format!(" ({tag})"),
    };
    format!("systemd {number}{tag}\n{features}\n")
}

/// `--type=help`. Up to 242 the types are in another order; observed with 239-82.el8.
pub(super) fn types(generation: Generation) -> String {
    const EARLIER: [&str; 11] = [
        "service",
        "socket",
        "target",
        "device",
        "mount",
        "automount",
        "swap",
        "timer",
        "path",
        "slice",
        "scope",
    ];
    let types = if generation.number() < 243 { EARLIER } else { TYPES };
    let lines: String = types.iter().map(|name| format!("{name}\n")).collect();
    format!("Available unit types:\n{lines}")
}

/// The words that `--output` takes.
pub(super) fn output_modes(generation: Generation) -> Vec<&'static str> {
    const MODES: [(&str, u16); 16] = [
        ("short", 0),
        ("short-full", 0),
        ("short-iso", 0),
        ("short-iso-precise", 0),
        ("short-precise", 0),
        ("short-monotonic", 0),
        ("short-delta", 252),
        ("short-unix", 0),
        ("verbose", 0),
        ("export", 0),
        ("json", 0),
        ("json-pretty", 0),
        ("json-sse", 0),
        ("json-seq", 240),
        ("cat", 0),
        ("with-unit", 0),
    ];
    let known = MODES.iter().filter(|(_, since)| *since <= generation.number());
    known.map(|(name, _)| *name).collect()
}

/// The signals that have a name of their own, from 1 on.
const SIGNALS: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE",
    "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ",
    "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];
const HIGHEST_SIGNAL: usize = 64;

/// The name of a signal: two that the C library keeps for itself are numbers, the rest count from `RTMIN`.
fn signal(number: usize) -> String {
    const FIRST_FREE: usize = 34;
    match number.checked_sub(1).and_then(|at| SIGNALS.get(at)) {
        Some(name) => (*name).to_owned(),
        None if number < FIRST_FREE => number.to_string(),
        None => format!("RTMIN+{}", number - FIRST_FREE),
    }
}

/// `--signal=help`
pub(super) fn signals() -> String {
    (0..=HIGHEST_SIGNAL).map(|number| format!("{}\n", signal(number))).collect()
}

/// `--signal=list`
pub(super) fn signal_table() -> String {
    let rows = (1..=HIGHEST_SIGNAL).map(|number| format!("{number:<6} SIG{}\n", signal(number)));
    ["SIGNAL NAME\n".to_owned()].into_iter().chain(rows).collect()
}

/// States, each with the first and the last release that has it.
type States = &'static [(&'static str, u16, u16)];

/// Recorded from 239-82.el8, 247, 252, 254, 257 and 262.
const STATES: [(&str, States); 14] = [
    (
        "unit load states",
        &[
            ("stub", 0, LAST),
            ("loaded", 0, LAST),
            ("not-found", 0, LAST),
            ("bad-setting", 0, LAST),
            ("error", 0, LAST),
            ("merged", 0, LAST),
            ("masked", 0, LAST),
        ],
    ),
    (
        "unit active states",
        &[
            ("active", 0, LAST),
            ("reloading", 0, LAST),
            ("inactive", 0, LAST),
            ("failed", 0, LAST),
            ("activating", 0, LAST),
            ("deactivating", 0, LAST),
            ("maintenance", 243, LAST),
            ("refreshing", 256, LAST),
        ],
    ),
    (
        "unit file states",
        &[
            ("enabled", 243, LAST),
            ("enabled-runtime", 243, LAST),
            ("linked", 243, LAST),
            ("linked-runtime", 243, LAST),
            ("alias", 243, LAST),
            ("masked", 243, LAST),
            ("masked-runtime", 243, LAST),
            ("static", 243, LAST),
            ("disabled", 243, LAST),
            ("indirect", 243, LAST),
            ("generated", 243, LAST),
            ("transient", 243, LAST),
            ("bad", 243, LAST),
        ],
    ),
    (
        "automount unit substates",
        &[
            ("dead", 0, LAST),
            ("waiting", 0, LAST),
            ("running", 0, LAST),
            ("failed", 0, LAST),
        ],
    ),
    (
        "device unit substates",
        &[("dead", 0, LAST), ("tentative", 0, LAST), ("plugged", 0, LAST)],
    ),
    (
        "mount unit substates",
        &[
            ("dead", 0, LAST),
            ("mounting", 0, LAST),
            ("mounting-done", 0, LAST),
            ("mounted", 0, LAST),
            ("remounting", 0, LAST),
            ("unmounting", 0, LAST),
            ("remounting-sigterm", 0, LAST),
            ("remounting-sigkill", 0, LAST),
            ("unmounting-sigterm", 0, LAST),
            ("unmounting-sigkill", 0, LAST),
            ("failed", 0, LAST),
            ("cleaning", 243, LAST),
        ],
    ),
    (
        "path unit substates",
        &[
            ("dead", 0, LAST),
            ("waiting", 0, LAST),
            ("running", 0, LAST),
            ("failed", 0, LAST),
        ],
    ),
    (
        "scope unit substates",
        &[
            ("dead", 0, LAST),
            ("start-chown", 0, 242),
            ("start-chown", 250, LAST),
            ("running", 0, LAST),
            ("abandoned", 0, LAST),
            ("stop-sigterm", 0, LAST),
            ("stop-sigkill", 0, LAST),
            ("failed", 0, LAST),
        ],
    ),
    (
        "service unit substates",
        &[
            ("dead", 0, LAST),
            ("condition", 0, LAST),
            ("start-pre", 0, LAST),
            ("start", 0, LAST),
            ("start-post", 0, LAST),
            ("running", 0, LAST),
            ("running-revalidating", 259, LAST),
            ("exited", 0, LAST),
            ("refresh-extensions", 259, LAST),
            ("refresh-credentials", 259, LAST),
            ("reload", 0, LAST),
            ("reload-signal", 253, LAST),
            ("reload-notify", 253, LAST),
            ("reload-post", 259, LAST),
            ("mounting", 256, LAST),
            ("stop", 0, LAST),
            ("stop-sigabrt", 0, 242),
            ("stop-watchdog", 243, LAST),
            ("stop-sigterm", 0, LAST),
            ("stop-sigkill", 0, LAST),
            ("stop-post", 0, LAST),
            ("final-watchdog", 243, LAST),
            ("final-sigterm", 0, LAST),
            ("final-sigkill", 0, LAST),
            ("failed", 0, LAST),
            ("dead-before-auto-restart", 253, LAST),
            ("failed-before-auto-restart", 253, LAST),
            ("dead-resources-pinned", 253, LAST),
            ("auto-restart", 0, LAST),
            ("auto-restart-queued", 253, LAST),
            ("cleaning", 243, LAST),
        ],
    ),
    ("slice unit substates", &[("dead", 0, LAST), ("active", 0, LAST)]),
    (
        "socket unit substates",
        &[
            ("dead", 0, LAST),
            ("start-pre", 0, LAST),
            ("start-open", 259, LAST),
            ("start-chown", 0, LAST),
            ("start-post", 0, LAST),
            ("listening", 0, LAST),
            ("deferred", 259, LAST),
            ("running", 0, LAST),
            ("stop-pre", 0, LAST),
            ("stop-pre-sigterm", 0, LAST),
            ("stop-pre-sigkill", 0, LAST),
            ("stop-post", 0, LAST),
            ("final-sigterm", 0, LAST),
            ("final-sigkill", 0, LAST),
            ("failed", 0, LAST),
            ("cleaning", 243, LAST),
        ],
    ),
    (
        "swap unit substates",
        &[
            ("dead", 0, LAST),
            ("activating", 0, LAST),
            ("activating-done", 0, LAST),
            ("active", 0, LAST),
            ("deactivating", 0, LAST),
            ("deactivating-sigterm", 0, LAST),
            ("deactivating-sigkill", 0, LAST),
            ("failed", 0, LAST),
            ("cleaning", 243, LAST),
        ],
    ),
    ("target unit substates", &[("dead", 0, LAST), ("active", 0, LAST)]),
    (
        "timer unit substates",
        &[
            ("dead", 0, LAST),
            ("waiting", 0, LAST),
            ("running", 0, LAST),
            ("elapsed", 0, LAST),
            ("failed", 0, LAST),
        ],
    ),
];

/// `--state=help`
pub(super) fn states(generation: Generation) -> String {
    let number = generation.number();
    let lists = STATES.iter().filter_map(|(what, states)| {
        let known = states.iter().filter(|(_, first, last)| (*first..=*last).contains(&number));
        let lines: String = known.map(|(state, ..)| format!("{state}\n")).collect();
        (!lines.is_empty()).then(|| format!("Available {what}:\n{lines}"))
    });
    lists.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_generation_lists_its_own_words() {
        let of = |number| states(Generation::release(number));
        assert!(states(Generation::EL8).starts_with("Available unit load states:\nstub\n"));
        assert!(!states(Generation::EL8).contains("Available unit file states:"));
        assert!(of(252).contains("\n\nAvailable unit file states:\nenabled\n"));
        assert!(!of(252).contains("reload-signal") && of(254).contains("reload-signal"));
        assert!(version(Generation::EL9).starts_with("systemd 252 (252-76.el9)\n+PAM "));
        assert!(version(Generation::EL8).starts_with("systemd 239\n"));
        assert_eq!(signals().lines().count(), 65);
        assert!(signal_table().contains("\n9      SIGKILL\n"));
        assert!(signal_table().ends_with("64     SIGRTMIN+30\n"));
    }
}
