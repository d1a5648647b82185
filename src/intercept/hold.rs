//! Locking an image: one nodeshim at a time changes what is diverted in it. The lock's file has the
//! number of its holder; if a holder ended without emptying it, something may be left to repair.

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use super::RUN_LOCK_PATH;
use crate::error::{Error, Result};
use crate::journal::DIRECTORY;
use crate::root::{Lock, Root};

/// The image, locked against every other nodeshim until this is dropped.
#[derive(Debug)]
pub struct ImageLock {
    lock: Lock,
    holder_died: bool,
}

impl ImageLock {
    /// Locks the image. If another process has locked it, `wait` is called once with its name; then this waits,
    /// or, if `wait` returns `false`, fails and names the process.
    ///
    /// # Errors
    /// If the lock's file cannot be opened, or another process holds the lock and `wait` returns `false`.
    pub fn take(root: &Root, wait: impl FnOnce(&str) -> bool) -> Result<ImageLock> {
        root.create_dirs(DIRECTORY, 0o755)?;
        let lock = match root.try_lock(RUN_LOCK_PATH) {
            Err(error) if error.errno() == Some(Errno::EAGAIN) => {
                let who = holder(&root.read_text(RUN_LOCK_PATH).unwrap_or_default());
                let busy = format!("{}: {who} is working on this image", root.path().display());
                if !wait(&busy) {
                    return Err(Error::Refused(busy));
                }
                root.lock(RUN_LOCK_PATH)?
            }
            lock => lock.map_err(Error::of_own_file)?,
        };
        let said = lock.note().map_err(|error| Error::std_io(RUN_LOCK_PATH, &error))?;
        let hold = ImageLock {
            lock,
            holder_died: !said.is_empty(),
        };
        hold.say(&std::process::id().to_string())?;
        Ok(hold)
    }

    /// Whether the process that held the lock before ended without disarming.
    pub fn holder_died(&self) -> bool {
        self.holder_died
    }

    /// From now on the commands that are started keep the lock, should this process die.
    pub fn share(&self) -> Result<()> {
        self.lock.share().map_err(|errno| Error::io(RUN_LOCK_PATH, errno))
    }

    /// Names the command that was started while the image is locked.
    pub(crate) fn name_command(&self, command: u32) -> Result<()> {
        self.say(&format!("{} {command}", std::process::id()))
    }

    fn say(&self, text: &str) -> Result<()> {
        self.lock.set_note(text).map_err(|error| Error::std_io(RUN_LOCK_PATH, &error))
    }
}

impl Drop for ImageLock {
    fn drop(&mut self) {
        // If this fails, the next holder looks for left-overs and finds none.
        let _ = self.lock.set_note("");
    }
}

/// The holder of the lock, from the text of the lock's file.
fn holder(said: &str) -> String {
    let mut numbers = said.split_whitespace().filter_map(|word| word.parse::<i32>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(nodeshim), None) => format!("process {nodeshim}"),
        (Some(nodeshim), Some(command)) if !is_alive(nodeshim) => {
            format!("process {command}, the command of a run that died,")
        }
        (Some(nodeshim), Some(command)) => format!("process {nodeshim}, with its command {command},"),
        (None, _) => "another nodeshim".into(),
    }
}

fn is_alive(process: i32) -> bool {
    kill(Pid::from_raw(process), None) != Err(Errno::ESRCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_holder_is_named_by_its_running_processes() {
        let own = std::process::id();
        assert_eq!(holder(""), "another nodeshim");
        assert_eq!(holder("17"), "process 17");
        assert_eq!(holder(&format!("{own} 18")), format!("process {own}, with its command 18,"));
        assert_eq!(holder("2147483646 18"), "process 18, the command of a run that died,");
    }
}
