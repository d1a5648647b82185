//! Running gpg, and whether a key made a signature: by gpg's status lines, which are an interface of their own
//! (GnuPG's doc/DETAILS, "Format of the --status-fd output").

use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use crate::error::{Error, Result};
use crate::tempdir::PrivateDirectory;

/// Who made a signature, as gpg has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Maker {
    /// The key made it, whatever the key is worth by now.
    TheKey,
    /// The key did not make it, or not for this.
    SomebodyElse,
    /// gpg cannot tell: it does not know the algorithm, or does not accept it.
    Unknown,
}

/// A home of gpg with the keys of an image, for as many signatures as there are.
#[derive(Debug)]
pub(super) struct Keys {
    home: PrivateDirectory,
}

impl Keys {
    /// Imports keys as OpenPGP has them into a directory of its own in `temporary`.
    ///
    /// # Errors
    /// gpg cannot be run.
    pub(super) fn import(keys: &[Vec<u8>], temporary: &Path) -> Result<Keys> {
        let home = PrivateDirectory::make(temporary, "gpg")?;
        for key in keys {
            run(&home, &["--import".as_ref()], key)?;
        }
        Ok(Keys { home })
    }

    /// Whether one of the keys made the signature packet of `data`.
    ///
    /// # Errors
    /// gpg cannot be run.
    pub(super) fn maker(&self, packet: &[u8], data: &[u8]) -> Result<Maker> {
        let signature = self.home.write("signature", packet)?;
        let status = run(
            &self.home,
            &[
                "--status-fd=1".as_ref(),
                "--verify".as_ref(),
                signature.as_ref(),
                "-".as_ref(),
            ],
            data,
        )?;
        Ok(read(&String::from_utf8_lossy(&status)))
    }
}

fn read(status: &str) -> Maker {
    let is = |word: &str| {
        status.lines().any(|line| {
            line.strip_prefix("[GNUPG:] ").is_some_and(|rest| rest.split(' ').next() == Some(word))
        })
    };
    if is("BADSIG") {
        Maker::SomebodyElse
    } else if ["GOODSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG"].into_iter().any(is) {
        Maker::TheKey
    } else {
        Maker::Unknown
    }
}

/// What gpg prints when it is run with `args` in a home of its own and reads `input`. Its exit code says
/// less than that, and is ignored.
///
/// # Errors
/// gpg cannot be run.
pub(super) fn run(home: &PrivateDirectory, args: &[&OsStr], input: &[u8]) -> Result<Vec<u8>> {
    let needed = |error: std::io::Error| Error::cannot_run("gpg", &error);
    let mut child = Command::new("gpg")
        .arg("--homedir")
        .arg(&home.path)
        .args(["--no-autostart", "--batch", "--no-tty", "--quiet"])
        .args(args)
        .env("LC_ALL", "C.UTF-8")
        .env_remove("GNUPGHOME")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(needed)?;
    let stdin = child.stdin.take();
    let output = thread::scope(|scope| {
        // gpg may print before it has read everything, and may stop reading at any point.
        scope.spawn(|| stdin.map(|mut stdin| stdin.write_all(input)));
        child.wait_with_output()
    });
    Ok(output.map_err(needed)?.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gpg_says_counts_word_by_word() {
        let of = |word: &str| read(&format!("[GNUPG:] NEWSIG\n[GNUPG:] {word} 6FCD412074CCD512 BADSIG\n"));
        assert_eq!(of("GOODSIG"), Maker::TheKey);
        assert_eq!(of("REVKEYSIG"), Maker::TheKey);
        assert_eq!(of("BADSIG"), Maker::SomebodyElse);
        assert_eq!(of("ERRSIG"), Maker::Unknown);
        assert_eq!(read(""), Maker::Unknown);
    }
}
