//! Every path of every tool leads to the shim, in images of every layout, whoever calls it and how.

use std::collections::BTreeSet;
use std::path::Path;

use super::image::{Image, Layout, build_version};

const TOOLS: [&str; 7] = [
    "systemctl",
    "chkconfig",
    "service",
    "lokkit",
    "firewall-cmd",
    "firewall-offline-cmd",
    "systemd-sysv-convert",
];
const DIRECTORIES: [&str; 4] = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"];
const PATHS: [&str; 2] = ["/usr/bin:/usr/sbin:/bin:/sbin", "/sbin:/bin:/usr/sbin:/usr/bin"];

/// Each call's only argument, by which it is found again; the tools refuse it, and record it.
type Marks = BTreeSet<String>;

/// Lines that call every tool by name in both orders of the path, and by every absolute path.
fn shell(caller: &str, marks: &mut Marks) -> String {
    let mut lines = String::new();
    let mut call = |set: &str, program: &str| {
        let mark = format!("--{caller}:{set}:{program}");
        lines.push_str(&format!(
            "{set}{}{program} {mark} >&- 2>&- <&-\n",
            if set.is_empty() { "" } else { " " }
        ));
        mark
    };
    for tool in TOOLS {
        for path in PATHS {
            marks.insert(call(&format!("PATH={path}"), tool));
        }
        for directory in DIRECTORIES {
            marks.insert(call("", &format!("{directory}/{tool}")));
        }
    }
    lines + "true\n"
}

/// Lua that starts every tool by name and by every absolute path, without a shell of its own.
fn lua(marks: &mut Marks) -> String {
    let mut lines = String::new();
    for tool in TOOLS {
        let paths = DIRECTORIES.map(|directory| format!("{directory}/{tool}"));
        for program in paths.iter().map(String::as_str).chain([tool]) {
            let (by_shell, by_rpm) = (format!("--os.execute:{program}"), format!("--rpm.execute:{program}"));
            lines += &format!("os.execute('{program} {by_shell}')\nrpm.execute('{program}', '{by_rpm}')\n");
            marks.extend([by_shell, by_rpm]);
        }
    }
    lines
}

/// A package for each tool at each path, whose scriptlet is the tool itself.
fn programs(marks: &mut Marks) -> String {
    let mut text = String::new();
    for (index, tool) in TOOLS.iter().enumerate() {
        for (at, directory) in DIRECTORIES.iter().enumerate() {
            let mark = format!("--program:{directory}/{tool}");
            text += &format!(
                "%package -n by-{index}-{at}\nSummary: Test\n%description -n by-{index}-{at}\nTest.\n\
                 %files -n by-{index}-{at}\n%post -n by-{index}-{at} -p \"{directory}/{tool} {mark}\"\n"
            );
            marks.insert(mark);
        }
    }
    text
}

/// Builds a package that watches for the unit of the callers, as systemd's watches for units.
fn watcher(place: &Path, marks: &mut Marks) -> String {
    let unit = "/usr/lib/systemd/system/called.service";
    let mut body = "%files\n".to_owned();
    body += &format!("%filetriggerin -- {unit}\n{}", shell("file-trigger", marks));
    // Their prefixes are looked for among directories.
    let units = "/usr/lib/systemd/system";
    body += &format!("%transfiletriggerin -- {units}\n{}", shell("transaction-file-trigger", marks));
    build_version(place, "watcher", 1, "", &body)
}

/// Builds packages with callers of every kind; returns their files and what they will ask.
fn callers(place: &Path, marks: &mut Marks) -> Vec<String> {
    let mut body = format!(
        "%install\nmkdir -p %{{buildroot}}/usr/libexec %{{buildroot}}/usr/lib/systemd/system\n\
         touch %{{buildroot}}/usr/lib/systemd/system/called.service\n\
         cat >%{{buildroot}}/usr/libexec/helper <<'EOF'\n#!/bin/sh\n{}EOF\n\
         %files\n%attr(0755,root,root) /usr/libexec/helper\n/usr/lib/systemd/system/called.service\n",
        shell("helper", marks)
    );
    body += "%post\n/usr/libexec/helper\n";
    body += &format!("%pre\n{}", shell("scriptlet", marks));
    body += &format!("%posttrans -p <lua>\n{}", lua(marks));
    body += &programs(marks);
    let first = build_version(place, "callers", 1, "", &body);
    let mut files = vec![first.clone()];
    for index in 0..TOOLS.len() {
        for at in 0..DIRECTORIES.len() {
            files.push(first.replace("callers-1-1", &format!("by-{index}-{at}-1-1")));
        }
    }
    files
}

#[test]
fn every_path_of_every_tool_is_caught_whoever_calls_it() {
    let place = Image::new();
    let mut marks = Marks::new();
    let watcher = watcher(&place.beside("packages"), &mut marks);
    let files = callers(&place.beside("packages"), &mut marks);
    assert!(marks.len() > 250, "{}", marks.len());
    for (merged, present) in [(true, true), (true, false), (false, true), (false, false)] {
        let layout = Layout { merged, present };
        let image = Image::of_layout(layout, &TOOLS);
        let mut args = vec!["-i", "--nodeps"];
        args.extend(files.iter().map(String::as_str));
        image.transaction(&["-i", &watcher]);
        image.transaction(&args);
        let asked: Marks = image
            .events()
            .iter()
            .filter_map(|event| event.argv.get(1).map(|word| word.shown()))
            .collect();
        let missed: Vec<&String> = marks.difference(&asked).collect();
        assert!(missed.is_empty(), "{layout:?}: {missed:?}");
        assert!(!image.has("/var/tmp/original"), "{layout:?}: {}", image.read("/var/tmp/original"));
        for name in ["armed.toml", "real", "shim"] {
            assert!(!image.has(&format!("/usr/lib/sysimage/nodeshim/{name}")), "{layout:?}: {name}");
        }
        for tool in TOOLS {
            let there = DIRECTORIES.iter().all(|directory| image.has(&format!("{directory}/{tool}")));
            assert_eq!(there, present, "{layout:?}: {tool}");
        }
    }
}
