//! What rpm itself does to an image: it unpacks packages and takes their files away again.

use super::may_have_changed;
use super::state::FileState;
use crate::root::Kind;
use crate::rpmdb::Files;

/// What rpm appends to the names of configuration files that it keeps next to the ones in use.
const KEPT_BESIDE: [&[u8]; 3] = [b".rpmnew", b".rpmsave", b".rpmorig"];

/// What packages own.
#[derive(Debug)]
pub(in crate::audit) struct Payload {
    /// Before the transaction, where that was asked.
    pub before: Option<Files>,
    /// After it.
    pub after: Files,
}

/// A change that may be rpm's.
#[derive(Debug, Clone, Copy)]
pub(in crate::audit) struct Suspect<'s> {
    pub path: &'s [u8],
    pub before: Option<&'s FileState>,
    pub now: Option<&'s FileState>,
}

impl Payload {
    /// Whether rpm explains a change of which no other author is known: the file is as its package
    /// has it, or was removed with the package.
    pub(crate) fn explains(&self, suspect: Suspect) -> bool {
        let Suspect { path, before, now } = suspect;
        let is_packaged = self.after.contains_key(path);
        match now {
            None => !is_packaged && self.has_taken(path),
            Some(now) if now.status.kind == Kind::File => {
                let is_new = before.is_none_or(|before| may_have_changed(before, now));
                is_new && (self.is_as_packaged(path, now) || is_kept_beside(&self.after, path))
            }
            Some(now) if now.status.kind == Kind::Dir && before.is_none() => {
                is_packaged || is_above(&self.after, path)
            }
            Some(_) => before.is_none() && is_packaged,
        }
    }

    /// Whether a package ships something that is no file at a path: rpm gives it the package's owner,
    /// permissions or target.
    pub(crate) fn may_have_adjusted(&self, suspect: Suspect) -> bool {
        let is_file = suspect.now.is_none_or(|now| now.status.kind == Kind::File);
        !is_file && self.after.contains_key(suspect.path)
    }

    fn is_as_packaged(&self, path: &[u8], now: &FileState) -> bool {
        packaged_digest(&self.after, path, now)
            .is_some_and(|digest| now.digest.is_none_or(|found| found == digest))
    }

    /// Whether a package had this before; all that is gone, where that is not known.
    fn has_taken(&self, path: &[u8]) -> bool {
        let had = |before: &Files| before.contains_key(path) || is_above(before, path);
        self.before.as_ref().is_none_or(had)
    }
}

/// Whether packages own anything below a path: rpm makes the directories that lead there.
fn is_above(files: &Files, path: &[u8]) -> bool {
    let below = [path, b"/"].concat();
    let next = files.range(below.clone()..).next();
    next.is_some_and(|(packaged, _)| packaged.starts_with(&below))
}

fn is_kept_beside(files: &Files, path: &[u8]) -> bool {
    let mut of = KEPT_BESIDE.iter().filter_map(|suffix| path.strip_suffix(*suffix));
    of.any(|path| files.contains_key(path))
}

/// The digest that a package gives for a file which is as it came.
pub(in crate::audit) fn packaged_digest(files: &Files, path: &[u8], state: &FileState) -> Option<[u8; 32]> {
    let same = files.get(path)?.iter().find(|packaged| {
        packaged.size == state.status.size && packaged.modified == state.status.modified.0
    })?;
    unhex(&same.digest)
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_on_the_way_to_a_packaged_file_are_rpms() {
        let files: Files = [(b"/opt/a/b/file".to_vec(), Vec::new())].into_iter().collect();
        assert!(is_above(&files, b"/opt/a") && is_above(&files, b"/opt/a/b"));
        assert!(!is_above(&files, b"/opt/a/b/file") && !is_above(&files, b"/opt/a/bb"));
        assert!(is_kept_beside(&files, b"/opt/a/b/file.rpmnew"));
        assert!(!is_kept_beside(&files, b"/opt/a/b/other.rpmnew"));
    }
}
