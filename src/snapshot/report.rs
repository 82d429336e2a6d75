//! One tenant at one moment: verdicts, where the sources stand, and the samples of both.

use crate::checks::{self, Check, State, Verdict};
use crate::metrics::{Kind, Metric, Samples};
use crate::posture::{Declarations, Exception, Posture, Status};
use crate::snapshot::standards;
use crate::snapshot::standing::Standing;
use crate::sources::{Facts, PartnerType, Unread, User};
use crate::wire::ObjectId;

/// One tenant at one moment.
#[derive(Debug)]
pub struct Report {
    /// The tenant's configured name.
    pub tenant: String,
    /// What it was made from.
    pub facts: Facts,
    /// The verdict of each check, in their order.
    pub verdicts: Vec<(&'static Check, Verdict)>,
    /// How each enabled source stands.
    pub standings: Vec<Standing>,
    /// The tenant's name at Microsoft and what kind of partner it is, once known.
    pub organization: Option<(String, PartnerType)>,
    /// The first people who could not be judged.
    pub unjudged: Vec<Unjudged>,
    /// Everything as samples.
    pub samples: Samples,
}

/// Somebody who could not be judged. Named to authenticated eyes only.
#[derive(Debug)]
pub struct Unjudged {
    /// Object id.
    pub id: ObjectId,
    /// The name signed in with.
    pub name: Box<str>,
    /// `registration` or `enforcement`.
    pub about: &'static str,
    /// Why.
    pub why: Unread,
}

/// How many of them are named; all are counted among the samples.
const UNJUDGED_KEPT: usize = 1_000;

static UP: Metric = Metric {
    name: "partnercenter_up",
    help: "Whether Microsoft can be read for this tenant: a token can be had and at least one \
           source answered its last reading (1), or not, or not yet (0).",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static TOKEN_FAILURE: Metric = Metric {
    name: "partnercenter_token_failure",
    help: "1 for the present reason why Microsoft gives no token; absent while tokens are had.",
    kind: Kind::Gauge,
    labels: &["tenant", "reason"],
};

static STATE: Metric = Metric {
    name: "partnercenter_requirement_state",
    help: "The verdict on a requirement: 1 for the present state, 0 for the five others. Verdicts \
           hold at their last good state until max_age of the sources behind them.",
    kind: Kind::Gauge,
    labels: &["tenant", "requirement", "state"],
};

static INFO: Metric = Metric {
    name: "partnercenter_requirement_info",
    help: "What a requirement is: its title, how binding (tier M mandatory, S strongly \
           recommended, P recommended by the programme for Cloud Solution Providers, A advised, \
           B best practice, T of a time that has passed, X about the exporter), and what its \
           verdict rests on. Always 1.",
    kind: Kind::Info,
    labels: &["requirement", "tier", "evidence", "title"],
};

static FINDINGS: Metric = Metric {
    name: "partnercenter_requirement_findings",
    help: "How many things stand in the way of a requirement. 0 means it is met, attested, or does \
           not apply; absent while it is unknown.",
    kind: Kind::Gauge,
    labels: &["tenant", "requirement"],
};

static WAIVED: Metric = Metric {
    name: "partnercenter_requirement_findings_waived",
    help: "Of the findings, those put up with by an exception, a declared grace or a declared \
           emergency account. They count in partnercenter_requirement_findings too. Absent while \
           the requirement is unknown.",
    kind: Kind::Gauge,
    labels: &["tenant", "requirement"],
};

static EXCEPTIONS: Metric = Metric {
    name: "partnercenter_exceptions",
    help: "Exceptions in the configuration by how they stand: active, expired, unmatched (naming \
           somebody or something that its requirement finds nothing about). Absent while that cannot be judged.",
    kind: Kind::Gauge,
    labels: &["tenant", "status"],
};

static EXCEPTION_EXPIRY: Metric = Metric {
    name: "partnercenter_exception_expiry_timestamp_seconds",
    help: "When the first exception to a requirement ends, or ended. Absent where there is none.",
    kind: Kind::Gauge,
    labels: &["tenant", "requirement"],
};

static ATTESTATION_EXPIRY: Metric = Metric {
    name: "partnercenter_attestation_expiry_timestamp_seconds",
    help: "When the attestation of a requirement ends, or ended, and somebody has to look again. \
           Absent where there is none.",
    kind: Kind::Gauge,
    labels: &["tenant", "requirement"],
};

static UNKNOWN: Metric = Metric {
    name: "partnercenter_requirement_unknown",
    help: "1 while a requirement cannot be judged, with the reason; absent while it can.",
    kind: Kind::Gauge,
    labels: &["tenant", "requirement", "reason"],
};

static EVALUATED: Metric = Metric {
    name: "partnercenter_requirement_evaluated_timestamp_seconds",
    help: "When the oldest data behind a verdict was read from Microsoft, of what could be read. \
           Absent while nothing could.",
    kind: Kind::Gauge,
    labels: &["tenant", "requirement"],
};

/// The gauges of this file.
pub(super) static METRICS: [&Metric; 11] = [
    &UP,
    &TOKEN_FAILURE,
    &STATE,
    &INFO,
    &FINDINGS,
    &WAIVED,
    &EXCEPTIONS,
    &EXCEPTION_EXPIRY,
    &ATTESTATION_EXPIRY,
    &UNKNOWN,
    &EVALUATED,
];

impl Report {
    /// Judges the facts and says everything that can be said of them.
    pub fn of(
        tenant: &str,
        facts: &Facts,
        declared: &Declarations,
        standings: Vec<Standing>,
        token_failure: Option<&'static str>,
    ) -> Self {
        let mut samples = Samples::of_tenant(tenant);
        let posture = Posture::of(facts, declared);
        facts.observe(&mut samples);
        posture.observe(&mut samples);
        let verdicts: Vec<_> =
            checks::ALL.into_iter().map(|check| (check, check.judge(&posture))).collect();
        for (check, verdict) in &verdicts {
            show(check, verdict, facts, &mut samples);
        }
        standards::observe(&posture, &verdicts, &mut samples);
        for standing in &standings {
            standing.observe(&mut samples);
        }
        let up = token_failure.is_none() && standings.iter().any(|standing| standing.success);
        samples.flag(&UP, [], up);
        if let Some(reason) = token_failure {
            samples.push(&TOKEN_FAILURE, [("reason", reason)], 1.0);
        }
        let organization = facts.organization.rows().ok();
        let organization =
            organization.map(|it| (it.display_name.clone(), it.partner_tenant_type.clone()));
        self::declared(&posture, &verdicts, &mut samples);
        let named = |(user, about, why): (&User, _, _)| Unjudged {
            id: user.id.clone(),
            name: user.user_principal_name.clone(),
            about,
            why,
        };
        let unjudged = posture.unjudged().take(UNJUDGED_KEPT).map(named).collect();
        Self {
            tenant: tenant.to_owned(),
            facts: facts.clone(),
            verdicts,
            standings,
            organization,
            unjudged,
            samples,
        }
    }

    /// Whether every enabled source has been tried once.
    pub fn is_ready(&self) -> bool {
        self.standings.iter().all(|standing| standing.tried)
    }
}

fn show(check: &Check, verdict: &Verdict, facts: &Facts, samples: &mut Samples) {
    let requirement = ("requirement", check.id);
    let present = verdict.state();
    for state in State::ALL {
        samples.flag(&STATE, [requirement, ("state", state.as_str())], state == present);
    }
    match verdict.why_unknown() {
        Some(why) => samples.push(&UNKNOWN, [requirement, ("reason", why.as_str())], 1.0),
        None => {
            samples.count(&FINDINGS, [requirement], verdict.found());
            samples.count(&WAIVED, [requirement], verdict.waived());
        }
    }
    if let Some(at) = facts.as_of(check.sources) {
        samples.push(&EVALUATED, [requirement], at.as_millisecond() as f64 / 1000.0);
    }
}

/// What the configuration puts up with and vouches for, and for how long.
fn declared(posture: &Posture<'_>, verdicts: &[(&'static Check, Verdict)], samples: &mut Samples) {
    let all = &posture.declared.exceptions;
    let none = Verdict::default();
    let status = |it: &Exception| {
        let verdict = verdicts.iter().find(|(check, _)| check.id == it.requirement);
        let verdict = verdict.map_or(&none, |(_, verdict)| verdict);
        checks::standing(it, verdict, posture).map(|(status, _)| status)
    };
    let statuses: Result<Vec<_>, _> = all.iter().map(status).collect();
    for status in statuses.iter().flat_map(|_| Status::ALL) {
        let is_so = |it: &&Status| **it == status;
        let count = statuses.iter().flatten().filter(is_so).count();
        samples.count(&EXCEPTIONS, [("status", status.as_str())], count);
    }
    let attestations = &posture.declared.attestations;
    for check in checks::ALL {
        let requirement = ("requirement", check.id);
        let expiries = all.iter().filter(|it| it.requirement == check.id).map(|it| it.expires);
        if let Some(expiry) = expiries.min() {
            samples.push(&EXCEPTION_EXPIRY, [requirement], expiry.as_second() as f64);
        }
        // Of several the last counts: a renewed one may stand beside the old.
        let expiries = attestations.iter().filter(|it| it.requirement == check.id);
        if let Some(expiry) = expiries.map(|it| it.expires).max() {
            samples.push(&ATTESTATION_EXPIRY, [requirement], expiry.as_second() as f64);
        }
    }
}

/// The static side of every requirement.
pub(super) fn describe_requirements(samples: &mut Samples) {
    for check in checks::ALL {
        let labels = [
            ("requirement", check.id),
            ("tier", check.tier.as_str()),
            ("evidence", check.evidence.as_str()),
            ("title", check.title),
        ];
        samples.push(&INFO, labels, 1.0);
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::sources::{Fact, SubscribedSkus};

    #[test]
    fn all_six_states_are_always_there_and_one_holds() {
        let report = Report::of(
            "t",
            &Facts::unread(Timestamp::UNIX_EPOCH),
            &Declarations::default(),
            Vec::new(),
            None,
        );
        for check in checks::ALL {
            let of_check = |line: &&str| line.contains(&format!("requirement=\"{}\"", check.id));
            let lines: Vec<_> = report.samples.lines(&STATE).lines().filter(of_check).collect();
            assert_eq!(lines.len(), 6, "{}", check.id);
            assert_eq!(lines.iter().filter(|line| line.ends_with(" 1")).count(), 1, "{}", check.id);
        }
    }

    #[test]
    fn every_tier_is_explained() {
        for tier in checks::Tier::ALL {
            let letter = format!(" {} ", tier.as_str());
            assert!(INFO.help.replace('(', " ").contains(&letter), "{letter}");
        }
    }

    #[test]
    fn what_is_unknown_has_a_reason_and_neither_findings_nor_date() {
        let facts = Facts {
            subscribed_skus: Fact::Unread(Unread::Permission),
            ..Facts::unread(Timestamp::UNIX_EPOCH)
        };
        let lines =
            Report::of("t", &facts, &Declarations::default(), Vec::new(), None).samples.to_string();
        let reason = "partnercenter_requirement_unknown{tenant=\"t\",\
                      requirement=\"signin-log-available\",reason=\"permission\"} 1";
        assert!(lines.contains(reason), "{lines}");
        let of_it = |line: &&str| line.contains("requirement=\"signin-log-available\"");
        let others = lines.lines().filter(of_it).filter(|line| !line.contains("_state{"));
        assert_eq!(others.collect::<Vec<_>>(), [reason]);
    }

    #[test]
    fn what_is_judged_has_findings_and_the_date_of_its_data() {
        let at = "2026-11-24T12:00:00.5Z".parse().unwrap();
        let facts = Facts {
            subscribed_skus: Fact::known(SubscribedSkus::default(), at),
            ..Facts::unread(Timestamp::UNIX_EPOCH)
        };
        let lines =
            Report::of("t", &facts, &Declarations::default(), Vec::new(), None).samples.to_string();
        let findings =
            "requirement_findings{tenant=\"t\",requirement=\"signin-log-available\"} 1\n";
        assert!(lines.contains(findings), "{lines}");
        let date = "evaluated_timestamp_seconds{tenant=\"t\",\
                    requirement=\"signin-log-available\"} 1795521600.5\n";
        assert!(lines.contains(date), "{lines}");
    }
}
