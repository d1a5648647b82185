//! Command lines of the host's rpm programs for an image.

use std::ffi::OsStr;
use std::process::Command;
use std::sync::OnceLock;

use super::database;
use super::keyring::{KEYS, Keyring};
use crate::error::{Error, Result};
use crate::escape::printable;
use crate::program;
use crate::root::Root;

/// What Debian's rpm prints whenever it is run without `--force-debian`.
const ABOUT_ALIEN: [&str; 2] = [
    "rpm: RPM should not be used directly",
    "rpm: However assuming you know",
];

/// `rpm`, `rpmkeys`, ... on an image's own database and keyring.
#[derive(Debug)]
pub struct Program {
    name: &'static str,
    command: Command,
}

/// How a program ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// Whether it exited with 0.
    pub fine: bool,
    /// Its standard output; bytes that are not UTF-8 are replaced.
    pub output: String,
    /// The lines of its standard error that say something.
    pub messages: Vec<String>,
}

impl Program {
    /// The program `name` for the image.
    ///
    /// # Errors
    /// Those of [`options`].
    pub fn new(root: &Root, name: &'static str) -> Result<Program> {
        let mut command = Command::new(name);
        command.args(options(root)?);
        Ok(Program { name, command })
    }

    /// One more argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Program {
        self.command.arg(arg);
        self
    }

    /// More arguments.
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Program {
        self.command.args(args);
        self
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// If the program cannot be started. A failure of the program is part of [`Said`].
    pub fn run(mut self) -> Result<Said> {
        let output = program::run(&mut self.command)?;
        Ok(Said {
            fine: output.status.success(),
            output: String::from_utf8_lossy(&output.stdout).into_owned(),
            messages: messages(&String::from_utf8_lossy(&output.stderr)),
        })
    }

    /// Runs it to its end and returns its output; a failure is an error with the program's reason.
    ///
    /// # Errors
    /// If the program cannot be started or fails, with its first message.
    pub fn succeed(self) -> Result<String> {
        let name = self.name;
        let said = self.run()?;
        if said.fine {
            return Ok(said.output);
        }
        let reason = said.messages.iter().find(|line| line.starts_with("error:")).or(said.messages.first());
        let reason = reason.map_or("it gave no reason", |line| line.trim_start_matches("error: "));
        Err(Error::program(name, printable(reason)))
    }
}

/// The options that point an rpm program at the image: its root, its database and its keyring. They
/// override the settings of the host's rpm.
///
/// # Errors
/// The host's rpm does not know the image's kind of keyring.
pub fn options(root: &Root) -> Result<Vec<String>> {
    let at = std::path::absolute(root.path()).map_err(|error| Error::std_io(root.path(), &error))?;
    let Some(at) = at.to_str() else {
        return Err(Error::malformed(at, "rpm is not given a root whose name is not UTF-8"));
    };
    let path = database::place(root)?;
    let path = path.to_string_lossy();
    let keyring = Keyring::of(root)?;
    keyring.known_to_host()?;
    let keyring = format!("_keyring {}", keyring.name());
    let place = format!("_keyringpath {path}/{KEYS}/");
    let options = [
        "--root", at, "--dbpath", &path, "--define", &keyring, "--define", &place,
    ];
    Ok(options.map(str::to_owned).to_vec())
}

/// What keeps Debian's rpm from warning before each transaction.
pub fn quiet() -> &'static [&'static str] {
    static KNOWN: OnceLock<bool> = OnceLock::new();
    let known = KNOWN.get_or_init(|| {
        let help = program::run(Command::new("rpm").arg("--help"));
        help.is_ok_and(|help| String::from_utf8_lossy(&help.stdout).contains("--force-debian"))
    });
    if *known { &["--force-debian"] } else { &[] }
}

/// The lines that rpm wrote to standard error, without those that it prints for every command.
pub fn messages(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
    lines
        .filter(|line| !ABOUT_ALIEN.iter().any(|alien| line.starts_with(alien)))
        .map(str::to_owned)
        .collect()
}

/// The hexadecimal number after the last `ID`, in any case, of one of rpm's lines.
pub(crate) fn key_id(text: &str) -> Option<String> {
    let (_, after) = text.rsplit_once("ey ID ").or_else(|| text.rsplit_once("ingerprint: "))?;
    let id: String = after.chars().take_while(char::is_ascii_hexdigit).collect();
    (id.len() >= 8).then(|| id.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_ids_are_found_in_what_rpm_prints() {
        let found = |text| key_id(text);
        assert_eq!(found("Header V4 RSA/SHA512 Signature, key ID 62609ef6: OK").as_deref(), Some("62609ef6"));
        assert_eq!(
            found("RSA/SHA512, Sun Nov 22, Key ID CA1E12ffef984847").as_deref(),
            Some("ca1e12ffef984847")
        );
        assert_eq!(found("key ID 12"), None);
        assert_eq!(found("(none)"), None);
    }

    #[test]
    fn what_rpm_always_says_is_left_out() {
        let text = "rpm: RPM should not be used directly install RPM packages, use Alien instead!\n\
                    rpm: However assuming you know what you are doing...\n\nerror: x  \n";
        assert_eq!(messages(text), ["error: x"]);
    }
}
