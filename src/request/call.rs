//! What goes into carrying out a request, and what comes out.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;

use crate::argv::Dialect;
use crate::argv::firewalld::Version;
use crate::config::{Answers, Config};
use crate::firewall::firewalld;
use crate::firewall::lokkit::names::PortNames;
use crate::intent::{Intent, RecordedIntent, Withheld};
use crate::request::{Output, Programs};
use crate::root::Root;
use crate::sysv::native;
use crate::unit::generation::Generation;

/// The caller's environment, taken once: variables and working directory.
#[derive(Debug, Clone, Default)]
pub struct Env {
    variables: BTreeMap<OsString, OsString>,
    directory: PathBuf,
}

impl Env {
    /// The same variables in a working directory, as seen in the image. Without one it is the
    /// image's root.
    pub fn in_directory(self, directory: PathBuf) -> Self {
        Env { directory, ..self }
    }

    /// The value of a variable, if it is set and UTF-8.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.raw(name)?.to_str()
    }

    /// The value of a variable.
    pub fn raw(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str)
    }
}

impl<K: Into<OsString>, V: Into<OsString>> FromIterator<(K, V)> for Env {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        Env {
            variables: variables.into_iter().map(|(k, v)| (k.into(), v.into())).collect(),
            directory: PathBuf::new(),
        }
    }
}

/// Where a request is carried out, and who asks for it.
pub struct Call<'a> {
    /// The image.
    pub root: &'a Root,
    /// The image's configuration.
    pub config: &'a Config,
    /// The caller's environment.
    pub env: &'a Env,
    /// The name that the tool was called by, as in `argv[0]`.
    pub argv0: &'a str,
    /// Reads standard input to its end; only called by requests that take any.
    pub stdin: fn() -> io::Result<Vec<u8>>,
    /// Whether output goes to a terminal; only called where something is to be coloured.
    terminal: fn() -> bool,
    /// The image's systemd, once it was looked up.
    generation: OnceCell<Generation>,
    /// The image's firewalld, once it was looked up.
    firewalld: OnceCell<firewalld::Generation>,
    ports: PortNames<'a>,
}

impl<'a> Call<'a> {
    /// A call without standard input.
    pub fn new(root: &'a Root, config: &'a Config, env: &'a Env, argv0: &'a str) -> Self {
        Call {
            root,
            config,
            env,
            argv0,
            stdin: || Ok(Vec::new()),
            terminal: || false,
            generation: OnceCell::new(),
            firewalld: OnceCell::new(),
            ports: PortNames::new(root),
        }
    }

    /// The same with standard input.
    pub fn with_stdin(self, stdin: fn() -> io::Result<Vec<u8>>) -> Self {
        Call { stdin, ..self }
    }

    /// The same with output that may go to a terminal.
    pub fn with_terminal(self, terminal: fn() -> bool) -> Self {
        Call { terminal, ..self }
    }

    /// Whether output goes to a terminal.
    pub(crate) fn is_terminal(&self) -> bool {
        (self.terminal)()
    }

    /// The firewalld that the image has or will have.
    pub(crate) fn firewalld_generation(&self) -> firewalld::Generation {
        *self
            .firewalld
            .get_or_init(|| firewalld::Generation::chosen(self.config.shims.firewalld_generation, self.root))
    }

    /// A path that the caller gave, from the image's root.
    pub fn path(&self, given: &str) -> PathBuf {
        self.env.directory.join(given)
    }

    /// The same caller, who calls another tool under another configuration.
    pub(super) fn to<'b>(&'b self, argv0: &'b str, config: &'b Config) -> Call<'b>
    where
        'a: 'b,
    {
        Call {
            stdin: self.stdin,
            terminal: self.terminal,
            generation: self.generation.clone(),
            firewalld: self.firewalld.clone(),
            ..Call::new(self.root, config, self.env, argv0)
        }
    }
}

impl Dialect for Call<'_> {
    fn generation(&self) -> Generation {
        let configured = self.config.shims.systemctl_generation;
        *self.generation.get_or_init(|| Generation::of_image(self.root, configured))
    }

    fn firewalld(&self) -> Version {
        let firewalld::Generation(major, minor) = self.firewalld_generation();
        (major, minor)
    }

    fn answers(&self) -> Answers {
        self.config.shims.answers
    }

    fn has_systemd(&self) -> bool {
        native::is_installed(self.root)
    }

    fn systemd_runs(&self) -> bool {
        self.root.is_dir("/run/systemd/system")
    }

    fn port(&self, name: &[u8]) -> Option<u16> {
        self.ports.port(name)
    }

    fn file(&self, path: &str) -> String {
        self.root.read_text(self.path(path)).unwrap_or_default()
    }
}

/// An error message about standard output, in two parts: the reason comes between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unprinted {
    /// What comes before the reason.
    pub before: String,
    /// What comes behind it.
    pub after: &'static str,
    /// Whether the caller's log level lets it through.
    pub is_said: bool,
}

/// The result of a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    /// What the tool prints.
    pub output: Output,
    /// Its exit code.
    pub exit: u8,
    /// What the request asked for, in the order in which it asked.
    pub intents: Vec<RecordedIntent>,
    /// What policy held back, in the order in which it was asked for.
    pub held: Vec<Withheld>,
    /// Diagnostics for the journal only: the original would not print them.
    pub warnings: Vec<String>,
    /// Printed where standard output cannot be written to; then the call fails.
    pub if_unprinted: Option<Unprinted>,
    /// What the call ends in, if it runs programs of the image.
    pub programs: Option<Programs>,
}

impl Reply {
    /// Success, silent.
    pub fn new() -> Self {
        Reply::default()
    }

    /// A line on standard error and an exit code.
    pub fn error(line: impl AsRef<[u8]>, exit: u8) -> Self {
        let mut reply = Reply::new();
        reply.output.err_line(line);
        reply.fail(exit)
    }

    /// The same with another exit code.
    pub fn fail(mut self, exit: u8) -> Self {
        self.exit = exit;
        self
    }

    /// Notes a persistent intent.
    pub fn intent(&mut self, intent: Intent, changed: bool) {
        self.intents.push(RecordedIntent::new(intent, changed));
    }
}
