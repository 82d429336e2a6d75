//! Who of the enabled accounts can answer an MFA challenge, and who is covered by security
//! defaults.
//!
//! Registered means: Microsoft's flag says so, or the account is capable, or it holds a method
//! that satisfies MFA. The report has no row for a brand-new account, so for 48 hours an account
//! without a row is not judged; after that it is unregistered. While the report is empty nobody
//! without a row is judged: it says nothing yet. An account that signs in at
//! another identity provider may do MFA there, where Entra does not see it: it is not judged
//! either unless it registered a method here.

use std::time::Duration;

use crate::clock::age;
use crate::metrics::{Kind, Metric, Samples};
use crate::posture::Posture;
use crate::sources::{Account, Facts, Registration as Row, Unread, User};

/// How long the report may take to show a new account.
pub const GRACE: Duration = Duration::from_secs(48 * 3600);

/// How each enabled account stands.
#[derive(Debug, Default)]
pub struct Registration<'a> {
    /// Who cannot answer a challenge.
    pub unregistered: Vec<&'a User>,
    /// Who registered nothing that policy lets them use; contains the unregistered.
    pub incapable: Vec<&'a User>,
    /// Who cannot be judged, and why.
    pub unjudged: Vec<(&'a User, Unread)>,
    registered: Count,
    capable: Count,
}

impl Registration<'_> {
    /// Why some people could not be judged; `None` when all were.
    pub fn doubt(&self) -> Option<Unread> {
        self.unjudged.iter().map(|(_, why)| *why).min()
    }
}

/// A number for each kind of account.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Count([usize; Account::ALL.len()]);

impl Count {
    fn of<'a>(users: impl IntoIterator<Item = &'a User>) -> Self {
        let mut count = Self::default();
        users.into_iter().for_each(|user| count.add(user));
        count
    }

    fn add(&mut self, user: &User) {
        self.0[user.account as usize] += 1;
    }

    fn get(self, account: Account) -> usize {
        self.0[account as usize]
    }
}

/// Judges every enabled account.
pub fn registration(facts: &Facts) -> Result<Registration<'_>, Unread> {
    let (users, report) = match (facts.users.rows(), facts.registrations()) {
        (Ok(users), Ok(report)) => (users, report),
        (users, report) => {
            return Err(users
                .err()
                .into_iter()
                .chain(report.err())
                .min()
                .unwrap_or(Unread::Pending));
        }
    };
    // Without the organization no domain is known to be federated; people of such domains then
    // count by what they registered here, which errs towards naming too many.
    let organization = facts.organization.rows().ok();
    let mut standing = Registration::default();
    for user in users.enabled() {
        let row = report.of(&user.id);
        if row.is_some_and(Row::registered) {
            standing.registered.add(user);
        } else if organization.is_some_and(|it| it.signs_in_elsewhere(&user.user_principal_name)) {
            standing.unjudged.push((user, Unread::NotObservable));
            continue;
        } else if row.is_none() && (report.is_empty() || is_new(user, facts)) {
            standing.unjudged.push((user, Unread::Pending));
            continue;
        } else if row.is_none() && report.has_gaps() {
            // The row may be one of those that could not be read.
            standing.unjudged.push((user, Unread::SourceFailed));
            continue;
        } else {
            standing.unregistered.push(user);
        }
        if row.is_some_and(Row::capable) {
            standing.capable.add(user);
        }
        if !row.is_some_and(Row::able) {
            standing.incapable.push(user);
        }
    }
    Ok(standing)
}

/// Old accounts have no creation date.
fn is_new(user: &User, facts: &Facts) -> bool {
    user.created.is_some_and(|created| age(facts.now, created) < GRACE)
}

static USERS: Metric = Metric {
    name: "partnercenter_users",
    help: "Enabled accounts of the partner tenant, members and guests apart. Service and \
           emergency accounts count. Absent while accounts cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant", "account"],
};

static REGISTERED: Metric = Metric {
    name: "partnercenter_users_mfa_registered",
    help: "Enabled accounts that can answer an MFA challenge: Microsoft's flag says so, or they \
           hold a method that satisfies MFA. Microsoft's report lags by hours.",
    kind: Kind::Gauge,
    labels: &["tenant", "account"],
};

static CAPABLE: Metric = Metric {
    name: "partnercenter_users_mfa_capable",
    help: "Enabled accounts of which Microsoft says that policy lets them use an MFA method they \
           registered (isMfaCapable). Holders of nothing but Windows Hello are not among them.",
    kind: Kind::Gauge,
    labels: &["tenant", "account"],
};

static WITHOUT: Metric = Metric {
    name: "partnercenter_users_without_mfa",
    help: "Enabled accounts lacking MFA, by what is missing: registration (no method registered), \
           enforcement (not always challenged), both. The gaps are disjoint; 0 means nobody. A gap \
           whose source was never read is absent; people who cannot be judged stand in \
           partnercenter_users_mfa_unknown instead.",
    kind: Kind::Gauge,
    labels: &["tenant", "account", "gap"],
};

static UNJUDGED: Metric = Metric {
    name: "partnercenter_users_mfa_unknown",
    help: "Enabled accounts about whom registration or enforcement could not be judged: made less \
           than 48 hours ago and not in Microsoft's report yet, or signing in at another identity \
           provider, whose MFA Entra does not see.",
    kind: Kind::Gauge,
    labels: &["tenant", "account", "about"],
};

static ENFORCED: Metric = Metric {
    name: "partnercenter_users_mfa_enforced",
    help: "Enabled accounts for whom MFA is enforced, by the way it is: defaults (security \
           defaults). Absent while they are off, since other ways are not read by this version.",
    kind: Kind::Gauge,
    labels: &["tenant", "account", "via"],
};

/// The gauges of this file.
pub(super) static METRICS: [&Metric; 6] =
    [&USERS, &REGISTERED, &CAPABLE, &WITHOUT, &UNJUDGED, &ENFORCED];

pub(super) fn observe(posture: &Posture<'_>, samples: &mut Samples) {
    let Ok(users) = posture.facts.users.rows() else { return };
    let enabled = Count::of(users.enabled());
    let defaults_are_on = posture.facts.security_defaults.rows().is_ok_and(|it| it.is_enabled);
    for account in Account::ALL {
        let label = ("account", account.as_str());
        samples.count(&USERS, [label], enabled.get(account));
        if defaults_are_on {
            samples.count(&ENFORCED, [label, ("via", "defaults")], enabled.get(account));
            samples.count(&WITHOUT, [label, ("gap", "enforcement")], 0);
            samples.count(&UNJUDGED, [label, ("about", "enforcement")], 0);
        }
        let Ok(standing) = &posture.registration else { continue };
        let unregistered = Count::of(standing.unregistered.iter().copied());
        let unjudged = Count::of(standing.unjudged.iter().map(|(user, _)| *user));
        samples.count(&REGISTERED, [label], standing.registered.get(account));
        samples.count(&CAPABLE, [label], standing.capable.get(account));
        samples.count(&WITHOUT, [label, ("gap", "registration")], unregistered.get(account));
        samples.count(&UNJUDGED, [label, ("about", "registration")], unjudged.get(account));
        if defaults_are_on {
            samples.count(&WITHOUT, [label, ("gap", "both")], 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::clock::later;
    use crate::sources::{Fact, Methods, Plan, SecurityDefaults, SubscribedSkus, Users};
    use crate::sources::{Organization, UserRegistrationDetails};
    use crate::wire::{self, ObjectId};

    fn now() -> Timestamp {
        "2026-11-24T12:00:00Z".parse().unwrap()
    }

    fn user(id: &str) -> User {
        User {
            id: ObjectId::parse(id).unwrap(),
            user_principal_name: format!("{id}@contoso.example").into(),
            account_enabled: true,
            account: Account::Member,
            created: None,
            invited: false,
        }
    }

    fn yes() -> Row {
        Row::new(true, true, Methods::default())
    }

    fn facts(users: Vec<User>, rows: &[(&str, Row)], rejected: u64) -> Facts {
        let rows = rows.iter().map(|(id, row)| (ObjectId::parse(id).unwrap(), *row));
        let report = UserRegistrationDetails::new(rows, rejected);
        Facts {
            users: Fact::known(Users::new(users), now()),
            user_registration_details: Fact::known(report, now()),
            ..Facts::unread(now())
        }
    }

    fn shown(facts: &Facts) -> String {
        let mut samples = Samples::of_tenant("t");
        Posture::of(facts).observe(&mut samples);
        samples.to_string()
    }

    #[test]
    fn the_disabled_do_not_count_and_guests_do() {
        let disabled = User { account_enabled: false, ..user("a") };
        let guest = User { account: Account::Guest, ..user("b") };
        let facts = facts(vec![disabled, guest, user("c")], &[("c", yes())], 0);
        let lines = shown(&facts);
        for line in [
            r#"partnercenter_users{tenant="t",account="guest"} 1"#,
            r#"partnercenter_users{tenant="t",account="member"} 1"#,
            r#"partnercenter_users_mfa_registered{tenant="t",account="member"} 1"#,
            r#"partnercenter_users_without_mfa{tenant="t",account="guest",gap="registration"} 1"#,
            r#"partnercenter_users_without_mfa{tenant="t",account="member",gap="registration"} 0"#,
        ] {
            assert!(lines.contains(line), "{line}\nis not in\n{lines}");
        }
    }

    #[test]
    fn an_account_without_a_row_is_unjudged_for_48_hours_and_then_unregistered() {
        let created = now();
        let hired = |hours: u64, seconds: u64| {
            let user = User { created: Some(created), ..user("a") };
            let moment = later(created, Duration::from_secs(hours * 3600 + seconds));
            Facts { now: moment, ..facts(vec![user], &[("b", yes())], 0) }
        };
        for (moment, unjudged) in [(hired(0, 0), 1), (hired(47, 3599), 1), (hired(48, 0), 0)] {
            let standing = registration(&moment).unwrap();
            assert_eq!(standing.unjudged.len(), unjudged, "{}", moment.now);
            assert_eq!(standing.unregistered.len(), 1 - unjudged, "{}", moment.now);
        }
        let ahead = Facts { now: created - jiff::SignedDuration::from_hours(3), ..hired(0, 0) };
        assert_eq!(registration(&ahead).unwrap().unjudged.len(), 1, "clocks may differ");
    }

    #[test]
    fn an_old_account_without_date_and_row_is_unregistered() {
        let facts = facts(vec![user("a")], &[("b", yes())], 0);
        assert_eq!(registration(&facts).unwrap().unregistered.len(), 1);
    }

    #[test]
    fn a_report_without_any_row_says_nothing_about_anybody() {
        let facts = facts(vec![user("a"), user("b")], &[], 0);
        let standing = registration(&facts).unwrap();
        assert_eq!((standing.unregistered.len(), standing.unjudged.len()), (0, 2));
        assert_eq!(standing.doubt(), Some(Unread::Pending));
    }

    #[test]
    fn a_row_that_could_not_be_read_makes_nobody_unregistered() {
        let facts = facts(vec![user("a"), user("b")], &[("b", yes())], 1);
        let standing = registration(&facts).unwrap();
        assert_eq!(standing.unregistered.len(), 0);
        assert_eq!(standing.doubt(), Some(Unread::SourceFailed));
    }

    #[test]
    fn who_signs_in_elsewhere_is_not_observable_unless_registered_here() {
        let elsewhere = |id: &str| User {
            user_principal_name: format!("{id}@adfs.contoso.example").into(),
            ..user(id)
        };
        let body = br#"{"verifiedDomains":[{"name":"adfs.contoso.example","type":"Federated"}]}"#;
        let organization: Organization = wire::entity(body).unwrap();
        let people = vec![elsewhere("a"), elsewhere("b"), user("c")];
        let no = Row::new(false, false, Methods::default());
        let facts = facts(people, &[("a", no), ("b", yes()), ("c", no)], 0);
        let facts = Facts { organization: Fact::known(organization, now()), ..facts };
        let standing = registration(&facts).unwrap();
        assert_eq!(standing.doubt(), Some(Unread::NotObservable));
        assert_eq!(standing.unregistered.len(), 1);
        assert_eq!(standing.registered.get(Account::Member), 1);
    }

    #[test]
    fn a_report_that_cannot_be_read_leaves_accounts_counted_and_gaps_absent() {
        let facts = Facts {
            user_registration_details: Fact::Unread(Unread::Permission),
            ..facts(vec![user("a")], &[], 0)
        };
        assert_eq!(
            shown(&facts),
            "partnercenter_users{tenant=\"t\",account=\"guest\"} 0\n\
             partnercenter_users{tenant=\"t\",account=\"member\"} 1\n"
        );
        assert_eq!(registration(&facts).unwrap_err(), Unread::Permission);
    }

    #[test]
    fn accounts_that_cannot_be_read_leave_everything_absent() {
        let facts = Facts { users: Fact::Unread(Unread::Stale), ..facts(vec![], &[], 0) };
        assert_eq!(shown(&facts), "");
    }

    #[test]
    fn of_two_reasons_the_first_of_the_list_is_told() {
        let facts = Facts {
            users: Fact::Unread(Unread::Stale),
            user_registration_details: Fact::Unread(Unread::Credential),
            ..facts(vec![], &[], 0)
        };
        assert_eq!(registration(&facts).unwrap_err(), Unread::Credential);
    }

    #[test]
    fn a_licence_refusal_on_a_licensed_tenant_is_a_missing_permission() {
        let refused = |plans: &[Plan]| {
            let facts = Facts {
                user_registration_details: Fact::Unread(Unread::License),
                subscribed_skus: Fact::known(SubscribedSkus::with(plans), now()),
                ..facts(vec![], &[], 0)
            };
            registration(&facts).unwrap_err()
        };
        assert_eq!(refused(&[]), Unread::License);
        assert_eq!(refused(&[Plan::P1]), Unread::Permission);
    }

    #[test]
    fn security_defaults_enforce_for_everyone_and_when_off_say_nothing_of_enforcement() {
        let with = |is_enabled| Facts {
            security_defaults: Fact::known(SecurityDefaults { is_enabled }, now()),
            ..facts(vec![user("a")], &[("b", yes())], 0)
        };
        let lines = shown(&with(true));
        for line in [
            r#"partnercenter_users_mfa_enforced{tenant="t",account="member",via="defaults"} 1"#,
            r#"partnercenter_users_without_mfa{tenant="t",account="member",gap="enforcement"} 0"#,
            r#"partnercenter_users_without_mfa{tenant="t",account="member",gap="registration"} 1"#,
            r#"partnercenter_users_without_mfa{tenant="t",account="member",gap="both"} 0"#,
        ] {
            assert!(lines.contains(line), "{line}\nis not in\n{lines}");
        }
        assert!(!shown(&with(false)).contains("enforce"));
    }

    proptest::proptest! {
        #[test]
        fn every_enabled_account_stands_in_exactly_one_place(
            people in proptest::collection::vec(
                (0..4u8, proptest::bool::ANY, proptest::bool::ANY, 0..100u64), 0..40),
        ) {
            let mut users = Vec::new();
            let mut rows = Vec::new();
            for (index, (kind, enabled, guest, hours)) in people.iter().enumerate() {
                let id = format!("u{index}");
                let created = later(now(), Duration::ZERO) - jiff::SignedDuration::from_hours(*hours as i64);
                users.push(User {
                    account_enabled: *enabled,
                    account: if *guest { Account::Guest } else { Account::Member },
                    created: Some(created),
                    ..user(&id)
                });
                match kind {
                    0 => {}
                    1 => rows.push((id, Row::new(false, false, Methods::default()))),
                    2 => rows.push((id, Row::new(true, false, Methods::default()))),
                    _ => rows.push((id, yes())),
                }
            }
            let rows: Vec<_> = rows.iter().map(|(id, row)| (id.as_str(), *row)).collect();
            let facts = facts(users, &rows, 0);
            let standing = registration(&facts).unwrap();
            let enabled = Count::of(facts.users.rows().unwrap().enabled());
            let unregistered = Count::of(standing.unregistered.iter().copied());
            let unjudged = Count::of(standing.unjudged.iter().map(|(user, _)| *user));
            for account in Account::ALL {
                let sum = standing.registered.get(account) + unregistered.get(account)
                    + unjudged.get(account);
                proptest::prop_assert_eq!(sum, enabled.get(account));
            }
            proptest::prop_assert!(standing.incapable.len() >= standing.unregistered.len());
        }
    }
}
