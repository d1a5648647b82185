//! A package that is not installed: an rpm file on the build host. Its header is read here only;
//! nothing is unpacked to a disk, and signatures are not checked, because nothing is installed.

mod archive;
mod header;
mod signature;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use rpm::{IndexSignatureTag, IndexTag};

use self::header::Headers;
use super::scriptlets::Scriptlet;
use crate::error::{Error, Result};
use crate::root::{Kind, Root};

pub use signature::{Hash, Made};

/// Body, interpreter and kind of the scriptlets that a package has at most one of.
const SINGLE: [(IndexTag, IndexTag, &str); 9] = [
    (IndexTag::RPMTAG_PREIN, IndexTag::RPMTAG_PREINPROG, "%pre"),
    (IndexTag::RPMTAG_POSTIN, IndexTag::RPMTAG_POSTINPROG, "%post"),
    (IndexTag::RPMTAG_PREUN, IndexTag::RPMTAG_PREUNPROG, "%preun"),
    (IndexTag::RPMTAG_POSTUN, IndexTag::RPMTAG_POSTUNPROG, "%postun"),
    (IndexTag::RPMTAG_PRETRANS, IndexTag::RPMTAG_PRETRANSPROG, "%pretrans"),
    (IndexTag::RPMTAG_POSTTRANS, IndexTag::RPMTAG_POSTTRANSPROG, "%posttrans"),
    (IndexTag::RPMTAG_PREUNTRANS, IndexTag::RPMTAG_PREUNTRANSPROG, "%preuntrans"),
    (IndexTag::RPMTAG_POSTUNTRANS, IndexTag::RPMTAG_POSTUNTRANSPROG, "%postuntrans"),
    (IndexTag::RPMTAG_VERIFYSCRIPT, IndexTag::RPMTAG_VERIFYSCRIPTPROG, "%verifyscript"),
];

/// A kind of trigger: the tags of the bodies, of their interpreters, of the body that each condition
/// is for, and of the conditions' flags.
struct Triggers {
    bodies: IndexTag,
    programs: IndexTag,
    index: IndexTag,
    flags: IndexTag,
    prefix: &'static str,
}

const TRIGGERS: [Triggers; 3] = [
    Triggers {
        bodies: IndexTag::RPMTAG_TRIGGERSCRIPTS,
        programs: IndexTag::RPMTAG_TRIGGERSCRIPTPROG,
        index: IndexTag::RPMTAG_TRIGGERINDEX,
        flags: IndexTag::RPMTAG_TRIGGERFLAGS,
        prefix: "%trigger",
    },
    Triggers {
        bodies: IndexTag::RPMTAG_FILETRIGGERSCRIPTS,
        programs: IndexTag::RPMTAG_FILETRIGGERSCRIPTPROG,
        index: IndexTag::RPMTAG_FILETRIGGERINDEX,
        flags: IndexTag::RPMTAG_FILETRIGGERFLAGS,
        prefix: "%filetrigger",
    },
    Triggers {
        bodies: IndexTag::RPMTAG_TRANSFILETRIGGERSCRIPTS,
        programs: IndexTag::RPMTAG_TRANSFILETRIGGERSCRIPTPROG,
        index: IndexTag::RPMTAG_TRANSFILETRIGGERINDEX,
        flags: IndexTag::RPMTAG_TRANSFILETRIGGERFLAGS,
        prefix: "%transfiletrigger",
    },
];

/// When a trigger runs, by a bit of its flags (`RPMSENSE_TRIGGER*` in rpmds.h).
const WHEN: [(u64, &str); 4] = [
    (1 << 25, "prein"),
    (1 << 16, "in"),
    (1 << 17, "un"),
    (1 << 18, "postun"),
];

/// The tags of signatures, of the header alone first.
const SIGNATURES: [IndexSignatureTag; 5] = [
    IndexSignatureTag::RPMSIGTAG_OPENPGP,
    IndexSignatureTag::RPMSIGTAG_DSA,
    IndexSignatureTag::RPMSIGTAG_RSA,
    IndexSignatureTag::RPMSIGTAG_GPG,
    IndexSignatureTag::RPMSIGTAG_PGP,
];

/// Those of header and payload.
const OF_PAYLOAD: [IndexSignatureTag; 2] =
    [IndexSignatureTag::RPMSIGTAG_GPG, IndexSignatureTag::RPMSIGTAG_PGP];

/// Whether a signature under this tag is one of header and payload.
pub(crate) fn is_of_payload(tag: u32) -> bool {
    OF_PAYLOAD.map(|tag| tag as u32).contains(&tag)
}

/// The tags of the payload's digests: PAYLOADSHA256, PAYLOADSHA512 and PAYLOADSHA3_256 in rpm 6.
const PAYLOAD_DIGESTS: [u32; 3] = [5092, 5116, 5118];

/// What is known of a package file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackageFile {
    /// The package's name.
    pub name: String,
    /// `name-[epoch:]version-release.arch`
    pub nevra: String,
    /// The plugins that it says it is, with their versions.
    pub plugins: Vec<(String, String)>,
    /// Its files with their modes, as stat(2) has them.
    pub files: Vec<(String, u32)>,
    /// Where those of its files that are links point.
    pub links: Vec<(String, String)>,
    /// Its scriptlets that have a body.
    pub scriptlets: Vec<Scriptlet>,
    /// The command lines that run its scriptlets, by their kind: an interpreter, or all that there is.
    pub programs: Vec<(String, Vec<String>)>,
    /// The interpreters of its triggers, with their kinds, in the order of their bodies.
    pub trigger_programs: Vec<(String, String)>,
    /// What those of its files hold that were wanted when it was read, by path.
    pub contents: BTreeMap<String, Vec<u8>>,
}

/// The package in a file, as far as its header goes, which is not verified here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileHeader {
    /// Its name.
    pub name: String,
    /// `name-[epoch:]version-release.arch`.
    pub nevra: String,
    /// Whether it is a source package.
    pub is_source: bool,
    /// How its first signature was made; none if it is not signed, or by what is not known here.
    pub made: Option<Made>,
}

/// What the header of a package file says.
///
/// # Errors
/// If it is no package, or not as rpm writes them.
pub(crate) fn package_file(path: &Path) -> Result<FileHeader> {
    let headers = Headers::read(&mut open_package(path)?, path)?;
    let (name, nevra) = names(&headers, path)?;
    Ok(FileHeader {
        name,
        nevra,
        is_source: headers.is_source(),
        made: SIGNATURES
            .iter()
            .flat_map(|tag| headers.signatures(*tag))
            .find_map(|signature| Made::read(&signature)),
    })
}

/// What is signed of a package file, and its signatures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signed {
    /// The header's bytes, from its magic number to its end.
    pub header: Vec<u8>,
    /// OpenPGP packets by the number of the tag that holds them, those of the header alone first.
    pub signatures: Vec<(u32, Vec<u8>)>,
    /// Whether the payload is signed, too: by itself, or by its digest in the header.
    pub covers_payload: bool,
}

/// What is signed of a package file, and its signatures.
///
/// # Errors
/// If it is no package, or not as rpm writes them.
pub fn signed(path: &Path) -> Result<Signed> {
    let headers = Headers::read(&mut open_package(path)?, path)?;
    let of_tag = |tag: &IndexSignatureTag| {
        let tag = *tag as u32;
        headers.signatures(tag).into_iter().map(move |packet| (tag, packet))
    };
    let signatures: Vec<(u32, Vec<u8>)> = SIGNATURES.iter().flat_map(of_tag).collect();
    let mut covers_payload = signatures.iter().any(|(tag, _)| is_of_payload(*tag));
    for tag in PAYLOAD_DIGESTS {
        covers_payload |= !headers.texts(tag)?.is_empty();
    }
    Ok(Signed {
        signatures,
        header: headers.main().to_owned(),
        covers_payload,
    })
}

/// The bytes of a package file that a signature of header and payload is made over.
///
/// # Errors
/// If it is no package, or not as rpm writes them.
pub(crate) fn header_and_payload(path: &Path) -> Result<Vec<u8>> {
    let mut file = open_package(path)?;
    let mut bytes = Headers::read(&mut file, path)?.main().to_owned();
    file.read_to_end(&mut bytes).map_err(|error| Error::std_io(path, &error))?;
    Ok(bytes)
}

/// Opens a package file; anything but a regular file is refused.
///
/// # Errors
/// If it is no regular file, or cannot be read.
pub(crate) fn open_package(path: &Path) -> Result<File> {
    let host = Root::open("/")?;
    let at = std::path::absolute(path).map_err(|error| Error::std_io(path, &error))?;
    let what = match host.meta_followed(&at)?.kind {
        Kind::File => return host.open_read(&at),
        Kind::Dir => "a directory",
        Kind::CharDevice => "a device",
        Kind::Link | Kind::Other => "a FIFO, socket or device",
    };
    Err(Error::malformed(path, format!("this is {what}, not an RPM package")))
}

/// Name and `name-[epoch:]version-release.arch`.
fn names(headers: &Headers, path: &Path) -> Result<(String, String)> {
    let text = |tag: IndexTag| {
        let text = headers.text(tag)?.filter(|text| is_plain(text));
        text.ok_or_else(|| Error::malformed(path, "its header does not name the package as rpmbuild does"))
    };
    let name = text(IndexTag::RPMTAG_NAME)?;
    let epoch = headers.numbers(IndexTag::RPMTAG_EPOCH)?.first().copied();
    let epoch = epoch.map_or(String::new(), |epoch| format!("{epoch}:"));
    let (version, release) = (text(IndexTag::RPMTAG_VERSION)?, text(IndexTag::RPMTAG_RELEASE)?);
    let nevra = format!("{name}-{epoch}{version}-{release}.{}", text(IndexTag::RPMTAG_ARCH)?);
    Ok((name, nevra))
}

/// Whether a part of a package's name can be taken for nothing else by rpm and dnf, which are given it:
/// for no option, no pattern, no macro. rpmbuild builds no others (`rpmCharCheck`, build/parsePreamble.c).
fn is_plain(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._+~^".contains(&byte);
    !text.is_empty() && !text.starts_with('-') && text.bytes().all(plain)
}

impl PackageFile {
    /// Reads a file's header, and the contents of those of its files whose paths are `wanted`. A package
    /// that has none of them is not unpacked; others are until the last of them.
    ///
    /// # Errors
    /// If it is no package that can be installed, or not as rpm writes them; if it cannot be unpacked, or
    /// a wanted file is longer than any that nodeshim reads.
    pub fn read(path: &Path, wanted: impl Fn(&str) -> bool) -> Result<PackageFile> {
        let mut file = open_package(path)?;
        let headers = Headers::read(&mut file, path)?;
        if headers.is_source() {
            return Err(Error::malformed(path, "this is a source package, which cannot be installed"));
        }
        let (name, nevra) = names(&headers, path)?;
        let mut package = PackageFile {
            plugins: plugins(&headers)?,
            name,
            nevra,
            ..PackageFile::default()
        };
        package.read_files(&headers)?;
        package.read_scriptlets(&headers)?;
        package.read_triggers(&headers)?;
        let count = package.files.iter().filter(|(path, _)| wanted(path)).count();
        if count > 0 {
            file.rewind().map_err(|error| Error::std_io(path, &error))?;
            package.contents = archive::contents(file, path, count, wanted)?;
        }
        Ok(package)
    }

    fn read_files(&mut self, headers: &Headers) -> Result<()> {
        let directories = headers.texts(IndexTag::RPMTAG_DIRNAMES)?;
        let modes = headers.numbers(IndexTag::RPMTAG_FILEMODES)?;
        let targets = headers.texts(IndexTag::RPMTAG_FILELINKTOS)?;
        let places = headers.numbers(IndexTag::RPMTAG_DIRINDEXES)?;
        let names = headers.texts(IndexTag::RPMTAG_BASENAMES)?;
        for (at, (name, place)) in names.iter().zip(places).enumerate() {
            let Some(directory) = usize::try_from(place).ok().and_then(|place| directories.get(place)) else {
                continue;
            };
            let path = format!("{directory}{name}");
            let target = targets.get(at).filter(|target| !target.is_empty());
            self.links.extend(target.map(|target| (path.clone(), target.clone())));
            self.files.push((path, modes.get(at).map_or(0, |mode| *mode as u32)));
        }
        Ok(())
    }

    fn read_scriptlets(&mut self, headers: &Headers) -> Result<()> {
        for (body, program, kind) in SINGLE {
            if let Some(body) = headers.text(body)? {
                self.add(kind.to_owned(), body);
            }
            let program = headers.texts(program)?;
            if !program.is_empty() {
                self.programs.push((kind.to_owned(), program));
            }
        }
        Ok(())
    }

    fn read_triggers(&mut self, headers: &Headers) -> Result<()> {
        for triggers in TRIGGERS {
            let (index, flags) = (headers.numbers(triggers.index)?, headers.numbers(triggers.flags)?);
            let kind = |at: usize| {
                let condition = index.iter().position(|body| *body == at as u64);
                let flags = condition.and_then(|condition| flags.get(condition)).copied().unwrap_or(0);
                let when = WHEN.iter().find(|(bit, _)| flags & bit != 0).map_or("", |(_, when)| when);
                format!("{}{when}", triggers.prefix)
            };
            for (at, body) in headers.texts(triggers.bodies)?.into_iter().enumerate() {
                self.add(kind(at), body);
            }
            for (at, program) in headers.texts(triggers.programs)?.into_iter().enumerate() {
                self.trigger_programs.push((kind(at), program));
            }
        }
        Ok(())
    }

    fn add(&mut self, kind: String, body: String) {
        self.scriptlets.push(Scriptlet {
            nevra: self.nevra.clone(),
            kind,
            body,
        });
    }
}

/// The plugins that a package says it is, with their versions.
fn plugins(headers: &Headers) -> Result<Vec<(String, String)>> {
    let names = headers.texts(IndexTag::RPMTAG_PROVIDENAME)?;
    let versions = headers.texts(IndexTag::RPMTAG_PROVIDEVERSION)?;
    let plugin = |(at, name): (usize, &String)| {
        let plugin = name.strip_prefix("ovirt-node-plugin(")?.strip_suffix(')')?;
        Some((plugin.to_owned(), versions.get(at).cloned().unwrap_or_default()))
    };
    Ok(names.iter().enumerate().filter_map(plugin).collect())
}
