//! vdsm's hooks: executables in `/usr/libexec/vdsm/hooks/POINT/`, run in the order of their names at
//! an event of the node or of a virtual machine.

/// Where they are.
pub(crate) const HOOKS: &str = "/usr/libexec/vdsm/hooks";

/// The points that vdsm runs hooks at; those around ifcfg files up to 4.4.
const POINTS: [&str; 60] = [
    "before_device_create",
    "after_device_create",
    "before_device_destroy",
    "after_device_destroy",
    "before_device_migrate_source",
    "after_device_migrate_source",
    "before_device_migrate_destination",
    "after_device_migrate_destination",
    "before_vm_start",
    "after_vm_start",
    "before_vm_cont",
    "after_vm_cont",
    "before_vm_pause",
    "after_vm_pause",
    "before_vm_hibernate",
    "after_vm_hibernate",
    "before_vm_dehibernate",
    "after_vm_dehibernate",
    "before_vm_migrate_source",
    "after_vm_migrate_source",
    "before_vm_migrate_destination",
    "after_vm_migrate_destination",
    "before_vm_destroy",
    "after_vm_destroy",
    "before_vm_set_ticket",
    "after_vm_set_ticket",
    "before_update_device",
    "after_update_device",
    "after_update_device_fail",
    "before_nic_hotplug",
    "after_nic_hotplug",
    "after_nic_hotplug_fail",
    "before_nic_hotunplug",
    "after_nic_hotunplug",
    "after_nic_hotunplug_fail",
    "before_disk_hotplug",
    "after_disk_hotplug",
    "before_disk_hotunplug",
    "after_disk_hotunplug",
    "after_disk_prepare",
    "before_memory_hotplug",
    "after_memory_hotplug",
    "before_set_num_of_cpus",
    "after_set_num_of_cpus",
    "before_vdsm_start",
    "after_vdsm_stop",
    "before_network_setup",
    "after_network_setup",
    "after_network_setup_fail",
    "before_ifcfg_write",
    "after_ifcfg_write",
    "before_get_vm_stats",
    "after_get_vm_stats",
    "before_get_all_vm_stats",
    "after_get_all_vm_stats",
    "before_get_caps",
    "after_get_caps",
    "before_get_stats",
    "after_get_stats",
    "after_hostdev_list_by_caps",
];

/// Whether vdsm runs hooks at a point of this name.
pub(crate) fn is_point(name: &str) -> bool {
    POINTS.contains(&name)
}

/// The point and file name of a path below the hooks' directory.
pub(crate) fn split(path: &str) -> Option<(&str, &str)> {
    let (point, name) = path.strip_prefix(HOOKS)?.strip_prefix('/')?.split_once('/')?;
    (!name.is_empty() && !name.contains('/')).then_some((point, name))
}

/// The place of a hook among those of its point: the digits that its name begins with.
pub(crate) fn order(name: &str) -> Option<u32> {
    let end = name.find(|c: char| !c.is_ascii_digit()).unwrap_or(name.len());
    name[..end].parse().ok()
}

/// What is wrong with a hook, by its path and mode.
pub(crate) fn problem(path: &str, mode: u32) -> Option<String> {
    const KIND: u32 = 0o170_000;
    const REGULAR: u32 = 0o100_000;
    let (point, _) = split(path)?;
    if !is_point(point) {
        return Some(format!("vdsm has no hook point {point}: it is never run"));
    }
    if mode & KIND == REGULAR && mode & 0o111 == 0 {
        return Some(format!("is not executable (mode {:04o}): vdsm passes it over", mode & 0o7777));
    }
    (mode & KIND == REGULAR && mode & 0o022 != 0)
        .then(|| format!("can be written by others than root (mode {:04o})", mode & 0o7777))
}

/// Why a hook that is said to be at a point under a name is not among those that there are, each
/// given by its point and name; none if it is.
pub(crate) fn absence<'h>(
    point: &str,
    name: &str,
    there: impl IntoIterator<Item = (&'h str, &'h str)>,
) -> Option<String> {
    let stem = |name: &str| name.trim_start_matches(|c: char| c.is_ascii_digit()).to_owned();
    let mut other = None;
    for (at, called) in there {
        if (at, called) == (point, name) {
            return None;
        }
        if called == name {
            other = Some(format!("is not there, but at {at}"));
        } else if at == point && stem(called) == stem(name) {
            other.get_or_insert_with(|| format!("is not there, but as {called}"));
        }
    }
    Some(other.unwrap_or_else(|| "is not there".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hooks_are_known_by_their_path_and_mode() {
        assert_eq!(split("/usr/libexec/vdsm/hooks/before_vm_start/50_x"), Some(("before_vm_start", "50_x")));
        assert_eq!(split("/usr/libexec/vdsm/hooks/before_vm_start"), None);
        assert_eq!((order("50_x"), order("x")), (Some(50), None));
        let path = |point: &str| format!("{HOOKS}/{point}/50_x");
        assert_eq!(problem(&path("before_vm_start"), 0o100_755), None);
        assert!(problem(&path("before_vm_start"), 0o100_644).unwrap().contains("0644"));
        assert!(problem(&path("before_vm_strat"), 0o100_755).unwrap().contains("no hook point"));
        assert!(problem(&path("before_vm_start"), 0o100_777).unwrap().contains("written by others"));
    }

    #[test]
    fn a_hook_that_is_elsewhere_is_found() {
        let there = [("before_vm_start", "50_x"), ("after_vm_start", "60_y")];
        let absence = |point, name| absence(point, name, there);
        assert_eq!(absence("before_vm_start", "50_x"), None);
        assert_eq!(
            absence("after_vm_start", "50_x").as_deref(),
            Some("is not there, but at before_vm_start")
        );
        assert_eq!(absence("after_vm_start", "70_y").as_deref(), Some("is not there, but as 60_y"));
        assert_eq!(absence("before_vm_start", "70_y").as_deref(), Some("is not there"));
    }
}
