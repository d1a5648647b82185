//! What a request asks for, clause by clause, and requests without some of their clauses.
//!
//! Clauses are derived from the request alone: what only the image tells (which unit an alias is, what
//! a preset says) shows when the request has been carried out.

use super::clause::{Clause, Position, unit_intent};
use super::{firewalld, lokkit, service, systemctl, update_helper};
use crate::argv::Request;
use crate::argv::chkconfig::{self, SysvInstall, Verb};
use crate::argv::sysv_convert;
use crate::intent::{Intent, Scope, ServiceWant, UnitWant};
use crate::root::Root;

impl Request {
    /// What it asks for, in order; nothing if it is a query or is refused for its words. `root` says
    /// what names of ports stand for.
    pub(crate) fn clauses(&self, root: &Root) -> Vec<Clause> {
        match self {
            Request::Systemctl(parsed) => systemctl::clauses(parsed),
            Request::Chkconfig(parsed) => of_chkconfig(parsed).into_iter().collect(),
            Request::Service(request) => service::clause(request).into_iter().collect(),
            Request::Lokkit(request) => lokkit::clauses(request),
            Request::FirewallCmd(parsed) | Request::FirewallOfflineCmd(parsed) => {
                parsed.as_ref().map_or_else(|_| Vec::new(), |given| firewalld::clauses(given, root))
            }
            Request::UpdateHelper(request) => update_helper::clauses(request),
            Request::SysvInstall(parsed) => of_sysv_install(parsed).into_iter().collect(),
            Request::SysvConvert(request) => of_sysv_convert(request.as_ref()),
        }
    }

    /// The request without the clauses that are not kept; none if nothing is kept, if one of the others
    /// cannot be left out, or if what is left would not ask for exactly what is kept.
    pub fn without(&self, held: &[&Clause], kept: &[&Clause], root: &Root) -> Option<Request> {
        if kept.is_empty() {
            return None;
        }
        let mut positions = held.iter().map(|clause| clause.position).collect::<Option<Vec<_>>>()?;
        // From the last to the first, so that the others stay where they are.
        positions.sort();
        let request = positions.iter().rev().try_fold(self.clone(), Request::remove)?;
        let left = request.clauses(root);
        let asks = |clause: &Clause| (clause.word.clone(), clause.intents.clone());
        let same = left.iter().map(asks).eq(kept.iter().map(|clause| asks(clause)));
        same.then_some(request)
    }

    fn remove(self, position: &Position) -> Option<Request> {
        Some(match (self, *position) {
            (Request::Systemctl(parsed), Position::Argument(at)) => {
                Request::Systemctl(systemctl::without(parsed, at))
            }
            (Request::Lokkit(mut request), Position::Argument(at)) => {
                request.arguments.remove(at);
                Request::Lokkit(request)
            }
            (Request::FirewallCmd(Ok(given)), position) => {
                Request::FirewallCmd(Ok(firewalld::without(given, position)?))
            }
            (Request::FirewallOfflineCmd(Ok(given)), position) => {
                Request::FirewallOfflineCmd(Ok(firewalld::without(given, position)?))
            }
            (Request::UpdateHelper(request), Position::Argument(at)) => {
                Request::UpdateHelper(update_helper::without(request, at))
            }
            (
                Request::SysvConvert(Some(sysv_convert::Request::Apply(mut services))),
                Position::Argument(at),
            ) => {
                services.remove(at);
                Request::SysvConvert(Some(sysv_convert::Request::Apply(services)))
            }
            _ => return None,
        })
    }
}

fn of_chkconfig(parsed: &chkconfig::Parsed) -> Option<Clause> {
    let (name, want) = match &parsed.as_ref().ok()?.verb {
        Verb::Add { name } | Verb::Install { name } => (name, ServiceWant::Add),
        Verb::Del { name } | Verb::Uninstall { name } => (name, ServiceWant::Remove),
        Verb::Override { name } => (name, ServiceWant::Override),
        Verb::Set { name, state, .. } => (name, of_state(*state)),
        Verb::Version | Verb::Help | Verb::List { .. } | Verb::Query { .. } => return None,
    };
    Some(of_service(name, want))
}

fn of_sysv_install(parsed: &chkconfig::ParsedInstall) -> Option<Clause> {
    match parsed {
        Ok(SysvInstall::Set(name, state)) => Some(of_service(name, of_state(*state))),
        Ok(SysvInstall::IsEnabled(_)) | Err(_) => None,
    }
}

fn of_service(name: &std::ffi::OsStr, want: ServiceWant) -> Clause {
    Clause::whole(Intent::Service {
        service: name.to_string_lossy().into_owned(),
        want,
        levels: None,
    })
}

fn of_state(state: chkconfig::State) -> ServiceWant {
    match state {
        chkconfig::State::On => ServiceWant::On,
        chkconfig::State::Off => ServiceWant::Off,
        chkconfig::State::Reset => ServiceWant::Reset,
        chkconfig::State::ResetPriorities => ServiceWant::ResetPriorities,
    }
}

fn of_sysv_convert(request: Option<&sysv_convert::Request>) -> Vec<Clause> {
    let Some(sysv_convert::Request::Apply(services)) = request else {
        return Vec::new();
    };
    let clause = |(at, service): (usize, &String)| {
        let intent = unit_intent(format!("{service}.service"), UnitWant::Enable, Scope::System);
        Clause::at(Position::Argument(at), service, vec![intent])
    };
    services.iter().enumerate().map(clause).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::request::{Call, Env};
    use crate::tool::Tool;

    fn parse(root: &Root, line: &str) -> Request {
        let mut words = line.split(' ');
        let name = words.next().unwrap();
        let tool = Tool::from_argv0(name.as_ref()).unwrap();
        let args: Vec<_> = words.map(Into::into).collect();
        let (config, env) = (Config::default(), Env::default());
        Request::parse(tool, name, &args, &Call::new(root, &config, &env, name)).unwrap()
    }

    #[test]
    fn a_request_without_a_clause_is_the_request_of_the_other_words() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        for (line, left_out, rest) in [
            ("systemctl enable --now a b c", 1, "systemctl enable --now a c"),
            ("systemctl add-wants x.target a b", 0, "systemctl add-wants x.target b"),
            ("systemctl start b a b", 2, "systemctl start b a"),
            (
                "systemctl set-property u Markers=+needs-restart CPUWeight=9 Markers=needs-reload",
                0,
                "systemctl set-property u CPUWeight=9 Markers=needs-reload",
            ),
            ("lokkit -qfp 8080:tcp -t eth0", 0, "lokkit -qp 8080:tcp -t eth0"),
            ("lokkit --selinux=disabled -p 1:tcp", 1, "lokkit --selinux=disabled"),
            ("lokkit --trust=disabled --selinux=disabled", 1, "lokkit --trust=disabled"),
            (
                "firewall-cmd --permanent --zone=dmz --add-port=1/tcp --add-port=2/tcp",
                0,
                "firewall-cmd --permanent --zone=dmz --add-port=2/tcp",
            ),
            ("firewall-offline-cmd --port=1:tcp --enabled", 0, "firewall-offline-cmd --port=1:tcp"),
            (
                "systemd-update-helper install-system-units a.service b.service",
                0,
                "systemd-update-helper install-system-units b.service",
            ),
            (
                "systemd-update-helper mark-restart-user-units a.service b.service",
                1,
                "systemd-update-helper mark-restart-user-units a.service",
            ),
            ("systemd-sysv-convert --apply a b", 0, "systemd-sysv-convert --apply b"),
        ] {
            let request = parse(&root, line);
            let clauses = request.clauses(&root);
            let (held, kept): (Vec<_>, Vec<_>) =
                clauses.iter().enumerate().partition(|(at, _)| *at == left_out);
            let held: Vec<&Clause> = held.into_iter().map(|(_, clause)| clause).collect();
            let kept: Vec<&Clause> = kept.into_iter().map(|(_, clause)| clause).collect();
            assert_eq!(request.without(&held, &kept, &root), Some(parse(&root, rest)), "{line}");
        }
    }

    #[test]
    fn what_is_the_whole_request_cannot_be_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        for line in [
            "chkconfig a on",
            "service a restart",
            "systemctl preset-all",
            "firewall-cmd --permanent --new-service=x --add-port=8080/tcp",
        ] {
            let request = parse(&root, line);
            let clauses = request.clauses(&root);
            let (whole, others): (Vec<_>, Vec<_>) =
                clauses.iter().partition(|clause| clause.position.is_none());
            assert_eq!((whole.len(), request.without(&whole, &others, &root)), (1, None), "{line}");
        }
    }
}
