//! The callers of the service, and the activity that keeps it from exiting.

use std::time::Duration;

use zbus::conn;

/// How long the bus itself may take to answer.
const ANSWER: Duration = Duration::from_secs(10);

/// What keeps the service running or ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Activity {
    /// A method was called.
    Called,
    /// The service is to end.
    Stop,
}

/// A connection to the bus at `address`, or to the system bus.
pub(super) fn bus(address: Option<&str>) -> conn::Builder<'static> {
    let builder = match address {
        Some(address) => conn::Builder::address(address),
        None => conn::Builder::system(),
    };
    builder.method_timeout(ANSWER)
}

/// The user behind a connection to the bus. Asked over a connection of its own: the service's is not
/// read on while a call is being answered and more have come than it keeps.
pub(super) async fn uid_of(bus: Option<&str>, sender: &str) -> zbus::Result<u32> {
    const DAEMON: &str = "org.freedesktop.DBus";
    let connection = self::bus(bus).build().await?;
    let answer = connection
        .call_method(Some(DAEMON), "/org/freedesktop/DBus", Some(DAEMON), "GetConnectionUnixUser", &(sender,))
        .await?;
    answer.body().deserialize()
}
