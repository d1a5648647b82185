//! Whether a recorded intent is to be carried out, given what was recorded before and what is there.

/// What becomes of an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It is in force already.
    InForce,
    /// Somebody changed it since; the change is kept.
    Kept,
    /// It is to be carried out.
    Carry,
}

/// Decides. `before` is what was recorded when nodeshim last applied, `None` if nothing was;
/// `in_image` says that the intent took effect while the image was made, so that a difference is
/// somebody's doing.
pub(crate) fn decide<T: PartialEq>(before: Option<&T>, now: &T, actual: &T, in_image: bool) -> Decision {
    if actual == now {
        return Decision::InForce;
    }
    match before {
        // An unchanged intent that is not in force was reverted on the node.
        Some(before) if before == now => Decision::Kept,
        // A changed intent replaces what the earlier one left, and nothing else.
        Some(before) if before == actual => Decision::Carry,
        Some(_) => Decision::Kept,
        None if in_image => Decision::Kept,
        None => Decision::Carry,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn three_way_decision_lets_the_administrator_win(
            before in proptest::option::of(0u8..4), now in 0u8..4, actual in 0u8..4, in_image: bool,
        ) {
            let decision = decide(before.as_ref(), &now, &actual, in_image);
            // An unchanged intent never acts.
            if before == Some(now) {
                prop_assert_ne!(decision, Decision::Carry);
            }
            // Nothing that differs from what nodeshim left is overwritten.
            if before.is_some_and(|before| before != actual) {
                prop_assert_ne!(decision, Decision::Carry);
            }
            prop_assert_eq!(decision == Decision::InForce, actual == now);
            // What was carried out is in force, now and after any number of boots.
            if decision == Decision::Carry {
                prop_assert_eq!(decide(Some(&now), &now, &now, in_image), Decision::InForce);
            }
            // What was kept stays kept.
            if decision == Decision::Kept {
                prop_assert_eq!(decide(Some(&now), &now, &actual, in_image), Decision::Kept);
            }
        }
    }

    #[test]
    fn a_new_intent_is_carried_out_unless_the_image_had_it() {
        assert_eq!(decide(None, &true, &false, false), Decision::Carry);
        assert_eq!(decide(None, &true, &false, true), Decision::Kept);
        assert_eq!(decide(Some(&false), &true, &false, true), Decision::Carry);
    }
}
