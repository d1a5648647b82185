//! Archives of what replaying reads of an image: tar, plain or packed by gzip, xz or zstd. An
//! archive is only ever unpacked below a directory of its own, whatever names it has.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Component, Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tar::{Archive, Builder, EntryType, Header};

use crate::error::{Error, Result, if_exists};
use crate::journal::DIRECTORY;
use crate::root::{Kind, Root};
use crate::tempdir::{PrivateDirectory, sweep};

/// Directories and files that replaying looks at, the rpm database left out: packages are not
/// judged by a database that came by file.
const LOOKED_AT: [&str; 11] = [
    DIRECTORY,
    "/etc/firewalld",
    "/etc/nftables",
    "/etc/nodeshim",
    "/etc/os-release",
    "/etc/rc.d",
    "/etc/sysconfig",
    "/etc/systemd",
    "/usr/lib/firewalld",
    "/usr/lib/os-release",
    "/usr/lib/systemd/system",
];
/// Of our own directory, what is no record.
const NO_RECORD: [&str; 5] = ["lock", "run.lock", "armed.toml", "real", "shim"];
/// An archive of more than this many bytes, or files, is refused.
const MOST_BYTES: u64 = 1 << 30;
const MOST_FILES: usize = 200_000;
/// How much may follow the end of an archive, as tar and packers pad it.
const PADDING: u64 = 1 << 20;
/// What packed archives begin with, the programs for them, and the endings of their names.
const PACKERS: [(&[u8], &str, &str); 3] = [
    (b"\x1f\x8b", "gzip", "gz"),
    (b"\xfd7zXZ\0", "xz", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd", "zst"),
];

/// An archive's content in a directory that goes with the value.
#[derive(Debug)]
pub struct Unpacked {
    /// The content, as an image root.
    pub root: Root,
    _directory: PrivateDirectory,
}

impl Unpacked {
    /// Unpacks what replaying looks at of an archive of a root, or of nodeshim's own directory.
    ///
    /// # Errors
    /// If the file cannot be read or unpacked, or the program that unpacks it is missing.
    pub fn open(file: &Path) -> Result<Unpacked> {
        let temporary = std::env::temp_dir();
        sweep(&temporary)?;
        let directory = PrivateDirectory::make(&temporary, "replay")?;
        let unpacked = Unpacked {
            root: Root::open(&directory.path)?,
            _directory: directory,
        };
        let absolute = std::path::absolute(file).map_err(|error| Error::std_io(file, &error))?;
        let archive = Root::open("/")?.open_read(&absolute)?;
        match packer(&archive, file)? {
            None => unpack(archive, &unpacked.root, file)?,
            Some(program) => {
                let mut child = start(program, &["-dc"], archive.into())?;
                let mut output =
                    child.stdout.take().ok_or_else(|| Error::program(program, "gives no output"))?;
                let done = unpack(&mut output, &unpacked.root, file);
                // An archive ends before its padding does; a program that cannot write that fails.
                let padding = io::copy(&mut output.take(PADDING), &mut io::sink());
                padding.map_err(|error| Error::cannot_run(program, &error))?;
                let ended = child.wait().map_err(|error| Error::cannot_run(program, &error))?;
                done?;
                if !ended.success() {
                    return Err(Error::malformed(file, format!("{program} cannot unpack it")));
                }
            }
        }
        Ok(unpacked)
    }
}

fn packer(archive: &File, path: &Path) -> Result<Option<&'static str>> {
    let mut start = [0; 6];
    let got = archive.read_at(&mut start, 0).map_err(|error| Error::std_io(path, &error))?;
    let found = PACKERS.iter().find(|(magic, ..)| start[..got].starts_with(magic));
    Ok(found.map(|(_, program, _)| *program))
}

fn start(program: &str, args: &[&str], stdin: Stdio) -> Result<Child> {
    let mut command = Command::new(program);
    command.args(args).stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::null());
    command.spawn().map_err(|error| Error::cannot_run(program, &error))
}

fn unpack(archive: impl Read, root: &Root, path: &Path) -> Result<()> {
    let bad = |error: io::Error| Error::malformed(path, format!("not a readable archive: {error}"));
    let mut archive = Archive::new(archive.take(MOST_BYTES));
    for (count, entry) in archive.entries().map_err(bad)?.enumerate() {
        let mut entry = entry.map_err(bad)?;
        if count >= MOST_FILES {
            return Err(Error::malformed(path, format!("more than {MOST_FILES} files")));
        }
        let name = PathBuf::from(OsStr::from_bytes(&entry.path_bytes()));
        let name = inside(&name).ok_or_else(|| {
            Error::malformed(path, format!("{:?} leads out of the archive", name.to_string_lossy()))
        })?;
        if !is_looked_at(&name) {
            continue;
        }
        if let Some(parent) = name.parent() {
            root.create_dirs(parent, 0o755)?;
        }
        let target = entry.link_name_bytes().map(|bytes| PathBuf::from(OsStr::from_bytes(&bytes)));
        match (entry.header().entry_type(), target) {
            (EntryType::Regular | EntryType::Continuous, _) => {
                let mut content = Vec::new();
                entry.read_to_end(&mut content).map_err(bad)?;
                root.write(&name, &content, Some(0o644))?;
            }
            (EntryType::Directory, _) => root.create_dirs(&name, 0o755)?,
            (EntryType::Symlink, Some(target)) => root.replace_with_symlink(target, &name)?,
            (EntryType::Link, Some(target)) => {
                if let Some(target) = inside(&target)
                    && let Some(content) = if_exists(root.read(target))?
                {
                    root.write(&name, &content, Some(0o644))?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// A name in an archive as a path from the root; none if it goes up. Names of our own directory's
/// archive are put where the directory is.
fn inside(name: &Path) -> Option<PathBuf> {
    let mut path = PathBuf::from("/");
    for component in name.components() {
        match component {
            Component::Normal(part) => path.push(part),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => return None,
        }
    }
    let below = path.strip_prefix("/nodeshim").or_else(|_| path.strip_prefix("/")).ok()?;
    let first = below.components().next().map(|first| first.as_os_str().to_string_lossy().into_owned());
    let is_ours = first.is_some_and(|first| {
        ["state.toml", "origins.toml", "scriptlets"].contains(&first.as_str())
            || first.starts_with("journal") && first.ends_with(".toml")
    });
    Some(if is_ours {
        Path::new(DIRECTORY).join(below)
    } else {
        path
    })
}

fn is_looked_at(path: &Path) -> bool {
    let own = path.strip_prefix(DIRECTORY).ok();
    let no_record = own.is_some_and(|own| NO_RECORD.iter().any(|name| own.starts_with(name)));
    LOOKED_AT.iter().any(|below| path.starts_with(below)) && !no_record
}

/// Writes an archive of what replaying looks at of an image, packed as the file's name says. The same
/// image gives the same bytes; all times are `time`, in seconds since 1970.
///
/// # Errors
/// If the image cannot be read, the program that packs is missing, or the file cannot be written.
pub fn save(root: &Root, file: &Path, time: u64) -> Result<()> {
    let mut builder = Builder::new(Vec::new());
    for path in LOOKED_AT {
        add(root, Path::new(path), time, &mut builder)?;
    }
    let mut bytes = builder.into_inner().map_err(|error| Error::std_io(file, &error))?;
    let ending = file.extension().and_then(OsStr::to_str);
    let packer = PACKERS.iter().find(|(_, _, of)| Some(*of) == ending);
    if let Some((_, program, _)) = packer {
        bytes = pack(program, bytes)?;
    }
    let absolute = std::path::absolute(file).map_err(|error| Error::std_io(file, &error))?;
    Root::open("/")?.write(absolute, &bytes, Some(0o644))
}

fn add(root: &Root, path: &Path, time: u64, builder: &mut Builder<Vec<u8>>) -> Result<()> {
    let Some(meta) = if_exists(root.meta(path))?.filter(|_| is_looked_at(path)) else {
        return Ok(());
    };
    let name = path.strip_prefix("/").unwrap_or(path);
    let io = |error: io::Error| Error::std_io(path, &error);
    let mut header = Header::new_gnu();
    header.set_mtime(time);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    match meta.kind {
        Kind::File => {
            let content = root.read(path)?;
            header.set_entry_type(EntryType::Regular);
            header.set_mode(0o644);
            header.set_size(content.len() as u64);
            builder.append_data(&mut header, name, content.as_slice()).map_err(io)
        }
        Kind::Link => {
            header.set_entry_type(EntryType::Symlink);
            header.set_mode(0o777);
            builder.append_link(&mut header, name, root.read_link(path)?).map_err(io)
        }
        Kind::Dir => {
            header.set_entry_type(EntryType::Directory);
            header.set_mode(0o755);
            builder.append_data(&mut header, name, io::empty()).map_err(io)?;
            let inner = root.list(path)?;
            inner.iter().try_for_each(|entry| add(root, &path.join(&entry.name), time, builder))
        }
        _ => Ok(()),
    }
}

fn pack(program: &str, bytes: Vec<u8>) -> Result<Vec<u8>> {
    let args: &[&str] = if program == "gzip" { &["-nc"] } else { &["-c"] };
    let mut child = start(program, args, Stdio::piped())?;
    let (input, output) = (child.stdin.take(), child.stdout.take());
    let mut packed = Vec::new();
    let done = std::thread::scope(|scope| {
        let writer = scope.spawn(move || input.map_or(Ok(()), |mut input| input.write_all(&bytes)));
        let read = output.map_or(Ok(0), |mut output| output.read_to_end(&mut packed));
        let written = writer.join().unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()));
        read.and(written)
    });
    let ended = child.wait().map_err(|error| Error::cannot_run(program, &error))?;
    done.map_err(|error| Error::cannot_run(program, &error))?;
    match ended.success() {
        true => Ok(packed),
        false => Err(Error::program(program, ended.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tar(entries: &[(&str, EntryType, &str)]) -> Vec<u8> {
        let mut builder = Builder::new(Vec::new());
        for (name, kind, content) in entries {
            let mut header = Header::new_gnu();
            // The crate refuses to write such names by itself.
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(*kind);
            header.set_mode(0o644);
            let data = if *kind == EntryType::Regular { *content } else { "" };
            if data.is_empty() {
                header.as_old_mut().linkname[..content.len()].copy_from_slice(content.as_bytes());
            }
            header.set_size(data.len() as u64);
            header.set_cksum();
            builder.append(&header, data.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap()
    }

    #[test]
    fn nothing_leaves_the_directory() {
        let outer = tempfile::tempdir().unwrap();
        let host = Root::open(outer.path()).unwrap();
        host.create_dir("/in", 0o755).unwrap();
        host.write("/secret", b"outside", None).unwrap();
        let root = Root::open(outer.path().join("in")).unwrap();
        let out = outer.path().display().to_string();
        let archive = tar(&[
            ("etc/systemd/up", EntryType::Symlink, "../../../.."),
            ("etc/systemd/up/etc/sysconfig/a", EntryType::Regular, "a"),
            ("etc/sysconfig/hard", EntryType::Link, "etc/sysconfig/a"),
            ("etc/firewalld/f", EntryType::Fifo, ""),
        ]);
        unpack(archive.as_slice(), &root, Path::new("x.tar")).unwrap();
        assert_eq!(host.read("/secret").unwrap(), b"outside");
        assert_eq!(host.list("/").unwrap().len(), 2);
        assert_eq!(root.read("/etc/sysconfig/hard").unwrap(), b"a");
        assert!(!root.exists("/etc/firewalld/f"));
        let through_a_link = tar(&[
            ("etc/nodeshim", EntryType::Symlink, &out),
            ("etc/nodeshim/secret", EntryType::Regular, "changed"),
        ]);
        assert!(unpack(through_a_link.as_slice(), &root, Path::new("x.tar")).is_err());
        for name in ["../secret", "etc/../../secret", "/etc/systemd/../../../secret"] {
            let archive = tar(&[(name, EntryType::Regular, "changed")]);
            assert!(unpack(archive.as_slice(), &root, Path::new("x.tar")).is_err(), "{name}");
        }
        assert_eq!(host.read("/secret").unwrap(), b"outside");
    }

    #[test]
    fn our_own_directory_is_found_wherever_it_was_packed() {
        for name in [
            "journal.toml",
            "./nodeshim/journal.toml",
            "usr/lib/sysimage/nodeshim/journal.toml",
        ] {
            let path = inside(Path::new(name)).unwrap();
            assert_eq!(path, Path::new("/usr/lib/sysimage/nodeshim/journal.toml"), "{name}");
        }
    }
}
