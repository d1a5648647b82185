//! What lokkit prints when it is asked about itself.

use crate::firewall::lokkit::icmp::ICMP_TYPES;
use crate::firewall::lokkit::services::SERVICES;

/// `--version`. Scripts look at the first line.
pub(super) const VERSION: &str = "system-config-firewall 1.2.29\n\
    This is nodeshim's stand-in for the original program, licensed under Apache-2.0.\n\
    There is no warranty.\n";

/// `--help`, and what a call without any word prints.
pub(super) const HELP: &str = "\
Usage: lokkit [OPTION]...

Records what the firewall shall let through and do.

How:
  -h, -?, --help, --usage      print this
  -q, --quiet                  accepted, changes nothing
  -v, --verbose                let the output of services through
      --version                print the version
  -n, --nostart                write files only, restart no service
  -f                           forget what was configured before
      --update                 keep it, and restart; undoes -f and -n
      --default=SET            forget it and open the services of a set: server, desktop
      --list-services          print the predefined services
      --list-icmp-types        print the ICMP types

What:
      --enabled                switch the firewall on
      --disabled               switch it off
  -s, --service=NAME           open a predefined service
  -p, --port=A[-B]:PROTOCOL    open ports, tcp or udp, by number or name
  -t, --trust=INTERFACE        accept everything from an interface
  -m, --masq=INTERFACE         masquerade what leaves by it (IPv4)
      --custom-rules=[TYPE:][TABLE:]FILE
                               include a file of rules; ipv4 or ipv6; filter, mangle or nat
      --forward-port=if=INTERFACE:port=A[-B]:proto=PROTOCOL[:toport=C[-D]][:toaddr=ADDRESS]
                               forward ports (IPv4)
      --block-icmp=TYPE        reject an ICMP type
      --addmodule=MODULE       have the iptables services load a module
      --removemodule=MODULE    have them load it no longer
      --selinux=MODE           enforcing, permissive or disabled
      --selinuxtype=TYPE       the SELinux policy
";

/// `--list-services`
pub(super) fn services() -> String {
    let mut text = String::from("Predefined services:\n");
    for service in &SERVICES {
        text += &format!("{}: {}\n", service.key, service.title);
        if let Some(set) = service.default {
            text += &format!("    default: {set}\n");
        }
    }
    text
}

/// `--list-icmp-types`
pub(super) fn icmp_types() -> String {
    let lines = ICMP_TYPES.iter().map(|icmp| format!("{}: {}\n", icmp.key, icmp.title));
    std::iter::once("ICMP types:\n".to_owned()).chain(lines).collect()
}
