//! `/etc/ovirt-plugins.d/NAME.firewall`, in which plugins of vintage oVirt nodes name the ports that
//! they want: one `PORT,PROTOCOL` a line, lines that begin with `#` are comments. A range is `N:M`
//! where iptables is the node's firewall and `N-M` where it is firewalld; both are understood.

use std::collections::BTreeMap;

use crate::attribution::is_package;
use crate::error::{Result, if_exists};
use crate::firewall::ports::PORT_PROTOCOLS;
use crate::firewall::ports::PortRange;
use crate::intent::{FirewallItem, Intent};
use crate::plan::Note;
use crate::root::{Kind, Root};
use crate::rpmdb::{Installed, owners_of};
use crate::state::Declaration;

/// The directory. Records of plugins and lists of what to remove from an image lie there too.
pub(crate) const FIREWALL_DIRECTORY: &str = "/etc/ovirt-plugins.d";
const SUFFIX: &str = ".firewall";
/// What files begin with that are made of what plugins asked for: they ask for nothing themselves.
pub(crate) const GENERATED: &str = "# written by nodeshim\n";

/// The names of the files, without their suffix, sorted.
pub(super) fn names(root: &Root) -> Result<Vec<String>> {
    let entries = if_exists(root.list(FIREWALL_DIRECTORY))?.unwrap_or_default();
    let files = entries.iter().filter(|entry| entry.kind != Kind::Dir);
    let names = files.filter_map(|entry| entry.name.to_str()?.strip_suffix(SUFFIX));
    let mut names: Vec<String> = names.filter(|name| !name.is_empty()).map(str::to_owned).collect();
    names.sort();
    Ok(names)
}

fn path(name: &str) -> String {
    format!("{FIREWALL_DIRECTORY}/{name}{SUFFIX}")
}

/// What the files declare: a file is of the package that owns it, and one that no package owns of the
/// package whose name it has. A line that is malformed, at which an old node would have stopped, is
/// remarked on and left out.
///
/// # Errors
/// A directory that cannot be listed, or an rpm database that cannot be asked.
pub(crate) fn firewall_files(root: &Root, installed: &Installed) -> Result<(Vec<Declaration>, Vec<Note>)> {
    let (mut declarations, mut notes) = (Vec::new(), Vec::new());
    let names = names(root)?;
    let paths: Vec<String> = names.iter().map(|name| path(name)).collect();
    let owners: BTreeMap<String, String> = match paths.is_empty() {
        true => BTreeMap::new(),
        false => owners_of(root, &paths)?.into_iter().collect(),
    };
    for (name, source) in names.into_iter().zip(paths) {
        let name = owners.get(&source).cloned().unwrap_or(name);
        if root.read(&source).is_ok_and(|there| there.starts_with(GENERATED.as_bytes())) {
            continue;
        }
        if !is_package(&name) || installed.is_known() && !installed.has(&name) {
            let text = format!("{source} declares nothing: no package {name} is installed");
            notes.push(Note::new(None, text, &[]));
            continue;
        }
        let text = match root.read_text(&source) {
            Ok(text) => text,
            Err(error) => {
                notes.push(Note::new(Some(&name), error.to_string(), &[]));
                continue;
            }
        };
        let mut intents = Vec::new();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with('#')) {
            match intent(line) {
                Some(intent) => intents.push(intent),
                None => {
                    let text = format!("{source}, line {}: {line:?} is no PORT,PROTOCOL", number + 1);
                    notes.push(Note::new(Some(&name), text, &[]));
                }
            }
        }
        declarations.push(Declaration {
            nevra: installed.nevra(&name),
            plugin: name,
            source,
            intents,
        });
    }
    Ok((declarations, notes))
}

fn intent(line: &str) -> Option<Intent> {
    let (port, protocol) = line.trim().split_once(',')?;
    let range = PortRange::parse(port.trim())?;
    let protocol = protocol.trim().to_lowercase();
    PORT_PROTOCOLS.contains(&protocol.as_str()).then(|| Intent::Allow {
        opening: FirewallItem::Port {
            port: range.to_string(),
            protocol,
        },
        zone: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_ports_with_protocols() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        root.create_dirs(FIREWALL_DIRECTORY, 0o755).unwrap();
        let text = b"# a comment\n7634,tcp\n\n5000:5010,udp\n6000-6001,tcp\nssh,tcp\n80,tcp; drop\n";
        root.write(format!("{FIREWALL_DIRECTORY}/demo.firewall"), text, None).unwrap();
        root.write(format!("{FIREWALL_DIRECTORY}/demo"), b"Name:demo\n", None).unwrap();
        root.write(format!("{FIREWALL_DIRECTORY}/demo.minimize"), b"drop /x\n", None).unwrap();
        let (found, notes) = firewall_files(&root, &Installed::default()).unwrap();
        let ports: Vec<String> = found[0]
            .intents
            .iter()
            .map(|intent| match intent {
                Intent::Allow {
                    opening: FirewallItem::Port { port, protocol },
                    zone: None,
                } => format!("{port}/{protocol}"),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!((found.len(), found[0].plugin.as_str()), (1, "demo"));
        assert_eq!(ports, ["7634/tcp", "5000-5010/udp", "6000-6001/tcp"]);
        assert_eq!(notes.len(), 3, "{notes:?}");
    }
}
