//! Which options go together. The order of the rules decides which error a command line with
//! several of them gets.

use super::combinations::{
    DESTINATIONS, ENTRIES, FROM_FILE, HELPER_PORTS, LISTS, LOKKIT, POLICY_ONLY, PRINTING, PRIORITIES,
    PRIORITY, SERVICE_ONLY, SHARED, STAND_ALONE, TEXTS, TIMED, TIMED_POLICY, ZONE_ONLY,
};
use super::table::Group;
use super::{Given, Side, UsageError, Version};

/// Checks which options go together.
///
/// # Errors
/// What that version refuses.
pub(super) fn check(side: Side, version: Version, given: &Given) -> Result<(), UsageError> {
    let checker = Checker { side, version, given };
    match side {
        Side::Offline => checker.offline(),
        Side::Online => checker.online(),
    }
}

/// Whether one of firewall-offline-cmd's options in lokkit's style was given.
pub(crate) fn lokkit_options(given: &Given) -> bool {
    given.any(&LOKKIT)
}

/// Whether `--service` names a service to edit, not one to open.
pub(crate) fn edits_service(given: &Given) -> bool {
    let edits: [&[&str]; 4] = [&SERVICE_ONLY, &SHARED, &TEXTS, &DESTINATIONS];
    given.has("--service") && edits.into_iter().any(|options| given.any(options))
}

struct Checker<'a> {
    side: Side,
    version: Version,
    given: &'a Given,
}

type Checked = Result<(), UsageError>;

impl Checker<'_> {
    fn fail(&self, message: &str) -> Checked {
        Err(UsageError {
            text: format!("{}{message}\n", self.side.usage_line(self.version)),
            loud: false,
        })
    }

    fn fail_if(&self, wrong: bool, message: &str) -> Checked {
        if wrong { self.fail(message) } else { Ok(()) }
    }

    fn has(&self, name: &str) -> bool {
        self.given.has(name)
    }

    fn group(&self, group: Group) -> bool {
        self.given.has_group(group)
    }

    fn lists(&self) -> bool {
        self.given.any(&LISTS) || self.group(Group::Whitelist)
    }

    fn stand_alone(&self) -> bool {
        self.given.any(&STAND_ALONE) || (self.side == Side::Online && self.has("--check-config"))
    }

    fn place(&self) -> bool {
        let given = self.given;
        let alone = given.has("--remove-service-from-policy") && !given.any(&["--zone", "--policy"]);
        given.any(&["--zone", "--policy"]) || given.any(&TEXTS) || (self.group(Group::Traffic) && !alone)
    }

    fn direct(&self) -> Checked {
        self.fail_if(self.has("--direct") != self.group(Group::Direct), "Wrong usage of 'direct' options.")
    }

    fn name(&self) -> Checked {
        self.fail_if(self.has("--name") && !self.given.any(&FROM_FILE), "Wrong usage of '--name' option.")
    }

    fn offline(&self) -> Checked {
        self.fail_if(!self.anything(), "No option specified.")?;
        let service = edits_service(self.given);
        let others = self.stand_alone() || self.lists() || self.place() || self.definitions();
        let lokkit = !service && lokkit_options(self.given) && others;
        self.fail_if(lokkit, "Can't use lokkit options with other options.")?;
        self.alone()?;
        self.subject()?;
        let mixed = self.group(Group::Direct) && self.place();
        self.fail_if(mixed, "Can't use 'direct' options with other options.")?;
        self.direct()?;
        self.name()?;
        self.names_with_places()?;
        self.zone_or_policy()?;
        self.policy_set()?;
        let several = service && self.given.values("--service").len() > 1;
        self.fail_if(several, "More than one service specified.")?;
        self.quiet()
    }

    fn online(&self) -> Checked {
        // Since 1.2 it answers its state instead.
        let silent = self.version < (1, 2) && !self.anything() && !self.has("--service");
        self.fail_if(silent, "No option specified.")?;
        self.alone()?;
        self.subject()?;
        self.direct()?;
        self.name()?;
        self.permanence()?;
        self.policy_set()?;
        self.names_with_places()?;
        self.timeout()?;
        self.zone_or_policy()?;
        self.quiet()?;
        self.fail_if(self.has("--direct") && self.has("--zone"), "--zone is an invalid option with --direct")
    }

    /// Options about definitions and direct rules.
    fn definitions(&self) -> bool {
        let groups = [Group::Config, Group::Direct, Group::Ipset];
        self.has("--ipset") || groups.into_iter().any(|group| self.group(group))
    }

    /// Whether anything was given that has an effect of its own.
    fn anything(&self) -> bool {
        lokkit_options(self.given)
            || self.has("--check-config")
            || self.stand_alone()
            || self.lists()
            || self.place()
            || self.group(Group::Config)
            || self.group(Group::Direct)
            || (self.group(Group::Service) && !self.has("--get-destination"))
            || self.group(Group::Helper)
            || self.given.any(&DESTINATIONS)
            || self.given.any(&ENTRIES)
            || self.has("--ipset")
    }

    fn alone(&self) -> Checked {
        let others = self.given.any(&[
            "--permanent",
            "--timeout",
            "--helper",
            "--get-ipsets",
            "--get-helpers",
        ]) || self.place()
            || self.definitions()
            || self.group(Group::Whitelist);
        self.fail_if(self.stand_alone() && others, "Can't use stand-alone options with other options.")
    }

    fn names_with_places(&self) -> Checked {
        self.fail_if(
            self.lists() && (self.place() || self.has("--timeout")),
            "Wrong usage of --get-zones | --get-services | --get-icmptypes | --get-policies.",
        )
    }

    fn zone_or_policy(&self) -> Checked {
        let (zone, policy) = (self.has("--zone"), self.has("--policy"));
        let zone_only = self.given.any(&ZONE_ONLY);
        let priority = self.version < (2, 0) && self.given.any(&PRIORITY);
        let policy_only = priority || self.given.any(&POLICY_ONLY);
        self.fail_if(zone && policy, "Can't use --zone with --policy.")?;
        self.fail_if(policy && zone_only, "Can't use --policy with zone only options.")?;
        self.fail_if(zone && policy_only, "Can't use --zone with policy only options.")?;
        let set = self.has("--policy-set");
        let sets = self.version >= (2, 4);
        let must = match sets {
            true => "Must use --policy/--policy-set with policy only options.",
            false => "Must use --policy with policy only options.",
        };
        self.fail_if(!policy && !set && policy_only, must)
    }

    /// A set of policies can only be switched.
    fn policy_set(&self) -> Checked {
        self.fail_if(
            self.has("--policy-set") && !self.given.any(&["--add-disable", "--remove-disable"]),
            "Option --policy-set may only be used with --add-disable or --remove-disable.",
        )
    }

    /// An option that needs `--ipset`, `--icmptype` or `--helper` in the same call.
    fn subject(&self) -> Checked {
        let given = self.given;
        if given.any(&TEXTS) {
            return Ok(());
        }
        self.fail_if(!self.has("--ipset") && given.any(&ENTRIES), "No ipset specified.")?;
        let icmptype = self.has("--icmptype") || self.has("--service");
        self.fail_if(!icmptype && given.any(&DESTINATIONS), "No icmptype specified.")?;
        let helper = self.has("--helper") || self.has("--service") || self.place();
        let wanted = given.any(&[
            "--get-ports",
            "--set-module",
            "--get-module",
            "--set-family",
            "--get-family",
        ]);
        self.fail_if(!helper && wanted, "No helper specified.")
    }

    fn quiet(&self) -> Checked {
        if self.has("--quiet") && self.given.any(&PRINTING) {
            return Err(UsageError::loud("-q/--quiet can't be used with this option(s)\n"));
        }
        Ok(())
    }

    fn timeout(&self) -> Checked {
        let Some(timeout) = self.given.value("--timeout").filter(|timeout| *timeout != "0") else {
            return Ok(());
        };
        let digits = timeout.strip_suffix(['s', 'm', 'h']).unwrap_or(timeout);
        let fine = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        self.fail_if(!fine, &format!("'{timeout}' is wrong timeout value. Use for example '2m' or '1h'"))?;
        let policies = self.version >= (2, 1) && self.given.any(&TIMED_POLICY);
        let timed = policies || self.given.any(&TIMED);
        self.fail_if(self.has("--permanent") && timed, "Can't specify timeout for permanent action.")?;
        self.fail_if(!timed, "Wrong --timeout usage")
    }

    fn permanent_only(&self) -> bool {
        let given = self.given;
        let edits_service = edits_service(given);
        let edits_helper = given.has("--helper") && (self.group(Group::Helper) || given.any(&HELPER_PORTS));
        self.group(Group::Config)
            || given.any(&TEXTS)
            || given.any(&["--get-target", "--set-target"])
            || (self.version >= (2, 0) && given.any(&PRIORITIES))
            || edits_service
            || edits_helper
            || (given.has("--icmptype") && given.any(&DESTINATIONS))
    }

    fn permanence(&self) -> Checked {
        let wrong = !self.has("--permanent") && self.permanent_only();
        self.fail_if(wrong, "Option can be used only with --permanent.")
    }
}
