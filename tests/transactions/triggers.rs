//! The file triggers of systemd's own package, whatever it is that they call: nothing of them fails,
//! is intented for, or counts as what a plugin asked for.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::image::{Image, build, package};
use super::{text, wants};

const HELPER: &str = "/usr/lib/systemd/systemd-update-helper";

/// An image's own helper stays, and asks systemctl for the same.
const OWN_HELPER: &str = "#!/bin/sh\nverb=$1\nshift\ncase $verb in\n\
     install-system-units) systemctl --no-reload preset \"$@\" ;;\n\
     remove-system-units) systemctl --no-reload disable \"$@\" ;;\n\
     *) ! test -d /run/systemd/system || systemctl daemon-reload ;;\nesac\n";

/// Since 248: Lua that starts the helper by its path.
fn with_helper() -> String {
    let run = |verb: &str| {
        format!(
            "pid = posix.fork()\nif pid == 0 then\n    assert(posix.exec(\"{HELPER}\", \"{verb}\"))\n\
             elseif pid > 0 then\n    posix.wait(pid)\nend\n"
        )
    };
    let dirs = "/usr/lib/systemd/system /etc/systemd/system";
    let users = "/usr/lib/systemd/user /etc/systemd/user";
    format!(
        "%transfiletriggerin -P 900900 -p <lua> -- {dirs}\n{}\
         %transfiletriggerin -P 900899 -p <lua> -- {users}\n{}\
         %transfiletriggerpostun -P 1000100 -p <lua> -- {dirs}\n{}\
         %transfiletriggerpostun -P 10000 -p <lua> -- {dirs}\n{}",
        run("system-reload-restart"),
        run("user-reload-restart"),
        run("system-reload"),
        run("system-restart"),
    )
}

/// Up to 247: shell that calls systemctl by its path, or whatever comes first.
const WITHOUT_HELPER: &str = "%transfiletriggerin -P 900900 -- /usr/lib/systemd/system /etc/systemd/system\n\
     if test -d /run/systemd/system; then\n    /usr/bin/systemctl daemon-reload\nfi\n\
     %transfiletriggerpostun -P 1000100 -- /usr/lib/systemd/system /etc/systemd/system\n\
     /usr/bin/systemctl daemon-reload\n";

fn triggers_do_nothing(scriptlets: &str, own_helper: bool) {
    let image = Image::new();
    let helper = image.path().join(HELPER.trim_start_matches('/'));
    if own_helper {
        fs::create_dir_all(helper.parent().expect("a parent")).expect("a directory");
        fs::write(&helper, OWN_HELPER).expect("a helper");
        fs::set_permissions(&helper, fs::Permissions::from_mode(0o755)).expect("its mode");
    }
    let systemd = build(&image.beside("systemd"), "systemd", scriptlets);
    image.transaction(&["-U", &systemd]);
    let installed = image.transaction(&["-U", &package("node-agent-4.50")]);
    assert!(image.has(&wants("node-agent.service")));
    let erased = image.erase(&["node-agent"]);
    assert!(!image.has(&wants("node-agent.service")));
    for output in [installed, erased] {
        let said = text(&output.stderr);
        assert!(!said.contains("failed") && !said.contains("rror"), "{said}");
    }
    let (of_triggers, others): (Vec<_>, Vec<_>) = image
        .events()
        .into_iter()
        .partition(|event| event.origin.scriptlet.as_deref().is_some_and(|name| name.contains("trigger")));
    for event in of_triggers {
        assert_eq!((event.exit, event.intents.len()), (0, 0), "{event:?}");
        assert_eq!(event.origin.package(), Some("systemd"), "{event:?}");
    }
    for event in others {
        assert_eq!(event.origin.package(), Some("node-agent"), "{event:?}");
    }
    assert_eq!(image.has(HELPER), own_helper);
    assert!(!own_helper || image.read(HELPER) == OWN_HELPER);
}

#[test]
fn triggers_that_call_the_helper_do_nothing() {
    for own_helper in [true, false] {
        triggers_do_nothing(&with_helper(), own_helper);
    }
}

#[test]
fn triggers_that_call_systemctl_do_nothing() {
    triggers_do_nothing(WITHOUT_HELPER, false);
}
