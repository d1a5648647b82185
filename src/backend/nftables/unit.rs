//! The unit that loads the ruleset at boot, and the link that enables it.

use crate::plan::{Content, Desired};

const UNIT: &str = "/usr/lib/systemd/system/nodeshim-firewall.service";
const LINK: &str = "/etc/systemd/system/sysinit.target.wants/nodeshim-firewall.service";

/// The table is loaded before any interface comes up. Stopping does nothing, so that an upgrade
/// never leaves the node open; reloading replaces the table in one transaction.
const TEXT: &str = "\
[Unit]
Description=Firewall of the node and its plugins
Documentation=man:nodeshim(1)
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target shutdown.target
After=local-fs.target systemd-modules-load.service
Conflicts=shutdown.target firewalld.service iptables.service ip6tables.service nftables.service
ConditionPathExists=/etc/nftables/nodeshim.nft

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft -f /etc/nftables/nodeshim.nft
ExecReload=/usr/sbin/nft -f /etc/nftables/nodeshim.nft

[Install]
WantedBy=sysinit.target
";

/// The unit and its link.
pub(super) fn files() -> Vec<Desired> {
    let why = "loads the firewall rules at boot".to_owned();
    vec![
        Desired {
            path: UNIT.into(),
            content: Content::File {
                text: TEXT.into(),
                mode: 0o644,
            },
            because: Vec::new(),
            why: why.clone(),
        },
        Desired {
            path: LINK.into(),
            content: Content::Link { target: UNIT.into() },
            because: Vec::new(),
            why,
        },
    ]
}
