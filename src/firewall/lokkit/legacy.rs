//! The file of lokkit's predecessor, `/etc/sysconfig/system-config-securitylevel`: the same
//! lines, but ports where there are services now.

use std::collections::HashSet;

use super::port::{Port, Ports, Protocol};
use super::services::{SERVICES, Service, service};
use super::settings::Settings;

/// The older configuration file.
pub(crate) const PATH: &str = "/etc/sysconfig/system-config-securitylevel";

/// What the predecessor opened without being asked, unless its file said `--no-ipsec` and the like; the end
/// of convertToServices().
const ALWAYS_OPEN: [&str; 3] = ["ipsec", "mdns", "ipp"];

/// Turns ports into the services that they make up; a file that names services already is taken
/// as it is; convertToServices() of fw_compat.py. Whether there was anything to convert.
pub(crate) fn convert(settings: &mut Settings) -> bool {
    if !settings.services.is_empty() {
        return false;
    }
    if !settings.ports.is_empty() {
        let found: Vec<_> = SERVICES.iter().filter(|service| is_listed(service, settings)).collect();
        let used: HashSet<Port> = found.iter().flat_map(|service| ports(service)).collect();
        settings.ports.retain(|port| !used.contains(port));
        settings.services.extend(found);
    }
    settings.services.extend(ALWAYS_OPEN.into_iter().filter_map(service));
    true
}

/// Whether all that the service opens is listed; a protocol never is, there is no line for it.
fn is_listed(service: &Service, settings: &Settings) -> bool {
    service.protocols.is_empty() && ports(service).all(|port| settings.ports.contains(&port))
}

fn ports(service: &Service) -> impl Iterator<Item = Port> {
    service.ports.iter().filter_map(|port| {
        Some(Port {
            ports: Ports::one(port.port),
            protocol: Protocol::parse(port.protocol.as_bytes())?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::super::config;
    use super::*;

    fn converted(text: &str) -> String {
        let (mut settings, errors) = config::parse(text.as_bytes(), &|_| None);
        assert_eq!(errors, Vec::<String>::new());
        convert(&mut settings);
        let text = String::from_utf8(config::render(&settings)).unwrap();
        text.lines().skip(3).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn ports_become_services_in_table_order() {
        let cases = [
            ("--enabled", "--service=ipsec --service=mdns --service=ipp"),
            ("--service=dns\n--port=22:tcp", "--port=22:tcp --service=dns"),
            (
                "--port=80:tcp\n--port=22:tcp\n--port=53:tcp",
                "--port=53:tcp --service=ssh --service=http --service=tftp-client --service=ipsec \
                 --service=mdns --service=ipp",
            ),
            (
                "--port=631:udp\n--port=631:tcp\n--port=1-2:udp",
                "--port=1-2:udp --service=ipp-client --service=ipp --service=tftp-client \
                 --service=ipsec --service=mdns",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(converted(text), expected, "{text}");
        }
    }
}
