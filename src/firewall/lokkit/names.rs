//! Port names out of the image's `/etc/services`, read at the first name that is asked for.

use std::cell::OnceCell;
use std::collections::HashMap;

use crate::root::Root;

/// Where the names are.
const PATH: &str = "/etc/services";

/// The image's port names.
pub(crate) struct PortNames<'r> {
    root: &'r Root,
    table: OnceCell<Table>,
}

impl<'r> PortNames<'r> {
    /// The names of an image; nothing is read yet.
    pub(crate) fn new(root: &'r Root) -> Self {
        PortNames {
            root,
            table: OnceCell::new(),
        }
    }

    /// The port of a name or alias, whatever the protocol: the first entry that has it counts.
    /// An unreadable file holds no names.
    pub(crate) fn port(&self, name: &[u8]) -> Option<u16> {
        let table = self.table.get_or_init(|| parse(&self.root.read(PATH).unwrap_or_default()));
        // A port definition is tried at each of its dashes; what is too long needs no hashing.
        let known = (name.len() <= table.longest).then(|| table.ports.get(name))?;
        known.copied()
    }
}

#[derive(Debug, Default)]
struct Table {
    ports: HashMap<Vec<u8>, u16>,
    longest: usize,
}

/// Lines of `NAME PORT/PROTOCOL ALIAS...`, as services(5); `#` starts a comment.
fn parse(text: &[u8]) -> Table {
    let mut table = Table::default();
    for line in text.split(|&byte| byte == b'\n') {
        let line = line.split(|&byte| byte == b'#').next().unwrap_or_default();
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let (Some(name), Some(port)) = (words.next(), words.next().and_then(port_of)) else {
            continue;
        };
        for name in std::iter::once(name).chain(words) {
            table.longest = table.longest.max(name.len());
            table.ports.entry(name.to_vec()).or_insert(port);
        }
    }
    table
}

fn port_of(word: &[u8]) -> Option<u16> {
    let slash = word.iter().position(|&byte| byte == b'/')?;
    str::from_utf8(&word[..slash]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_entry_wins_and_aliases_count() {
        let text = b"# names\nssh\t22/tcp\nssh 2222/udp\nweb 80/tcp www http # alias2\nhttp 8008/tcp\n\
                     bad 70000/tcp\nbad2 5\n odd  7/udp\nx\xff 9/tcp\n";
        let table = parse(text);
        let port = |name: &[u8]| table.ports.get(name).copied();
        assert_eq!(port(b"ssh"), Some(22));
        assert_eq!(port(b"www"), Some(80));
        assert_eq!(port(b"http"), Some(80));
        assert_eq!(port(b"odd"), Some(7));
        assert_eq!(port(b"x\xff"), Some(9));
        for name in [&b"alias2"[..], b"bad", b"bad2", b"# names", b""] {
            assert_eq!(port(name), None, "{name:?}");
        }
        assert_eq!(table.longest, 4);
    }

    #[test]
    fn an_image_without_the_file_has_no_names() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        assert_eq!(PortNames::new(&root).port(b"ssh"), None);
    }
}
