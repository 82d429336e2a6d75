//! Who has DAP and what is known of its use, from facts made by hand.

use super::*;
use crate::posture::Declarations;
use crate::sources::customers::Customer;
use crate::sources::dap_service::{self, DapService};
use crate::sources::sweep::Sweep;
use crate::sources::{CustomerDap, Customers, Fact, Organization, SignIns};

pub(crate) const DAY: i64 = 24 * 3600;
pub(crate) const NOW: i64 = 1_000 * DAY;

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

pub(crate) fn id(customer: u8) -> ObjectId {
    ObjectId::Guid([customer; 16])
}

/// A tenant of this kind.
pub(crate) fn organization(kind: &str) -> Fact<Organization> {
    let body = format!(r#"{{"partnerTenantType":"{kind}"}}"#);
    Fact::known(serde_json::from_str(&body).unwrap(), at(NOW))
}

/// Facts with these customers and whether each has DAP, and a log that was watched for so many days and
/// showed each of these uses (customer, days ago).
pub(crate) fn facts(flags: &[Option<bool>], watched: i64, uses: &[(u8, i64)]) -> Facts {
    let now = at(NOW);
    let numbered = (0_u8..).zip(flags);
    let customers = numbered.clone().map(|(customer, _)| Customer {
        id: id(customer),
        name: format!("Customer {customer}").into(),
        domain: format!("c{customer}.example").into(),
        relationship: Default::default(),
    });
    let sweep = Sweep::new(numbered.map(|(customer, flag)| (id(customer), Ok(*flag), now)));
    let last: serde_json::Map<_, _> = uses
        .iter()
        .map(|(customer, ago)| (id(*customer).to_string(), ((NOW - ago * DAY) / 3600).into()))
        .collect();
    let log = serde_json::json!({
        "layout": 1,
        "watched": [[NOW - watched * DAY, NOW]],
        "has_shown": !uses.is_empty(),
        "last": last,
    });
    let log = SignIns::recalled(None, serde_json::from_value(log).unwrap());
    Facts {
        customers: Fact::known(Customers::new(customers.collect()), now),
        customer_dap: Fact::known(CustomerDap(sweep), now),
        sign_ins: Fact::known(log, now),
        ..Facts::unread(now)
    }
}

fn bands(facts: &Facts) -> (Result<Evidence, Unread>, Vec<(u8, Band)>) {
    let dap = Dap::of(facts).unwrap();
    let number = |it: &Delegation<'_>| match it.customer {
        ObjectId::Guid(id) => id[0],
        ObjectId::Other(_) => panic!("{it:?}"),
    };
    (dap.evidence, dap.customers.iter().map(|it| (number(it), it.band)).collect())
}

pub(crate) const YES: Option<bool> = Some(true);
pub(crate) const NO: Option<bool> = Some(false);

#[test]
fn the_log_tells_of_those_it_saw_and_of_the_others_what_it_cannot_know_is_unknown() {
    let facts = facts(&[YES, YES, NO, YES], 40, &[(0, 3), (1, 35)]);
    let expected = vec![(0, Band::Lt30), (1, Band::To60), (3, Band::Unknown)];
    assert_eq!(bands(&facts), (Ok(Evidence::Log), expected));
    assert_eq!(Dap::of(&facts).unwrap().why_unknown, Unread::Pending);
}

#[test]
fn a_log_that_never_showed_a_use_is_no_evidence() {
    let facts = facts(&[YES], 200, &[]);
    assert_eq!(bands(&facts), (Ok(Evidence::None), vec![(0, Band::Unknown)]));
    assert_eq!(Dap::of(&facts).unwrap().why_unknown, Unread::NotObservable);
}

#[test]
fn a_log_that_fails_is_not_taken_for_one_that_is_not_there() {
    let mut facts = facts(&[YES], 200, &[(0, 3)]);
    facts.sign_ins = Fact::Unread(Unread::Stale);
    assert_eq!(Dap::of(&facts).unwrap().evidence, Err(Unread::Stale));
    let mut samples = Samples::of_tenant("t");
    observe(&Posture::of(&facts, &Declarations::default()), &mut samples);
    assert_eq!(samples.to_string(), "", "no band is a measurement then");
    facts.sign_ins = Fact::Unread(Unread::License);
    assert_eq!(Dap::of(&facts).unwrap().evidence, Ok(Evidence::None));
}

#[test]
fn the_report_says_what_the_log_cannot_and_is_believed_for_thirty_days() {
    let mut facts = facts(&[YES, YES, YES], 10, &[(0, 3)]);
    let entry = |customer: &str, unused| Entry {
        customer: customer.into(),
        granted: crate::sources::dap_report::Age::Unsaid,
        unused,
    };
    use crate::sources::dap_report::{Age, Use};
    let report = DapReport {
        at: at(NOW - 30 * DAY),
        rows: vec![
            entry("customer 0", Use::Ago(Age::AtLeast(90))),
            entry("C1.example", Use::Ago(Age::AtLeast(90))),
        ],
        rejected: 0,
    };
    facts.dap_report = Fact::known(report.clone(), facts.now);
    let expected = vec![(0, Band::Lt30), (1, Band::Gt90), (2, Band::Unknown)];
    assert_eq!(bands(&facts), (Ok(Evidence::Report), expected));
    let report = DapReport { at: at(NOW - 31 * DAY), ..report };
    facts.dap_report = Fact::known(report, facts.now);
    assert_eq!(bands(&facts).0, Ok(Evidence::Log), "by now it should have been exported again");
}

#[test]
fn where_nobody_says_who_has_dap_the_report_does() {
    let mut facts = facts(&[], 10, &[]);
    facts.customer_dap = Fact::Unread(Unread::Permission);
    assert_eq!(Dap::of(&facts).unwrap_err(), Unread::Permission);
    use crate::sources::dap_report::{Age, Use};
    let rows = vec![Entry {
        customer: id(7).to_string().into(),
        granted: Age::Days(400),
        unused: Use::Never,
    }];
    facts.dap_report = Fact::known(DapReport { at: facts.now, rows, rejected: 1 }, facts.now);
    let dap = Dap::of(&facts).unwrap();
    assert_eq!((dap.customers[0].band, dap.doubt), (Band::Never, Some(Unread::SourceFailed)));
}

#[test]
fn the_service_knows_best_and_what_customers_say_counts_beside_it() {
    let mut facts = facts(&[YES, YES, NO], 200, &[(0, 3)]);
    let listed = |customer| dap_service::Delegation {
        customer: id(customer),
        name: "One".into(),
        granted: Some(at(NOW - 500 * DAY)),
        last: Some(at(NOW - 70 * DAY)),
    };
    let service = DapService::new(vec![listed(1), listed(2), listed(9)]);
    facts.dap_service = Fact::known(service, facts.now);
    // 0 has granted it since, 2 has ended it since, and of 9 nobody else knows.
    let expected = vec![(0, Band::Unknown), (1, Band::To90), (9, Band::To90)];
    assert_eq!(bands(&facts), (Ok(Evidence::Service), expected));
    // One that lists nobody says nothing that the customers do not say.
    facts.dap_service = Fact::known(DapService::default(), facts.now);
    assert_eq!(bands(&facts).1, vec![(0, Band::Unknown), (1, Band::Unknown)]);
    facts.customer_dap = Fact::Unread(Unread::Permission);
    assert_eq!(Dap::of(&facts).unwrap_err(), Unread::Permission, "and is no proof of no DAP");
}

#[test]
fn until_every_customer_was_asked_about_nobody_knows_how_many_have_it() {
    let mut facts = facts(&[YES, NO], 200, &[(0, 3)]);
    facts.customer_dap = Fact::known(CustomerDap(Sweep::default()), facts.now);
    assert_eq!(bands(&facts).1, vec![], "there are no customers");
    let unsaid = Sweep::new([(id(0), Ok(None), facts.now), (id(1), Ok(YES), facts.now)]);
    facts.customer_dap = Fact::known(CustomerDap(unsaid), facts.now);
    let dap = Dap::of(&facts).unwrap();
    assert_eq!((dap.customers.len(), dap.doubt), (1, Some(Unread::NotObservable)));
}

#[test]
fn every_band_is_shown_and_one_kind_of_evidence() {
    let facts = facts(&[YES, YES], 200, &[(0, 3)]);
    let mut samples = Samples::of_tenant("t");
    observe(&Posture::of(&facts, &Declarations::default()), &mut samples);
    let text = samples.to_string();
    assert!(
        text.contains("inactivity=\"lt30\"} 1\n") && text.contains("inactivity=\"unknown\"} 1\n")
    );
    assert_eq!(text.matches("partnercenter_dap_customers{").count(), 7);
    assert_eq!(text.matches("partnercenter_dap_evidence{").count(), 4);
    assert!(text.contains("evidence=\"log\"} 1\n"), "{text}");
    let since = (NOW - 200 * DAY).to_string();
    assert!(text.contains(&format!("observed_since_timestamp_seconds{{tenant=\"t\"}} {since}\n")));
}
