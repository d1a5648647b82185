//! Installing package files into an image: checked against its keyring, in one transaction under a
//! run, with what they need from a directory of packages; and erasing packages again.
//!
//! What was checked is what is installed: every file is copied to a directory that only root can
//! write, and only the copies are used from then on. rpm installs; dnf only chooses what else is
//! needed.

mod outcome;
mod resolve;
mod stage;
mod transaction;

use std::path::PathBuf;

use crate::attribution::{FoundBy, Origin};
use crate::error::Result;
use crate::intent::{Intent, NoteSeverity, RecordedIntent};
use crate::journal::{Appender, Event, Verdict, now};
use crate::lint::{Context, of_payload, read_package};
use crate::policy::{self, Act, Forbidden};
use crate::root::Root;
use crate::rpmdb::{Installed, PackageFile, Program, quiet};
use crate::run::{Parts, Step, Surroundings};
use crate::tempdir::PrivateDirectory;
use crate::tool::Tool;
use crate::trust::{self, Checked, Record, Signature};

pub use outcome::{Ending, FORBIDDEN};
pub use transaction::{Transaction, erase};

use stage::Staged;

/// What to install, and how.
#[derive(Debug, Clone, Default)]
pub struct Task {
    /// Package files, and directories whose packages are all installed.
    pub packages: Vec<PathBuf>,
    /// Directories to take packages from that those need.
    pub repositories: Vec<PathBuf>,
    /// Whether packages without a signature are installed, too.
    pub allow_unsigned: bool,
    /// Whether packages that are installed already are installed again.
    pub reinstall: bool,
    /// Whether older packages may replace newer ones.
    pub downgrade: bool,
    /// Whether it is only tried.
    pub dry_run: bool,
}

/// The result of a task.
#[derive(Debug)]
pub struct Done {
    /// The packages, those that others need among them.
    pub packages: Vec<Checked>,
    /// How it ended.
    pub ending: Ending,
    /// What rpm or dnf said.
    pub messages: Vec<String>,
    /// The result of the run, if there was one.
    pub transaction: Option<Transaction>,
    /// What the packages that passed the check have in them, in the same order; empty if one did not.
    pub files: Vec<PackageFile>,
}

/// Installs, up to the end of the run; settling is left to the caller.
///
/// # Errors
/// What keeps nodeshim from trying: packages, keys or policy that cannot be read, an image that cannot be
/// armed. Everything that rpm, dnf, signatures or policy refuse is an [`Ending`].
pub fn install(root: &Root, parts: &Parts, task: &Task, around: Surroundings) -> Result<Done> {
    (around.step)(Step::Check);
    let forbidden = Forbidden::load(root, around.policy.as_deref())?;
    let private = PrivateDirectory::make(&around.temporary, "packages")?;
    let mut staged = stage::stage(&private, &task.packages)?;
    if !task.repositories.is_empty() {
        match resolve::resolve(root, &private, &staged, &task.repositories)? {
            Ok(more) => staged.extend(more),
            Err(messages) => return Ok(Done::new(Vec::new(), Ending::Impossible, messages)),
        }
    }
    let keys = trust::keys(root, &around.temporary)?;
    let named: Vec<(PathBuf, String)> =
        staged.iter().map(|staged| (staged.copy.clone(), staged.name.clone())).collect();
    let packages = trust::check(root, &named, &keys, &around.temporary)?;
    if let Some(worst) = worst(&packages, task.allow_unsigned) {
        return Ok(Done::new(packages, Ending::Refused(worst), Vec::new()));
    }
    if let Some(by) = forbidden.by(Act::InstallUnsigned).filter(|_| !all_signed(&packages)) {
        return Ok(Done::new(packages, Ending::Forbidden(by.to_owned()), Vec::new()));
    }
    let files = staged.iter().map(|staged| read_package(&staged.copy)).collect::<Result<Vec<_>>>()?;
    let denied = denied(root, &files, &packages, around.policy.as_deref())?;
    if !denied.is_empty() {
        return Ok(Done::new(packages, Ending::Denied(denied), Vec::new()).with(files));
    }
    let options = options(task, &packages);
    let test = Program::new(root, "rpm")?
        .args(quiet())
        .args(&options)
        .args(["-U", "--test"])
        .args(staged.iter().map(|staged| &staged.copy))
        .run()?;
    let messages = spoken(&test.messages, &staged);
    if !test.fine {
        let ending = Ending::of_test(&messages);
        return Ok(Done::new(packages, ending, messages).with(files));
    }
    if task.dry_run {
        return Ok(Done::new(packages, Ending::Tried, messages).with(files));
    }
    private.share()?;
    let before = task.reinstall.then(|| Installed::load(root)).transpose()?;
    let copies = staged.iter().map(|staged| staged.copy.clone()).collect();
    let transaction = transaction::install(root, parts, &options, copies, &private, around)?;
    let messages = spoken(&transaction.messages, &staged);
    let installed = Installed::load(root)?;
    let end = (transaction.finished, transaction.scriptlet_failed);
    let ending = Ending::of_run(&packages, before.as_ref(), &installed, end, &messages);
    record(root, &packages, &installed)?;
    Ok(Done {
        transaction: Some(transaction),
        ..Done::new(packages, ending, messages).with(files)
    })
}

/// What files of the packages ask for and policy denies. What a scriptlet asks for is denied when it asks;
/// a file would be there.
fn denied(
    root: &Root,
    files: &[PackageFile],
    packages: &[Checked],
    of_run: Option<&str>,
) -> Result<Vec<String>> {
    let rules = policy::load_for(root, of_run).checked()?.rules;
    let context = Context::load(root, &rules)?;
    let mut denied = Vec::new();
    for (file, package) in files.iter().zip(packages) {
        let shipped = of_payload(&context, file);
        for one in shipped.iter().filter(|one| one.verdict == Verdict::Deny) {
            let (text, rule) = (one.text.as_deref(), one.rule.as_deref());
            denied.push(format!(
                "{}: {}: {} ({})",
                package.file,
                one.place.as_deref().unwrap_or_default(),
                text.unwrap_or_default(),
                rule.unwrap_or_default()
            ));
        }
    }
    Ok(denied)
}

impl Done {
    /// One without a transaction, whose packages were not read.
    fn new(packages: Vec<Checked>, ending: Ending, messages: Vec<String>) -> Done {
        Done {
            packages,
            ending,
            messages,
            transaction: None,
            files: Vec::new(),
        }
    }

    fn with(self, files: Vec<PackageFile>) -> Done {
        Done { files, ..self }
    }
}

/// The most severe of the signatures that prevent the installation.
fn worst(packages: &[Checked], allow_unsigned: bool) -> Option<Signature> {
    let stands = |signature: &Signature| match signature {
        Signature::Good => false,
        Signature::Missing => !allow_unsigned,
        _ => true,
    };
    packages.iter().map(|package| package.signature).filter(stands).max()
}

fn all_signed(packages: &[Checked]) -> bool {
    packages.iter().all(|package| package.signature == Signature::Good)
}

/// Options of the transaction. rpm checks again what it reads, unless something unsigned is to pass.
fn options(task: &Task, packages: &[Checked]) -> Vec<String> {
    let level = if all_signed(packages) {
        "signature"
    } else {
        "digest"
    };
    let mut options = vec!["--define".to_owned(), format!("_pkgverify_level {level}")];
    options.extend(task.reinstall.then(|| "--replacepkgs".to_owned()));
    options.extend(task.downgrade.then(|| "--oldpackage".to_owned()));
    options
}

/// What rpm said, with the files named as the caller named them.
fn spoken(messages: &[String], staged: &[Staged]) -> Vec<String> {
    let spoken = |message: &String| {
        staged.iter().fold(message.clone(), |message, staged| {
            message.replace(&staged.copy.display().to_string(), &staged.name)
        })
    };
    messages.iter().map(spoken).collect()
}

/// Keeps what was found of the signatures of the packages that are installed now. That one is not
/// signed is an event of its own.
fn record(root: &Root, packages: &[Checked], installed: &Installed) -> Result<()> {
    let mut record = Record::load(root)?;
    for package in packages.iter().filter(|package| installed.has_nevra(&package.nevra)) {
        record.learn(package);
        if package.signature != Signature::Good {
            append(root, unsigned(package))?;
        }
    }
    record.save(root, |name| installed.has(name))
}

fn unsigned(package: &Checked) -> Event {
    let text = format!("{} was installed although {}", package.nevra, package.reason);
    let intent = Intent::Note {
        severity: NoteSeverity::High,
        text,
    };
    let time = now();
    let origin = Origin {
        found_by: FoundBy::Administrator,
        nevra: Some(package.nevra.clone()),
        ..Origin::default()
    };
    Event {
        argv: Event::escape_arguments(
            &["nodeshim", "install", "--allow-unsigned", &package.file].map(Into::into),
        ),
        intents: vec![RecordedIntent::new(intent, true)],
        ..Event::new(time, Tool::Nodeshim, origin)
    }
}

fn append(root: &Root, mut event: Event) -> Result<()> {
    Appender::open(root)?.append(&mut event)
}
