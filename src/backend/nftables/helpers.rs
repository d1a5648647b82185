//! Connection tracking helpers, in a table and a transaction of their own: a kernel without one of
//! them refuses the table, and everything else is loaded all the same.

use std::collections::BTreeSet;

use crate::firewall::helpers::Tracking;
use crate::firewall::ports::PORT_PROTOCOLS;

/// The table.
pub(crate) const TABLE: &str = "nodeshim_helpers";

/// The ruleset that replaces the table. A connection that nothing lets in has no use of a helper, so
/// zones are not asked for here.
pub(super) fn text(helpers: &BTreeSet<Tracking>) -> String {
    let (mut objects, mut rules) = (String::new(), String::new());
    let known = |protocol: &str| PORT_PROTOCOLS[..2].contains(&protocol);
    for (number, helper) in helpers.iter().enumerate() {
        for (protocol, ports) in helper.ports.iter().filter(|(protocol, _)| known(protocol)) {
            let object = format!("helper_{number}_{protocol}");
            let declared =
                format!("\tct helper {object} {{\n\t\ttype \"{}\" protocol {protocol};\n\t}}\n", helper.name);
            if !objects.contains(&declared) {
                objects.push_str(&declared);
            }
            rules.push_str(&format!("\t\t{protocol} dport {ports} ct helper set \"{object}\"\n"));
        }
    }
    format!(
        "table inet {TABLE}\ndelete table inet {TABLE}\n\ntable inet {TABLE} {{\n{objects}\tchain input {{\n\
         \t\ttype filter hook input priority -5; policy accept;\n{rules}\t}}\n}}\n"
    )
}
