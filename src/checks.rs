//! What it means: one file per requirement, named as its id.
//!
//! A check does no I/O, reads no clock and knows no other check. To add one: its file, a `mod`
//! and a place in [`ALL`].

mod check;

mod accounts_without_mfa_ability;
mod mfa_all_users_registered;
mod security_defaults;
mod signin_log_available;

pub use check::{Check, Evidence, Finding, State, Subject, Tier, Verdict};

/// All checks, in the order of the reference.
pub static ALL: [&Check; 4] = [
    &mfa_all_users_registered::CHECK,
    &accounts_without_mfa_ability::CHECK,
    &security_defaults::CHECK,
    &signin_log_available::CHECK,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::Timestamp;

    use super::*;
    use crate::posture::Posture;
    use crate::sources::{self, Facts};

    #[test]
    fn every_check_is_named_once_documented_and_reads_sources_that_exist() {
        let ids: BTreeSet<_> = ALL.iter().map(|check| check.id).collect();
        assert_eq!(ids.len(), ALL.len());
        let sources: BTreeSet<_> = sources::all().iter().map(|about| about.id).collect();
        for check in ALL {
            let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(check.id.chars().all(legal), "{}", check.id);
            assert!(check.docs.starts_with("https://learn.microsoft.com/"), "{}", check.id);
            assert!(check.portal.starts_with("https://"), "{}", check.id);
            assert!(check.title.len() > 20 && check.remedy.len() > 20, "{}", check.id);
            assert!(!check.sources.is_empty(), "{}", check.id);
            assert!(check.sources.iter().all(|id| sources.contains(id)), "{}", check.id);
        }
    }

    #[test]
    fn what_was_never_read_is_unknown_everywhere() {
        let facts = Facts::unread(Timestamp::UNIX_EPOCH);
        let posture = Posture::of(&facts);
        for check in ALL {
            assert_eq!(check.judge(&posture).state(), State::Unknown, "{}", check.id);
        }
    }
}
