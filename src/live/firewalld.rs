//! The running firewalld, by its D-Bus interface.

use std::thread::sleep;
use std::time::{Duration, Instant};

use zbus::OwnedVariant;

use super::bus::{Bus, Target, unexpected};
use crate::error::{Error, Result};

const FIREWALLD: Target = Target {
    name: "org.fedoraproject.FirewallD1",
    path: "/org/fedoraproject/FirewallD1",
    interface: "org.fedoraproject.FirewallD1",
};
const ZONE: Target = Target {
    interface: "org.fedoraproject.FirewallD1.zone",
    ..FIREWALLD
};
const PROPERTIES: Target = Target {
    interface: "org.freedesktop.DBus.Properties",
    ..FIREWALLD
};
const DAEMON: Target = Target {
    name: "org.freedesktop.DBus",
    path: "/org/freedesktop/DBus",
    interface: "org.freedesktop.DBus",
};

/// A reload with thousands of ports takes its time.
const ANSWER: Duration = Duration::from_secs(120);

/// A connection to firewalld.
#[derive(Debug)]
pub struct Firewalld {
    bus: Bus,
}

impl Firewalld {
    /// Connects; none if the daemon does not run. Never starts it.
    ///
    /// # Errors
    /// If the system bus cannot be reached.
    pub fn connect() -> Result<Option<Firewalld>> {
        let bus = Bus::system(ANSWER)?;
        let answer = bus.call(&DAEMON, "NameHasOwner", &(FIREWALLD.name,))?;
        let runs: bool = answer.body().deserialize().map_err(unexpected)?;
        Ok(runs.then_some(Firewalld { bus }))
    }

    /// `RUNNING`, `FAILED` or `INIT`.
    pub fn state(&self) -> Result<String> {
        let answer = self.bus.call(&PROPERTIES, "Get", &(FIREWALLD.interface, "state"))?;
        let value: OwnedVariant = answer.body().deserialize().map_err(unexpected)?;
        String::try_from(value).map_err(unexpected)
    }

    /// As [`Firewalld::state`], once the daemon has started or `limit` is over.
    pub(crate) fn settled_state(&self, limit: Duration) -> Result<String> {
        let deadline = Instant::now() + limit;
        loop {
            let state = self.state()?;
            if state != "INIT" || Instant::now() >= deadline {
                return Ok(state);
            }
            sleep(Duration::from_millis(50));
        }
    }

    /// Makes the permanent configuration the running one. An error if the daemon does not run on
    /// it afterwards.
    pub fn reload(&self) -> Result<()> {
        self.bus.call(&FIREWALLD, "reload", &())?;
        match self.state()?.as_str() {
            "RUNNING" => Ok(()),
            state => Err(Error::Bus(format!("firewalld is in state {state} after reloading"))),
        }
    }

    /// The services that a zone lets through now.
    pub fn services(&self, zone: &str) -> Result<Vec<String>> {
        let answer = self.bus.call(&ZONE, "getServices", &(zone,))?;
        answer.body().deserialize().map_err(unexpected)
    }
}
