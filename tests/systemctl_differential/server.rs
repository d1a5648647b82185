//! The original, ready to answer many requests one after the other.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use super::case::Request;

/// systemctl under `serve.c`.
pub struct Server {
    requests: UnixStream,
    process: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It ends by itself when nobody is there to ask, but then its root may be gone.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    /// In its own pid namespace: only where pid 1 has another root it finds out about the chroot. And whatever
    /// is asked of it, it shall not be able to turn the machine off.
    pub const INSIDE: &str = "mount -t proc proc \"$0/proc\" && setpriv --bounding-set=-sys_boot --inh-caps=-all \
                          chroot \"$0\" systemctl; exit $?";
    /// By its own loader, and with the root's identity for the machine's, whose /run it doesn't see.
    pub const OUTSIDE: &str = "mount -t proc proc /proc && mount -t tmpfs tmpfs /run && \
                           mount --bind \"$0/etc/os-release\" \"$(readlink -f /etc/os-release)\" && \
                           mount --bind \"$0/etc/machine-id\" /etc/machine-id && \
                           cd / && setpriv --bounding-set=-sys_boot --inh-caps=-all \
                           \"$0\"/lib64/ld-linux*.so.* --library-path \"$0/lib\" --preload \"$0/lib/serve.so\" \
                           \"$0/usr/bin/systemctl\"; exit $?";

    /// Starts it by one of the scripts, to print to these files.
    pub fn start(root: &Path, script: &str, stdout: &File, stderr: &File) -> Server {
        let (requests, theirs) = UnixStream::pair().expect("a socket");
        let mut command = Command::new("unshare");
        command.args(["-mpf", "--kill-child", "--propagation", "private"]);
        command.args(["sh", "-c", script]).arg(root);
        environment(&mut command).env("LD_BIND_NOW", "1");
        command.stdin(Stdio::from(OwnedFd::from(theirs)));
        command
            .stdout(stdout.try_clone().expect("a file"))
            .stderr(stderr.try_clone().expect("a file"));
        let process = command.spawn().expect("the original starts");
        Server { requests, process }
    }

    /// Asks, with these words in the place of the request's.
    pub fn ask(&mut self, request: &Request, words: &[String]) {
        let separator = String::new();
        let directory = match request.directory.as_str() {
            "" => "/",
            directory => directory,
        };
        let how = [directory.to_owned(), request.stdout.word().to_owned()];
        let words = how.iter().chain(&request.environment).chain([&separator]).chain(words);
        let bytes: Vec<u8> = words.flat_map(|word| [word.as_bytes(), b"\0"].concat()).collect();
        let length = u32::try_from(bytes.len()).expect("a short request").to_ne_bytes();
        self.requests.write_all(&[&length[..], &bytes].concat()).expect("the original is there");
    }

    /// How the request that was asked last ended.
    pub fn status(&mut self) -> ExitStatus {
        let mut status = [0; 4];
        self.requests.read_exact(&mut status).expect("the original is there");
        ExitStatus::from_raw(i32::from_ne_bytes(status))
    }
}

/// The usual environment of a request.
pub fn environment(command: &mut Command) -> &mut Command {
    command
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("HOME", "/")
        .env("LC_ALL", "C.UTF-8")
}
