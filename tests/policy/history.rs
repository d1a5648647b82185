//! How denials are listed: those in force, and those of what is allowed since.

use super::*;

#[test]
fn whatever_is_denied_after_the_fact_is_in_list_show_and_report() {
    let image = image("");
    let wants = image.path().join(&WANTS[1..]);
    fs::create_dir_all(&wants).unwrap();
    std::os::unix::fs::symlink("/usr/lib/systemd/system/a.service", wants.join("a.service")).unwrap();
    let default = image.path().join("etc/systemd/system/default.target");
    std::os::unix::fs::symlink("/usr/lib/systemd/system/multi-user.target", &default).unwrap();
    for target in ["multi-user", "rescue"] {
        let path = image.path().join(format!("usr/lib/systemd/system/{target}.target"));
        fs::write(path, "[Unit]\nDescription=x\n").unwrap();
    }
    let post = "%post\nsystemctl disable a\nsystemctl set-default rescue.target\nsystemctl mask b\n\
                systemctl restart sshd.service\nsystemctl add-wants rescue.target a.service\n\
                firewall-cmd --permanent --add-port=8080/tcp\nfirewall-cmd --set-default-zone=trusted\n\
                firewall-cmd --permanent --remove-service=ssh\nlokkit --selinux=permissive -n\n";
    let metadata = "schema = 1\n[firewall]\nports = [\"7711/tcp\"]\n[kernel]\nparameters = [\"quiet\"]\n";
    let files = [("/usr/share/ovirt-node/plugins.d/p.toml", metadata)];
    let file = build_with(&image.beside("rpms"), "p", "", &files, post);
    image.transaction(&["-i", &file]);
    // What its tool refused (the image has no such zone, and no SELinux) had no effect that could be denied.
    let (failed, asked): (Vec<_>, Vec<_>) = rows(&image).into_iter().partition(|row| row["failed"] == true);
    assert!(!failed.is_empty());
    let verdict = |row: &serde_json::Value| row["verdict"].as_str().unwrap().to_owned();
    assert!(asked.len() >= 7 && asked.iter().all(|row| verdict(row) == "allow"), "{asked:#?}");
    assert!(!image.has(&format!("{WANTS}/a.service")));

    let policy = image.path().join("etc/nodeshim/policy.d/10-site.toml");
    fs::write(
        policy,
        "[[rule]]\nname = \"nothing\"\nplugin = \"p\"\nverdict = \"deny\"\nreason = \"not here\"\n",
    )
    .unwrap();
    say(&image, "settle", &[]);
    assert!(image.has(&format!("{WANTS}/a.service")), "what was disabled is enabled again");
    assert!(
        fs::read_link(&default).unwrap().ends_with("multi-user.target"),
        "as is the default target"
    );
    assert!(!image.has("/etc/systemd/system/b.service"), "no longer masked");
    say(&image, "check", &[]);
    assert!(say(&image, "plan", &[]).contains("0 changes"));
    let (still_failed, denied): (Vec<_>, Vec<_>) =
        rows(&image).into_iter().partition(|row| row["failed"] == true);
    assert_eq!(still_failed, failed);
    assert!(denied.iter().all(|row| verdict(row) == "deny"), "{denied:#?}");
    let words = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown = words(say(&image, "show", &["p"]));
    let (_, shown) = shown.split_once(" denied ").unwrap_or_else(|| panic!("{shown}"));
    let listed = words(say(&image, "list", &[]));
    let report = words(say(&image, "report", &[]));
    let json: serde_json::Value = serde_json::from_str(&say(&image, "report", &["--json"])).unwrap();
    let in_report = json["plugins"][0]["denied"].as_array().unwrap();
    for row in &asked {
        let text = row["text"].as_str().unwrap();
        let done = !row["events"].as_array().unwrap().is_empty() && row["deferred"] == false;
        let mark = if done { " after the fact" } else { "" };
        let by = format!("{text} (denied by policy{mark}: 10-site.toml: nothing: not here");
        assert!(listed.contains(&format!("p {by}")), "{by} in {listed}");
        assert!(shown.contains(&by), "{by} in {shown}");
        assert!(report.contains(&format!("denied {text} (")), "{text} in {report}");
        let item = in_report
            .iter()
            .find(|item| item["text"] == text)
            .unwrap_or_else(|| panic!("{text}: {json:#}"));
        assert_eq!((&item["late"], &item["rule"]), (&done.into(), &"10-site.toml: nothing: not here".into()));
    }
    assert_eq!(denied.len(), in_report.len());
    assert_eq!(denied.len(), asked.len(), "{denied:#?}");
    assert!(
        report.contains(
            "set default target rescue.target (affects the whole system; after the fact; 10-site.toml"
        ),
        "{report}"
    );
}

fn rows(image: &Image) -> Vec<serde_json::Value> {
    let list: serde_json::Value = serde_json::from_str(&say(image, "list", &["--json"])).unwrap();
    list["items"].as_array().unwrap().clone()
}

/// What is denied now, what is told as history, in all that shows a plugin.
fn assert_history(image: &Image, intent: &str, history: &str) {
    let words = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let marked = format!("{intent} ({history}");
    for (verb, args) in [("list", &[][..]), ("show", &["p"]), ("report", &[])] {
        let said = words(say(image, verb, args));
        assert!(said.contains(&marked), "{verb}: {marked} in {said}");
        assert!(!said.contains("denied by policy") && !said.contains(" denied open"), "{verb}: {said}");
    }
    let html = say(image, "report", &["--format", "html"]);
    assert!(html.contains("allowed since"), "{html}");
    let json: serde_json::Value = serde_json::from_str(&say(image, "report", &["--json"])).unwrap();
    assert_eq!(json["plugins"][0]["denied"].as_array().map(Vec::len), Some(0), "{json:#}");
    let plugins: serde_json::Value = serde_json::from_str(&say(image, "plugins", &["--json"])).unwrap();
    assert_eq!(plugins["items"][0]["denied"], 0, "{plugins:#}");
    say(image, "check", &[]);
}

#[test]
fn denied_before_and_allowed_now_is_listed_as_history() {
    const DENY: &str =
        "[[rule]]\nname = \"no\"\nplugin = \"p\"\nverdict = \"deny\"\nexit = 0\nreason = \"not here\"\n";
    const HISTORY: &str = "allowed since: 10-site.toml: no: not here [";
    let post = "%post\nfirewall-cmd --permanent --add-port=8080/tcp\n";
    for first in [DENY, ""] {
        let image = image(first);
        let file = build(&image.beside("rpms"), "p", post);
        let set = |rules: &str| {
            fs::write(image.path().join("etc/nodeshim/policy.d/10-site.toml"), rules).unwrap();
        };
        image.transaction(&["-i", &file]);
        let verdict = |of: &serde_json::Value| of["verdict"].as_str().unwrap().to_owned();
        if first.is_empty() {
            // Allowed when it was asked for, denied since, allowed again.
            set(DENY);
            say(&image, "settle", &[]);
            assert!(rows(&image).iter().all(|row| verdict(row) == "deny"));
            set("");
            say(&image, "settle", &[]);
            assert_history(&image, "open 8080/tcp in zone public", &format!("denied once, {HISTORY}#1]"));
            set(DENY);
        }
        // Denied when it is asked for, by a shim.
        assert_eq!(image.transaction(&["-U", "--replacepkgs", &file]).status.code(), Some(0));
        assert!(rows(&image).iter().all(|row| verdict(row) == "deny"), "{:#?}", rows(&image));
        set("");
        image.transaction(&["-U", "--replacepkgs", &file]);
        for _ in 0..2 {
            assert_history(&image, "open 8080/tcp in zone public", &format!("denied 2 times, {HISTORY}"));
            say(&image, "settle", &[]);
        }
        assert_eq!(rows(&image).len(), 1, "{:#?}", rows(&image));
    }
}

#[test]
fn a_policy_of_one_run_leaves_its_denials_and_nothing_else() {
    let image = Image::new();
    let policy = image.beside("mine.toml");
    fs::write(&policy, "[[rule]]\nport = 8080\nverdict = \"deny\"\nexit = 0\n").unwrap();
    let file = build(&image.beside("rpms"), "p", "%post\nfirewall-cmd --permanent --add-port=8080/tcp\n");
    let policy = policy.display().to_string();
    let mut run = image.nodeshim("run", ["--policy", &policy, "--"]);
    succeed(run.args(image.rpm(&["-i", &file])));
    assert_eq!(image.events()[0].verdict, Verdict::Deny);
    say(&image, "settle", &[]);
    assert!(say(&image, "list", &[]).contains("denied by policy: run: #1"));
    assert!(!image.has("/usr/lib/sysimage/nodeshim/run-policy.toml"));
}
