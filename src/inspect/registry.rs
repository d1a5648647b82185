//! What is known of plugins besides what they asked for.

use std::collections::BTreeMap;

use super::ScriptletEntry;
use super::declared::{Declared, declared};
use super::hooks::{Hook, hooks};
use crate::attribution::package_name;
use crate::error::Result;
use crate::root::Root;
use crate::rpmdb::Installed;
use crate::trust::Record;

/// What is known of plugins besides what they asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registry {
    /// What is installed, and which plugins packages say they are.
    pub installed: Installed,
    /// vdsm's hooks.
    pub hooks: Vec<Hook>,
    /// What was found of the packages' signatures.
    pub trust: Record,
    /// What plugins declare besides intents, by package name.
    pub declared: BTreeMap<String, Declared>,
}

impl Registry {
    /// Looks at an image's hooks, and at what plugins declare.
    ///
    /// # Errors
    /// If metadata, the record of signatures or the rpm database cannot be read.
    pub fn load(root: &Root, installed: &Installed) -> Result<Registry> {
        let hooks = hooks(root)?;
        Ok(Registry {
            installed: installed.clone(),
            trust: Record::load(root)?,
            declared: declared(root, installed, &hooks)?,
            hooks,
        })
    }

    /// Marks what scriptlets changed although their plugins' metadata does not declare it.
    pub fn mark(&self, entries: &mut [ScriptletEntry]) {
        for entry in entries {
            let name = entry.package.as_deref().and_then(package_name);
            if let Some(declared) = name.and_then(|name| self.declared.get(name)) {
                declared.mark(std::slice::from_mut(entry));
            }
        }
    }

    /// The hooks of a package.
    pub(crate) fn hooks_of(&self, package: &str) -> impl Iterator<Item = &Hook> {
        self.hooks.iter().filter(move |hook| hook.packages.iter().any(|name| name == package))
    }
}
