//! Which changes go around the tools that nodeshim replaces: the table of paths. That of programs is
//! `system::programs`.

pub(super) mod lokkit;
pub(super) mod observe;
pub(super) mod requests;
pub(super) mod verdicts;
pub(super) mod zone;

use std::collections::BTreeSet;

use crate::audit::file::Run;
use crate::system::programs::past_the_tools;

/// A way around the tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::audit) enum Bypass {
    /// A link in a `.wants` or `.requires` directory.
    Wants,
    /// A drop-in of a unit, or a directory of them.
    DropIn,
    /// A unit, an alias or a mask of the administrator's.
    LocalUnit,
    /// A preset file.
    Preset,
    /// A link of a SysV run level.
    RunLevel,
    /// A saved ruleset of the iptables services, or lokkit's configuration.
    SavedFirewall,
    /// firewalld's configuration.
    Firewalld,
    /// A ruleset of nftables.
    Nftables,
    /// The list of port names.
    Services,
    /// A service of xinetd or inetd.
    Xinetd,
}

impl Bypass {
    /// What was done to the path, in words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Bypass::Wants => "what a unit pulls in, changed directly",
            Bypass::DropIn => "a unit's drop-in, changed directly",
            Bypass::LocalUnit => "the administrator's units, changed directly",
            Bypass::Preset => "presets, changed directly",
            Bypass::RunLevel => "a run level, changed directly",
            Bypass::SavedFirewall => "the saved firewall, changed directly",
            Bypass::Firewalld => "firewalld's configuration, changed directly",
            Bypass::Nftables => "the nftables ruleset, changed directly",
            Bypass::Services => "the list of port names, changed directly",
            Bypass::Xinetd => "xinetd's services, changed directly",
        }
    }

    /// Whether it touches more than the package's own things.
    pub(crate) fn is_grave(self) -> bool {
        matches!(self, Bypass::SavedFirewall | Bypass::Nftables | Bypass::Firewalld | Bypass::Preset)
    }
}

/// Paths, the first that matches counts. `*` matches anything but a slash, `**` at the end anything
/// below.
const PATHS: [(&str, Bypass); 36] = [
    ("/etc/systemd/system/*.wants/*", Bypass::Wants),
    ("/etc/systemd/system/*.requires/*", Bypass::Wants),
    ("/etc/systemd/system/*.upholds/*", Bypass::Wants),
    ("/usr/lib/systemd/system/*.wants/*", Bypass::Wants),
    ("/usr/lib/systemd/system/*.requires/*", Bypass::Wants),
    ("/lib/systemd/system/*.wants/*", Bypass::Wants),
    ("/etc/systemd/system-preset/**", Bypass::Preset),
    ("/etc/systemd/user-preset/**", Bypass::Preset),
    ("/usr/lib/systemd/system-preset/**", Bypass::Preset),
    ("/usr/lib/systemd/user-preset/**", Bypass::Preset),
    // A link in the place of the directory brings all that is where it leads.
    ("/etc/systemd/system/*.wants", Bypass::Wants),
    ("/etc/systemd/system/*.requires", Bypass::Wants),
    ("/etc/systemd/system/*.upholds", Bypass::Wants),
    ("/etc/systemd/system/*.d/*", Bypass::DropIn),
    ("/usr/lib/systemd/system/*.d/*", Bypass::DropIn),
    ("/lib/systemd/system/*.d/*", Bypass::DropIn),
    ("/etc/systemd/system/**", Bypass::LocalUnit),
    ("/etc/rc*.d/S*", Bypass::RunLevel),
    ("/etc/rc*.d/K*", Bypass::RunLevel),
    ("/etc/rc.d/rc*.d/S*", Bypass::RunLevel),
    ("/etc/rc.d/rc*.d/K*", Bypass::RunLevel),
    ("/etc/sysconfig/iptables*", Bypass::SavedFirewall),
    ("/etc/sysconfig/ip6tables*", Bypass::SavedFirewall),
    ("/etc/sysconfig/ebtables*", Bypass::SavedFirewall),
    ("/etc/sysconfig/system-config-firewall*", Bypass::SavedFirewall),
    ("/etc/sysconfig/system-config-securitylevel", Bypass::SavedFirewall),
    ("/etc/iptables/**", Bypass::SavedFirewall),
    ("/etc/firewalld/**", Bypass::Firewalld),
    ("/usr/lib/firewalld/**", Bypass::Firewalld),
    ("/etc/nftables*", Bypass::Nftables),
    ("/etc/nftables/**", Bypass::Nftables),
    ("/etc/sysconfig/nftables*", Bypass::Nftables),
    ("/etc/services", Bypass::Services),
    ("/etc/xinetd.d/**", Bypass::Xinetd),
    ("/etc/xinetd.conf", Bypass::Xinetd),
    ("/etc/inetd.conf", Bypass::Xinetd),
];

/// Which way around the tools a change of `path` is.
pub(in crate::audit) fn of_path(path: &str) -> Option<Bypass> {
    PATHS.iter().find(|(pattern, _)| matches(pattern, path)).map(|(_, bypass)| *bypass)
}

fn matches(pattern: &str, path: &str) -> bool {
    if let Some(directory) = pattern.strip_suffix("/**") {
        return path.strip_prefix(directory).is_some_and(|rest| rest.len() > 1 && rest.starts_with('/'));
    }
    let (mut patterns, mut parts) = (pattern.split('/'), path.split('/'));
    loop {
        match (patterns.next(), parts.next()) {
            (None, None) => return true,
            (Some(pattern), Some(part)) if part_matches(pattern, part) => {}
            _ => return false,
        }
    }
}

/// One `*` at most.
fn part_matches(pattern: &str, part: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == part,
        Some((start, end)) => {
            part.len() >= start.len() + end.len() && part.starts_with(start) && part.ends_with(end)
        }
    }
}

impl Run {
    /// What went around the tools, in words, sorted: paths that only a tool should change, and
    /// programs that were seen to run.
    pub fn bypasses(&self) -> BTreeSet<String> {
        let by_hand = self.changes.iter().filter(|change| change.request.is_none() && change.is_of_content());
        let paths = by_hand.filter_map(|change| {
            let path = change.path.shown();
            Some(format!("{}: {path}", of_path(&path)?.words()))
        });
        let programs = self.programs.iter().filter_map(|path| {
            let path = path.shown();
            let (name, about) = past_the_tools(&path)?;
            Some(format!("{about}: {name} was run directly"))
        });
        paths.chain(programs).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_paths_tells_ways_apart() {
        let table = [
            ("/etc/systemd/system/multi-user.target.wants/a.service", Some(Bypass::Wants)),
            ("/etc/systemd/system/a.service", Some(Bypass::LocalUnit)),
            ("/etc/systemd/system/a.service.d/x.conf", Some(Bypass::DropIn)),
            ("/usr/lib/systemd/system/a.service.d/x.conf", Some(Bypass::DropIn)),
            ("/etc/systemd/system/multi-user.target.wants", Some(Bypass::Wants)),
            ("/etc/systemd/system-preset/50-a.preset", Some(Bypass::Preset)),
            ("/etc/rc.d/rc3.d/S20a", Some(Bypass::RunLevel)),
            ("/etc/rc5.d/K01a", Some(Bypass::RunLevel)),
            ("/etc/rc.d/init.d/a", None),
            ("/etc/sysconfig/iptables", Some(Bypass::SavedFirewall)),
            ("/etc/sysconfig/iptables-config", Some(Bypass::SavedFirewall)),
            ("/etc/sysconfig/network", None),
            ("/etc/firewalld/zones/public.xml", Some(Bypass::Firewalld)),
            ("/etc/firewalld", None),
            ("/etc/nftables.conf", Some(Bypass::Nftables)),
            ("/etc/nftables/a/b.nft", Some(Bypass::Nftables)),
            ("/etc/services", Some(Bypass::Services)),
            ("/etc/services.d", None),
            ("/etc/xinetd.d/tftp", Some(Bypass::Xinetd)),
            ("/usr/lib/systemd/system/a.service", None),
            ("/opt/etc/services", None),
        ];
        for (path, expected) in table {
            assert_eq!(of_path(path), expected, "{path}");
        }
    }
}
