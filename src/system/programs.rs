//! Programs of scriptlets that change a system without one of the tools, and what there is to say of each:
//! what it is about, how what it does is noticed, and what its packager could do instead. The audit and lint
//! read this one table.

use super::Area;

/// How what a program does is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// A tool would have recorded it: it changes the firewall, or which services are started.
    PastTools,
    /// It changes files, which are compared, or what `commands` reads from its words.
    Files,
    /// It changes the running machine alone, which is not the image's.
    Machine,
}

/// What lint says to who calls a program in a scriptlet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Advice {
    /// Nothing.
    None,
    /// The key of metadata that declares the same.
    Declare(&'static str),
    /// Why it does not do what it is called for.
    Avoid(&'static str),
}

/// A program.
#[derive(Debug)]
struct Program {
    name: &'static str,
    about: &'static str,
    effect: Effect,
    advice: Advice,
}

/// What programs past the tools are about that change packets' way.
pub(crate) const FIREWALL: &str = "the firewall";
/// What an init script that is run by its path is about.
const INIT_SCRIPT: &str = "a service by its init script";

const SERVICES: &str = "services";
const ACCOUNTS: &str = Area::Accounts.words();
const ALTERNATIVES: &str = Area::Alternatives.words();
const SELINUX: &str = Area::Selinux.words();
const KERNEL: &str = Area::Kernel.words();
const LABELS: &str = "SELinux's labels";
const MODULES: &str = "the list of kernel modules";
const INITRAMFS: &str = "the initramfs";
const BOOT_LOADER: &str = "the boot loader";
const NAME: &str = "the host's name";
const MACHINE: &str = "the running machine";

const FOREIGN_FIREWALL: Advice =
    Advice::Avoid("changes the firewall of the machine that builds the image, not the image's");
const OTHER_SYSTEM: Advice =
    Advice::Avoid("is for other systems; use systemctl or chkconfig, which are recorded");
const STOPS_MACHINE: Advice = Advice::Avoid("would restart or stop the machine that installs the package");
const NEEDS_SYSTEM: Advice = Advice::Avoid("needs a running system");

/// The programs, by the last part of their paths.
const PROGRAMS: &[Program] = &[
    past_tools("iptables", FIREWALL, FOREIGN_FIREWALL),
    past_tools("ip6tables", FIREWALL, FOREIGN_FIREWALL),
    past_tools("iptables-restore", FIREWALL, FOREIGN_FIREWALL),
    past_tools("ip6tables-restore", FIREWALL, FOREIGN_FIREWALL),
    past_tools("iptables-nft", FIREWALL, FOREIGN_FIREWALL),
    past_tools("ip6tables-nft", FIREWALL, FOREIGN_FIREWALL),
    past_tools("iptables-legacy", FIREWALL, FOREIGN_FIREWALL),
    past_tools("ip6tables-legacy", FIREWALL, FOREIGN_FIREWALL),
    past_tools("ebtables", FIREWALL, FOREIGN_FIREWALL),
    past_tools("arptables", FIREWALL, FOREIGN_FIREWALL),
    past_tools("ipset", FIREWALL, FOREIGN_FIREWALL),
    past_tools("nft", FIREWALL, FOREIGN_FIREWALL),
    // It prints; what it prints may become the saved firewall.
    past_tools("iptables-save", FIREWALL, Advice::None),
    past_tools("update-rc.d", SERVICES, OTHER_SYSTEM),
    past_tools("invoke-rc.d", SERVICES, OTHER_SYSTEM),
    past_tools("insserv", SERVICES, OTHER_SYSTEM),
    past_tools("initctl", SERVICES, OTHER_SYSTEM),
    past_tools("rc-update", SERVICES, OTHER_SYSTEM),
    files("useradd", ACCOUNTS, Advice::Declare("[[user]]")),
    files("adduser", ACCOUNTS, Advice::Declare("[[user]]")),
    files("usermod", ACCOUNTS, Advice::None),
    files("userdel", ACCOUNTS, Advice::None),
    files("groupadd", ACCOUNTS, Advice::Declare("[[group]]")),
    files("addgroup", ACCOUNTS, Advice::Declare("[[group]]")),
    files("groupmod", ACCOUNTS, Advice::None),
    files("groupdel", ACCOUNTS, Advice::None),
    files("gpasswd", ACCOUNTS, Advice::None),
    files("systemd-sysusers", ACCOUNTS, Advice::None),
    files("alternatives", ALTERNATIVES, Advice::None),
    files("update-alternatives", ALTERNATIVES, Advice::None),
    files("semodule", SELINUX, Advice::None),
    files("semanage", SELINUX, Advice::None),
    files("setsebool", SELINUX, Advice::None),
    files(
        "setenforce",
        SELINUX,
        Advice::Avoid("changes the kernel that builds the image, not the image"),
    ),
    files("load_policy", SELINUX, Advice::None),
    files("restorecon", LABELS, Advice::None),
    files("fixfiles", LABELS, Advice::None),
    files("chcon", LABELS, Advice::None),
    files("setfiles", LABELS, Advice::None),
    files(
        "sysctl",
        KERNEL,
        Advice::Avoid("sets the running kernel alone; ship a file in /usr/lib/sysctl.d"),
    ),
    files("modprobe", KERNEL, Advice::Declare("[kernel] modules")),
    files("insmod", KERNEL, Advice::Declare("[kernel] modules")),
    files("rmmod", KERNEL, Advice::None),
    files("depmod", MODULES, Advice::None),
    files("weak-modules", MODULES, Advice::None),
    files("dracut", INITRAMFS, Advice::None),
    files("mkinitrd", INITRAMFS, Advice::None),
    files("kernel-install", INITRAMFS, Advice::None),
    files("grubby", BOOT_LOADER, Advice::Declare("[kernel] parameters")),
    files("grub2-mkconfig", BOOT_LOADER, Advice::None),
    files("udevadm", "devices", Advice::None),
    files("systemd-tmpfiles", "temporary files", Advice::None),
    files("hostname", NAME, Advice::None),
    files("hostnamectl", NAME, Advice::None),
    files("timedatectl", "the clock", Advice::None),
    files("localectl", "the locale", Advice::None),
    files("authselect", "how people log in", Advice::None),
    files("update-crypto-policies", "the policy on cryptography", Advice::None),
    files("update-ca-trust", "keys and certificates", Advice::None),
    machine("reboot", STOPS_MACHINE),
    machine("poweroff", STOPS_MACHINE),
    machine("halt", STOPS_MACHINE),
    machine("shutdown", STOPS_MACHINE),
    machine("telinit", NEEDS_SYSTEM),
    machine("dbus-send", NEEDS_SYSTEM),
    machine("busctl", NEEDS_SYSTEM),
    machine("loginctl", NEEDS_SYSTEM),
];

const fn past_tools(name: &'static str, about: &'static str, advice: Advice) -> Program {
    Program {
        name,
        about,
        effect: Effect::PastTools,
        advice,
    }
}

const fn files(name: &'static str, about: &'static str, advice: Advice) -> Program {
    Program {
        name,
        about,
        effect: Effect::Files,
        advice,
    }
}

const fn machine(name: &'static str, advice: Advice) -> Program {
    Program {
        name,
        about: MACHINE,
        effect: Effect::Machine,
        advice,
    }
}

fn find(path: &str) -> Option<&'static Program> {
    let name = path.rsplit('/').next()?;
    PROGRAMS.iter().find(|program| program.name == name)
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
    let program = find(path).filter(|program| program.effect == Effect::PastTools)?;
    Some((program.name, program.about))
}

/// The name and the subject of a program, by its path, that changes the rest of the system.
pub(crate) fn of_system(path: &str) -> Option<(&str, &'static str)> {
    let program = find(path).filter(|program| program.effect == Effect::Files)?;
    Some((program.name, program.about))
}

/// What lint says of a program, by its path.
pub(crate) fn advice(path: &str) -> Advice {
    find(path).map_or(Advice::None, |program| program.advice)
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
        for program in PROGRAMS.iter().filter(|program| program.effect != Effect::Files) {
            let silent = program.name == "iptables-save";
            assert_eq!(program.advice == Advice::None, silent, "{}", program.name);
        }
    }

    #[test]
    fn no_program_has_two_rows_in_the_table() {
        for program in PROGRAMS {
            let rows = PROGRAMS.iter().filter(|other| other.name == program.name).count();
            assert_eq!(rows, 1, "{}", program.name);
        }
    }
}
