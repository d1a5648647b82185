//! `nodeshim key`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use nodeshim::error::Result;
use nodeshim::install::FORBIDDEN;
use nodeshim::root::Root;
use nodeshim::trust::{self, Imported, Key, NotImported, Unfit};
use serde::Serialize;

use super::output::{complain, json_list, print, tell, wrapped};

/// Show or change the trusted signing keys of the image
#[derive(Debug, Args)]
pub struct KeyArgs {
    #[command(subcommand)]
    what: KeyCommand,
}

impl KeyArgs {
    /// Whether the keyring is changed.
    pub fn changes_image(&self) -> bool {
        !matches!(self.what, KeyCommand::List)
    }
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Import the keys of a file into the image's keyring: all of them or none
    Import {
        /// A file of public keys, armoured or not
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// List the keys in the image's keyring
    List,
    /// Remove keys from the image's keyring
    Remove {
        /// Ids or fingerprints, of which the last 8 digits are enough
        #[arg(required = true, value_name = "KEYID")]
        ids: Vec<String>,
    },
}

/// A key, and what became of it.
#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    key: &'a Key,
    /// `imported`, `was-there`, `removed`
    done: &'static str,
}

/// Exit codes of an import that is refused, besides those of [`trust::Signature::exit`].
const NO_KEY: u8 = 30;
const PRIVATE_KEY: u8 = 31;

/// Carries out one of the verbs.
pub fn key(root: &Root, args: KeyArgs, as_json: bool) -> Result<ExitCode> {
    match args.what {
        KeyCommand::Import { files } => import(root, &files, as_json),
        KeyCommand::List => list(root, as_json),
        KeyCommand::Remove { ids } => remove(root, &ids, as_json),
    }
}

fn import(root: &Root, files: &[PathBuf], as_json: bool) -> Result<ExitCode> {
    let mut done = Vec::new();
    let mut code = ExitCode::SUCCESS;
    for file in files {
        match trust::import(root, file, &std::env::temp_dir())? {
            Ok(imported) => done.extend(imported),
            Err(refused) => {
                let (exit, why) = explain(&refused);
                complain(&format!("{}: {why}", file.display()));
                code = ExitCode::from(exit);
                break;
            }
        }
    }
    let rows = done.iter().map(|one| match one {
        Imported::New(key) => (key, "imported"),
        Imported::WasThere(key) => (key, "was-there"),
    });
    show(&rows.collect::<Vec<_>>(), as_json)?;
    Ok(code)
}

fn explain(refused: &NotImported) -> (u8, String) {
    let exit = |unfit: &Unfit| match unfit {
        Unfit::Expired => trust::Signature::ExpiredKey.exit(),
        Unfit::Revoked => trust::Signature::RevokedKey.exit(),
        Unfit::Weak(_) => trust::Signature::UnfitKey.exit(),
    };
    match refused {
        NotImported::Forbidden(by) => (FORBIDDEN, format!("{by} forbids to import keys")),
        NotImported::NoKey => (NO_KEY, "there is no OpenPGP public key in it".into()),
        NotImported::Private(key) => {
            let text = format!("key {} is a private key: give its public half (gpg --export)", key.id);
            (PRIVATE_KEY, text)
        }
        NotImported::Unfit(key, why) => {
            (exit(why), format!("key {} ({}) is refused: {why}", key.id, key.user))
        }
    }
}

fn list(root: &Root, as_json: bool) -> Result<ExitCode> {
    let mut keys = trust::keys(root, &std::env::temp_dir())?;
    keys.sort_by(|a, b| a.fingerprint.cmp(&b.fingerprint));
    if as_json {
        json_list(&keys)?;
    } else {
        keys.iter().try_for_each(|key| print(&text(key, "")))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn remove(root: &Root, ids: &[String], as_json: bool) -> Result<ExitCode> {
    let mut removed = Vec::new();
    for id in ids {
        let found = trust::remove(root, id, &std::env::temp_dir())?;
        if found.is_empty() {
            complain(&format!("key {id} is not in the image's keyring"));
        }
        removed.extend(found);
    }
    show(&removed.iter().map(|key| (key, "removed")).collect::<Vec<_>>(), as_json)?;
    Ok(ExitCode::SUCCESS)
}

fn show(rows: &[(&Key, &'static str)], as_json: bool) -> Result<()> {
    if as_json {
        return json_list(&rows.iter().map(|(key, done)| Row { key, done }).collect::<Vec<_>>());
    }
    rows.iter().try_for_each(|(key, done)| tell(&text(key, &done.replace('-', " "))))
}

fn text(key: &Key, done: &str) -> String {
    let head = if done.is_empty() {
        String::new()
    } else {
        format!("{done:<9}  ")
    };
    let unfit = key.unfit.as_ref().map_or(String::new(), |why| format!(" ({why})"));
    let user = format!("{}, {}{unfit}", key.user, key.algorithm);
    wrapped(&head, 4, &key.fingerprint) + &wrapped("    ", 4, &user)
}
