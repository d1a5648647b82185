//! Histories in which the twins once differed.

use nodeshim::config::Backend;

use super::history::{Call, Step, TEMPLATE, VENDOR_SCRIPT, own_script};

const WORK: Call = Call::DefaultTarget {
    target: "work.target",
};
const MULTI_USER: Call = Call::DefaultTarget {
    target: "multi-user.target",
};

fn unit(verb: &'static str, unit: &'static str) -> Call {
    Call::Unit { verb, unit }
}

fn levels(verb: &'static str, script: &'static str) -> Call {
    Call::Levels {
        verb,
        levels: "",
        script,
    }
}

/// Opens or closes a port in the default zone.
fn port(add: bool) -> Call {
    Call::Firewall {
        zone: "public",
        add,
        kind: "port",
        value: "81/tcp",
    }
}

fn install(package: &'static str, post: &[Call]) -> Step {
    Step::Install {
        package,
        post: post.to_vec(),
        declared: Vec::new(),
    }
}

fn declare(package: &'static str, declared: &[Call]) -> Step {
    Step::Install {
        package,
        post: Vec::new(),
        declared: declared.to_vec(),
    }
}

fn upgrade(package: &'static str, post: &[Call]) -> Step {
    Step::Upgrade {
        package,
        post: post.to_vec(),
        postun: Vec::new(),
    }
}

fn erase(package: &'static str) -> Step {
    Step::Erase {
        package,
        preun: Vec::new(),
        postun: Vec::new(),
    }
}

fn builder(calls: &[Call]) -> Step {
    Step::Builder(calls.to_vec())
}

/// All of them.
pub fn found_before() -> Vec<(Backend, Vec<Step>)> {
    [of_units(), of_templates(), of_the_firewall()].concat()
}

fn of_units() -> Vec<(Backend, Vec<Step>)> {
    let start = [unit("disable", "p0.service"), unit("start", "p0.service")];
    let masked = [unit("mask", "v0.service")];
    let own = unit("enable", "p2.service");
    vec![
        (Backend::Firewalld, vec![install("p0", &start), builder(&[Call::PresetAll])]),
        (
            Backend::Iptables,
            vec![
                builder(&[levels("off", VENDOR_SCRIPT), levels("del", VENDOR_SCRIPT)]),
                install("p0", &[levels("on", VENDOR_SCRIPT)]),
            ],
        ),
        // What the builder added stays, also where the image had it already.
        (
            Backend::Iptables,
            vec![
                builder(&[levels("add", VENDOR_SCRIPT)]),
                install("p2", &[levels("del", VENDOR_SCRIPT)]),
            ],
        ),
        (
            Backend::Iptables,
            vec![
                install("p1", &[]),
                builder(&[levels("add", own_script("p1"))]),
                upgrade("p1", &[levels("add", own_script("p1")), levels("del", own_script("p1"))]),
            ],
        ),
        // What the builder took out of all levels has no links there, and can be added again.
        (
            Backend::Nftables,
            vec![
                builder(&[levels("del", VENDOR_SCRIPT)]),
                install("p1", &[levels("add", VENDOR_SCRIPT)]),
                builder(&[levels("add", VENDOR_SCRIPT)]),
            ],
        ),
        (
            Backend::Nftables,
            vec![
                builder(&[levels("del", VENDOR_SCRIPT), levels("add", VENDOR_SCRIPT)]),
                install("p0", &[levels("on", VENDOR_SCRIPT)]),
            ],
        ),
        // What an erased package had made of the run levels is undone, and does not bind its successor.
        (
            Backend::Firewalld,
            vec![
                install("p2", &[levels("on", own_script("p2"))]),
                erase("p2"),
                install("p2", &[]),
                builder(&[levels("add", own_script("p2"))]),
            ],
        ),
        (
            Backend::Nftables,
            vec![
                install("p2", &masked),
                install("p0", &[unit("disable", "v0.service")]),
                erase("p2"),
            ],
        ),
        // A package that gives in to the builder's default target changes nothing by that.
        (
            Backend::Firewalld,
            vec![
                builder(&[WORK]),
                install("p1", &[MULTI_USER]),
                upgrade("p1", &[WORK]),
                install("p0", &[MULTI_USER]),
            ],
        ),
        // Masked is masked, also where the builder enabled the unit and asks to start it.
        (
            Backend::Firewalld,
            ["enable", "mask", "start"].map(|verb| builder(&[unit(verb, "v0.service")])).into(),
        ),
        // What presets say to a package does not count against what it declares.
        (
            Backend::Iptables,
            vec![Step::Install {
                package: "p1",
                post: vec![unit("start", "p1.service"), unit("preset", "p1.service")],
                declared: vec![unit("enable", "p1.service")],
            }],
        ),
        // No preset brings back what was to be started before a unit was disabled.
        (
            Backend::Iptables,
            vec![
                builder(&[unit("start", "v1.service"), unit("disable", "v1.service")]),
                builder(&[unit("preset", "v1.service")]),
            ],
        ),
        // Presets of our own repeat what was asked for before.
        (
            Backend::Firewalld,
            vec![
                install("p0", &[unit("enable", "v1.service")]),
                install("p1", &[unit("disable", "v1.service"), unit("preset", "v1.service")]),
                erase("p1"),
            ],
        ),
        // The builder adds a script in the levels that it names itself; a package may ask for others.
        (
            Backend::Iptables,
            vec![
                install("p1", &[]),
                builder(&[levels("add", own_script("p1"))]),
                upgrade("p1", &[levels("on", own_script("p1"))]),
            ],
        ),
        // A unit that metadata enabled is disabled with its package, also if a scriptlet enabled it since.
        (
            Backend::Firewalld,
            vec![
                declare("p2", &[own]),
                upgrade("p2", &[own]),
                erase("p2"),
                install("p2", &[]),
            ],
        ),
    ]
}

fn of_templates() -> Vec<(Backend, Vec<Step>)> {
    let (mask, disable) = (unit("mask", "w@b.service"), unit("disable", TEMPLATE));
    let (enable, start) = (unit("enable", "w@b.service"), unit("start", "w@b.service"));
    vec![
        (Backend::Nftables, vec![install("p2", &[mask, start]), builder(&[Call::PresetAll])]),
        (
            Backend::Iptables,
            vec![
                builder(&[start, disable]),
                builder(&[unit("preset", "w@b.service")]),
            ],
        ),
        (
            Backend::Firewalld,
            vec![
                install("p0", &[enable]),
                install("p1", &[disable, unit("preset", "w@b.service")]),
                upgrade("p1", &[]),
                erase("p1"),
            ],
        ),
        // The builder's disable of the template takes the mask away, which comes after it.
        (Backend::Nftables, vec![builder(&[disable]), install("p0", &[mask]), builder(&[start])]),
        // Presets take masks of instances away, those that settling wrote among them.
        (
            Backend::Iptables,
            vec![builder(&[disable]), builder(&[mask]), builder(&[Call::PresetAll])],
        ),
        (
            Backend::Nftables,
            vec![
                builder(&[mask]),
                builder(&[Call::PresetAll]),
                install("p2", &[disable]),
                install("p1", &[start]),
            ],
        ),
        // They disable a template's instances with it, and what was to be started of them before.
        (Backend::Iptables, vec![install("p1", &[start]), builder(&[Call::PresetAll])]),
        // The builder's disable of a template stands, whichever way a package enables an instance.
        (
            Backend::Iptables,
            vec![
                builder(&[disable]),
                install("p0", &[enable]),
                upgrade("p0", &[disable, enable]),
            ],
        ),
        // What an erased package took along with its template is enabled again.
        (
            Backend::Iptables,
            vec![
                install("p0", &[disable, enable]),
                install("p2", &[disable]),
                erase("p2"),
            ],
        ),
        (
            Backend::Firewalld,
            vec![
                install("p0", &[]),
                install("p2", &[mask]),
                upgrade("p0", &[mask, disable]),
            ],
        ),
    ]
}

fn of_the_firewall() -> Vec<(Backend, Vec<Step>)> {
    let (open, close) = (port(true), port(false));
    let lokkit = Call::Lokkit {
        option: "--port",
        value: "81/tcp",
    };
    let mut all = Vec::new();
    for backend in [Backend::Nftables, Backend::Firewalld, Backend::Iptables] {
        let histories = [
            // What only erased packages had opened stays closed.
            vec![
                install("p0", &[open]),
                install("p2", &[close]),
                erase("p0"),
                erase("p2"),
            ],
            vec![
                declare("p0", &[open]),
                install("p2", &[close]),
                erase("p0"),
                erase("p2"),
            ],
            vec![
                install("p0", &[lokkit]),
                install("p2", &[close]),
                erase("p0"),
                erase("p2"),
            ],
            vec![install("p0", &[open]), install("p2", &[close]), erase("p2")],
            // A package that closes what it opened with lokkit takes that back, and nothing else.
            vec![install("p1", &[open]), upgrade("p1", &[lokkit, close])],
            vec![declare("p2", &[open]), install("p0", &[lokkit, close])],
        ];
        all.extend(histories.map(|steps| (backend, steps)));
    }
    all
}
