//! `nodeshim run` around a command: killed, waiting, its exit code.

use super::*;

#[test]
fn a_killed_run_is_repaired_by_the_next() {
    let image = image(true);
    let before = rest_of(image.path());
    let place = support::scratch();
    let number = place.path().join("pid");
    let script = format!("echo $$ >{}; exec sleep 60", number.display());
    let temporary = place.path().join("tmp");
    fs::create_dir(&temporary).unwrap();
    let mut run = nodeshim(image.path(), &["run", "--", "sh", "-c", &script]);
    let mut run = run.env("TMPDIR", &temporary).spawn().unwrap();
    let list = image.path().join("usr/lib/sysimage/nodeshim/armed.toml");
    wait_for(|| list.exists() && fs::read_to_string(&number).is_ok_and(|number| number.ends_with('\n')));
    run.kill().unwrap();
    run.wait().unwrap();
    assert!(list.exists(), "the killed run left the image armed");
    let orphan = fs::read_to_string(&number).unwrap().trim().to_owned();
    for verb in [&["run", "--no-wait", "--", "true"][..], &["disarm"], &["arm"]] {
        let output = nodeshim(image.path(), verb).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let named = format!("process {orphan}, the command of a run that died, is working on this image\n");
        assert!(said.ends_with(&named) && said.lines().count() == 1, "{verb:?}: {said}");
        assert_eq!(output.status.code(), Some(1), "{verb:?}");
    }
    assert!(list.exists(), "nothing is taken from under a command that runs");
    let killed = Command::new("kill").args(["-9", &orphan]).status().unwrap();
    assert!(killed.success());
    // A directory of another run that is at work, one that only looks like ours, and a link.
    let (used, other) = (temporary.join("nodeshim-home-1-0"), temporary.join("nodeshim-home-1-1"));
    fs::create_dir(&used).unwrap();
    fs::set_permissions(&used, fs::Permissions::from_mode(0o700)).unwrap();
    fs::create_dir(&other).unwrap();
    symlink(&other, temporary.join("nodeshim-plugins-1-0")).unwrap();
    let _in_use = Root::open("/").unwrap().try_lock_dir(&used).unwrap();
    let output = nodeshim(image.path(), &["run", "--", "true"]).env("TMPDIR", &temporary).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("took out the shims that an earlier run had left"), "{said}");
    assert_eq!(rest_of(image.path()), before);
    let mut left: Vec<_> =
        fs::read_dir(&temporary).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["nodeshim-home-1-0", "nodeshim-home-1-1", "nodeshim-plugins-1-0"]);
}

#[test]
fn a_second_run_waits_and_says_for_whom_unless_it_is_within_the_first() {
    let image = image(true);
    let place = support::scratch();
    let gate = place.path().join("gate");
    let script = format!("while [ ! -e {} ]; do sleep 0.02; done", gate.display());
    let mut first = nodeshim(image.path(), &["run", "--", "sh", "-c", &script]).spawn().unwrap();
    let list = image.path().join("usr/lib/sysimage/nodeshim/armed.toml");
    let lock = image.path().join("usr/lib/sysimage/nodeshim/run.lock");
    wait_for(|| list.exists() && fs::read_to_string(&lock).unwrap().contains(' '));
    let mut second =
        nodeshim(image.path(), &["run", "--", "sh", "-c", &format!("test -e {}", list.display())]);
    let mut second = second.spawn().unwrap();
    let mut said = BufReader::new(second.stderr.take().unwrap()).lines();
    let line = said.next().unwrap().unwrap();
    assert!(line.contains(&format!("process {}, with its command", first.id())), "{line}");
    assert!(line.ends_with("is working on this image; waiting for it to finish"), "{line}");
    fs::write(&gate, "").unwrap();
    assert!(first.wait().unwrap().success());
    assert!(second.wait().unwrap().success(), "the second run armed the image anew");
    let program = support::nodeshim();
    let nested = [
        "run",
        "--",
        program.to_str().unwrap(),
        "--root",
        image.path().to_str().unwrap(),
    ];
    let output = nodeshim(image.path(), &[&nested[..], &["run", "--", "true"]].concat()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "it would wait for itself: {output:?}");
}

#[test]
fn the_exit_code_is_the_commands_and_a_signal_is_passed_on() {
    let image = image(true);
    let before = rest_of(image.path());
    let status = nodeshim(image.path(), &["run", "--", "sh", "-c", "exit 7"]).status().unwrap();
    assert_eq!(status.code(), Some(7));
    let mut run = nodeshim(image.path(), &["run", "--", "sleep", "61"]).spawn().unwrap();
    wait_for(|| image.path().join("usr/lib/sysimage/nodeshim/armed.toml").exists());
    sleep(Duration::from_millis(200));
    let killed = Command::new("kill").arg(run.id().to_string()).status().unwrap();
    assert!(killed.success());
    assert_eq!(run.wait().unwrap().code(), Some(128 + 15));
    assert_eq!(rest_of(image.path()), before);
}

#[test]
fn a_command_that_cannot_be_started_leaves_the_image_as_it_was() {
    let image = image(true);
    let before = rest_of(image.path());
    let output = nodeshim(image.path(), &["run", "--", "/no/such/command"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "nodeshim: /no/such/command: No such file or directory\n"
    );
    assert_eq!(rest_of(image.path()), before);
}
