//! What goes wrong while shims are put in: one line that names the file and the reason, and the
//! image is as it was.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::image::{Image, Layout};
use super::support::{assert_same, nodeshim, succeed};
use super::text;

const OWN: &str = "usr/lib/sysimage/nodeshim";

fn image() -> Image {
    let layout = Layout {
        merged: true,
        present: true,
    };
    Image::of_layout(layout, &["systemctl", "chkconfig", "firewall-cmd"])
}

fn files(image: &Image) -> std::collections::BTreeMap<std::path::PathBuf, String> {
    let mut files = image.files();
    files.retain(|path, _| !path.starts_with("usr/lib/sysimage"));
    files
}

/// One line, on standard error alone, and exit code 1.
fn assert_refused(output: &Output, parts: &[&str]) {
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(1) && output.stdout.is_empty(), "{output:?}");
    assert!(
        said.lines().count() == 1 && parts.iter().all(|part| said.contains(part)),
        "{parts:?}: {said}"
    );
}

fn run(image: &Image) -> Output {
    image.nodeshim("run", ["--", "true"]).output().expect("nodeshim starts")
}

/// Arms an image on a file system that has room for so many more names, and tells whether that
/// worked and whether all was as before if not; then with room enough.
const FULL: &str = r#"
mount -t tmpfs full "$1"
cp -a "$2/." "$1"
list() { "$5" "$1" usr/lib/sysimage | grep -v '^usr/lib '; }
before=$(list "$@")
mount -o "remount,nr_inodes=$(($(df --output=iused "$1" | tail -n 1) + $4))" "$1"
code=0; "$3" --root "$1" arm 2>"$1.err" || code=$?
if [ $code = 0 ]; then "$3" --root "$1" disarm; else
  [ "$before" = "$(list "$@")" ] || { echo "$4: not as before"; exit 1; }
  [ ! -e "$1/usr/lib/sysimage/nodeshim/armed.toml" ] || { echo "$4: armed"; exit 1; }
fi
cat "$1.err"
mount -o remount,nr_inodes=0 "$1"
"$3" --root "$1" run -- true
[ "$before" = "$(list "$@")" ] || { echo "$4: not as before after a run"; exit 1; }
"#;

#[test]
fn a_full_image_is_left_as_it_was_wherever_arming_met_its_end() {
    let image = image();
    let place = image.beside("full");
    fs::create_dir(&place).expect("a directory");
    let mut refused = 0;
    for room in (0..40).step_by(3) {
        let output = Command::new("unshare")
            .args(["-m", "--propagation", "private", "sh", "-euc", FULL, "sh"])
            .args([&place, &image.path(), &nodeshim()])
            .arg(room.to_string())
            .arg(super::support::project().join("tests/lib/tree"))
            .stdin(Stdio::null())
            .output()
            .expect("unshare starts");
        assert!(output.status.success(), "{output:?}");
        let said = text(&output.stdout);
        if !said.is_empty() {
            assert!(said.contains("/") && said.contains("No space left on device"), "{said}");
            assert_eq!(said.lines().count(), 1, "{said}");
            refused += 1;
        }
    }
    assert!((4..14).contains(&refused), "arming needs more than {refused} names");
}

#[test]
fn a_tool_that_cannot_be_moved_is_named_and_the_others_are_put_back() {
    let image = image();
    let before = files(&image);
    let tool = image.path().join("usr/sbin/chkconfig");
    let script = "mount --bind \"$1\" \"$1\"; exec \"$2\" run --root \"$3\" -- true";
    let output = Command::new("unshare")
        .args(["-m", "--propagation", "private", "sh", "-euc", script, "sh"])
        .args([&tool, &nodeshim(), &image.path()])
        .stdin(Stdio::null())
        .output()
        .expect("unshare starts");
    assert_refused(&output, &["/usr/sbin/chkconfig", "something is mounted on it"]);
    assert_same(&before, &files(&image), "a mounted tool");
    assert!(!image.has(&format!("/{OWN}/armed.toml")));
    if Command::new("chattr").arg("+i").arg(&tool).status().is_ok_and(|status| status.success()) {
        let output = run(&image);
        succeed(Command::new("chattr").arg("-i").arg(&tool));
        assert_refused(&output, &["/usr/sbin/chkconfig", "Operation not permitted"]);
        assert_same(&before, &files(&image), "an immutable tool");
    }
    assert!(run(&image).status.success());
}

#[test]
fn whatever_stands_at_a_tools_path_comes_back() {
    let image = image();
    let root = image.path();
    for (path, target) in [
        ("usr/bin/lokkit", "/nowhere/at/all"),
        ("usr/bin/service", "../../../../../../etc/passwd"),
        ("usr/sbin/lokkit", "lokkit"),
    ] {
        std::os::unix::fs::symlink(target, root.join(path)).expect("a link");
    }
    fs::create_dir(root.join("usr/sbin/service")).expect("a directory");
    fs::write(root.join("usr/sbin/service/inside"), "kept").expect("a file");
    let before = files(&image);
    let host = fs::read("/etc/passwd").expect("the host's file");
    let script = format!("chroot {} sh -c 'lokkit --list; service x status; exit 0'", root.display());
    succeed(image.nodeshim("run", ["--", "sh", "-c", &script]).stderr(Stdio::null()));
    assert_eq!(image.events().len(), 2, "the shim stood at the links");
    assert_same(&before, &files(&image), "what stood at the tools' paths");
    assert_eq!(fs::read("/etc/passwd").expect("the host's file"), host);
}

#[test]
fn a_list_that_cannot_be_read_is_named_and_only_a_newer_one_is_in_the_way() {
    let image = image();
    let before = files(&image);
    super::support::arm(&image.path());
    let list = image.path().join(OWN).join("armed.toml");
    let whole = fs::read(&list).expect("the list");
    let armed = files(&image);
    fs::write(&list, "format = 99\n").expect("a bad list");
    let reason = "armed.toml: format version 99 is newer than 2";
    assert_refused(&run(&image), &["/usr/lib/sysimage/nodeshim/", reason]);
    let output = image.nodeshim("disarm", [""; 0]).output().expect("nodeshim starts");
    assert_refused(&output, &["/usr/lib/sysimage/nodeshim/", reason, "nodeshim repair"]);
    assert_same(&armed, &files(&image), "nothing is touched");
    fs::write(&list, "format = 1\ntool = 7\n").expect("a bad list");
    let output = image.nodeshim("disarm", [""; 0]).output().expect("nodeshim starts");
    assert_refused(&output, &["/usr/lib/sysimage/nodeshim/armed.toml: "]);
    assert_same(&before, &files(&image), "without a list every known path is put right");
    assert!(!whole.is_empty() && !Path::new(&image.path().join(OWN).join("real")).exists());
}
