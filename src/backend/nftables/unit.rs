//! The units that load the ruleset at boot, with nothing but nft, and the link that enables them.
//!
//! First the node's own part is loaded alone, then everything in one transaction. If what a plugin
//! asked for cannot be loaded, the node answers on its own port, nothing else is open, and
//! `systemctl --failed` names the unit. If nothing at all can be loaded, the node does as it does
//! where a file system cannot be mounted: it stops in emergency mode, without a network.

use crate::plan::{Content, DesiredFile};
use crate::root::Root;

/// The unit that loads everything.
pub(crate) const UNIT_NAME: &str = "nodeshim-firewall.service";

const UNIT: &str = "/usr/lib/systemd/system/nodeshim-firewall.service";
const CLOSED_UNIT: &str = "/usr/lib/systemd/system/nodeshim-firewall-closed.service";
/// The node's own part alone. Below `/usr`, where no file of an older image shadows it.
const CLOSED: &str = "/usr/lib/nodeshim/firewall-closed.nft";
/// The connection tracking helpers, loaded after all else.
pub(crate) const HELPERS: &str = "/etc/nftables/nodeshim-helpers.nft";
const LINK: &str = "/etc/systemd/system/sysinit.target.wants/nodeshim-firewall.service";
const MASK: &str = "/etc/systemd/system/nodeshim-firewall.service";

/// The table is loaded before any interface comes up. Stopping does nothing, so that an upgrade
/// never leaves the node open; reloading replaces the table in one transaction.
const TEXT: &str = "\
[Unit]
Description=Firewall of the node and its plugins
Documentation=man:nodeshim(8)
DefaultDependencies=no
Wants=network-pre.target nodeshim-firewall-closed.service
Before=network-pre.target shutdown.target
After=local-fs.target systemd-modules-load.service nodeshim-firewall-closed.service
Conflicts=shutdown.target firewalld.service iptables.service ip6tables.service nftables.service
ConditionPathExists=/etc/nftables/nodeshim.nft
ConditionCapability=CAP_NET_ADMIN

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=NFT -f /etc/nftables/nodeshim.nft
HELPERSExecReload=NFT -f /etc/nftables/nodeshim.nft

[Install]
WantedBy=sysinit.target
";

/// No conflicts of its own: it is wanted by the other unit alone.
const CLOSED_TEXT: &str = "\
[Unit]
Description=Firewall of the node alone, until that of its plugins is loaded
Documentation=man:nodeshim(8)
DefaultDependencies=no
Before=network-pre.target shutdown.target
After=local-fs.target systemd-modules-load.service
Conflicts=shutdown.target
ConditionPathExists=/etc/nftables/nodeshim.nft
ConditionCapability=CAP_NET_ADMIN
OnFailure=emergency.target
OnFailureJobMode=replace-irreversibly

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=NFT -f /usr/lib/nodeshim/firewall-closed.nft
";

/// Whether the unit is disabled or masked.
pub(crate) fn is_switched_off(root: &Root) -> bool {
    let is_masked = root.read_link(MASK).is_ok_and(|target| target.as_os_str() == "/dev/null");
    is_masked || root.meta(LINK).is_err()
}

/// What loads the helpers. A kernel without one of them is no reason to stop there.
const LOAD_HELPERS: &str = "\
ExecStart=-NFT -f /etc/nftables/nodeshim-helpers.nft
ExecReload=-NFT -f /etc/nftables/nodeshim-helpers.nft
";

/// The units and their link, the node's own part, which `base` is the text of, and the connection
/// tracking helpers. `nft` is the image's program.
pub(super) fn files(base: String, helpers: Option<String>, nft: &str) -> Vec<DesiredFile> {
    let why = "loads the firewall rules at boot";
    let desired = |path: &str, content| desired(path, content, why);
    let load = if helpers.is_some() { LOAD_HELPERS } else { "" };
    let unit = |text: &str| file(text.replace("HELPERS", load).replace("NFT", nft));
    let link = Content::Link { target: UNIT.into() };
    vec![
        desired(CLOSED, file(base)),
        desired(HELPERS, helpers.map_or(Content::Nothing, file)),
        desired(CLOSED_UNIT, unit(CLOSED_TEXT)),
        desired(UNIT, unit(TEXT)),
        desired(LINK, link),
    ]
}

/// None of these files, and why.
pub(super) fn absent(why: &str) -> Vec<DesiredFile> {
    [CLOSED, HELPERS, CLOSED_UNIT, UNIT, LINK]
        .map(|path| desired(path, Content::Nothing, why))
        .into()
}

fn file(text: String) -> Content {
    Content::File { text, mode: 0o644 }
}

fn desired(path: &str, content: Content, why: &str) -> DesiredFile {
    DesiredFile {
        path: path.into(),
        content,
        because: Vec::new(),
        why: why.to_owned(),
    }
}
