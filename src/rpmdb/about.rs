//! What installed packages say of themselves, and what rpm says of their signatures.

use super::quoted::records;
use super::{database, query, unreadable};
use crate::error::Result;
use crate::root::Root;

/// One package; what its header lacks is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct About {
    /// Its name.
    pub name: String,
    /// `[epoch:]version-release`.
    pub evr: String,
    /// Its version alone.
    pub version: String,
    /// Its release alone.
    pub release: String,
    /// Its architecture.
    pub arch: String,
    /// When it was installed, seconds since 1970.
    pub installed: Option<u64>,
    /// Who made it.
    pub vendor: Option<String>,
    /// One line about it.
    pub summary: Option<String>,
    /// More about it, any number of lines.
    pub description: Option<String>,
    /// Its licence.
    pub license: Option<String>,
    /// Its page on the web.
    pub url: Option<String>,
    /// The source package that it was built from.
    pub source: Option<String>,
    /// Its signature as rpm words it: algorithms, time, key id.
    pub signature: Option<String>,
}

impl About {
    /// `name-[epoch:]version-release.arch`
    pub fn nevra(&self) -> String {
        format!("{}-{}.{}", self.name, self.evr, self.arch)
    }

    /// `name-version-release.arch`
    pub(crate) fn nvra(&self) -> String {
        format!("{}-{}-{}.{}", self.name, self.version, self.release, self.arch)
    }

    /// The id of the key that signed it, as rpm words it at the end of the signature.
    pub fn key(&self) -> Option<String> {
        super::key_id(self.signature.as_ref()?)
    }
}

/// What a package says is quoted as for a shell, so that it cannot be taken for the next field.
const FORMAT: &str = "%{NAME:shescape}\t%{EVR:shescape}\t%{VERSION:shescape}\t%{RELEASE:shescape}\t\
     %{ARCH:shescape}\t%{INSTALLTIME}\t%{VENDOR:shescape}\t%{SUMMARY:shescape}\t%{DESCRIPTION:shescape}\t\
     %{LICENSE:shescape}\t%{URL:shescape}\t%{SOURCERPM:shescape}\t\
     %|RSAHEADER?{%{RSAHEADER:pgpsig}}:{%|DSAHEADER?{%{DSAHEADER:pgpsig}}:\
     {%|SIGPGP?{%{SIGPGP:pgpsig}}:{%|SIGGPG?{%{SIGGPG:pgpsig}}:{(none)}|}|}|}|\n";
const FIELDS: usize = 13;

/// Every installed package, sorted, public keys left out; nothing where the image has no database.
///
/// # Errors
/// If rpm is missing or cannot read the database.
pub fn about(root: &Root) -> Result<Vec<About>> {
    let Some(path) = database(root)? else {
        return Ok(Vec::new());
    };
    let mut found = parse(&query::query_all(root, &path, FORMAT)?)?;
    found.retain(|package| package.name != "gpg-pubkey");
    found.sort();
    Ok(found)
}

fn parse(text: &str) -> Result<Vec<About>> {
    records(text)
        .into_iter()
        .map(|fields| package(&fields).ok_or_else(|| unreadable(&fields.join(" "))))
        .collect()
}

fn package(fields: &[String]) -> Option<About> {
    let fields: &[String; FIELDS] = fields.try_into().ok()?;
    let [name, evr, version, release, arch, installed, rest @ ..] = fields.clone();
    let [vendor, summary, description, license, url, source, signature] =
        rest.map(|field| (field != "(none)").then_some(field));
    Some(About {
        name,
        evr,
        version,
        release,
        arch,
        installed: installed.parse().ok(),
        vendor,
        summary,
        description,
        license,
        url,
        source,
        signature,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_tells_its_key() {
        let line = "'n'\t'1:2-3'\t'2'\t'3'\t'noarch'\t100\t'(none)'\t's'\t'd\ne'\t'MIT'\t'(none)'\t'n.src.rpm'\t\
                    RSA/SHA256, Thu Jan  1 1970, Key ID 0123456789abcdef\n";
        let found = parse(line).unwrap();
        assert_eq!(found[0].nevra(), "n-1:2-3.noarch");
        assert_eq!((found[0].vendor.clone(), found[0].installed), (None, Some(100)));
        assert_eq!(found[0].description.as_deref(), Some("d\ne"));
        assert_eq!(found[0].key().as_deref(), Some("0123456789abcdef"));
        assert!(parse("'n'\t1\n").is_err());
    }
}
