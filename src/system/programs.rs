//! Programs of scriptlets that change a system without one of the tools, and what there is to say of each:
//! what it is about, how what it does is noticed, and what its packager could do instead. The audit and lint
//! read this one table.

use super::Area;

/// How what a program does is noticed, and what it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// A tool would have recorded it: it changes the firewall, or which services are started.
    PastTools(&'static str),
    /// It changes files, which are compared, or what `commands` reads from its words.
    Files(&'static str),
    /// It changes the running machine alone, which is not the image's.
    Machine,
}

use Advice::{Avoid, Declare};
use Effect::{Files, Machine, PastTools};

/// What lint says of a scriptlet that calls a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Advice {
    /// Nothing.
    None,
    /// The key of metadata that declares the same.
    Declare(&'static str),
    /// Why it does not do what it is called for.
    Avoid(&'static str),
}

/// The subject of programs that change the firewall without one of the tools.
pub(crate) const FIREWALL: &str = "the firewall";
/// What an init script that is run by its path is about.
const INIT_SCRIPT: &str = "a service by its init script";

const ACCOUNTS: &str = Area::Accounts.words();
const ALTERNATIVES: &str = Area::Alternatives.words();
const SELINUX: &str = Area::Selinux.words();
const KERNEL: &str = Area::Kernel.words();

const IPTABLES: &[&str] = &[
    "iptables",
    "ip6tables",
    "iptables-restore",
    "ip6tables-restore",
    "iptables-nft",
    "ip6tables-nft",
    "iptables-legacy",
    "ip6tables-legacy",
    "ebtables",
    "arptables",
    "ipset",
    "nft",
];
const OF_ACCOUNTS: &[&str] = &[
    "usermod",
    "userdel",
    "groupmod",
    "groupdel",
    "gpasswd",
    "systemd-sysusers",
];

/// Names of programs, without their directories; what they do, and what lint says of it.
type Row = (&'static [&'static str], Effect, Advice);

#[rustfmt::skip]
const PROGRAMS: &[Row] = &[
    (IPTABLES, PastTools(FIREWALL), Avoid("changes the firewall of the machine that builds the image, not the image's")),
    // It prints; what it prints may become the saved firewall.
    (&["iptables-save"], PastTools(FIREWALL), Advice::None),
    (&["update-rc.d", "invoke-rc.d", "insserv", "initctl", "rc-update"], PastTools("services"),
        Avoid("is for other systems; use systemctl or chkconfig, which are recorded")),
    (&["useradd", "adduser"], Files(ACCOUNTS), Declare("[[user]]")),
    (&["groupadd", "addgroup"], Files(ACCOUNTS), Declare("[[group]]")),
    (OF_ACCOUNTS, Files(ACCOUNTS), Advice::None),
    (&["alternatives", "update-alternatives"], Files(ALTERNATIVES), Advice::None),
    (&["semodule", "semanage", "setsebool", "load_policy"], Files(SELINUX), Advice::None),
    (&["setenforce"], Files(SELINUX), Avoid("changes the kernel that builds the image, not the image")),
    (&["restorecon", "fixfiles", "chcon", "setfiles"], Files("SELinux's labels"), Advice::None),
    (&["sysctl"], Files(KERNEL), Avoid("sets the running kernel alone; ship a file in /usr/lib/sysctl.d")),
    (&["modprobe", "insmod"], Files(KERNEL), Declare("[kernel] modules")),
    (&["rmmod"], Files(KERNEL), Advice::None),
    (&["depmod", "weak-modules"], Files("the list of kernel modules"), Advice::None),
    (&["dracut", "mkinitrd", "kernel-install"], Files("the initramfs"), Advice::None),
    (&["grubby"], Files("the boot loader"), Declare("[kernel] parameters")),
    (&["grub2-mkconfig"], Files("the boot loader"), Advice::None),
    (&["udevadm"], Files("devices"), Advice::None),
    (&["systemd-tmpfiles"], Files("temporary files"), Advice::None),
    (&["hostname", "hostnamectl"], Files("the host's name"), Advice::None),
    (&["timedatectl"], Files("the clock"), Advice::None),
    (&["localectl"], Files("the locale"), Advice::None),
    (&["authselect"], Files("how people log in"), Advice::None),
    (&["update-crypto-policies"], Files("the policy on cryptography"), Advice::None),
    (&["update-ca-trust"], Files("keys and certificates"), Advice::None),
    (&["reboot", "poweroff", "halt", "shutdown", "telinit"], Machine,
        Avoid("would restart or stop the machine that installs the package")),
    (&["dbus-send", "busctl", "loginctl"], Machine, Avoid("needs a running system")),
];

/// The row of the program at a path, and its name.
fn find(path: &str) -> Option<(&str, &'static Row)> {
    let name = path.rsplit('/').next()?;
    Some((name, PROGRAMS.iter().find(|(names, ..)| names.contains(&name))?))
}

/// Where init scripts are; one directory is a link to the other on many systems.
const INIT_SCRIPTS: [&str; 2] = ["/etc/init.d/", "/etc/rc.d/init.d/"];

/// The name of the init script that a path is the path of.
pub(crate) fn init_script(path: &str) -> Option<&str> {
    let script = INIT_SCRIPTS.iter().find_map(|directory| path.strip_prefix(directory))?;
    (!script.is_empty()).then_some(script)
}

/// The name and the subject of a program, by its path, that changes the firewall or services and is no tool.
pub(crate) fn past_the_tools(path: &str) -> Option<(&str, &'static str)> {
    if let Some(script) = init_script(path) {
        return Some((script, INIT_SCRIPT));
    }
    match find(path)? {
        (name, (_, PastTools(about), _)) => Some((name, about)),
        _ => None,
    }
}

/// The name and the subject of a program, by its path, that changes the rest of the system.
pub(crate) fn of_system(path: &str) -> Option<(&str, &'static str)> {
    match find(path)? {
        (name, (_, Files(about), _)) => Some((name, about)),
        _ => None,
    }
}

/// What lint says of a program, by its path.
pub(crate) fn advice(path: &str) -> Advice {
    find(path).map_or(Advice::None, |(_, (.., advice))| *advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_known_by_name_and_init_scripts_by_place() {
        assert_eq!(past_the_tools("/usr/sbin/iptables"), Some(("iptables", FIREWALL)));
        assert_eq!(past_the_tools("/etc/init.d/foo"), Some(("foo", INIT_SCRIPT)));
        assert_eq!(past_the_tools("/etc/rc.d/init.d/foo"), past_the_tools("/etc/init.d/foo"));
        for program in [
            "/etc/init.d/",
            "my-iptables",
            "/usr/bin/true",
            "service",
            "useradd",
            "reboot",
        ] {
            assert_eq!(past_the_tools(program), None, "{program}");
        }
        assert_eq!(of_system("/usr/sbin/useradd"), Some(("useradd", "accounts")));
        for program in ["iptables", "reboot", "/etc/init.d/useradd/x"] {
            assert_eq!(of_system(program), None, "{program}");
        }
    }

    #[test]
    fn what_changes_the_builders_firewall_has_advice_but_for_what_only_prints() {
        for (names, _, advice) in PROGRAMS.iter().filter(|(_, effect, _)| !matches!(effect, Files(_))) {
            let silent = names.contains(&"iptables-save");
            assert_eq!(*advice == Advice::None, silent, "{names:?}");
        }
    }

    #[test]
    fn telinit_stops_the_machine_like_reboot() {
        assert_eq!(advice("/sbin/telinit"), advice("/sbin/reboot"));
        assert_ne!(advice("/sbin/telinit"), advice("/usr/bin/busctl"));
    }

    #[test]
    fn no_program_has_two_rows_in_the_table() {
        let names: Vec<&str> = PROGRAMS.iter().flat_map(|(names, ..)| *names).copied().collect();
        for name in &names {
            assert_eq!(names.iter().filter(|other| *other == name).count(), 1, "{name}");
        }
    }
}
