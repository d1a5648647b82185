//! Who claims to have made a request, compared with what was running. A scriptlet can put any name into
//! its environment; the process outside knows from rpm which scriptlet is running.

use crate::attribution::{FoundBy, Learned, Origin};

/// What a request says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claim {
    /// Its number.
    pub event: u64,
    /// Who it says made it.
    pub origin: Origin,
    /// When, in its own words.
    pub time: String,
}

/// The times between which the requests of a scriptlet lie, as events have them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span<'s> {
    pub from: &'s str,
    pub to: &'s str,
}

/// What contradicts requests that were made while `running` ran, and messages about it.
pub(super) fn judge(claims: &[Claim], running: &Origin, span: Span) -> (Vec<(u64, Learned)>, Vec<String>) {
    let (mut learned, mut lines) = (Vec::new(), Vec::new());
    let Some(nevra) = running.nevra.as_ref().filter(|_| running.found_by == FoundBy::RpmPlugin) else {
        return (learned, lines);
    };
    let who = in_words(running);
    for claim in claims {
        let is_same = claim.origin.found_by == FoundBy::RpmPlugin
            && (&claim.origin.nevra, &claim.origin.scriptlet) == (&running.nevra, &running.scriptlet);
        let is_in_time = (span.from..=span.to).contains(&claim.time.as_str());
        if is_same && is_in_time {
            continue;
        }
        let claimed = Some(&claim.origin).filter(|origin| !is_same && origin.nevra.is_some()).map(in_words);
        if let Some(claimed) = &claimed {
            lines.push(format!("request {} says it is of {claimed}; it was made by {who}", claim.event));
        }
        if !is_in_time {
            lines.push(format!("request {} of {who} says it was made at {}", claim.event, claim.time));
        }
        learned.push((
            claim.event,
            Learned {
                nevra: nevra.clone(),
                scriptlet: running.scriptlet.clone(),
                watched: true,
                claimed,
                time: (!is_in_time).then(|| span.from.to_owned()),
            },
        ));
    }
    (learned, lines)
}

/// `%post of a-1-1.noarch`.
pub(super) fn in_words(origin: &Origin) -> String {
    let nevra = origin.nevra.as_deref().unwrap_or("a package that is not known");
    match &origin.scriptlet {
        Some(scriptlet) => format!("{scriptlet} of {nevra}"),
        None => nevra.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(found_by: FoundBy, nevra: Option<&str>) -> Origin {
        Origin {
            found_by,
            nevra: nevra.map(str::to_owned),
            scriptlet: nevra.map(|_| "%post".to_owned()),
            ..Origin::default()
        }
    }

    fn judged(origin: Origin, time: &str) -> (Vec<(u64, Learned)>, Vec<String>) {
        let running = self::origin(FoundBy::RpmPlugin, Some("evil-1-1.noarch"));
        let claim = Claim {
            event: 7,
            origin,
            time: time.to_owned(),
        };
        judge(
            &[claim],
            &running,
            Span {
                from: "2024-01-01",
                to: "2024-01-02",
            },
        )
    }

    #[test]
    fn a_request_that_names_another_package_is_the_running_ones_and_forged() {
        let (learned, lines) = judged(origin(FoundBy::RpmPlugin, Some("good-1-1.noarch")), "2024-01-01");
        assert_eq!((learned[0].0, learned[0].1.nevra.as_str()), (7, "evil-1-1.noarch"));
        assert_eq!(learned[0].1.claimed.as_deref(), Some("%post of good-1-1.noarch"));
        assert!(lines[0].contains("made by %post of evil-1-1.noarch"), "{lines:?}");
    }

    #[test]
    fn a_request_that_names_nobody_is_the_running_ones() {
        for found_by in [FoundBy::Unknown, FoundBy::Builder] {
            let (learned, lines) = judged(origin(found_by, None), "2024-01-01");
            assert_eq!((learned.len(), lines.len()), (1, 0));
            assert_eq!(learned[0].1.claimed, None);
        }
    }

    #[test]
    fn a_time_outside_of_the_scriptlets_is_forged() {
        let honest = || origin(FoundBy::RpmPlugin, Some("evil-1-1.noarch"));
        assert_eq!(judged(honest(), "2024-01-02"), (Vec::new(), Vec::new()));
        let (learned, lines) = judged(honest(), "1970-01-01");
        assert_eq!((learned[0].1.time.as_deref(), lines.len()), (Some("2024-01-01"), 1));
    }
}
