//! Intents: what requests ask for, whichever tool they were made with.

mod firewall_item;

use serde::{Deserialize, Serialize};

use crate::escape::Escaped;

pub use firewall_item::FirewallItem;

/// One intent, with what became of it in the tool's own files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedIntent {
    /// What is wanted.
    #[serde(flatten)]
    pub intent: Intent,
    /// Whether carrying out the request changed anything: `false` means that there was nothing to
    /// change, or that nothing could be done yet.
    pub changed: bool,
    /// Asked for the running system only (`--runtime`, firewall-cmd without `--permanent`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub runtime: bool,
    /// The tool refused it: it has no effect, then or later.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
}

impl RecordedIntent {
    /// A persistent intent.
    pub fn new(intent: Intent, changed: bool) -> Self {
        RecordedIntent {
            intent,
            changed,
            runtime: false,
            refused: false,
        }
    }

    /// An intent for the running system only.
    pub fn runtime(intent: Intent, changed: bool) -> Self {
        RecordedIntent {
            intent,
            changed,
            runtime: true,
            refused: false,
        }
    }
}

/// What a request asks for. Unit names are canonical (with suffix); ports are `N` or `N-M`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Intent {
    /// A unit's enablement.
    Unit {
        /// Unit name with suffix.
        unit: String,
        /// The state that is wanted.
        want: UnitWant,
        /// Which manager.
        #[serde(default, skip_serializing_if = "Scope::is_system")]
        scope: Scope,
        /// For a preset: the verdict's source, `PATH:LINE`, or `default`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rule: Option<String>,
    },
    /// `TARGET` shall want or require `UNIT`.
    Dependency {
        /// The unit that is pulled in.
        unit: String,
        /// The unit that pulls it in.
        target: String,
        /// `wants` or `requires`.
        dependency: String,
    },
    /// The target to boot into.
    DefaultTarget {
        /// A `.target` name.
        unit: String,
    },
    /// Something to do to a unit once the image is booted.
    Defer {
        /// What to do.
        verb: DeferredVerb,
        /// Unit name with suffix, or a glob.
        unit: String,
        /// Which manager.
        #[serde(default, skip_serializing_if = "Scope::is_system")]
        scope: Scope,
    },
    /// A SysV service's registration or run levels.
    Service {
        /// Name of the init script or xinetd service.
        service: String,
        /// The state that is wanted.
        want: ServiceWant,
        /// Run levels, digits in ascending order; absent means the tool's default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        levels: Option<String>,
    },
    /// Something that the firewall shall let through or do.
    Allow {
        /// What.
        #[serde(flatten)]
        opening: FirewallItem,
        /// The zone that was named or the default zone; absent for lokkit, which knows none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        zone: Option<String>,
    },
    /// Something that the firewall shall not let through or do any more.
    Withdraw {
        /// What.
        #[serde(flatten)]
        opening: FirewallItem,
        /// As in `Allow`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        zone: Option<String>,
    },
    /// A firewalld definition (service, zone, policy, ipset, ...) was made, edited or deleted.
    Definition {
        /// The kind of object that it describes.
        object: FirewallObject,
        /// Its name.
        name: String,
        /// What happened to it.
        change: DefinitionChange,
    },
    /// The firewall as a whole on or off. Global.
    FirewallSwitch {
        /// On?
        on: bool,
    },
    /// Forget everything that was configured before (`lokkit -f`, `--default`,
    /// `--reset-to-defaults`). Global.
    FirewallReset {
        /// Which set of defaults follows, if one was named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        defaults: Option<String>,
    },
    /// The default zone. Global.
    DefaultZone {
        /// Zone name.
        zone: String,
    },
    /// Load or drop the firewall's kernel module at start (`lokkit --addmodule`).
    FirewallModule {
        /// Module name.
        module: Escaped,
        /// Load it?
        load: bool,
    },
    /// The SELinux mode or policy type (`lokkit --selinux`). Global.
    Selinux {
        /// `enforcing`, `permissive` or `disabled`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mode: Option<String>,
        /// Policy type.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        policy: Option<Escaped>,
    },
    /// A kernel module that is loaded at boot.
    KernelModule {
        /// Module name.
        module: String,
    },
    /// A parameter of the kernel's command line.
    BootParameter {
        /// `NAME` or `NAME=VALUE`.
        parameter: String,
    },
    /// A parameter of the kernel that is set at boot, as sysctl.d(5) has it.
    Sysctl {
        /// With dots between its parts.
        key: String,
        /// Its value.
        value: String,
    },
    /// The program that a common name leads to, alternatives(8).
    Alternative {
        /// The common name.
        name: String,
        /// The program; absent if the name leads to none any more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<String>,
    },
    /// A local addition to SELinux's policy, semanage(8).
    SelinuxPolicy {
        /// What it is.
        part: SelinuxPart,
        /// A module's name; else the line that the policy's store has, `BOOLEAN=1` of a boolean.
        name: String,
        /// It was taken away.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        removed: bool,
    },
    /// A system user.
    User {
        /// Login name.
        user: String,
        /// Its number; absent means any that is free.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uid: Option<u32>,
        /// Its primary group, by name; absent means one of the user's own name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        group: Option<String>,
        /// Full name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<String>,
        /// Home directory.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        home: Option<String>,
        /// Login shell.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shell: Option<String>,
    },
    /// A system group.
    Group {
        /// Group name.
        group: String,
        /// Its number; absent means any that is free.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gid: Option<u32>,
    },
    /// A user's membership of a further group.
    Member {
        /// Login name.
        user: String,
        /// Group name.
        group: String,
    },
    /// Worth an administrator's eye, with no effect of its own.
    Note {
        /// Power verbs and panic mode are high.
        severity: NoteSeverity,
        /// What was asked, in words.
        text: String,
    },
}

/// The kind of object that a definition of firewalld describes; records have its word in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum FirewallObject {
    Zone,
    Service,
    Policy,
    Ipset,
    Icmptype,
    Helper,
    Direct,
    /// Who may talk to the daemon under lockdown.
    Whitelist,
    /// `firewalld.conf`, and in records of earlier releases what has no file of its own.
    #[serde(other)]
    Conf,
}

impl FirewallObject {
    const ALL: [FirewallObject; 9] = [
        FirewallObject::Zone,
        FirewallObject::Service,
        FirewallObject::Policy,
        FirewallObject::Ipset,
        FirewallObject::Icmptype,
        FirewallObject::Helper,
        FirewallObject::Direct,
        FirewallObject::Whitelist,
        FirewallObject::Conf,
    ];

    /// What it is called in options, policy and records.
    pub(crate) fn word(self) -> &'static str {
        match self {
            FirewallObject::Zone => "zone",
            FirewallObject::Service => "service",
            FirewallObject::Policy => "policy",
            FirewallObject::Ipset => "ipset",
            FirewallObject::Icmptype => "icmptype",
            FirewallObject::Helper => "helper",
            FirewallObject::Direct => "direct",
            FirewallObject::Whitelist => "whitelist",
            FirewallObject::Conf => "conf",
        }
    }

    /// The object of a word.
    pub(crate) fn parse(word: &str) -> Option<FirewallObject> {
        FirewallObject::ALL.into_iter().find(|object| object.word() == word)
    }
}

/// What happened to a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum DefinitionChange {
    New,
    Edit,
    Delete,
}

impl DefinitionChange {
    /// What it is called in policy and records.
    pub(crate) fn word(self) -> &'static str {
        match self {
            DefinitionChange::New => "new",
            DefinitionChange::Edit => "edit",
            DefinitionChange::Delete => "delete",
        }
    }

    /// Whether the definition is gone after it.
    pub(crate) fn deletes(self) -> bool {
        self == DefinitionChange::Delete
    }
}

/// How much a note matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum NoteSeverity {
    Low,
    High,
}

impl Intent {
    /// Whether it says what the presets said, which is not what was asked for.
    pub(crate) fn is_left_to_presets(&self) -> bool {
        let Intent::Unit { want, .. } = self else {
            return false;
        };
        matches!(want, UnitWant::PresetEnable | UnitWant::PresetDisable | UnitWant::PresetIgnore)
    }

    /// Whether the intent touches more than the package's own things: shown first, and what policy
    /// is for.
    pub(crate) fn is_global(&self) -> bool {
        match self {
            Intent::FirewallSwitch { .. }
            | Intent::FirewallReset { .. }
            | Intent::DefaultZone { .. }
            | Intent::DefaultTarget { .. }
            | Intent::BootParameter { .. }
            | Intent::Selinux { .. }
            | Intent::SelinuxPolicy { .. } => true,
            Intent::Unit { want, .. } => *want == UnitWant::Mask,
            Intent::Defer { verb, .. } => *verb == DeferredVerb::Isolate,
            Intent::Note { severity, .. } => *severity == NoteSeverity::High,
            _ => false,
        }
    }
}

/// A kind of local additions to SELinux's policy, by the words of semanage(8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SelinuxPart {
    /// A module of rules.
    Module,
    /// A switch of the policy.
    Boolean,
    /// The type of a port.
    Port,
    /// The labels of files.
    FileContext,
    /// Which SELinux user a login is.
    Login,
    /// The type of a network interface.
    Interface,
}

impl SelinuxPart {
    /// The word of semanage(8).
    pub(crate) fn word(self) -> &'static str {
        match self {
            SelinuxPart::Module => "module",
            SelinuxPart::Boolean => "boolean",
            SelinuxPart::Port => "port",
            SelinuxPart::FileContext => "fcontext",
            SelinuxPart::Login => "login",
            SelinuxPart::Interface => "interface",
        }
    }
}

/// What policy says of an intent, or of a request as a whole; of several the greatest counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Carried out.
    #[default]
    Allow,
    /// Recorded for boot.
    Defer,
    /// Neither carried out nor counted as an intent.
    Ignore,
    /// Refused.
    Deny,
}

/// An intent that policy held back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Withheld {
    /// What was wanted.
    #[serde(flatten)]
    pub intent: Intent,
    /// `defer`, `ignore` or `deny`.
    pub verdict: Verdict,
    /// The rule that decided, `FILE: NAME`.
    pub because: String,
    /// The rule's reason.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// What is wanted of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnitWant {
    /// Links as `[Install]` says.
    Enable,
    /// No links.
    Disable,
    /// As the presets said: they enabled it.
    PresetEnable,
    /// As the presets said: they disabled it.
    PresetDisable,
    /// As the presets said: they left it alone.
    PresetIgnore,
    /// A link to `/dev/null`.
    Mask,
    /// No such link.
    Unmask,
    /// A unit file outside of the search path linked into it.
    Link,
    /// Local changes thrown away.
    Revert,
    /// A drop-in written.
    Edit,
}

/// Whose manager a unit belongs to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// The system manager.
    #[default]
    System,
    /// Every user's manager (`--global`).
    Global,
    /// The calling user's manager (`--user`).
    User,
}

impl Scope {
    /// Whether this is the system manager.
    pub(crate) fn is_system(&self) -> bool {
        *self == Scope::System
    }
}

/// What to do to a unit at boot, under systemctl's canonical verbs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeferredVerb {
    /// `start`
    Start,
    /// `stop`
    Stop,
    /// `restart`
    Restart,
    /// `try-restart`, `condrestart`
    TryRestart,
    /// `reload`
    Reload,
    /// `reload-or-restart`
    ReloadOrRestart,
    /// `try-reload-or-restart`, `force-reload`, `condreload`
    TryReloadOrRestart,
    /// `isolate`
    Isolate,
    /// `kill`
    Kill,
}

impl DeferredVerb {
    /// systemctl's word for it.
    pub fn word(self) -> &'static str {
        match self {
            DeferredVerb::Start => "start",
            DeferredVerb::Stop => "stop",
            DeferredVerb::Restart => "restart",
            DeferredVerb::TryRestart => "try-restart",
            DeferredVerb::Reload => "reload",
            DeferredVerb::ReloadOrRestart => "reload-or-restart",
            DeferredVerb::TryReloadOrRestart => "try-reload-or-restart",
            DeferredVerb::Isolate => "isolate",
            DeferredVerb::Kill => "kill",
        }
    }
}

/// What is wanted of a SysV service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceWant {
    /// Registered (`chkconfig --add`).
    Add,
    /// Not registered (`chkconfig --del`).
    Remove,
    /// Started in the levels.
    On,
    /// Stopped in the levels.
    Off,
    /// As the script's header says.
    Reset,
    /// On or off as it is, with the priorities of the script's header.
    ResetPriorities,
    /// As the override file says.
    Override,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_intent_reads_as_flat_keys() {
        let opening = FirewallItem::Port {
            port: "8080".into(),
            protocol: "tcp".into(),
        };
        let recorded = RecordedIntent::new(
            Intent::Allow {
                opening,
                zone: Some("public".into()),
            },
            true,
        );
        let text = toml::to_string(&recorded).unwrap();
        assert_eq!(
            text,
            "kind = \"allow\"\nopening = \"port\"\nport = \"8080\"\nprotocol = \"tcp\"\nzone = \"public\"\nchanged = true\n"
        );
        assert_eq!(toml::from_str::<RecordedIntent>(&text).unwrap(), recorded);
    }
}
