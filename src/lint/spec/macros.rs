//! Macros of rpm, as far as scriptlets of spec files use them: those that the file defines, the
//! directories, and the calls of systemd's and firewalld's macros, which the build machine need not have.

use std::collections::BTreeMap;

/// As `/usr/lib/rpm/macros` and systemd's `macros.systemd` define them.
const DIRECTORIES: [(&str, &str); 27] = [
    ("_prefix", "/usr"),
    ("_bindir", "/usr/bin"),
    ("_sbindir", "/usr/sbin"),
    ("_libdir", "/usr/lib64"),
    ("_libexecdir", "/usr/libexec"),
    ("_datadir", "/usr/share"),
    ("_mandir", "/usr/share/man"),
    ("_docdir", "/usr/share/doc"),
    ("_sysconfdir", "/etc"),
    ("_initddir", "/etc/rc.d/init.d"),
    ("_initrddir", "/etc/rc.d/init.d"),
    ("_localstatedir", "/var"),
    ("_sharedstatedir", "/var/lib"),
    ("_rundir", "/run"),
    ("_prefixlib", "/usr/lib"),
    ("_unitdir", "/usr/lib/systemd/system"),
    ("_userunitdir", "/usr/lib/systemd/user"),
    ("_presetdir", "/usr/lib/systemd/system-preset"),
    ("_udevrulesdir", "/usr/lib/udev/rules.d"),
    ("_tmpfilesdir", "/usr/lib/tmpfiles.d"),
    ("_sysusersdir", "/usr/lib/sysusers.d"),
    ("_sysctldir", "/usr/lib/sysctl.d"),
    ("_modulesloaddir", "/usr/lib/modules-load.d"),
    ("_prefix_lib", "/usr/lib"),
    ("_firewalldir", "/usr/lib/firewalld"),
    ("nil", ""),
    ("_isa", ""),
];

/// What calls of macros do: the macro, and the command in front of its arguments, from systemd 257's
/// `macros.systemd.in`, firewalld's `macros.firewalld` and openSUSE's `macros.systemd`.
const CALLS: [(&str, &str); 24] = [
    ("systemd_post", "/usr/lib/systemd/systemd-update-helper install-system-units"),
    ("systemd_preun", "/usr/lib/systemd/systemd-update-helper remove-system-units"),
    (
        "systemd_postun_with_restart",
        "/usr/lib/systemd/systemd-update-helper mark-restart-system-units",
    ),
    (
        "systemd_postun_with_reload",
        "/usr/lib/systemd/systemd-update-helper mark-reload-system-units",
    ),
    ("systemd_postun", ":"),
    ("systemd_user_post", "/usr/lib/systemd/systemd-update-helper install-user-units"),
    ("systemd_user_preun", "/usr/lib/systemd/systemd-update-helper remove-user-units"),
    (
        "systemd_user_postun_with_restart",
        "/usr/lib/systemd/systemd-update-helper mark-restart-user-units",
    ),
    ("systemd_user_postun", ":"),
    ("service_add_pre", ":"),
    ("service_add_post", "systemctl preset"),
    ("service_del_preun", "systemctl --no-reload disable --now"),
    ("service_del_postun", ":"),
    ("service_del_postun_without_restart", ":"),
    ("firewalld_reload", "firewall-cmd --reload --quiet"),
    ("tmpfiles_create", ":"),
    ("tmpfiles_create_package", ":"),
    ("sysusers_create", ":"),
    ("sysusers_create_package", ":"),
    ("sysusers_create_compat", ":"),
    ("sysctl_apply", ":"),
    ("udev_rules_update", ":"),
    ("binfmt_apply", ":"),
    ("ldconfig", "/sbin/ldconfig"),
];

/// Names and values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Macros {
    known: BTreeMap<String, String>,
}

impl Default for Macros {
    fn default() -> Self {
        let known = DIRECTORIES.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Macros {
            known: known.collect(),
        }
    }
}

impl Macros {
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.known.insert(name.to_owned(), value.to_owned());
    }

    /// Takes in `%define` and `%global`; says whether the line is one.
    pub(super) fn define(&mut self, line: &str) -> bool {
        let line = line.trim_start();
        let Some(rest) = line.strip_prefix("%define ").or_else(|| line.strip_prefix("%global ")) else {
            return false;
        };
        if let Some((name, value)) = rest.trim_start().split_once(char::is_whitespace) {
            // One with options is a function: nothing is known of what it gives.
            if !name.contains('(') {
                let value = self.expand(value.trim());
                self.set(name, &value);
            }
        }
        true
    }

    /// A line of a scriptlet. A call of a macro that is not known becomes a command that is not known.
    pub(super) fn script_line(&self, line: &str) -> String {
        let trimmed = line.trim_start();
        let call = trimmed.strip_prefix('%').filter(|rest| rest.starts_with(|c: char| c.is_alphabetic()));
        let call = call.or_else(|| trimmed.strip_prefix("%{?").and_then(|rest| rest.strip_suffix('}')));
        let Some(call) = call else {
            return self.expand(line);
        };
        // `%{?NAME:TEXT}`: that the macro exists where the package is built is what packagers rely on.
        if let Some((name, text)) = call.split_once(':')
            && CALLS.iter().any(|(known, _)| *known == name)
        {
            return self.script_line(text);
        }
        let (name, words) = call.split_once(char::is_whitespace).unwrap_or((call, ""));
        let words = self.expand(words);
        match CALLS.iter().find(|(known, _)| *known == name) {
            Some((_, command)) => format!("{command} {words} || :"),
            None => match self.known.get(name) {
                Some(value) => format!("{value} {words}"),
                None => format!("$rpm_macro_{name} {words}"),
            },
        }
    }

    /// The text with the values of its macros. What is not known stays as a variable that no script sets.
    pub(super) fn expand(&self, text: &str) -> String {
        let mut expanded = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('%') {
            expanded.push_str(before);
            rest = if let Some(after) = after.strip_prefix('%') {
                expanded.push('%');
                after
            } else if let Some((inside, after)) = after.strip_prefix('{').and_then(|after| braced(after)) {
                expanded.push_str(&self.value(inside));
                after
            } else {
                let end = after.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(after.len());
                let (name, after) = after.split_at(end);
                match self.known.get(name) {
                    Some(value) => expanded.push_str(value),
                    None => expanded.push_str(&format!("%{name}")),
                }
                after
            };
        }
        expanded + rest
    }

    /// Of what is between the braces: `NAME`, `?NAME`, `?NAME:TEXT`, `!?NAME:TEXT`.
    fn value(&self, inside: &str) -> String {
        let (is_there, rest) = match (inside.strip_prefix("!?"), inside.strip_prefix('?')) {
            (Some(rest), _) => (Some(false), rest),
            (None, Some(rest)) => (Some(true), rest),
            (None, None) => (None, inside),
        };
        let (name, text) = rest.split_once(':').map_or((rest, None), |(name, text)| (name, Some(text)));
        let known = self.known.get(name);
        match (is_there, text) {
            (None, _) => known.cloned().unwrap_or_else(|| format!("$rpm_macro_{name}")),
            (Some(wanted), text) if known.is_some() == wanted => {
                text.map_or_else(|| known.cloned().unwrap_or_default(), |text| self.expand(text))
            }
            (Some(_), _) => String::new(),
        }
    }
}

/// The text up to the brace that ends it, and what follows.
fn braced(text: &str) -> Option<(&str, &str)> {
    let mut depth = 1;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((&text[..at], &text[at + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macros_are_expanded_as_far_as_they_are_known() {
        let mut macros = Macros::default();
        assert!(macros.define("%global svc agent") && !macros.define("echo %global"));
        macros.set("name", "a");
        for (text, expanded) in [
            ("%{name}.service", "a.service"),
            ("%{_unitdir}/%svc.service", "/usr/lib/systemd/system/agent.service"),
            ("a%%b %{?dist}x %{?svc} %{!?dist:none} %{?svc:%{svc}d}", "a%b x agent none agentd"),
            ("%{unknown} %unknown", "$rpm_macro_unknown %unknown"),
            ("100%", "100%"),
        ] {
            assert_eq!(macros.expand(text), expanded, "{text}");
        }
        assert_eq!(
            macros.script_line("%systemd_post %{svc}.service"),
            "/usr/lib/systemd/systemd-update-helper install-system-units agent.service || :"
        );
        assert_eq!(macros.script_line("%{?firewalld_reload}"), "firewall-cmd --reload --quiet  || :");
        assert_eq!(macros.script_line("%nobody_knows x"), "$rpm_macro_nobody_knows x");
    }
}
