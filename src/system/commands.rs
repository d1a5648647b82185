//! Commands of scriptlets whose words ask for something, although they change no file.

use super::settings;
use crate::intent::Intent;
use crate::shell::Word;

/// What a command asks to hold at every boot, although it changes no file: modules that it loads, parameters
/// that it sets. Nothing where not all its words are known.
pub(crate) fn intents(program: &str, arguments: &[Word]) -> Vec<Intent> {
    if arguments.iter().any(|word| !word.resolved) {
        return Vec::new();
    }
    let words: Vec<&str> = arguments.iter().map(|word| word.text.as_str()).collect();
    match program {
        "modprobe" => modprobe(&words),
        "sysctl" => sysctl(&words),
        _ => Vec::new(),
    }
}

/// modprobe(8): the first word is a module, what follows are its parameters; with `-a` all are modules.
fn modprobe(words: &[&str]) -> Vec<Intent> {
    let is_short = |word: &&&str, letter: char| {
        word.starts_with('-') && !word.starts_with("--") && word.contains(letter)
    };
    let has = |letter, long: &str| words.iter().any(|word| *word == long || is_short(&word, letter));
    let shows_only = has('n', "--dry-run")
        || has('r', "--remove")
        || has('c', "--showconfig")
        || has('V', "--version")
        || has('h', "--help")
        || has('D', "--show-depends")
        || has('R', "--resolve-alias")
        || words.iter().any(|word| ["--show", "--show-config", "--dump-modversions"].contains(word));
    // Options with a value name other files than the image's.
    let is_elsewhere = has('C', "--config") || has('d', "--dirname") || has('S', "--set-version");
    if shows_only || is_elsewhere {
        return Vec::new();
    }
    let many = if has('a', "--all") { usize::MAX } else { 1 };
    let names = words.iter().filter(|word| !word.starts_with('-')).take(many);
    names.filter_map(|name| settings::module(name)).collect()
}

/// sysctl(8): `KEY=VALUE`, with `-w` or without; what it loads from files is in these files.
fn sysctl(words: &[&str]) -> Vec<Intent> {
    let loads = |word: &&str| word.starts_with("-p") || word.starts_with("--load") || *word == "--system";
    if words.iter().any(loads) {
        return Vec::new();
    }
    let pairs = words.iter().filter(|word| !word.starts_with('-')).filter_map(|word| word.split_once('='));
    pairs.filter_map(|(key, value)| settings::parameter(key, value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::commands;
    use crate::system::programs::of_system;

    fn asked(script: &str) -> Vec<Intent> {
        let commands = commands(script);
        let (program, arguments) = commands[0].program().expect("a command");
        let (name, _) = of_system(program).expect("a program that is known");
        intents(name, arguments)
    }

    #[test]
    fn modprobe_asks_for_the_module_that_it_names() {
        let module = |module: &str| Intent::KernelModule {
            module: module.into(),
        };
        assert_eq!(asked("/sbin/modprobe -q bonding mode=1"), [module("bonding")]);
        assert_eq!(asked("modprobe -a tun vhost_net"), [module("tun"), module("vhost_net")]);
        for nothing in [
            "modprobe -r bonding",
            "modprobe -n x",
            "modprobe $module",
            "modprobe -d /x y",
        ] {
            assert_eq!(asked(nothing), [], "{nothing}");
        }
    }

    #[test]
    fn sysctl_asks_for_what_it_sets() {
        let set = |key: &str, value: &str| Intent::Sysctl {
            key: key.into(),
            value: value.into(),
        };
        assert_eq!(asked("sysctl -q -w vm.swappiness=10"), [set("vm.swappiness", "10")]);
        assert_eq!(
            asked("sysctl -w net.ipv4.ip_local_port_range='1024 65000'"),
            [set("net.ipv4.ip_local_port_range", "1024 65000")]
        );
        for nothing in [
            "sysctl -p /etc/sysctl.d/x.conf",
            "sysctl --system",
            "sysctl vm.swappiness",
            "sysctl -w a=$b",
        ] {
            assert_eq!(asked(nothing), [], "{nothing}");
        }
    }
}
