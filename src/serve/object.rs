//! The object `org.ovirt.node.Plugins1`: what it offers, and to whom.

use std::sync::Arc;
use std::sync::mpsc::Sender;

use zbus::message::Header;
use zbus::object_server::SignalEmitter;
use zbus::{DBusError, fdo, interface};

use super::caller::{Activity, uid_of};
use super::dictionary::{Dictionary, boot_unit, brief, full, open_port};
use super::known::{NodeSnapshot, plugin, plugins};

use crate::escape::printable;
use crate::report::Report;

/// What can go wrong with a question, in the service's own names.
#[derive(Debug, PartialEq, Eq, DBusError)]
#[zbus(prefix = "org.ovirt.node.Plugins1.Error")]
pub(super) enum QueryError {
    /// Nothing is known of a plugin of this name.
    NoSuchPlugin(String),
    /// The node's records or its package database cannot be read.
    Unreadable(String),
}

/// The object.
pub(super) struct Plugins {
    pub(super) known: NodeSnapshot,
    /// The bus's address, where it is not the system bus.
    pub(super) bus: Option<String>,
    /// Called at each call.
    pub(super) doing: Sender<Activity>,
}

impl Plugins {
    fn note_call(&self) {
        // If the receiver is gone, the service is about to exit.
        let _ = self.doing.send(Activity::Called);
    }

    fn report(&self) -> Result<Arc<Report>, QueryError> {
        self.note_call();
        self.known.report().map_err(|error| QueryError::Unreadable(error.to_string()))
    }
}

// One call after the other: the last one that came before the name was given up is then answered
// before any later message is looked at.
#[interface(name = "org.ovirt.node.Plugins1", spawn = false, introspection_docs = false)]
impl Plugins {
    /// Every plugin, without what it asked for.
    #[zbus(out_args("plugins"))]
    fn list(&self) -> Result<Vec<Dictionary>, QueryError> {
        Ok(plugins(&*self.report()?).map(brief).collect())
    }

    /// One plugin in full.
    #[zbus(out_args("plugin"))]
    fn get(&self, name: &str) -> Result<Dictionary, QueryError> {
        let report = self.report()?;
        let found = plugin(&report, name);
        found
            .map(full)
            .ok_or_else(|| QueryError::NoSuchPlugin(format!("nothing is recorded of {}", printable(name))))
    }

    /// What the firewall lets in.
    #[zbus(out_args("ports"))]
    fn ports(&self) -> Result<Vec<Dictionary>, QueryError> {
        Ok(self.report()?.ports.iter().map(open_port).collect())
    }

    /// What starts at boot.
    #[zbus(out_args("units"))]
    fn units(&self) -> Result<Vec<Dictionary>, QueryError> {
        Ok(self.report()?.units.iter().map(boot_unit).collect())
    }

    /// Reads everything again and signals that these plugins have changed. For root.
    async fn refresh(
        &self,
        plugins: Vec<String>,
        #[zbus(header)] header: Header<'_>,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> fdo::Result<()> {
        self.note_call();
        let sender = header.sender().map_or("", |name| name.as_str());
        // The bus's policy says the same; a bus may have another one.
        match uid_of(self.bus.as_deref(), sender).await {
            Ok(0) => {}
            Ok(uid) => {
                return Err(fdo::Error::AccessDenied(format!("user {uid} is not root")));
            }
            Err(error) => return Err(fdo::Error::AccessDenied(format!("who is calling: {error}"))),
        }
        self.known.forget();
        let names: Vec<&str> = plugins.iter().map(String::as_str).collect();
        Plugins::changed(&emitter, &names).await?;
        Ok(())
    }

    /// These plugins came, went, or ask for something else; none means any.
    #[zbus(signal)]
    async fn changed(emitter: &SignalEmitter<'_>, plugins: &[&str]) -> zbus::Result<()>;

    /// nodeshim's version.
    #[zbus(property(emits_changed_signal = "const"))]
    fn version(&self) -> &str {
        self.note_call();
        env!("CARGO_PKG_VERSION")
    }
}
