//! `nodeshim replay`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use nodeshim::error::Result;
use nodeshim::escape::printable;
use nodeshim::intercept::{ImageLock, check_image};
use nodeshim::replay::{self, Fate, Item, Replay, Unpacked};
use nodeshim::root::Root;
use nodeshim::run::repair;

use super::output::{count, events, json, tell, wrapped};

/// Import requests from another image; exit 1 if something no longer applies
///
/// What was reverted on the old node stays reverted. Requests of packages that are installed in this image take
/// precedence; those of packages that are not installed wait for them. Idempotent.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The old image: its root, an archive of it, or an archive of its /usr/lib/sysimage/nodeshim
    #[arg(long, value_name = "ROOT|ARCHIVE", required_unless_present = "save")]
    from: Option<PathBuf>,
    /// Show what would happen to each request; change nothing
    #[arg(long, requires = "from")]
    dry_run: bool,
    /// Write an archive of this image to replay from: FILE.tar, .tar.gz, .tar.xz or .tar.zst
    #[arg(long, value_name = "FILE", conflicts_with_all = ["from", "dry_run"])]
    save: Option<PathBuf>,
}

impl ReplayArgs {
    /// Whether requests are imported.
    pub fn changes_image(&self) -> bool {
        !self.dry_run && self.save.is_none()
    }
}

/// Replays, or saves what can be replayed.
pub fn replay(root: &Root, args: ReplayArgs, as_json: bool) -> Result<ExitCode> {
    if let Some(file) = args.save {
        let epoch = std::env::var("SOURCE_DATE_EPOCH").ok();
        replay::save(root, &file, epoch.and_then(|epoch| epoch.parse().ok()).unwrap_or(0))?;
        return Ok(ExitCode::SUCCESS);
    }
    let from = args.from.unwrap_or_default();
    let unpacked = match is_directory(&from)? {
        true => None,
        false => Some(Unpacked::open(&from)?),
    };
    let opened = match unpacked {
        None => Some(Root::open(&from)?),
        Some(_) => None,
    };
    let Some(old) = opened.as_ref().or(unpacked.as_ref().map(|unpacked| &unpacked.root)) else {
        return Ok(ExitCode::FAILURE);
    };
    let done = match args.dry_run {
        true => replay::replay(old, root, true)?,
        false => {
            check_image(root)?;
            let hold = ImageLock::take(root, |_| false)?;
            if hold.holder_died() {
                repair(root, &hold)?;
            }
            replay::replay(old, root, false)?
        }
    };
    match as_json {
        true => json(&done)?,
        false => tell(&text(&done, args.dry_run))?,
    }
    Ok(ExitCode::from(u8::from(!done.applies())))
}

fn is_directory(path: &Path) -> Result<bool> {
    let absolute = std::path::absolute(path);
    let absolute = absolute.map_err(|error| nodeshim::error::Error::std_io(path, &error))?;
    let kind = Root::open("/")?.meta_followed(absolute)?.kind;
    Ok(kind == nodeshim::root::Kind::Dir)
}

fn text(done: &Replay, dry_run: bool) -> String {
    let mut text = String::new();
    let mut items: Vec<&Item> = done.items.iter().collect();
    // What no longer applies comes last, where it is seen.
    items.sort_by_key(|item| !item.fate.applies());
    for item in items {
        let reason = item.reason.as_ref().map_or(String::new(), |reason| format!(": {reason}"));
        let line = format!("{}: {}{reason}{}", item.plugin, item.text, events(&item.events));
        text.push_str(&wrapped(&format!("{:<13}  ", word(item.fate)), 15, &line));
    }
    for note in &done.notes {
        let plugin = note.plugin.as_ref().map_or(String::new(), |plugin| format!("{plugin}: "));
        text.push_str(&wrapped("note           ", 15, &format!("{plugin}{}", note.text)));
    }
    for path in &done.covered {
        let line = format!("{path}: the node's persistent file covers that of the image");
        text.push_str(&wrapped("note           ", 15, &line));
    }
    let image = printable(&done.image);
    let lost = done.items.iter().filter(|item| !item.fate.applies()).count();
    let intents = match done.items.len() {
        1 => "1 request".to_owned(),
        number => format!("{number} requests"),
    };
    text.push_str(&format!("{intents} from {image}, {lost} of them no longer apply"));
    if !dry_run {
        text.push_str(&format!("; {}, {}", count(done.added, "new event"), count(done.changes, "change")));
    }
    text.push('\n');
    text
}

fn word(fate: Fate) -> &'static str {
    match fate {
        Fate::Carried => "carried",
        Fate::AskedHere => "asked here",
        Fate::Kept => "kept disabled by the administrator",
        Fate::NotInstalled => "not installed",
        Fate::Gone => "gone",
        Fate::Taken => "taken",
        Fate::Dropped => "dropped",
        Fate::NotCarried => "not carried",
    }
}
