//! What makes a first boot do what waits for it. Where nodeshim is installed in the image, its own
//! `nodeshim-apply.service` is enabled. Everywhere else each unit gets an instance of a template
//! that needs nothing but systemd: done once, its result written to a file.

use std::collections::BTreeMap;

use crate::intent::UnitWant;
use crate::plan::{Content, Contribution, DesiredFile};
use crate::root::Root;

/// nodeshim's own unit, as it is packaged.
const APPLY_UNIT: &str = "/usr/lib/systemd/system/nodeshim-apply.service";
const WANTS: &str = "/etc/systemd/system/multi-user.target.wants";
const APPLY_LINK: &str = "/etc/systemd/system/multi-user.target.wants/nodeshim-apply.service";
const TEMPLATES: &str = "/usr/lib/systemd/system";

/// What systemd can do to a unit at a first boot without nodeshim, in the order in which it does so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Task {
    /// Take its mask away.
    Unmask,
    /// Enable it.
    Enable,
    /// Disable it.
    Disable,
    /// Start it.
    Start,
    /// Mask it.
    Mask,
}

impl Task {
    const ALL: [Task; 5] = [Task::Unmask, Task::Enable, Task::Disable, Task::Start, Task::Mask];

    /// What brings a unit's state about; not all can be brought about this way.
    pub(crate) fn of(want: UnitWant) -> Option<Task> {
        match want {
            UnitWant::Enable => Some(Task::Enable),
            UnitWant::Disable => Some(Task::Disable),
            UnitWant::Mask => Some(Task::Mask),
            UnitWant::Unmask => Some(Task::Unmask),
            UnitWant::PresetEnable
            | UnitWant::PresetDisable
            | UnitWant::PresetIgnore
            | UnitWant::Link
            | UnitWant::Revert
            | UnitWant::Edit => None,
        }
    }

    /// systemctl's verb; the third person; the directory of results.
    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Task::Unmask => ("unmask", "unmasks", "unmasked"),
            Task::Enable => ("enable", "enables", "enabled"),
            Task::Disable => ("disable", "disables", "disabled"),
            Task::Start => ("start", "starts", "started"),
            Task::Mask => ("mask", "masks", "masked"),
        }
    }

    /// What its template and instances are called, up to the unit.
    const fn prefix(self) -> &'static str {
        match self {
            Task::Unmask => "nodeshim-unmask@",
            Task::Enable => "nodeshim-enable@",
            Task::Disable => "nodeshim-disable@",
            Task::Start => "nodeshim-start@",
            Task::Mask => "nodeshim-mask@",
        }
    }

    fn template(self) -> String {
        format!("{TEMPLATES}/{}.service", self.prefix())
    }

    /// The template. The whole boot has come up before: what is started may be ordered after any
    /// of it. A start that hangs holds nothing else up.
    fn text(self) -> String {
        let (verb, _, done) = self.words();
        let earlier: Vec<String> = Task::ALL
            .iter()
            .take_while(|task| **task != self)
            .map(|task| format!(" {}%i.service", task.prefix()))
            .collect();
        format!(
            "[Unit]\n\
             Description=First boot: {verb} %i, as its package asked for\n\
             Documentation=man:nodeshim(8)\n\
             After=multi-user.target{}\n\
             ConditionPathExists=!/var/lib/nodeshim/{done}/%i\n\
             \n\
             [Service]\n\
             Type=oneshot\n\
             StateDirectory=nodeshim/{done}\n\
             TimeoutStartSec=120\n\
             ExecStart=/usr/bin/systemctl {verb} -- %i\n\
             ExecStopPost=/bin/sh -c 'echo \"$SERVICE_RESULT\" >\"/var/lib/nodeshim/{done}/$1\"' sh %i\n\
             \n\
             [Install]\n\
             WantedBy=multi-user.target\n",
            earlier.concat()
        )
    }
}

/// Whether what waits for a boot is done by nodeshim itself.
pub(crate) fn has_nodeshim(root: &Root) -> bool {
    root.is_file(APPLY_UNIT)
}

/// The files for what is to be done to units and a boot does not do without help: task and unit →
/// the events that asked for it. Only what is in `state` is applied.
pub(crate) fn contribute(
    root: &Root,
    tasks: &BTreeMap<(Task, &str), Vec<u64>>,
    anything: bool,
) -> Contribution {
    let mut files = Vec::new();
    let has_nodeshim = has_nodeshim(root);
    files.push(DesiredFile {
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
    let instances = || tasks.iter().filter(|_| !has_nodeshim);
    for task in Task::ALL {
        let is_used = instances().any(|((of, _), _)| *of == task);
        files.push(DesiredFile {
            path: task.template(),
            content: match is_used {
                true => Content::File {
                    text: task.text(),
                    mode: 0o644,
                },
                false => Content::Nothing,
            },
            because: Vec::new(),
            why: format!("{} once what plugins wanted {}", task.words().1, task.words().2),
        });
    }
    files.extend(instances().map(|((task, unit), events)| DesiredFile {
        path: format!("{WANTS}/{}{unit}.service", task.prefix()),
        content: Content::Link {
            target: task.template(),
        },
        because: events.clone(),
        why: format!("{} {unit} at first boot", task.words().1),
    }));
    Contribution {
        files,
        owned: Task::ALL.map(|task| (WANTS, task.prefix())).to_vec(),
        ..Contribution::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(root: &Root) -> Vec<String> {
        let tasks = BTreeMap::from([((Task::Start, "a@b.service"), vec![1])]);
        let wanted = contribute(root, &tasks, true).files.into_iter();
        wanted.filter(|file| file.content != Content::Nothing).map(|file| file.path).collect()
    }

    #[test]
    fn an_image_has_one_of_the_two_ways() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        let instance = format!("{WANTS}/nodeshim-start@a@b.service.service");
        assert_eq!(paths(&root), [Task::Start.template(), instance]);
        root.create_dirs("/usr/lib/systemd/system", 0o755).unwrap();
        root.write(APPLY_UNIT, b"", None).unwrap();
        assert_eq!(paths(&root), [APPLY_LINK]);
    }

    #[test]
    fn a_start_comes_after_what_makes_it_possible() {
        let text = Task::Start.text();
        let after = "After=multi-user.target nodeshim-unmask@%i.service nodeshim-enable@%i.service \
                     nodeshim-disable@%i.service\n";
        assert!(text.contains(after), "{text}");
        assert!(Task::Unmask.text().contains("After=multi-user.target\n"));
    }
}
