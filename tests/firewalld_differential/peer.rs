//! firewall-offline-cmd of other releases of Debian.

use std::path::{Path, PathBuf};
use std::process::Command;

use nodeshim::config::FirewalldGeneration;
use nodeshim::firewall::firewalld::Generation;

use super::support::{self, Outcome, answer, local_files};

/// A firewalld that is unpacked beside the machine's own.
pub struct Release {
    directory: PathBuf,
    /// Its version.
    pub generation: Generation,
    /// The file of its Python package that names the version.
    pub package: String,
}

impl Release {
    /// That of a release of Debian, or why it cannot be had.
    pub fn of(suite: &str) -> Result<Release, String> {
        let output = Command::new(support::script("firewalld-release"))
            .arg(suite)
            .output()
            .map_err(|error| error.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if !output.status.success() {
            return Err(text(&output.stderr));
        }
        let directory = PathBuf::from(text(&output.stdout));
        let path = directory.join("usr/lib/python3/dist-packages/firewall/config/__init__.py");
        let package =
            std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let version = package.lines().find_map(|line| line.strip_prefix("VERSION = "));
        let generation = version.and_then(|version| version.trim_matches(['"', '\'']).parse().ok());
        let generation = generation.ok_or_else(|| format!("{} names no version", path.display()))?;
        Ok(Release {
            directory,
            generation,
            package,
        })
    }

    /// What the image's configuration says of it.
    pub fn choice(&self) -> FirewalldGeneration {
        FirewalldGeneration::Version(self.generation.0, self.generation.1)
    }
}

/// A driver of the real tool; ends with the value.
pub struct Peer(support::Peer);

impl Peer {
    /// Starts it.
    pub fn start(release: &Release) -> Self {
        let mut command = Command::new(support::script("firewalld-peer"));
        command.arg(release.directory.join("usr/bin/firewall-offline-cmd"));
        command.env("PYTHONPATH", release.directory.join("usr/lib/python3/dist-packages"));
        Peer(support::Peer::start(&mut command))
    }

    /// One call over the files below `root`.
    pub fn call(&mut self, root: &Path, words: &[String]) -> Outcome {
        let place = |path: &str| root.join(path).display().to_string();
        let mut argv = vec!["--system-config".to_owned(), place("etc/firewalld")];
        argv.extend(["--default-config".to_owned(), place("usr/lib/firewalld")]);
        argv.extend_from_slice(words);
        let (exit, stdout, stderr) = self.0.call(&argv);
        Outcome {
            exit,
            stdout: stdout.replace(&place(""), "/"),
            stderr: answer(&stderr).replace(&place(""), "/"),
            files: local_files(root),
        }
    }
}
