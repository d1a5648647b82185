//! The one table of what differs between systemds.
//!
//! "observed" in a source means run side by side with that build: 239-82.el8, 247.3, 252.39, 252-76.el9,
//! 254.26, 257.13, 257-28.el10, 259.5, 262.1. What lies between two that agree is taken to agree as well.

use std::ops::RangeInclusive;

pub use crate::config::generation::Generation;

/// Something that not every systemd does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trait {
    /// `UpheldBy=` and `.upholds/` directories.
    UpheldBy,
    /// `ignore` lines in presets.
    PresetIgnore,
    /// Lines of presets are shown without the blanks before them.
    StripsPresetLines,
    /// `[]` is no header: the file is broken.
    EmptyHeaderIsBroken,
    /// The warning about a list with unbalanced quotes names the key.
    NamesUnfinishedKey,
    /// Paths are printed without `..` at the root, and a slash at the end of one counts.
    NormalizesPaths,
    /// A directory of `--root` that is not there is one without units, for questions.
    AnswersWithoutRoot,
    /// `is-enabled` prints `not-found` and goes on, instead of stopping at the first unknown unit.
    NotFoundState,
    /// Messages of the form `Failed to VERB unit: Unit X ...`, with single quotes round paths.
    QuotedMessages,
    /// `Removed "PATH".` and other quotes instead of bare paths.
    QuotedPaths,
    /// What a failure as a whole is about: `Failed to VERB unit: ...`.
    NamesUnit,
    /// The same: `Failed to VERB units: ...`.
    NamesUnits,
    /// `disable` and `reenable` look every unit up before anything is removed, and units without
    /// `[Install]` are explained.
    DisableLooksUpFirst,
    /// A unit that is not there ends that look-up.
    DisableStopsAtMissing,
    /// `disable`, `reenable` and `preset` fail if any failure was reported, also if the work went on.
    ReportedFailureCounts,
    /// A link into a target that does not exist is warned of.
    WarnsOfMissingTarget,
    /// A missing `Also=` unit is reported and passed over.
    ToleratesMissingAlso,
    /// The alias links of a unit that is linked by path point to the link in the configuration
    /// directory, instead of the file outside; an alias link that leads nowhere is replaced.
    AliasesPointToLink,
    /// A part of `[Install]` that fails after one that did not fails the call.
    LaterFailureCounts,
    /// An alias that is taken does not fail presets.
    PresetToleratesTakenAlias,
    /// Presets expand specifiers as for the system, also for user units.
    PresetsExpandAsSystem,
    /// One unit that cannot be preset does not stop the others of a call.
    PresetGoesOn,
    /// `preset-all` stops at an alias of a unit that is not there.
    PresetAllStopsAtDangling,
    /// `preset-all` goes on past a unit that nothing can be made of.
    PresetAllGoesOn,
    /// `preset-all` always exits 0.
    PresetAllSucceeds,
    /// The verb in messages of `preset-all` is its own.
    NamesPresetAll,
    /// `disable --user` names units that stay enabled for all users.
    GlobalNotice,
    /// `get-default` refuses a masked or generated target.
    GetDefaultRefusesMasked,
    /// `Unknown key name 'X' in section 'Install'` instead of `Unknown key 'X' in section [Install]`.
    UnknownKeyName,
    /// Hints about patterns name `enable` for every verb.
    GlobsPassedToEnable,
    /// `[Install]` is turned into links as described in [`crate::unit`]'s `enable_earlier`, and names are looked up
    /// and found again as they were then.
    EarlierInstall,
    /// Links are removed below `/etc` and `/run`, with and without `--runtime`.
    RemovesEverywhere,
    /// Links with the unit's own name in a directory of lower precedence than its file do not
    /// count.
    IgnoresNamesBelow,
    /// Links are followed to their end when they are removed or checked for a mask.
    FollowsLinks,
    /// `alias` is a state of its own.
    AliasState,
    /// A link that leads back to itself is not reverted.
    KeepsLoops,
    /// Specifiers have the values of the caller's root, `--root` or not.
    HostSpecifiers,
    /// Unit files are read as 239 does: `.include`, no word about what is unknown, an error for a line without `=`.
    EarlierSyntax,
    /// Lists of unit files have columns for presets and fail where they are empty.
    PresetColumn,
    /// A table that cannot be printed is a failure.
    ChecksTable,
    /// The column is called so: `VENDOR PRESET`.
    VendorPreset,
    /// Init scripts are handed to `systemd-sysv-install`.
    Sysv,
    /// Builds for images where `/lib` is a directory of its own keep programs there.
    SplitUsr,
    /// `/etc/xdg/systemd/user` is searched for user units.
    EtcXdg,
    /// A relative path in an `XDG_` variable counts as if it was not set.
    AbsoluteXdg,
    /// `--now` with any verb but enable, disable, reenable and mask is an error.
    ChecksNow,
    /// `--now` is refused, after the links are made.
    NowRefused,
    /// `--now` does nothing, says so and succeeds.
    NowIgnored,
    /// An unknown verb is quoted and near ones are proposed.
    ProposesVerbs,
    /// Messages have the colour of their level.
    ColouredMessages,
    /// Underlining comes behind a cell's colour.
    SeparateUnderline,
    /// The gaps between columns of a header are underlined for themselves.
    SeparateGaps,
    /// Colours by number are written with colons.
    ColonColours,
    /// Before a colour by number comes a basic one.
    TwofoldColours,
    /// "these kinds of units" instead of "this kind of units".
    TheseKinds,
}

/// Which systemds have a trait: releases, and builds that differ from the release of their number.
struct Row {
    what: Trait,
    releases: RangeInclusive<u16>,
    also: &'static [Generation],
    not: &'static [Generation],
}

const LAST: u16 = u16::MAX;
const NONE: &[Generation] = &[];

const fn row(what: Trait, first: u16, last: u16) -> Row {
    row_with(what, first, last, NONE, NONE)
}

const fn row_with(
    what: Trait,
    first: u16,
    last: u16,
    also: &'static [Generation],
    not: &'static [Generation],
) -> Row {
    Row {
        what,
        releases: RangeInclusive::new(first, last),
        also,
        not,
    }
}

const TABLE: &[Row] = &[
    // systemd.unit(5), NEWS of 254.
    row(Trait::UpheldBy, 254, LAST),
    // systemd.preset(5), NEWS of 254.
    row(Trait::PresetIgnore, 254, LAST),
    // read_presets(), observed with 252 and 257.
    row(Trait::StripsPresetLines, 256, LAST),
    // parse_line() of conf-parser.c, observed with 257 and 262.
    row(Trait::EmptyHeaderIsBroken, 259, LAST),
    // config_parse_strv(), observed with 252 and 257.
    row(Trait::NamesUnfinishedKey, 256, LAST),
    // path_simplify_full() and path_make_absolute_cwd(), observed with 252 and 257.
    row(Trait::NormalizesPaths, 256, LAST),
    // lookup_paths_init(), observed with 257 and 262.
    row(Trait::AnswersWithoutRoot, 259, LAST),
    // NEWS of 253; observed with 252 and 254.
    row(Trait::NotFoundState, 253, LAST),
    // install_change_dump_error(), 256.
    row(Trait::QuotedMessages, 256, LAST),
    // install_changes_dump(), observed with 247 and 252.
    row(Trait::QuotedPaths, 249, LAST),
    // install_changes_dump(), 256 and 259.
    row(Trait::NamesUnit, 256, 258),
    row(Trait::NamesUnits, 259, LAST),
    // do_unit_file_disable(): 253 and, backported, 252-3.el9.
    row_with(Trait::DisableLooksUpFirst, 253, LAST, &[Generation::EL9], NONE),
    // The same; 254.19 takes it back, 252-76.el9 does not.
    row_with(Trait::DisableStopsAtMissing, 253, 253, &[Generation::EL9], NONE),
    // do_unit_file_disable() and install_changes_dump(), observed with 259 and 262.
    row(Trait::ReportedFailureCounts, 259, LAST),
    // install_info_symlink_wants(), 250 and, backported, 239-46.el8.
    row_with(Trait::WarnsOfMissingTarget, 250, LAST, &[Generation::EL8], NONE),
    // install_context_apply(), 250.
    row(Trait::ToleratesMissingAlso, 250, LAST),
    // install_info_symlink_alias(), 256.
    row(Trait::AliasesPointToLink, 256, LAST),
    // install_info_apply(), observed with 252 and 254.
    row(Trait::LaterFailureCounts, 254, LAST),
    // install_info_symlink_alias() of 257.13 and 262.1, not of 257-28.el10: observed. `preset` fails all the same
    // since 259 (259.5 and 262.1), as what it said counts; `preset-all` does not.
    row_with(
        Trait::PresetToleratesTakenAlias,
        257,
        LAST,
        NONE,
        &[Generation::EL10, Generation::release(258)],
    ),
    // preset_prepare_one(), observed with 252, 257 and 262.
    row(Trait::PresetsExpandAsSystem, 0, 258),
    // unit_file_preset(), observed with 257, 259 and 262.
    row(Trait::PresetGoesOn, 259, LAST),
    // unit_file_preset_all(), observed with 247, 252 and 254.
    row(Trait::PresetAllStopsAtDangling, 250, 253),
    // unit_file_preset_all(), observed with 252 and 254.
    row(Trait::PresetAllGoesOn, 254, LAST),
    // verb_preset_all() returns 0 even after errors; observed with 254, 257 and 259.
    row(Trait::PresetAllSucceeds, 254, 258),
    // verb_preset_all(), observed with 257 and 259.
    row(Trait::NamesPresetAll, 259, LAST),
    // verb_enable(), observed with 252 and 254.
    row(Trait::GlobalNotice, 254, LAST),
    // unit_file_get_default(), observed with 239-82.el8, 247, 252 and 252-76.el9.
    row_with(Trait::GetDefaultRefusesMasked, 0, 249, &[Generation::EL9], NONE),
    // next_assignment() of conf-parser.c, observed with 247, 252.39 and 252-76.el9.
    row_with(Trait::UnknownKeyName, 0, 251, &[Generation::EL9], NONE),
    // verb_enable(), observed with 247, 252.39 and 252-76.el9.
    row_with(Trait::GlobsPassedToEnable, 0, 251, &[Generation::EL9], NONE),
    // install.c was reworked for 250: install_info_apply() and what it calls; observed with 247 and 252.
    row(Trait::EarlierInstall, 0, 249),
    // unit_file_disable(), unit_file_unmask() and execute_preset() up to 240; observed with 239-82.el8.
    row(Trait::RemovesEverywhere, 0, 240),
    // find_symlinks_in_scope(), 241; observed with 239-82.el8 and 247.
    row(Trait::IgnoresNamesBelow, 241, LAST),
    // remove_marked_symlinks_fd() and unit_file_load_or_readlink(), 240; observed with 239-82.el8 and 247.
    row(Trait::FollowsLinks, 240, LAST),
    // rm_rf() asks whether a path leads to the root directory; observed with 262, not with 257.
    row(Trait::KeepsLoops, 258, LAST),
    // specifier_machine_id() and parse_os_release() have no root up to 248; observed with 247.
    row(Trait::HostSpecifiers, 0, 248),
    // unit_file_lookup_state(), 244 (NEWS); observed with 239-82.el8 and 247.
    row(Trait::AliasState, 244, LAST),
    // parse_line() of conf-parser.c, NEWS of 242 and 246; observed with 239-82.el8 and 247.
    row(Trait::EarlierSyntax, 0, 241),
    // output_unit_file_list(), 242 (NEWS of 244); observed with 239-82.el8 and 247.
    row(Trait::PresetColumn, 242, LAST),
    // table_print_with_pager(), observed with 247, 252, 257 and 262.
    row(Trait::ChecksTable, 242, 258),
    // output_unit_file_list(), observed with 247 and 252.
    row(Trait::VendorPreset, 0, 249),
    // NEWS of 260.
    row(Trait::Sysv, 0, 259),
    // NEWS of 255; Enterprise Linux has /lib in /usr since 7.
    row_with(Trait::SplitUsr, 0, 254, NONE, &[Generation::EL8, Generation::EL9]),
    // xdg_user_dirs(), observed with 239-82.el8, 247 and 257.
    row(Trait::EtcXdg, 240, 256),
    // sd_path_lookup(), which user_unit_search_dirs() uses since 257.
    row(Trait::AbsoluteXdg, 257, LAST),
    // verb_enable(), 256.
    row(Trait::ChecksNow, 256, LAST),
    // The same, 256 and 259.
    row(Trait::NowRefused, 256, 258),
    row(Trait::NowIgnored, 259, LAST),
    // dispatch_verb(), 256.
    row(Trait::ProposesVerbs, 256, LAST),
    // verb_enable(), observed with 254 and 257.
    row(Trait::TheseKinds, 255, LAST),
    // log_setup(), 252; observed with 247 and 252.
    row(Trait::ColouredMessages, 252, LAST),
    // table_print() of 252.39, not of 252-76.el9.
    row_with(Trait::SeparateUnderline, 252, 252, NONE, &[Generation::EL9]),
    // table_print(), 256; observed with 252 and 257.
    row(Trait::SeparateGaps, 256, LAST),
    // ansi-color.h, observed with 252, 257 and 262.
    row(Trait::ColonColours, 257, LAST),
    row(Trait::TwofoldColours, 258, LAST),
];

/// How `--now` answers where nothing can be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Now {
    /// Tries the message bus, after the links are made, and fails.
    Bus,
    /// Says that it is refused, after the links are made, and fails.
    Refused,
    /// Says that it does nothing.
    Ignored,
}

impl Generation {
    /// Whether it does something.
    pub fn has(self, what: Trait) -> bool {
        TABLE.iter().filter(|row| row.what == what).any(|row| {
            row.also.contains(&self) || row.releases.contains(&self.number()) && !row.not.contains(&self)
        })
    }

    /// What `Failed to VERB...` puts after the verb where no unit is to blame.
    pub(crate) fn failed_object(self) -> &'static str {
        if self.has(Trait::NamesUnit) {
            " unit"
        } else if self.has(Trait::NamesUnits) {
            " units"
        } else {
            ""
        }
    }

    /// What `--now` does.
    pub fn now(self) -> Now {
        if self.has(Trait::NowRefused) {
            Now::Refused
        } else if self.has(Trait::NowIgnored) {
            Now::Ignored
        } else {
            Now::Bus
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTED: [Generation; 9] = [
        Generation::EL8,
        Generation::release(247),
        Generation::release(252),
        Generation::EL9,
        Generation::release(254),
        Generation::release(257),
        Generation::EL10,
        Generation::release(259),
        Generation::NEWEST,
    ];

    #[test]
    fn every_trait_differs_between_systemd_generations() {
        for row in TABLE {
            let having = LISTED.iter().filter(|generation| generation.has(row.what)).count();
            assert!((1..LISTED.len()).contains(&having), "{:?}", row.what);
            assert_eq!(TABLE.iter().filter(|other| other.what == row.what).count(), 1, "{:?}", row.what);
        }
    }

    #[test]
    fn builds_differ_from_the_release_of_their_number() {
        assert!(Generation::EL9.has(Trait::DisableLooksUpFirst));
        assert!(!Generation::release(252).has(Trait::DisableLooksUpFirst));
        assert!(Generation::release(257).has(Trait::PresetToleratesTakenAlias));
        assert!(!Generation::EL10.has(Trait::PresetToleratesTakenAlias));
    }
}
