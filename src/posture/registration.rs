//! Who of the people can answer an MFA challenge.
//!
//! Registered means: Microsoft's flag says so, or the account is capable, or it holds a method
//! that satisfies MFA. The report has no row for a brand-new account, so for 48 hours an account
//! without a row is not judged; after that it is unregistered. While the report is empty nobody
//! without a row is judged: it says nothing yet. An account that signs in at another identity
//! provider, or a guest whose own tenant's MFA is trusted, may do MFA there, where Entra does not
//! see it: it is not judged either unless it registered a method here.

use std::time::Duration;

use crate::clock::age;
use crate::posture::people::People;
use crate::sources::{Account, Facts, Registration as Row, Unread, User};

/// How long the report may take to show a new account.
pub const GRACE: Duration = Duration::from_secs(48 * 3600);

/// How each person stands, in the order of their numbers.
#[derive(Debug)]
pub struct Registration<'a>(Vec<Standing<'a>>);

/// How one person stands.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    /// Who.
    pub user: &'a User,
    /// Whether they can answer a challenge, or why that is not known.
    pub registered: Result<bool, Unread>,
    /// What Microsoft's report says, if it says anything.
    pub row: Option<Row>,
}

impl<'a> Registration<'a> {
    /// Judges everybody.
    pub fn of(facts: &'a Facts, people: &People<'a>) -> Result<Self, Unread> {
        let report = facts.registrations()?;
        // Without the organization no domain is known to be federated; people of such domains then
        // count by what they registered here, which errs towards naming too many.
        let organization = facts.organization.rows().ok();
        let judge = |(number, user): (usize, &&'a User)| {
            let row = report.of(&user.id);
            let elsewhere =
                || organization.is_some_and(|it| it.signs_in_elsewhere(&user.user_principal_name));
            let is_visitor = user.account == Account::Guest && user.is_external();
            let at_home = || match facts.cross_tenant_access.rows() {
                _ if !is_visitor => None,
                Ok(settings) => settings.trusts_somebody().then_some(Unread::NotObservable),
                Err(why) => Some(why),
            };
            let registered = if let Some(why) = people.doubt(number) {
                Err(why)
            } else if row.is_some_and(Row::registered) {
                Ok(true)
            } else if elsewhere() {
                Err(Unread::NotObservable)
            } else if let Some(why) = at_home() {
                Err(why)
            } else if row.is_none() && (report.is_empty() || is_new(user, facts)) {
                Err(Unread::Pending)
            } else if row.is_none() && report.has_gaps() {
                // The row may be one of those that could not be read.
                Err(Unread::SourceFailed)
            } else {
                Ok(false)
            };
            Standing { user, registered, row }
        };
        Ok(Self(people.everyone().iter().enumerate().map(judge).collect()))
    }

    /// Everybody, in the order of their numbers.
    pub fn everyone(&self) -> &[Standing<'a>] {
        &self.0
    }

    /// Who cannot answer a challenge.
    pub fn unregistered(&self) -> impl Iterator<Item = &'a User> {
        self.0.iter().filter(|it| it.registered == Ok(false)).map(|it| it.user)
    }

    /// Who registered nothing that policy lets them use; contains the unregistered.
    pub fn incapable(&self) -> impl Iterator<Item = &'a User> {
        let incapable =
            |it: &&Standing<'_>| it.registered.is_ok() && !it.row.is_some_and(Row::able);
        self.0.iter().filter(incapable).map(|it| it.user)
    }

    /// Why some people could not be judged; `None` when all were.
    pub fn doubt(&self) -> Option<Unread> {
        self.0.iter().filter_map(|it| it.registered.err()).min()
    }
}

/// Old accounts have no creation date.
fn is_new(user: &User, facts: &Facts) -> bool {
    user.created.is_some_and(|created| age(facts.now, created) < GRACE)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::clock::later;
    use crate::metrics::Samples;
    use crate::posture::{Count, Declarations, Posture};
    use crate::sources::{
        CrossTenantAccess, Fact, Methods, Plan, SecurityDefaults, SubscribedSkus, Users,
    };
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

    /// Everybody's standing: registered, unregistered, not judged.
    fn registration(facts: &Facts) -> Result<Sorted, Unread> {
        let people = People::of(facts)?;
        let all = Registration::of(facts, &people)?;
        let of = |wanted: fn(&Result<bool, Unread>) -> bool| {
            let these = all.everyone().iter().filter(|it| wanted(&it.registered));
            these.map(|it| it.user.clone()).collect()
        };
        Ok(Sorted {
            registered: of(|it| *it == Ok(true)),
            unregistered: all.unregistered().cloned().collect(),
            incapable: all.incapable().cloned().collect(),
            unjudged: of(Result::is_err),
            doubt: all.doubt(),
        })
    }

    #[derive(Debug)]
    struct Sorted {
        registered: Vec<User>,
        unregistered: Vec<User>,
        incapable: Vec<User>,
        unjudged: Vec<User>,
        doubt: Option<Unread>,
    }

    fn shown(facts: &Facts) -> String {
        let mut samples = Samples::of_tenant("t");
        Posture::of(facts, &Declarations::default()).observe(&mut samples);
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
        assert_eq!(standing.doubt, Some(Unread::Pending));
    }

    #[test]
    fn a_row_that_could_not_be_read_makes_nobody_unregistered() {
        let facts = facts(vec![user("a"), user("b")], &[("b", yes())], 1);
        let standing = registration(&facts).unwrap();
        assert_eq!(standing.unregistered.len(), 0);
        assert_eq!(standing.doubt, Some(Unread::SourceFailed));
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
        assert_eq!(standing.doubt, Some(Unread::NotObservable));
        assert_eq!(standing.unregistered.len(), 1);
        assert_eq!(standing.registered.len(), 1);
    }

    #[test]
    fn a_report_that_cannot_be_read_leaves_accounts_counted_and_gaps_absent() {
        let facts = Facts {
            user_registration_details: Fact::Unread(Unread::Permission),
            ..facts(vec![user("a")], &[], 0)
        };
        let lines = shown(&facts);
        assert!(lines.contains("partnercenter_users{tenant=\"t\",account=\"member\"} 1\n"));
        for absent in ["registration", "registered", "capable", "gap=", "grace", "weak"] {
            assert!(!lines.contains(absent), "{absent} is in\n{lines}");
        }
        assert_eq!(registration(&facts).unwrap_err(), Unread::Permission);
    }

    #[test]
    fn accounts_that_cannot_be_read_leave_everything_absent() {
        let facts = Facts { users: Fact::Unread(Unread::Stale), ..facts(vec![], &[], 0) };
        // That no list of alerts is read either is said, and nothing else.
        let shown = shown(&facts);
        let of_people = |line: &&str| !line.contains("_alerts_evidence{");
        assert_eq!(shown.lines().filter(of_people).collect::<Vec<_>>(), [""; 0]);
    }

    #[test]
    fn a_guest_whose_own_tenant_is_trusted_is_not_observable_unless_registered_here() {
        let guest = |id: &str, invited| User { account: Account::Guest, invited, ..user(id) };
        let people = vec![guest("a", true), guest("b", true), guest("c", false), user("d")];
        let no = Row::new(false, false, Methods::default());
        let facts = facts(people, &[("a", no), ("b", yes()), ("c", no), ("d", no)], 0);
        let with = |trusted_partners| {
            let trust = CrossTenantAccess { default_is_trusted: false, trusted_partners };
            let facts = Facts { cross_tenant_access: Fact::known(trust, now()), ..facts.clone() };
            registration(&facts).unwrap()
        };
        assert_eq!(with(0).unregistered.len(), 3);
        assert_eq!(registration(&facts).unwrap().doubt, Some(Unread::Pending), "not read yet");
        let standing = with(1);
        assert_eq!((standing.registered.len(), standing.unjudged.len()), (1, 1));
        assert_eq!(standing.doubt, Some(Unread::NotObservable));
        assert_eq!(standing.unregistered.len(), 2, "one of our own, and an internal guest");
    }

    #[test]
    fn of_two_reasons_the_first_of_the_list_is_told() {
        let facts = Facts {
            users: Fact::Unread(Unread::Stale),
            user_registration_details: Fact::Unread(Unread::Credential),
            ..facts(vec![], &[], 0)
        };
        assert_eq!(
            Posture::of(&facts, &Declarations::default()).registration.unwrap_err(),
            Unread::Credential
        );
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
        // Off, and what else there may be was not read: nothing is said but that it is not known.
        let lines = shown(&with(false));
        assert!(
            lines.contains(r#"mfa_unknown{tenant="t",account="member",about="enforcement"} 1"#)
        );
        for absent in ["gap=\"enforcement\"", "gap=\"both\"", "via=", "coverage=\"always\""] {
            assert!(!lines.contains(absent), "{absent} is in\n{lines}");
        }
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
            let registered = Count::of(&standing.registered);
            let unregistered = Count::of(&standing.unregistered);
            let unjudged = Count::of(&standing.unjudged);
            for account in Account::ALL {
                let sum = registered.get(account) + unregistered.get(account)
                    + unjudged.get(account);
                proptest::prop_assert_eq!(sum, enabled.get(account));
            }
            proptest::prop_assert!(standing.incapable.len() >= standing.unregistered.len());
        }
    }
}
