//! The scriptlets of the installed packages, and whom a script file belongs to by its digest.

use super::{database, query, unreadable};
use crate::attribution::Owners;
use crate::digest::digest;
use crate::error::Result;
use crate::root::Root;

/// A scriptlet with a body.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scriptlet {
    /// The package, `name-[epoch:]version-release.arch`.
    pub nevra: String,
    /// `%pre`, `%post`, `%preun`, `%postun`, `%pretrans`, `%posttrans`, `%verifyscript`,
    /// `%triggerin` and its like, `%filetriggerin`, `%transfiletriggerin` and theirs.
    pub kind: String,
    /// The body, byte for byte what rpm writes to the script file.
    pub body: String,
}

impl Scriptlet {
    /// SHA-256 of the body in lower case hex.
    pub fn digest(&self) -> String {
        digest(self.body.as_bytes())
    }
}

/// A tag that holds one body, and the kind of scriptlet that it is.
pub(super) const SINGLE: [(&str, &str); 7] = [
    ("PREIN", "%pre"),
    ("POSTIN", "%post"),
    ("PREUN", "%preun"),
    ("POSTUN", "%postun"),
    ("PRETRANS", "%pretrans"),
    ("POSTTRANS", "%posttrans"),
    ("VERIFYSCRIPT", "%verifyscript"),
];

/// A tag with several bodies, the tag with the type of each, and the prefix that makes the type a
/// kind.
const SEVERAL: [(&str, &str, &str); 3] = [
    ("TRIGGERSCRIPTS", "TRIGGERTYPE", "%trigger"),
    ("FILETRIGGERSCRIPTS", "FILETRIGGERTYPE", "%filetrigger"),
    ("TRANSFILETRIGGERSCRIPTS", "TRANSFILETRIGGERTYPE", "%transfiletrigger"),
];

/// Every scriptlet with a body of every installed package.
///
/// # Errors
/// If rpm is missing or cannot read the database.
pub fn scriptlets(root: &Root) -> Result<Vec<Scriptlet>> {
    match database(root)? {
        None => Ok(Vec::new()),
        Some(path) => parse(&query::query_all(root, &path, &format())?),
    }
}

/// Whom each body belongs to.
pub fn owners<'a>(scriptlets: impl IntoIterator<Item = &'a Scriptlet>) -> Owners {
    let mut owners = Owners::new();
    for scriptlet in scriptlets {
        let owner = (scriptlet.nevra.clone(), scriptlet.kind.clone());
        owners.entry(scriptlet.digest()).or_default().insert(owner);
    }
    owners
}

/// One record a scriptlet: `'NEVRA' TAB KIND TAB 'BODY' NEWLINE`, the body quoted for a shell.
fn format() -> String {
    let single = SINGLE.iter().map(|(tag, kind)| {
        let kind = kind.replace('%', "%%");
        format!("%|{tag}?{{%{{NEVRA:shescape}}\t{kind}\t%{{{tag}:shescape}}\n}}|")
    });
    let several = SEVERAL.iter().map(|(tag, of_type, prefix)| {
        let prefix = prefix.replace('%', "%%");
        format!("%|{tag}?{{[%{{=NEVRA:shescape}}\t{prefix}%{{{of_type}}}\t%{{{tag}:shescape}}\n]}}|")
    });
    single.chain(several).collect()
}

fn parse(text: &str) -> Result<Vec<Scriptlet>> {
    let mut found = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let bad = || unreadable(rest.lines().next().unwrap_or_default());
        let (nevra, after) = unquote(rest).ok_or_else(bad)?;
        let after = after.strip_prefix('\t').ok_or_else(bad)?;
        let (kind, after) = after.split_once('\t').ok_or_else(bad)?;
        let (body, after) = unquote(after).ok_or_else(bad)?;
        found.push(Scriptlet {
            nevra,
            kind: kind.to_owned(),
            body,
        });
        rest = after.strip_prefix('\n').ok_or_else(bad)?;
    }
    Ok(found)
}

/// A word in single quotes, in which `'\''` stands for a quote, and what follows it.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut body = String::new();
    let mut rest = text.strip_prefix('\'')?;
    loop {
        let (part, after) = rest.split_once('\'')?;
        body.push_str(part);
        match after.strip_prefix("\\''") {
            Some(more) => {
                body.push('\'');
                rest = more;
            }
            None => return Some((body, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_read_through_shell_quotes() {
        let text = "'a-1-1.noarch'\t%post\t'echo \"it'\\''s\"\n\techo \\n'\n'b-1-1.noarch'\t%triggerin\t''\n";
        let found = parse(text).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].body, "echo \"it's\"\n\techo \\n");
        assert_eq!((found[1].kind.as_str(), found[1].body.as_str()), ("%triggerin", ""));
        assert!(parse("'a-1-1.noarch'\t%post\t'open").is_err());
    }

    #[test]
    fn a_body_that_two_packages_share_has_two_owners() {
        let same = |nevra: &str| Scriptlet {
            nevra: nevra.into(),
            kind: "%post".into(),
            body: "true".into(),
        };
        let owners = owners(&[same("a-1-1.noarch"), same("b-1-1.noarch")]);
        let digest = "b5bea41b6c623f7c09f1bf24dcae58ebab3c0cdd90ad966bc43a45b44867e12b";
        assert_eq!(owners[digest].len(), 2);
    }
}
