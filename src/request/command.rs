//! The command that asks a tool for an intent: the way back from what was understood of a request.
//! It is for the admin tool, which asks for intents, never for words.

use std::ffi::OsString;

use super::{Call, Env, Reply, run};
use crate::config::Config;
use crate::intent::{FirewallItem, Intent, Scope, ServiceWant};
use crate::root::Root;
use crate::tool::Tool;

/// A tool, and the words after its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The tool.
    pub tool: Tool,
    /// The words.
    pub args: Vec<String>,
}

impl Command {
    fn new(tool: Tool, args: &[&str]) -> Command {
        Command {
            tool,
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        }
    }

    /// A verb of systemctl that changes unit files, for one unit.
    pub fn unit(verb: &str, unit: &str, scope: Scope) -> Command {
        match scope {
            Scope::System => Command::new(Tool::Systemctl, &[verb, "--quiet", "--", unit]),
            Scope::Global => Command::new(Tool::Systemctl, &[verb, "--quiet", "--global", "--", unit]),
            Scope::User => Command::new(Tool::Systemctl, &[verb, "--quiet", "--user", "--", unit]),
        }
    }

    /// What asks for an intent, in files that the tool keeps; none where no command says all of it.
    pub(crate) fn for_intent(intent: &Intent) -> Option<Command> {
        Some(match intent {
            Intent::Dependency {
                unit,
                target,
                dependency,
            } => {
                let verb = format!("add-{dependency}");
                Command::new(Tool::Systemctl, &[&verb, "--quiet", "--", target, unit])
            }
            Intent::DefaultTarget { unit } => {
                Command::new(Tool::Systemctl, &["set-default", "--quiet", "--", unit])
            }
            Intent::Service {
                service,
                want,
                levels,
            } => of_service(service, *want, levels.as_deref()),
            Intent::Allow { opening, zone: None } => lokkit(&of_lokkit(opening)?),
            Intent::Allow {
                opening,
                zone: Some(zone),
            } => {
                let args = [format!("--zone={zone}"), of_firewalld(opening)?];
                Command::new(Tool::FirewallOfflineCmd, &[&args[0], &args[1]])
            }
            Intent::FirewallSwitch { on } => lokkit(if *on { "--enabled" } else { "--disabled" }),
            _ => return None,
        })
    }

    /// Makes the request in an image, without recording it.
    pub fn execute(&self, root: &Root, config: &Config) -> Reply {
        let args: Vec<OsString> = self.args.iter().map(OsString::from).collect();
        let env = Env::default();
        run(self.tool, &Call::new(root, config, &env, self.tool.name()), &args)
    }
}

fn of_service(service: &str, want: ServiceWant, levels: Option<&str>) -> Command {
    let chkconfig = |args: &[&str]| Command::new(Tool::Chkconfig, args);
    let word = match want {
        ServiceWant::Add => return chkconfig(&["--add", service]),
        ServiceWant::Remove => return chkconfig(&["--del", service]),
        ServiceWant::Override => return chkconfig(&["--override", service]),
        ServiceWant::On => "on",
        ServiceWant::Off => "off",
        ServiceWant::Reset => "reset",
        ServiceWant::ResetPriorities => "resetpriorities",
    };
    match levels {
        Some(levels) => chkconfig(&["--level", levels, service, word]),
        None => chkconfig(&[service, word]),
    }
}

/// A call of lokkit that changes its files alone (`--nostart`).
fn lokkit(arg: &str) -> Command {
    Command::new(Tool::Lokkit, &["--quiet", "--nostart", arg])
}

fn of_lokkit(opening: &FirewallItem) -> Option<String> {
    match opening {
        FirewallItem::Port { port, protocol } => Some(format!("--port={port}:{protocol}")),
        FirewallItem::FirewallService { service } => Some(format!("--service={service}")),
        _ => None,
    }
}

fn of_firewalld(opening: &FirewallItem) -> Option<String> {
    Some(match opening {
        FirewallItem::Port { port, protocol } => format!("--add-port={port}/{protocol}"),
        FirewallItem::SourcePort { port, protocol } => format!("--add-source-port={port}/{protocol}"),
        FirewallItem::Protocol { protocol } => format!("--add-protocol={protocol}"),
        FirewallItem::FirewallService { service } => format!("--add-service={service}"),
        FirewallItem::Source { source } => format!("--add-source={source}"),
        FirewallItem::Interface { interface, .. } => format!("--add-interface={interface}"),
        FirewallItem::Masquerade { interface: None } => "--add-masquerade".into(),
        FirewallItem::BlockIcmp { icmp_type } => format!("--add-icmp-block={icmp_type}"),
        FirewallItem::IcmpBlockInversion => "--add-icmp-block-inversion".into(),
        FirewallItem::IntraZoneForward => "--add-forward".into(),
        FirewallItem::RichRule { rule } => format!("--add-rich-rule={rule}"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tool understands of the command what the command was made from.
    #[test]
    fn a_command_asks_for_the_intent_that_it_is_made_from() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        for directory in ["/etc/sysconfig", "/etc/rc.d/init.d", "/usr/lib/systemd/system"] {
            root.create_dirs(directory, 0o755).unwrap();
        }
        let script = b"#!/bin/sh\n# chkconfig: 35 80 20\n# description: x\n";
        root.write("/etc/rc.d/init.d/s", script, Some(0o755)).unwrap();
        root.write("/usr/lib/systemd/system/t.target", b"[Unit]\n", None).unwrap();
        root.write("/usr/lib/systemd/system/a.service", b"[Unit]\n", None).unwrap();
        let port = || FirewallItem::Port {
            port: "80-90".into(),
            protocol: "tcp".into(),
        };
        let service = |want, levels: Option<&str>| Intent::Service {
            service: "s".into(),
            want,
            levels: levels.map(str::to_owned),
        };
        let intents = [
            Intent::Allow {
                opening: port(),
                zone: None,
            },
            Intent::Allow {
                opening: port(),
                zone: Some("public".into()),
            },
            Intent::FirewallSwitch { on: false },
            Intent::DefaultTarget {
                unit: "t.target".into(),
            },
            Intent::Dependency {
                unit: "a.service".into(),
                target: "t.target".into(),
                dependency: "wants".into(),
            },
            service(ServiceWant::Add, None),
            service(ServiceWant::On, None),
            service(ServiceWant::Off, Some("3")),
        ];
        for intent in intents {
            let command = Command::for_intent(&intent).unwrap();
            let reply = command.execute(&root, &Config::default());
            let understood: Vec<&Intent> = reply.intents.iter().map(|recorded| &recorded.intent).collect();
            assert!(understood.contains(&&intent), "{command:?}: {understood:?}");
        }
    }
}
