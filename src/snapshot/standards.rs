//! What Microsoft's programme makes of the verdicts: where its own differ from ours, and what the
//! yearly check of the authorization as a Cloud Solution Provider would find.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::checks::{Check, State, Verdict};
use crate::metrics::{Kind, Metric, Samples};
use crate::posture::Posture;
use crate::sources::Compliance;

/// Requirements of Microsoft's that ask the same as one of ours, measured apart. The others have no
/// second source.
const PAIRS: [(&str, &str); 3] = [
    ("mfaEnforcedForAdmins", "mfa-admins-enforced"),
    ("securityAlertsPromptlyResolved", "fraud-response-time"),
    ("spendingBudgetSetForCustomerAzureSubscriptions", "azure-budget"),
];

/// Without these the authorization ends.
/// Source: CSP authorization, since October 2025.
const AUTHORIZATION: [&str; 3] = ["mfa-admins-enforced", "security-contact", "fraud-response-time"];

static DISAGREEMENT: Metric = Metric {
    name: "partnercenter_requirement_disagreement",
    help: "Whether Microsoft's verdict on a requirement differs from ours (1) or agrees (0). Ours is \
           measured apart from Microsoft's, which is computed daily. Absent while either is unknown.",
    kind: Kind::Gauge,
    labels: &["tenant", "requirement", "requirement_type"],
};

static ANNIVERSARY: Metric = Metric {
    name: "partnercenter_csp_anniversary_timestamp_seconds",
    help: "The first moment (UTC) of the month in which Microsoft next checks the authorization as a \
           Cloud Solution Provider. While that month lasts, of the same month a year later. Absent \
           unless csp_anniversary_month is configured.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static MET: Metric = Metric {
    name: "partnercenter_csp_authorization_requirement_met",
    help: "Whether a requirement without which the authorization as a Cloud Solution Provider ends \
           would be found met today (1) or not (0); one that does not apply is met, one that is \
           waived is not, since Microsoft knows no waivers. Absent while it is unknown.",
    kind: Kind::Gauge,
    labels: &["tenant", "requirement"],
};

/// The gauges of this file.
pub(super) static METRICS: [&Metric; 3] = [&DISAGREEMENT, &ANNIVERSARY, &MET];

pub(super) fn observe(
    posture: &Posture<'_>,
    verdicts: &[(&'static Check, Verdict)],
    samples: &mut Samples,
) {
    let state = |id: &str| {
        let found = verdicts.iter().find(|(check, _)| check.id == id);
        found.map_or(State::Unknown, |(_, verdict)| verdict.state())
    };
    for (requirement_type, requirement) in PAIRS {
        let theirs = posture.facts.security_requirements.rows().ok();
        let theirs =
            theirs.and_then(|it| is_met_in_their_eyes(it.of(requirement_type)?.compliance));
        if let (Some(theirs), Some(ours)) = (theirs, is_met(state(requirement))) {
            let labels = [("requirement", requirement), ("requirement_type", requirement_type)];
            samples.flag(&DISAGREEMENT, labels, theirs != ours);
        }
    }
    for requirement in AUTHORIZATION {
        if let Some(is_met) = is_met(state(requirement)) {
            samples.flag(&MET, [("requirement", requirement)], is_met);
        }
    }
    if let Some(month) = posture.declared.csp_anniversary_month
        && let Some(moment) = anniversary(month, posture.facts.now)
    {
        samples.push(&ANNIVERSARY, [], moment.as_second() as f64);
    }
}

fn is_met_in_their_eyes(compliance: Compliance) -> Option<bool> {
    match compliance {
        Compliance::Compliant => Some(true),
        Compliance::Noncompliant => Some(false),
        Compliance::Unknown => None,
    }
}

/// As Microsoft would see it: an exception of ours is none of theirs.
fn is_met(state: State) -> Option<bool> {
    match state {
        State::Compliant | State::NotApplicable => Some(true),
        State::Noncompliant | State::Waived => Some(false),
        State::Attested | State::Unknown => None,
    }
}

/// The beginning of the next month with this number.
fn anniversary(month: i8, now: Timestamp) -> Option<Timestamp> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let year = if month <= today.month() { today.year().checked_add(1)? } else { today.year() };
    let first = Date::new(year, month, 1).ok()?;
    Some(first.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks;
    use crate::posture::Declarations;
    use crate::sources::{Fact, Facts, Requirement, SecurityAlerts, SecurityRequirements};

    fn now() -> Timestamp {
        "2026-11-24T12:00:00Z".parse().unwrap()
    }

    fn shown(facts: &Facts, declared: &Declarations) -> String {
        let posture = Posture::of(facts, declared);
        let verdicts: Vec<_> =
            checks::ALL.into_iter().map(|check| (check, check.judge(&posture))).collect();
        let mut samples = Samples::of_tenant("t");
        observe(&posture, &verdicts, &mut samples);
        samples.to_string()
    }

    #[test]
    fn a_difference_is_shown_where_both_have_judged_and_nowhere_else() {
        let of = |compliance| {
            let requirement = Requirement {
                requirement_type: "securityAlertsPromptlyResolved".into(),
                compliance,
                ..Requirement::default()
            };
            let requirements = vec![requirement];
            let requirements = SecurityRequirements { requirements, rejected: 0 };
            let facts = Facts {
                security_alerts: Fact::known(SecurityAlerts::default(), now()),
                security_requirements: Fact::known(requirements, now()),
                ..Facts::unread(now())
            };
            shown(&facts, &Declarations::default())
        };
        let differs = |page: &str, differs: u8| {
            let line = format!(
                "disagreement{{tenant=\"t\",requirement=\"fraud-response-time\",\
                 requirement_type=\"securityAlertsPromptlyResolved\"}} {differs}\n"
            );
            page.contains(&line)
        };
        assert!(differs(&of(Compliance::Compliant), 0));
        assert!(differs(&of(Compliance::Noncompliant), 1));
        let unsaid = of(Compliance::Unknown);
        assert!(!unsaid.contains("disagreement"), "{unsaid}");
        assert!(unsaid.contains("_met{tenant=\"t\",requirement=\"fraud-response-time\"} 1\n"));
        assert!(!unsaid.contains("requirement=\"security-contact\""), "{unsaid}");
    }

    #[test]
    fn every_pair_and_every_condition_is_a_requirement_of_ours() {
        let ours = PAIRS.into_iter().map(|(_, requirement)| requirement).chain(AUTHORIZATION);
        for id in ours {
            assert!(checks::ALL.iter().any(|check| check.id == id), "{id}");
        }
    }

    #[test]
    fn the_anniversary_is_the_beginning_of_the_next_month_of_its_number() {
        let of = |month| anniversary(month, now()).unwrap().to_string();
        assert_eq!(of(11), "2027-11-01T00:00:00Z", "this month has begun");
        assert_eq!(of(12), "2026-12-01T00:00:00Z");
        assert_eq!(of(10), "2027-10-01T00:00:00Z");
        let declared = Declarations { csp_anniversary_month: Some(1), ..Declarations::default() };
        let page = shown(&Facts::unread(now()), &declared);
        assert_eq!(
            page,
            "partnercenter_csp_anniversary_timestamp_seconds{tenant=\"t\"} 1798761600\n"
        );
    }
}
