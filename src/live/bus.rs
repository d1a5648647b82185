//! Calls over D-Bus with a time limit. Each failure ends as one line that names the call.

use std::time::Duration;

use serde::Serialize;
use zbus::message::Message;
use zbus::zvariant::DynamicType;
use zbus::{Connection, block_on, conn};

use crate::error::{Error, Result};

/// A connection.
#[derive(Debug, Clone)]
pub struct Bus {
    pub(super) connection: Connection,
}

/// An object and one of its interfaces.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// The name on the bus.
    pub name: &'static str,
    /// The object's path.
    pub path: &'static str,
    /// The interface.
    pub interface: &'static str,
}

impl Bus {
    /// Connects to the system bus; no call takes longer than `limit`.
    pub fn system(limit: Duration) -> Result<Bus> {
        let built = block_on(conn::Builder::system().method_timeout(limit).build());
        let connection = built.map_err(|error| Error::Bus(format!("the system bus: {error}")))?;
        Ok(Bus { connection })
    }

    /// Calls a method and waits for its answer.
    pub fn call<B: Serialize + DynamicType>(
        &self,
        target: &Target,
        method: &str,
        body: &B,
    ) -> Result<Message> {
        self.call_at(target, target.path, method, body)
    }

    /// As [`Bus::call`], of another object of the same kind.
    pub(crate) fn call_at<B: Serialize + DynamicType>(
        &self,
        target: &Target,
        path: &str,
        method: &str,
        body: &B,
    ) -> Result<Message> {
        let call = self.connection.call_method(Some(target.name), path, Some(target.interface), method, body);
        block_on(call).map_err(|error| Error::Bus(format!("{method}: {}", reason(&error))))
    }
}

/// What went wrong, without the name of the error.
fn reason(error: &zbus::Error) -> String {
    match error {
        zbus::Error::MethodError(_, Some(text), _) => text.clone(),
        zbus::Error::InputOutput(error) if error.kind() == std::io::ErrorKind::TimedOut => {
            "no answer in time".to_owned()
        }
        other => other.to_string(),
    }
}

/// An answer that is not of the form that was expected.
pub(super) fn unexpected(error: impl std::fmt::Display) -> Error {
    Error::Bus(format!("an answer over D-Bus: {error}"))
}
