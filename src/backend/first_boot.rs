//! What makes the deferred starts happen at first boot. Where nodeshim is installed in the image,
//! its own `nodeshim-apply.service` is enabled. Everywhere else each unit gets an instance of a
//! template that needs nothing but systemd: started once, its result written to a file.

use std::collections::BTreeMap;

use crate::plan::{Content, Desired};
use crate::root::Root;

/// nodeshim's own unit, as it is packaged.
const APPLY_UNIT: &str = "/usr/lib/systemd/system/nodeshim-apply.service";
const WANTS: &str = "/etc/systemd/system/multi-user.target.wants";
const APPLY_LINK: &str = "/etc/systemd/system/multi-user.target.wants/nodeshim-apply.service";
const TEMPLATE: &str = "/usr/lib/systemd/system/nodeshim-start@.service";
const LINK_PREFIX: &str = "nodeshim-start@";

/// The whole boot has come up before: what is started may be ordered after any of it. A start that
/// hangs holds nothing else up.
const TEXT: &str = "\
[Unit]
Description=First start of %i, as its package asked for
Documentation=man:nodeshim(8)
After=multi-user.target
ConditionPathExists=!/var/lib/nodeshim/started/%i

[Service]
Type=oneshot
StateDirectory=nodeshim/started
TimeoutStartSec=120
ExecStart=/usr/bin/systemctl start -- %i
ExecStopPost=/bin/sh -c 'echo \"$SERVICE_RESULT\" >\"/var/lib/nodeshim/started/$1\"' sh %i
";

/// The files for units that are to be started and that boot does not start by itself: unit → the
/// events that asked for it. Only what `state` has at all counts as something to apply.
pub fn files(root: &Root, starts: &BTreeMap<&str, Vec<u64>>, anything: bool) -> Vec<Desired> {
    let mut files = Vec::new();
    let has_nodeshim = root.is_file(APPLY_UNIT);
    files.push(Desired {
        path: APPLY_LINK.into(),
        content: match has_nodeshim && anything {
            true => Content::Link {
                target: APPLY_UNIT.into(),
            },
            false => Content::Nothing,
        },
        because: Vec::new(),
        why: "brings about at boot what plugins asked for".into(),
    });
    let instances = || starts.iter().filter(|_| !has_nodeshim);
    files.push(Desired {
        path: TEMPLATE.into(),
        content: match instances().next() {
            Some(_) => Content::File {
                text: TEXT.into(),
                mode: 0o644,
            },
            None => Content::Nothing,
        },
        because: Vec::new(),
        why: "starts once what plugins wanted started".into(),
    });
    files.extend(instances().map(|(unit, events)| Desired {
        path: format!("{WANTS}/{LINK_PREFIX}{unit}.service"),
        content: Content::Link {
            target: TEMPLATE.into(),
        },
        because: events.clone(),
        why: format!("starts {unit} at first boot"),
    }));
    files
}

/// Links that nobody needs any more are in this directory, under this prefix.
pub const OWNED: (&str, &str) = (WANTS, LINK_PREFIX);

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(root: &Root) -> Vec<String> {
        let starts = BTreeMap::from([("a@b.service", vec![1])]);
        let wanted = files(root, &starts, true).into_iter();
        wanted.filter(|file| file.content != Content::Nothing).map(|file| file.path).collect()
    }

    #[test]
    fn an_image_has_one_of_the_two_ways() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        assert_eq!(paths(&root), [TEMPLATE, &format!("{WANTS}/nodeshim-start@a@b.service.service")]);
        root.create_dirs("/usr/lib/systemd/system", 0o755).unwrap();
        root.write(APPLY_UNIT, b"", None).unwrap();
        assert_eq!(paths(&root), [APPLY_LINK]);
    }
}
