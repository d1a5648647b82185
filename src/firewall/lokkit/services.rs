//! lokkit's predefined services, in the order of its table, which `--default` and the conversion
//! of old files follow.

/// A predefined service.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Service {
    /// The name that `--service` takes.
    pub key: &'static str,
    /// What `--list-services` calls it.
    pub title: &'static str,
    /// Ports that it opens, each for new connections.
    pub ports: &'static [ServicePort],
    /// Protocols that it lets through as a whole: names as in `/etc/protocols`.
    pub protocols: &'static [&'static str],
    /// Only packets to these addresses; absent means to any.
    pub destination: Option<Destination>,
    /// Connection tracking helpers that make it work. lokkit's command line never loads them.
    pub modules: &'static [&'static str],
    /// The `--default` set that it belongs to.
    pub default: Option<&'static str>,
}

/// A port of a predefined service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ServicePort {
    /// Port number.
    pub port: u16,
    /// `tcp` or `udp`.
    pub protocol: &'static str,
}

/// A destination in both families.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Destination {
    /// IPv4 address.
    pub ipv4: &'static str,
    /// IPv6 address.
    pub ipv6: &'static str,
}

/// The service of that name; names are case sensitive.
pub fn service(name: &str) -> Option<&'static Service> {
    SERVICES.iter().find(|service| service.key == name)
}

/// The services of a `--default` set (`server` or `desktop`), in table order.
pub fn defaults(set: &str) -> impl Iterator<Item = &'static Service> {
    SERVICES.iter().filter(move |service| service.default == Some(set))
}

/// The names of the `--default` sets.
pub(crate) const DEFAULT_SETS: [&str; 2] = ["server", "desktop"];

const fn tcp(port: u16) -> ServicePort {
    ServicePort {
        port,
        protocol: "tcp",
    }
}

const fn udp(port: u16) -> ServicePort {
    ServicePort {
        port,
        protocol: "udp",
    }
}

const fn open(key: &'static str, title: &'static str, ports: &'static [ServicePort]) -> Service {
    Service {
        key,
        title,
        ports,
        protocols: &[],
        destination: None,
        modules: &[],
        default: None,
    }
}

impl Service {
    const fn helped_by(self, modules: &'static [&'static str]) -> Service {
        Service { modules, ..self }
    }

    const fn in_default(self, set: &'static str) -> Service {
        Service {
            default: Some(set),
            ..self
        }
    }
}

const NETBIOS: &[&str] = &["nf_conntrack_netbios_ns"];

/// All of them.
pub static SERVICES: [Service; 25] = [
    open("ipp-client", "Printing over the network, client (IPP)", &[udp(631)]).in_default("desktop"),
    open("ipp", "Printing over the network, server (IPP)", &[tcp(631), udp(631)]),
    Service {
        destination: Some(Destination {
            ipv4: "224.0.0.251",
            ipv6: "ff02::fb",
        }),
        ..open("mdns", "Multicast name resolution (mDNS)", &[udp(5353)]).in_default("desktop")
    },
    Service {
        protocols: &["ah", "esp"],
        ..open("ipsec", "IPsec", &[udp(500)]).in_default("desktop")
    },
    open("ssh", "SSH", &[tcp(22)]).in_default("server"),
    open("http", "Web server (HTTP)", &[tcp(80)]),
    open("ftp", "FTP", &[tcp(21)]).helped_by(&["nf_conntrack_ftp"]),
    open("nfs", "NFS version 4", &[tcp(2049)]),
    open("https", "Web server with TLS (HTTPS)", &[tcp(443)]),
    open("smtp", "Mail (SMTP)", &[tcp(25)]),
    open("samba-client", "Samba, client", &[udp(137), udp(138)])
        .helped_by(NETBIOS)
        .in_default("desktop"),
    open("samba", "Samba, server", &[udp(137), udp(138), tcp(139), tcp(445)]).helped_by(NETBIOS),
    open("dns", "Name server (DNS)", &[tcp(53), udp(53)]),
    open("imaps", "Mailboxes with TLS (IMAPS)", &[tcp(993)]),
    open("pop3s", "Mailboxes with TLS (POP3S)", &[tcp(995)]),
    open("radius", "RADIUS", &[udp(1812), udp(1813)]),
    open("openvpn", "OpenVPN", &[udp(1194)]),
    open("tftp", "TFTP, server", &[udp(69)]).helped_by(&["nf_conntrack_tftp"]),
    open("tftp-client", "TFTP, client", &[]).helped_by(&["nf_conntrack_tftp"]),
    open("cluster-suite", "Red Hat Cluster Suite", &[udp(5404), udp(5405), tcp(11111), tcp(21064)]),
    open("amanda-client", "Amanda backup, client", &[udp(10080)]).helped_by(&["nf_conntrack_amanda"]),
    open("bacula-client", "Bacula backup, client", &[tcp(9102)]),
    open("bacula", "Bacula backup, server", &[tcp(9101), tcp(9102), tcp(9103)]),
    open("libvirt", "Remote control of virtual machines", &[tcp(16509)]),
    open("libvirt-tls", "Remote control of virtual machines with TLS", &[tcp(16514)]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_unique_and_found() {
        for (at, entry) in SERVICES.iter().enumerate() {
            assert!(std::ptr::eq(service(entry.key).unwrap(), &SERVICES[at]), "{}", entry.key);
        }
        assert_eq!(service("SSH"), None);
    }

    #[test]
    fn default_sets_are_in_table_order() {
        let keys = |set| defaults(set).map(|service| service.key).collect::<Vec<_>>();
        assert_eq!(keys("server"), ["ssh"]);
        assert_eq!(keys("desktop"), ["ipp-client", "mdns", "ipsec", "samba-client"]);
        for service in &SERVICES {
            assert!(service.default.is_none_or(|set| DEFAULT_SETS.contains(&set)), "{}", service.key);
        }
    }
}
