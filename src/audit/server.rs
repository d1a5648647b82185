//! The thread that follows a transaction: it listens to the kernel and to the rpm plugin.

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};

use super::kernel::watch::Watch;
use super::recorder::{Recorder, Seen};
use super::transaction::RunCommand;
use crate::attribution::plugin_protocol::{GO_ON, Message, SOCKET};
use crate::error::{Error, Result};
use crate::root::Root;
use crate::rpmdb::Installed;

/// A longer line is no message.
const MAX_LINE: usize = 8192;

/// The kernel's reports are taken in at each boundary of a scriptlet, and after so many milliseconds: to
/// wake up for each would cost as much as the transaction itself.
const PAUSE: u16 = 50;

/// How changes are to be found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Means {
    /// By the kernel's reports where they are to be had, else by times.
    #[default]
    Auto,
    /// By the kernel's reports; an error where they are not to be had.
    Events,
    /// By times.
    Times,
}

/// An audit that is going on.
#[derive(Debug)]
pub struct Auditing {
    /// Closed to end it.
    stop: UnixStream,
    thread: JoinHandle<Result<Seen>>,
}

impl Auditing {
    /// Looks at the image at `root` and begins to follow what happens, as `command` is about to be
    /// started. `plugin_directory` is the directory that rpm loads the plugin from; without it no scriptlet is
    /// distinguished from another.
    ///
    /// # Errors
    /// If the kernel does not report changes to this process, or the image cannot be read.
    pub fn start(
        root: &Path,
        means: Means,
        plugin_directory: Option<&Path>,
        command: RunCommand,
        installed: Installed,
    ) -> Result<Auditing> {
        let failed = |error: std::io::Error| Error::std_io("audit", &error);
        let (stop, stopped) = UnixStream::pair().map_err(failed)?;
        let listener = plugin_directory.map(|directory| listen(&directory.join(SOCKET))).transpose()?;
        let (root, epoch) = (root.to_owned(), std::env::var("SOURCE_DATE_EPOCH").ok());
        let (ready, is_ready) = std::sync::mpsc::channel();
        let thread = thread::Builder::new().name("audit".into()).spawn(move || {
            let recorder = recorder(root, means, epoch, command, installed);
            let told = recorder.as_ref().map(|_| ()).map_err(ToString::to_string);
            // The thread that starts the server waits for this.
            let _ = ready.send(told);
            Server {
                recorder: recorder?,
                listener,
                stopped,
                rpms: Vec::new(),
            }
            .serve()
        });
        let thread = thread.map_err(failed)?;
        match is_ready.recv() {
            Ok(Ok(())) => Ok(Auditing { stop, thread }),
            Ok(Err(reason)) => Err(Error::Unavailable(reason)),
            Err(_) => Err(Error::Internal("the audit ended at once".into())),
        }
    }

    /// Ends it; to be called when the command has ended and the shims still stand.
    ///
    /// # Errors
    /// What went wrong while it followed the changes.
    pub fn finish(self) -> Result<Seen> {
        drop(self.stop);
        self.thread.join().unwrap_or_else(|_| Err(Error::Internal("the audit failed".into())))
    }
}

fn listen(path: &Path) -> Result<UnixListener> {
    let listen = || {
        let listener = UnixListener::bind(path)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    listen().map_err(|error: std::io::Error| Error::std_io(path, &error))
}

fn recorder(
    root: PathBuf,
    means: Means,
    epoch: Option<String>,
    command: RunCommand,
    installed: Installed,
) -> Result<Recorder> {
    let root = Root::open(root)?;
    let watch = match means {
        Means::Times => None,
        Means::Events => Some(Watch::start(&root)?),
        Means::Auto => Watch::start(&root).ok(),
    };
    Recorder::start(root, watch, epoch, command, installed)
}

/// An rpm that has the plugin loaded.
struct Rpm {
    stream: UnixStream,
    pid: i32,
    said: Vec<u8>,
}

/// Why the server goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Woken {
    /// Reports have waited for long enough.
    Paused,
    /// An rpm said something, or a new one asks to be heard.
    Spoken,
    /// The command has ended.
    Stopped,
}

struct Server {
    recorder: Recorder,
    listener: Option<UnixListener>,
    stopped: UnixStream,
    rpms: Vec<Rpm>,
}

impl Server {
    fn serve(mut self) -> Result<Seen> {
        loop {
            let woken = self.wait()?;
            if woken == Woken::Paused {
                self.recorder.pump()?;
                continue;
            }
            self.accept()?;
            let mut failed = None;
            self.rpms.retain_mut(|rpm| match rpm.listen(&mut self.recorder) {
                Ok(stays) => stays,
                Err(error) => {
                    failed = Some(error);
                    false
                }
            });
            if let Some(error) = failed {
                return Err(error);
            }
            if woken == Woken::Stopped {
                return self.recorder.finish();
            }
        }
    }

    /// Waits for a message, or for as long as reports may wait.
    fn wait(&self) -> Result<Woken> {
        let mut fds = vec![PollFd::new(self.stopped.as_fd(), PollFlags::POLLIN)];
        fds.extend(self.listener.iter().map(|listener| PollFd::new(listener.as_fd(), PollFlags::POLLIN)));
        fds.extend(self.rpms.iter().map(|rpm| PollFd::new(rpm.stream.as_fd(), PollFlags::POLLIN)));
        let timeout = match self.recorder.is_watching() {
            true => PollTimeout::from(PAUSE),
            false => PollTimeout::NONE,
        };
        match poll(&mut fds, timeout) {
            Ok(0) | Err(Errno::EINTR) => return Ok(Woken::Paused),
            Ok(_) => {}
            Err(errno) => return Err(Error::io("poll", errno)),
        }
        Ok(match fds.first().and_then(PollFd::any) {
            Some(true) => Woken::Stopped,
            _ => Woken::Spoken,
        })
    }

    fn accept(&mut self) -> Result<()> {
        let Some(listener) = &self.listener else {
            return Ok(());
        };
        while let Ok((stream, _)) = listener.accept() {
            let pid = getsockopt(&stream, PeerCredentials).map_or(0, |peer| peer.pid());
            if !self.is_rpm(pid) {
                self.recorder.refused(pid);
                continue;
            }
            self.recorder.heard(pid);
            stream.set_nonblocking(true).map_err(|error| Error::std_io("audit", &error))?;
            self.rpms.push(Rpm {
                stream,
                pid,
                said: Vec::new(),
            });
        }
        Ok(())
    }
}

impl Server {
    /// Whether a process that asks to be heard may be an rpm with the plugin: it asks while no scriptlet
    /// runs and no other is heard. A scriptlet that rpm runs within itself may pass on what rpm has open,
    /// and with it the way to the socket.
    fn is_rpm(&self, pid: i32) -> bool {
        !self.recorder.is_in_scriptlet() && self.rpms.iter().all(|rpm| rpm.pid == pid)
    }
}

impl Rpm {
    /// Takes in what it says; `false` once it is gone.
    fn listen(&mut self, recorder: &mut Recorder) -> Result<bool> {
        let mut piece = [0; 4096];
        loop {
            match self.stream.read(&mut piece) {
                Ok(0) => return Ok(false),
                Ok(got) => self.said.extend_from_slice(&piece[..got]),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(true),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(_) => return Ok(false),
            }
            while let Some(end) = self.said.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.said.drain(..=end).collect();
                let line = String::from_utf8_lossy(&line[..end]);
                let Some(message) = Message::parse(&line) else {
                    continue;
                };
                let answer = message.wants_answer();
                recorder.told(self.pid, message)?;
                if answer && self.stream.write_all(&[GO_ON]).is_err() {
                    return Ok(false);
                }
            }
            if self.said.len() > MAX_LINE {
                return Ok(false);
            }
        }
    }
}
