//! Options that the checks of usage treat alike: the `options_...` expressions that firewall-cmd and
//! firewall-offline-cmd evaluate after parsing (1.3.3).

pub(super) const LOKKIT: [&str; 12] = [
    "--enabled",
    "--disabled",
    "--addmodule",
    "--removemodule",
    "--service",
    "--remove-service",
    "--port",
    "--trust",
    "--masq",
    "--custom-rules",
    "--forward-port",
    "--block-icmp",
];

pub(super) const STAND_ALONE: [&str; 24] = [
    "--help",
    "--version",
    "--state",
    "--reload",
    "--complete-reload",
    "--runtime-to-permanent",
    "--reset-to-defaults",
    "--get-ipset-types",
    "--get-log-denied",
    "--set-log-denied",
    "--get-automatic-helpers",
    "--set-automatic-helpers",
    "--policy-server",
    "--policy-desktop",
    "--panic-on",
    "--panic-off",
    "--query-panic",
    "--lockdown-on",
    "--lockdown-off",
    "--query-lockdown",
    "--get-default-zone",
    "--set-default-zone",
    "--get-active-zones",
    "--get-active-policies",
];

pub(super) const LISTS: [&str; 16] = [
    "--get-zones",
    "--get-policies",
    "--get-services",
    "--get-icmptypes",
    "--get-zone-of-interface",
    "--get-zone-of-source",
    "--list-all-zones",
    "--list-all-policies",
    "--info-zone",
    "--info-policy",
    "--info-service",
    "--info-icmptype",
    "--info-ipset",
    "--info-helper",
    "--get-ipsets",
    "--get-helpers",
];

/// Since 2.0 zones have priorities, too.
pub(super) const PRIORITY: [&str; 2] = ["--set-priority", "--get-priority"];

pub(super) const POLICY_ONLY: [&str; 11] = [
    "--add-ingress-zone",
    "--remove-ingress-zone",
    "--query-ingress-zone",
    "--list-ingress-zones",
    "--add-egress-zone",
    "--remove-egress-zone",
    "--query-egress-zone",
    "--list-egress-zones",
    "--add-disable",
    "--remove-disable",
    "--query-disable",
];

pub(super) const ZONE_ONLY: [&str; 20] = [
    "--list-interfaces",
    "--change-interface",
    "--add-interface",
    "--remove-interface",
    "--query-interface",
    "--list-sources",
    "--change-source",
    "--add-source",
    "--remove-source",
    "--query-source",
    "--add-icmp-block-inversion",
    "--remove-icmp-block-inversion",
    "--query-icmp-block-inversion",
    "--add-forward",
    "--remove-forward",
    "--query-forward",
    "--set-ingress-priority",
    "--get-ingress-priority",
    "--set-egress-priority",
    "--get-egress-priority",
];

/// Options that a service and a zone have both.
pub(super) const SHARED: [&str; 9] = [
    "--add-port",
    "--remove-port",
    "--query-port",
    "--add-protocol",
    "--remove-protocol",
    "--query-protocol",
    "--add-source-port",
    "--remove-source-port",
    "--query-source-port",
];

/// What a helper shares with zones and services.
pub(super) const HELPER_PORTS: [&str; 4] = ["--add-port", "--remove-port", "--query-port", "--get-ports"];

pub(super) const TEXTS: [&str; 4] = [
    "--set-description",
    "--get-description",
    "--set-short",
    "--get-short",
];

pub(super) const DESTINATIONS: [&str; 4] = [
    "--add-destination",
    "--remove-destination",
    "--query-destination",
    "--get-destinations",
];

pub(super) const SERVICE_ONLY: [&str; 19] = [
    "--get-ports",
    "--get-source-ports",
    "--get-protocols",
    "--add-module",
    "--remove-module",
    "--query-module",
    "--get-modules",
    "--add-helper",
    "--remove-helper",
    "--query-helper",
    "--get-service-helpers",
    "--add-include",
    "--remove-include",
    "--query-include",
    "--get-includes",
    "--set-destination",
    "--get-destination",
    "--remove-destination",
    "--query-destination",
];

pub(super) const ENTRIES: [&str; 6] = [
    "--add-entry",
    "--remove-entry",
    "--query-entry",
    "--get-entries",
    "--add-entries-from-file",
    "--remove-entries-from-file",
];

pub(super) const FROM_FILE: [&str; 6] = [
    "--new-icmptype-from-file",
    "--new-service-from-file",
    "--new-ipset-from-file",
    "--new-zone-from-file",
    "--new-policy-from-file",
    "--new-helper-from-file",
];

/// Options whose whole purpose is to print, which `--quiet` would defeat.
pub(super) const PRINTING: [&str; 40] = [
    "--help",
    "--version",
    "--list-interfaces",
    "--list-sources",
    "--get-default-zone",
    "--get-active-zones",
    "--get-active-policies",
    "--get-ipset-types",
    "--get-zone-of-interface",
    "--get-zone-of-source",
    "--get-zones",
    "--get-policies",
    "--get-services",
    "--get-icmptypes",
    "--get-target",
    "--list-all-zones",
    "--list-all-policies",
    "--list-all",
    "--list-services",
    "--list-ports",
    "--list-protocols",
    "--list-source-ports",
    "--list-icmp-blocks",
    "--list-forward-ports",
    "--list-rich-rules",
    "--list-lockdown-whitelist-commands",
    "--list-lockdown-whitelist-contexts",
    "--list-lockdown-whitelist-uids",
    "--list-lockdown-whitelist-users",
    "--info-zone",
    "--info-policy",
    "--info-service",
    "--info-icmptype",
    "--info-ipset",
    "--info-helper",
    "--get-ipsets",
    "--get-entries",
    "--get-helpers",
    "--get-destinations",
    "--get-description",
];

/// What firewall-cmd of 2.0 and later does permanently only.
pub(super) const PRIORITIES: [&str; 6] = [
    "--set-priority",
    "--set-ingress-priority",
    "--set-egress-priority",
    "--get-priority",
    "--get-ingress-priority",
    "--get-egress-priority",
];

/// Changes of policies that can be made for a time only since 2.1.
pub(super) const TIMED_POLICY: [&str; 3] = ["--add-disable", "--add-ingress-zone", "--add-egress-zone"];

/// Changes that can be made for a time only.
pub(super) const TIMED: [&str; 9] = [
    "--add-icmp-block",
    "--add-forward-port",
    "--add-port",
    "--add-protocol",
    "--add-source-port",
    "--add-service",
    "--add-masquerade",
    "--add-rich-rule",
    "--add-forward",
];
