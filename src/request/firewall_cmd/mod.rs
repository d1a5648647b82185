//! Carrying out firewall-cmd requests. There is no daemon in an image: the configuration says whether
//! the answer is that of a running daemon, of a system without a message bus, or of one with a bus
//! and no daemon. The intents of the request are recorded with every answer.

use crate::argv::firewalld::{Given, Parsed, Side};
use crate::config::FirewallCmd;
use crate::request::{Call, Reply, firewalld};

/// Exit status without a message bus.
const NO_BUS: u8 = 36;
/// Exit status without a daemon.
const NO_DAEMON: u8 = 252;
/// Exit status without a daemon where nothing was asked for.
const NO_REQUEST: u8 = 254;

/// Options that say how or where, not what.
const MODIFIERS: [&str; 6] = [
    "--permanent",
    "--zone",
    "--policy",
    "--timeout",
    "--quiet",
    "--verbose",
];

fn asks_nothing(given: &Given) -> bool {
    given.options().all(|(name, _)| MODIFIERS.contains(&name))
}

/// Carries a request out.
pub(super) fn execute(call: &Call, parsed: Parsed) -> Reply {
    let given = match parsed {
        Ok(given) if !given.has("--help") && call.config.shims.firewall_cmd != FirewallCmd::Virtual => given,
        parsed => return firewalld::answer(Side::Online, call, parsed),
    };
    let (state, nothing) = (given.has("--state"), asks_nothing(&given));
    let quiet = given.has("--quiet");
    let mut reply = firewalld::execute(Side::Online, call, given, true);
    let (line, exit) = match call.config.shims.firewall_cmd {
        FirewallCmd::NoBus => (
            "Error: DBUS_ERROR: Failed to connect to socket /run/dbus/system_bus_socket: No such file or directory",
            NO_BUS,
        ),
        _ if state => ("not running", NO_DAEMON),
        _ => ("FirewallD is not running", if nothing { NO_REQUEST } else { NO_DAEMON }),
    };
    if !quiet {
        reply.output.err_line(line);
    }
    reply.fail(exit)
}
