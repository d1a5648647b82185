//! What the words of a call depend on in an image.

use crate::config::Answers;
use crate::unit::generation::Generation;

/// What words mean in an image. Asked only where a tool's words depend on it.
pub trait Dialect {
    /// The systemd whose systemctl answers.
    fn generation(&self) -> Generation;
    /// The firewalld whose firewall-cmd and firewall-offline-cmd answer, major and minor.
    fn firewalld(&self) -> (u16, u16);
    /// Whether words of other generations are refused as well.
    fn answers(&self) -> Answers;
    /// Whether systemd is installed: service has switches then.
    fn has_systemd(&self) -> bool;
    /// Whether `/run/systemd/system` is there.
    fn systemd_runs(&self) -> bool;
    /// The number of a port that is given by its name.
    fn port(&self, name: &[u8]) -> Option<u16>;
    /// The text of a file that the words name; empty if it cannot be read.
    fn file(&self, path: &str) -> String;
}
