//! Finding out after a transaction whose scriptlets made requests that no rpm plugin attributed:
//! by comparing the digest of the script with the scriptlets in the rpm database.

use std::collections::{BTreeMap, BTreeSet};

use super::{FoundBy, Learned, Origin, Origins, package_name};

/// Digest of a script file → NEVRAs and kinds of the scriptlets that have this body.
pub type Owners = BTreeMap<String, BTreeSet<(String, String)>>;

/// Scriptlets of a package that is going; all others belong to one that has come or stays.
const LEAVING: [&str; 4] = ["%preun", "%postun", "%triggerun", "%triggerpostun"];

/// Learns the origins of those events that lack one, from the scriptlets of the packages before
/// and after the transaction. An origin is only taken if a single package can be meant.
pub fn resolve<'e>(
    events: impl IntoIterator<Item = (u64, &'e Origin)>,
    before: &Owners,
    after: &Owners,
    origins: &mut Origins,
) {
    for (event, origin) in events {
        let Some(script) = origin.script.as_ref().filter(|_| origin.found_by == FoundBy::Unknown) else {
            continue;
        };
        let found = candidates(before.get(script), after.get(script)).and_then(|found| single(&found));
        if let Some(found) = found {
            origins.learn(event, found);
        }
    }
}

type Candidate = (String, String);

/// An erased package ran its own last scriptlets; everything else that ran is in the database now.
/// A package whose installation failed is in neither.
fn candidates(
    before: Option<&BTreeSet<Candidate>>,
    after: Option<&BTreeSet<Candidate>>,
) -> Option<BTreeSet<Candidate>> {
    let leaving = |kind: &str| LEAVING.contains(&kind);
    let gone = before.into_iter().flatten().filter(|(nevra, kind)| {
        leaving(kind) && !after.is_some_and(|after| after.contains(&(nevra.clone(), kind.clone())))
    });
    let here = after.into_iter().flatten().filter(|(_, kind)| !leaving(kind));
    let found: BTreeSet<Candidate> = gone.chain(here).cloned().collect();
    // An erase that failed leaves a package that ran its %preun all the same.
    (!found.is_empty()).then_some(found).or_else(|| after.cloned())
}

fn single(candidates: &BTreeSet<Candidate>) -> Option<Learned> {
    let nevras: BTreeSet<&str> = candidates.iter().map(|(nevra, _)| nevra.as_str()).collect();
    let kinds: BTreeSet<&str> = candidates.iter().map(|(_, kind)| kind.as_str()).collect();
    let (Some(nevra), 1) = (nevras.first(), nevras.len()) else {
        return None;
    };
    package_name(nevra)?;
    let scriptlet = kinds.first().filter(|_| kinds.len() == 1).map(|kind| (*kind).to_owned());
    Some(Learned {
        watched: false,
        claimed: None,
        time: None,
        nevra: (*nevra).to_owned(),
        scriptlet,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(candidates: &[(&str, &str)]) -> BTreeSet<Candidate> {
        candidates.iter().map(|(nevra, kind)| ((*nevra).to_owned(), (*kind).to_owned())).collect()
    }

    #[test]
    fn an_upgrade_tells_old_from_new_by_the_kind_of_scriptlet() {
        let old = set(&[("a-1-1.noarch", "%post"), ("a-1-1.noarch", "%preun")]);
        let new = set(&[("a-2-1.noarch", "%post"), ("a-2-1.noarch", "%preun")]);
        let both = candidates(Some(&old), Some(&new)).unwrap();
        assert_eq!(both, set(&[("a-1-1.noarch", "%preun"), ("a-2-1.noarch", "%post")]));
        assert_eq!(single(&both), None);
        let post =
            candidates(Some(&set(&[("a-1-1.noarch", "%post")])), Some(&set(&[("a-2-1.noarch", "%post")])));
        assert_eq!(single(&post.unwrap()).unwrap().nevra, "a-2-1.noarch");
    }

    #[test]
    fn bodies_that_several_packages_share_name_nobody() {
        assert_eq!(single(&set(&[("a-1-1.noarch", "%post"), ("b-1-1.noarch", "%post")])), None);
    }

    #[test]
    fn a_body_used_twice_in_one_package_names_the_package_alone() {
        let found = single(&set(&[("a-1-1.noarch", "%post"), ("a-1-1.noarch", "%posttrans")])).unwrap();
        assert_eq!((found.nevra.as_str(), found.scriptlet), ("a-1-1.noarch", None));
    }
}
