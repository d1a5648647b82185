//! Scripts, and the commands that are found in them.

use super::*;
use proptest::prelude::*;

fn shown(script: &str) -> Vec<String> {
    let word = |word: &Word| {
        if word.resolved {
            word.text.clone()
        } else {
            format!("<{}>", word.text)
        }
    };
    let line = |command: &Command| {
        let words: Vec<String> = command.words.iter().map(word).collect();
        format!("{} {}", command.line, words.join(" "))
    };
    commands(script).iter().map(line).collect()
}

#[test]
fn commands_are_found_with_their_lines() {
    let script = "if [ $1 -eq 1 ]; then\n  systemctl enable 'a b' \\\n    c >/dev/null 2>&1 || :\nfi\n\
                  # systemctl no\nexec /sbin/chkconfig --add x & lokkit -p 1:tcp;y\n";
    assert_eq!(
        shown(script),
        [
            "1 [ <$1> -eq 1 ]",
            "2 systemctl enable a b c",
            "3 :",
            "6 /sbin/chkconfig --add x",
            "6 lokkit -p 1:tcp",
            "6 y",
        ]
    );
}

#[test]
fn variables_of_one_plain_value_are_put_in_and_others_are_not() {
    let script = "A=x\nB=1\nB=2\nC=$(systemctl is-enabled q)\nfor D in a b; do systemctl start $D; done\n\
                  systemctl enable $A ${A}.socket \"$B\" $C *.service $E\n";
    assert_eq!(
        shown(script),
        [
            "4 systemctl is-enabled q",
            "5 systemctl start a",
            "5 systemctl start b",
            "6 systemctl enable x x.socket <$B> <$C> <*.service> <$E>",
        ]
    );
}

#[test]
fn here_documents_and_quoted_text_are_no_commands() {
    let script = "cat > /x <<'EOF' && true\nsystemctl enable no\nEOF\necho \"systemctl no; lokkit $(firewall-cmd yes)\"\n";
    let found = shown(script);
    assert_eq!(found[..3], ["1 cat", "1 true", "4 firewall-cmd yes"]);
    assert_eq!(found.len(), 4);
}

#[test]
fn loops_over_known_words_are_run_through() {
    let script = "UNITS=\"a.service b.service\"\nP=node\n\
                  for u in $UNITS ${P}-c.socket; do\n  systemctl stop \"$u\"\n  systemctl daemon-reload\ndone\n\
                  for n in 1 2; do for m in x y; do unit=$n-$m; systemctl enable $unit; done; done\n\
                  for u in a $Q; do systemctl mask $u; done\n\
                  for u in a b; do u=c; systemctl start $u; done; systemctl restart $u\n";
    assert_eq!(
        shown(script),
        [
            "4 systemctl stop a.service",
            "5 systemctl daemon-reload",
            "4 systemctl stop b.service",
            "4 systemctl stop node-c.socket",
            "7 systemctl enable 1-x",
            "7 systemctl enable 1-y",
            "7 systemctl enable 2-x",
            "7 systemctl enable 2-y",
            "8 systemctl mask a",
            "8 systemctl mask <$u>",
            "9 systemctl start <$u>",
            "9 systemctl restart <$u>",
        ]
    );
}

#[test]
fn what_a_loop_is_over_is_not_guessed() {
    let script = "for u in $(cat x) *.service {a,b}.service; do systemctl enable $u; done\n\
                  for u; do systemctl disable $u; done\nwhile read u; do systemctl mask $u; done <x\n\
                  A=1; read A; systemctl start $A; systemctl stop $L; L=late; \
                  for ((i=0;i<3;i++)); do systemctl start x$i; done\n";
    assert_eq!(
        shown(script),
        [
            "1 cat x",
            "1 systemctl enable <$u>",
            "2 systemctl disable <$u>",
            "3 read u",
            "3 systemctl mask <$u>",
            "4 read A",
            "4 systemctl start <$A>",
            "4 systemctl stop <$L>",
            "4 systemctl start <x$i>",
        ]
    );
}

#[test]
fn a_case_is_no_command_and_its_branches_are() {
    let script = "case \"$1\" in\n  0) systemctl disable a ;;\n  (1|2) if true; then case $2 in x) y;; esac; fi\n    systemctl enable a\n    ;;\n  *) echo;;\nesac\nsystemctl start b\n";
    assert_eq!(
        shown(script),
        [
            "2 systemctl disable a",
            "3 true",
            "3 y",
            "4 systemctl enable a",
            "6 echo",
            "8 systemctl start b",
        ]
    );
}

#[test]
fn scripts_in_scripts_are_followed() {
    let script = "U=a\nsh -c 'systemctl enable b;\n systemctl start c' x || :\n/bin/bash -ec \"x $U\"\neval \"systemctl mask $U\"\nsh -c \"$X\"\nsh /x\n";
    assert_eq!(
        shown(script),
        [
            "2 systemctl enable b",
            "3 systemctl start c",
            "3 :",
            "4 x a",
            "5 systemctl mask a",
            "6 sh -c <$X>",
            "7 sh /x",
        ]
    );
}

#[test]
fn a_hostile_script_is_scanned_in_bounds() {
    let words = "a ".repeat(50);
    let loops = format!("for i in {words}; do ").repeat(60);
    assert!(commands(&format!("{loops} x $i")).len() < 100_000);
    assert!(commands(&format!("{}x", "$(".repeat(5000))).len() < 40);
    let chain: String = (0..30).map(|n| format!("A{n}=$A{m}$A{m}$A{m}\n", m = n + 1)).rev().collect();
    assert_eq!(shown(&format!("A30=x\n{chain}echo $A0")), ["32 echo <$A0>"]);
}

/// Took time in proportion to the square of the loops: hours for these.
#[test]
fn a_hundred_thousand_loops_are_scanned_in_proportion_to_their_number() {
    for text in ["while true; do ", "for i in a; do i=3; ", "for i in a; do x; "] {
        let loops = text.repeat(100_000);
        assert_eq!(
            commands(&format!("{loops}systemctl enable a")).iter().filter(|one| is_call(one)).count(),
            1
        );
    }
}

fn is_call(command: &Command) -> bool {
    command.words.first().is_some_and(|word| word.text == "systemctl")
}

#[test]
fn pipes_and_what_is_written_are_known() {
    let script = "curl -s x | sh\na || b\necho x >>/etc/sysctl.conf 2>&1\n{ echo a; echo b; } >$F\nF=/x; cat <y >$F |\n  tee z &>/w\n";
    let found = commands(script);
    let piped: Vec<&str> =
        found.iter().filter(|one| one.reads_pipe).map(|one| one.words[0].text.as_str()).collect();
    assert_eq!(piped, ["sh", "tee"]);
    let written: Vec<(usize, &str, bool)> = found
        .iter()
        .flat_map(|one| &one.writes)
        .map(|word| (word.line, word.text.as_str(), word.resolved))
        .collect();
    assert_eq!(
        written,
        [
            (3, "/etc/sysctl.conf", true),
            (4, "$F", false),
            (5, "/x", true),
            (6, "/w", true)
        ]
    );
}

#[test]
fn functions_are_no_commands_and_what_is_in_them_is() {
    let script = "f() {\n  systemctl enable a\n}\nfunction g {\n systemctl start b; }\nh () ( c )\nf x\n";
    assert_eq!(shown(script), ["2 systemctl enable a", "5 systemctl start b", "6 c", "7 f x"]);
}

#[test]
fn a_path_is_found_on_its_line() {
    let script =
        "echo one >>/etc/services\ncd /etc\nln -s ../x.service \\\n /etc/rc.d/rc3.d/S99x\nmv y /opt/z/\n";
    assert_eq!(line_of(&commands(script), "/etc/services"), Some(1));
    assert_eq!(line_of(&commands(script), "/etc/rc.d/rc3.d/S99x"), Some(4));
    assert_eq!(line_of(&commands(script), "/opt/z/y"), Some(5));
    assert_eq!(line_of(&commands(script), "/nowhere/at"), None);
}

#[test]
fn programs_are_found_behind_those_that_only_run_them() {
    let found = commands("nohup nice -n5 /etc/init.d/a start\nsh /etc/init.d/b stop\niptables -F\n");
    let programs: Vec<&str> = found.iter().filter_map(|one| Some(one.program()?.0)).collect();
    assert_eq!(programs, ["/etc/init.d/a", "/etc/init.d/b", "iptables"]);
}

proptest! {
    #[test]
    fn any_text_is_scanned_to_its_end(script in "[ -~\n]{0,200}") {
        let lines = script.lines().count() + 1;
        prop_assert!(commands(&script).iter().all(|command| command.line <= lines));
    }
}
