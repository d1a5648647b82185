//! What the administrator had reverted in the old image, as a policy file of the new one: a unit that
//! was disabled stays disabled and a port that was closed stays closed, even if a package of the new
//! image asks for it.

use std::collections::BTreeSet;

use crate::backend::name::stem;
use crate::backend::systemd::is_unit_name;
use crate::error::{Error, Result, if_exists};
use crate::firewall::valid;
use crate::intent::{FirewallItem, Intent, UnitWant};
use crate::policy;
use crate::root::Root;

/// The policy file. Removing a rule of it lets the packages decide again.
pub const PATH: &str = "/etc/nodeshim/policy.d/90-replayed.toml";

const NAME: &str = "90-replayed.toml";
const HEADER: &str = "# What was undone on the node before it was upgraded, written by `nodeshim replay`.\n\
                      # Without its rule, a thing is again as the packages ask for it.\nformat = 1\n";
const RULE: &str = "\n[[rule]]\n";

/// The rule that keeps an intent of a plugin from coming back; none if no rule can.
pub(super) fn rule(plugin: &str, intent: &Intent) -> Option<String> {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let (what, reason) = match intent {
        Intent::Unit { unit, want, .. } if is_unit_name(unit) => {
            let (wants, reason) = match want {
                UnitWant::Enable | UnitWant::PresetEnable => (r#"["enable", "preset"]"#, "disabled"),
                UnitWant::Disable | UnitWant::PresetDisable => (r#"["disable", "preset"]"#, "enabled"),
                UnitWant::Mask => (r#"["mask"]"#, "unmasked"),
                UnitWant::Unmask => (r#"["unmask"]"#, "masked"),
                _ => return None,
            };
            // In a pattern a backslash stands for what follows it.
            let unit = quoted(&unit.replace('\\', r"\\"));
            (format!("kind = \"unit\"\nunit = {unit}\nwant = {wants}\n"), reason)
        }
        Intent::Allow { opening, .. } if stem(plugin).is_some() => {
            let what = match opening {
                FirewallItem::Port { port, protocol } => {
                    format!("port = {}\n", quoted(&format!("{port}/{}", protocol.to_lowercase())))
                }
                FirewallItem::FirewallService { service } if valid::service(service) => {
                    format!("service = {}\n", quoted(service))
                }
                _ => return None,
            };
            (format!("kind = \"allow\"\nplugin = {}\n{what}", quoted(plugin)), "closed")
        }
        _ => return None,
    };
    let text = format!(
        "{what}verdict = \"deny\"\nexit = 0\nreason = \"{reason} on the node before it was upgraded\"\n"
    );
    policy::parse(NAME, &format!("{RULE}{text}")).ok().map(|_| text)
}

/// Adds rules to the file, with those that the old image's file has. Says whether it changed.
pub(super) fn save(old: &Root, root: &Root, rules: impl IntoIterator<Item = String>) -> Result<bool> {
    let there = load(root)?;
    let mut all: BTreeSet<String> = there.iter().cloned().collect();
    all.extend(load(old)?);
    all.extend(rules);
    if all.is_empty() || all.len() == there.len() {
        return Ok(false);
    }
    let text = all.iter().fold(HEADER.to_owned(), |text, rule| text + RULE + rule);
    root.create_dirs("/etc/nodeshim/policy.d", 0o755)?;
    root.write(PATH, text.as_bytes(), Some(0o644))?;
    Ok(true)
}

/// The texts of the file's rules.
fn load(root: &Root) -> Result<Vec<String>> {
    let Some(text) = if_exists(root.read_text(PATH))? else {
        return Ok(Vec::new());
    };
    policy::parse(NAME, &text)
        .map_err(|problem| Error::malformed(PATH, format!("line {}: {}", problem.line, problem.text)))?;
    let rules = text.split(RULE).skip(1);
    Ok(rules.map(|rule| format!("{}\n", rule.trim_end())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_added_once_and_what_cannot_be_written_is_none() {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (old, new) = (Root::open(a.path()).unwrap(), Root::open(b.path()).unwrap());
        let port = |port: &str| Intent::Allow {
            opening: FirewallItem::Port {
                port: port.into(),
                protocol: "tcp".into(),
            },
            zone: None,
        };
        let rules = || rule("p", &port("80"));
        assert!(save(&old, &new, rules()).unwrap());
        let text = new.read_text(PATH).unwrap();
        assert_eq!(policy::parse(NAME, &text).unwrap().rules.len(), 1);
        assert!(!save(&old, &new, rules()).unwrap());
        assert!(save(&new, &old, rule("q", &port("81"))).unwrap());
        assert!(save(&old, &new, None).unwrap());
        assert_eq!(new.read(PATH).unwrap(), old.read(PATH).unwrap());
        assert_eq!(rule("p\"\n[[rule]]", &port("80")), None);
        assert_eq!(rule("p", &port("80\"\nverdict = \"allow")), None);
    }
}
