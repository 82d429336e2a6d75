//! Who lacks MFA: what people registered and how they are covered, put together and counted.

use crate::metrics::{Kind, Metric, Samples};
use crate::posture::Posture;
use crate::posture::coverage::{COVERAGES, Coverage, Exclusion, Gap, Via};
use crate::posture::registration::Standing;
use crate::sources::{Account, Methods, Unread, User};

/// A number for each kind of account.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Count([usize; Account::ALL.len()]);

impl Count {
    /// Counts these.
    pub fn of<'a>(users: impl IntoIterator<Item = &'a User>) -> Self {
        let mut count = Self::default();
        users.into_iter().for_each(|user| count.0[user.account as usize] += 1);
        count
    }

    /// How many of this kind.
    pub fn get(self, account: Account) -> usize {
        self.0[account as usize]
    }
}

/// What is missing to somebody, of what is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missing {
    Registration,
    Enforcement,
    Both,
}

impl Missing {
    const ALL: [(Self, &'static str); 3] = [
        (Self::Registration, "registration"),
        (Self::Enforcement, "enforcement"),
        (Self::Both, "both"),
    ];

    /// Disjoint: nobody is in two gaps, and who cannot be judged about one is never in `both`.
    fn of(registered: Option<bool>, enforced: Option<bool>) -> Option<Self> {
        match (registered, enforced) {
            (Some(false), Some(false)) => Some(Self::Both),
            (Some(false), _) => Some(Self::Registration),
            (_, Some(false)) => Some(Self::Enforcement),
            _ => None,
        }
    }
}

/// What can be said about who is always challenged.
#[derive(Debug, Clone, Copy)]
struct Enforcement<'p, 'a> {
    posture: &'p Posture<'a>,
    /// Whether somebody's coverage is not known for want of a whole source.
    is_blind: bool,
}

impl<'p, 'a> Enforcement<'p, 'a> {
    fn of(posture: &'p Posture<'a>) -> Self {
        let is_blind = posture.is_blind(&posture.enforcement);
        Self { posture, is_blind }
    }

    fn coverage(self, number: usize) -> Option<Coverage> {
        Some(self.posture.enforcement.as_ref().ok()?.coverage[number])
    }
}

static USERS: Metric = Metric {
    name: "partnercenter_users",
    help: "Enabled accounts of the partner tenant, members and guests apart. Service and \
           emergency accounts count; Connect sync accounts, known by their role, do not as long as \
           roles can be read. Absent while accounts cannot be read.",
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

static RESISTANT: Metric = Metric {
    name: "partnercenter_users_mfa_phishing_resistant",
    help: "Enabled accounts that hold a method which cannot be phished: a passkey or security key, \
           Windows Hello, a certificate.",
    kind: Kind::Gauge,
    labels: &["tenant", "account"],
};

static WEAK: Metric = Metric {
    name: "partnercenter_users_mfa_weak",
    help: "Enabled accounts that hold nothing better for MFA than a telephone: calls and text \
           messages, which are easily intercepted.",
    kind: Kind::Gauge,
    labels: &["tenant", "account"],
};

static METHODS: Metric = Metric {
    name: "partnercenter_users_registered",
    help: "Enabled accounts that registered an authentication method, in Microsoft's words; those \
           unknown to this version are together `other`. One account may hold several.",
    kind: Kind::Gauge,
    labels: &["tenant", "auth_method"],
};

static WITHOUT: Metric = Metric {
    name: "partnercenter_users_without_mfa",
    help: "Enabled accounts lacking MFA, by what is missing: registration (no method registered), \
           enforcement (not always challenged), both. The gaps are disjoint; 0 means nobody. A gap \
           whose source could not be read is absent; people who cannot be judged stand in \
           partnercenter_users_mfa_unknown instead.",
    kind: Kind::Gauge,
    labels: &["tenant", "account", "gap"],
};

static UNJUDGED: Metric = Metric {
    name: "partnercenter_users_mfa_unknown",
    help: "Enabled accounts about whom registration or enforcement could not be judged. \
           Registration: made less than 48 hours ago and not in Microsoft's report yet, or signing \
           in elsewhere, where Entra does not see it. Enforcement: it depends on a policy, group or \
           role that could not be read.",
    kind: Kind::Gauge,
    labels: &["tenant", "account", "about"],
};

static GRACE: Metric = Metric {
    name: "partnercenter_users_mfa_grace",
    help: "Enabled accounts without a registered method that are in the grace declared for new \
           hires. They count in partnercenter_users_without_mfa too. 0 where no grace is declared; \
           absent while it is not known whether one of them is an administrator, who has none.",
    kind: Kind::Gauge,
    labels: &["tenant", "account"],
};

static COVERAGE: Metric = Metric {
    name: "partnercenter_users_mfa_coverage",
    help: "Enabled accounts by whether MFA is enforced for them: always, conditional (a sign-in \
           is known that is not challenged), excluded (left out of a policy that would), \
           not_targeted, unknown. Disjoint. While a source cannot be read on which somebody's \
           coverage depends, only unknown is there.",
    kind: Kind::Gauge,
    labels: &["tenant", "account", "coverage"],
};

static ENFORCED: Metric = Metric {
    name: "partnercenter_users_mfa_enforced",
    help: "Enabled accounts for whom every sign-in is challenged, by the way: defaults (security \
           defaults), conditional_access, per_user (legacy). The first way that holds is counted. \
           Absent while that cannot be judged.",
    kind: Kind::Gauge,
    labels: &["tenant", "account", "via"],
};

static CONDITIONAL: Metric = Metric {
    name: "partnercenter_users_mfa_conditional",
    help: "Enabled accounts that are challenged only under conditions, by the first thing that \
           lets a sign-in through. Disjoint. Absent while that cannot be judged.",
    kind: Kind::Gauge,
    labels: &["tenant", "gap"],
};

static EXCLUDED: Metric = Metric {
    name: "partnercenter_users_mfa_excluded",
    help: "Enabled accounts that are not always challenged and left out of a policy that demands \
           MFA, by the first way they are: direct (by name), group, role, guest. Disjoint. Absent \
           while that cannot be judged.",
    kind: Kind::Gauge,
    labels: &["tenant", "reason"],
};

static ADMINS: Metric = Metric {
    name: "partnercenter_admins",
    help: "Enabled accounts that hold a directory role, standing, activated or eligible, or are \
           agents of Partner Center. Absent while roles or groups behind it cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static ADMINS_ENFORCED: Metric = Metric {
    name: "partnercenter_admins_mfa_enforced",
    help: "Administrators for whom every sign-in is challenged for MFA.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static ADMINS_WITHOUT: Metric = Metric {
    name: "partnercenter_admins_without_mfa",
    help: "Administrators lacking MFA, by what is missing, as in partnercenter_users_without_mfa.",
    kind: Kind::Gauge,
    labels: &["tenant", "gap"],
};

static ADMINS_UNJUDGED: Metric = Metric {
    name: "partnercenter_admins_mfa_unknown",
    help: "Administrators about whom registration or enforcement could not be judged.",
    kind: Kind::Gauge,
    labels: &["tenant", "about"],
};

static ADMINS_RESISTANT: Metric = Metric {
    name: "partnercenter_admins_mfa_phishing_resistant",
    help: "Administrators who hold a method that cannot be phished.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

/// The gauges of this file.
pub(super) static METRICS: [&Metric; 18] = [
    &USERS,
    &REGISTERED,
    &CAPABLE,
    &RESISTANT,
    &WEAK,
    &METHODS,
    &WITHOUT,
    &UNJUDGED,
    &GRACE,
    &COVERAGE,
    &ENFORCED,
    &CONDITIONAL,
    &EXCLUDED,
    &ADMINS,
    &ADMINS_ENFORCED,
    &ADMINS_WITHOUT,
    &ADMINS_UNJUDGED,
    &ADMINS_RESISTANT,
];

pub(super) fn observe(posture: &Posture<'_>, samples: &mut Samples) {
    let Ok(people) = &posture.people else { return };
    let everyone = people.everyone();
    let users = Count::of(everyone.iter().copied());
    for account in Account::ALL {
        samples.count(&USERS, [("account", account.as_str())], users.get(account));
    }
    registered(posture, samples);
    enforced(posture, samples);
    gaps(posture, samples);
    administrators(posture, samples);
}

fn registered(posture: &Posture<'_>, samples: &mut Samples) {
    let Ok(registration) = &posture.registration else { return };
    let everyone = registration.everyone();
    let methods = |it: &Standing<'_>| it.row.map(|row| row.methods()).unwrap_or_default();
    let of = |is: &dyn Fn(&Standing<'_>) -> bool| {
        Count::of(everyone.iter().filter(|it| is(it)).map(|it| it.user))
    };
    let grace = everyone.iter().map(|it| Ok((it.user, posture.is_in_grace(it.user)?)));
    let grace: Result<Vec<_>, Unread> = grace.collect();
    let figures = [
        (&REGISTERED, of(&|it| it.registered == Ok(true))),
        (&CAPABLE, of(&|it| it.registered.is_ok() && it.row.is_some_and(|row| row.capable()))),
        (&RESISTANT, of(&|it| methods(it).resists_phishing())),
        (&WEAK, of(&|it| it.registered == Ok(true) && methods(it).is_weak())),
    ];
    let in_grace = |all: Vec<(&'_ User, bool)>| {
        Count::of(all.into_iter().filter(|(_, is_in_grace)| *is_in_grace).map(|(user, _)| user))
    };
    let grace = grace.ok().map(|all| (&GRACE, in_grace(all)));
    for (metric, count) in figures.into_iter().chain(grace) {
        for account in Account::ALL {
            samples.count(metric, [("account", account.as_str())], count.get(account));
        }
    }
    let mut held: Vec<_> = Methods::default().held().map(|(word, _)| (word, 0)).collect();
    for standing in everyone {
        for ((_, count), (_, holds)) in held.iter_mut().zip(methods(standing).held()) {
            *count += usize::from(holds);
        }
    }
    for (word, count) in held {
        samples.count(&METHODS, [("auth_method", word)], count);
    }
}

fn enforced(posture: &Posture<'_>, samples: &mut Samples) {
    let (Ok(people), Ok(assessment)) = (&posture.people, &posture.enforcement) else { return };
    let is_blind = Enforcement::of(posture).is_blind;
    let all = || people.everyone().iter().copied().zip(&assessment.coverage);
    let of = |is: &dyn Fn(Coverage) -> bool| {
        Count::of(all().filter(|(_, coverage)| is(**coverage)).map(|(user, _)| user))
    };
    for word in COVERAGES.into_iter().filter(|word| !is_blind || *word == "unknown") {
        let count = of(&|coverage| coverage.as_str() == word);
        for account in Account::ALL {
            let labels = [("account", account.as_str()), ("coverage", word)];
            samples.count(&COVERAGE, labels, count.get(account));
        }
    }
    if is_blind {
        return;
    }
    for via in Via::ALL {
        let count = of(&|coverage| coverage == Coverage::Always(via));
        for account in Account::ALL {
            let labels = [("account", account.as_str()), ("via", via.as_str())];
            samples.count(&ENFORCED, labels, count.get(account));
        }
    }
    for gap in Gap::ALL {
        let is = |it: &&Coverage| matches!(it, Coverage::Conditional { gap: of, .. } if *of == gap);
        let count = assessment.coverage.iter().filter(is).count();
        samples.count(&CONDITIONAL, [("gap", gap.as_str())], count);
    }
    let mut left_out = [0; Exclusion::ALL.len()];
    for number in 0..people.count() {
        if let Some((by, _)) = assessment.left_out(number) {
            left_out[by as usize] += 1;
        }
    }
    for by in Exclusion::ALL {
        samples.count(&EXCLUDED, [("reason", by.as_str())], left_out[by as usize]);
    }
}

/// What is missing to each of these people, counted.
struct Tally {
    missing: [usize; Missing::ALL.len()],
    unjudged: [usize; 2],
}

impl Tally {
    fn of(posture: &Posture<'_>, numbers: impl Iterator<Item = usize>) -> Self {
        let enforcement = Enforcement::of(posture);
        let mut tally = Self { missing: [0; 3], unjudged: [0; 2] };
        for number in numbers {
            let registered = posture.registration.as_ref().ok();
            let registered = registered.map(|it| it.everyone()[number].registered);
            let enforced = enforcement.coverage(number).map(Coverage::is_always);
            tally.unjudged[0] += usize::from(matches!(registered, Some(Err(_))));
            tally.unjudged[1] += usize::from(enforced == Some(None));
            let registered = registered.and_then(Result::ok);
            // While coverage is no measurement, nobody is known to be in both gaps.
            let enforced = enforced.flatten().filter(|_| !enforcement.is_blind);
            if let Some(missing) = Missing::of(registered, enforced) {
                tally.missing[missing as usize] += 1;
            }
        }
        tally
    }

    /// Which gaps are measurements at all.
    fn show(
        &self,
        posture: &Posture<'_>,
        mut missing: impl FnMut(&'static str, usize),
        mut unjudged: impl FnMut(&'static str, usize),
    ) {
        let registration = posture.registration.is_ok();
        let enforcement = !Enforcement::of(posture).is_blind;
        for (gap, word) in Missing::ALL {
            let measured = match gap {
                Missing::Registration => registration,
                Missing::Enforcement => enforcement,
                Missing::Both => registration && enforcement,
            };
            if measured {
                missing(word, self.missing[gap as usize]);
            }
        }
        if registration {
            unjudged("registration", self.unjudged[0]);
        }
        unjudged("enforcement", self.unjudged[1]);
    }
}

fn gaps(posture: &Posture<'_>, samples: &mut Samples) {
    let Ok(people) = &posture.people else { return };
    for account in Account::ALL {
        let everyone = people.everyone().iter().enumerate();
        let these = everyone.filter(|(_, user)| user.account == account).map(|(number, _)| number);
        let tally = Tally::of(posture, these);
        let label = ("account", account.as_str());
        let mut unjudged = Vec::new();
        tally.show(
            posture,
            |word, count| samples.count(&WITHOUT, [label, ("gap", word)], count),
            |word, count| unjudged.push((word, count)),
        );
        for (word, count) in unjudged {
            samples.count(&UNJUDGED, [label, ("about", word)], count);
        }
    }
}

fn administrators(posture: &Posture<'_>, samples: &mut Samples) {
    let Ok((administrators, None)) = &posture.administrators else { return };
    samples.count(&ADMINS, [], administrators.count());
    let enforcement = Enforcement::of(posture);
    if !enforcement.is_blind {
        let is_always = |number: &usize| {
            enforcement.coverage(*number).and_then(Coverage::is_always) == Some(true)
        };
        samples.count(&ADMINS_ENFORCED, [], administrators.iter().filter(is_always).count());
    }
    if let Ok(registration) = &posture.registration {
        let resists = |number: &usize| {
            let row = registration.everyone()[*number].row;
            row.is_some_and(|row| row.methods().resists_phishing())
        };
        samples.count(&ADMINS_RESISTANT, [], administrators.iter().filter(resists).count());
    }
    let tally = Tally::of(posture, administrators.iter());
    let mut unjudged = Vec::new();
    tally.show(
        posture,
        |word, count| samples.count(&ADMINS_WITHOUT, [("gap", word)], count),
        |word, count| unjudged.push((word, count)),
    );
    for (word, count) in unjudged {
        samples.count(&ADMINS_UNJUDGED, [("about", word)], count);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::posture::Declarations;
    use crate::posture::tenants::{Tenant, drawn, tenant};

    /// Every gauge of a tenant, by its series.
    fn shown(tenant: &Tenant) -> BTreeMap<String, u64> {
        let (facts, declared) = (tenant.facts(), tenant.declared());
        let mut samples = Samples::of_tenant("t");
        Posture::of(&facts, &declared).observe(&mut samples);
        let text = samples.to_string();
        let lines = text.lines().map(|line| line.rsplit_once(' ').unwrap());
        lines.map(|(series, value)| (series.to_owned(), value.parse().unwrap())).collect()
    }

    /// The sum of the series that have this name and all of these labels; `None` if there is none.
    fn sum(shown: &BTreeMap<String, u64>, name: &str, labels: &[&str]) -> Option<u64> {
        let start = format!("partnercenter_{name}{{");
        let meant = shown.iter().filter(|(series, _)| {
            series.starts_with(&start) && labels.iter().all(|label| series.contains(label))
        });
        meant.map(|(_, value)| *value).reduce(|one, other| one + other)
    }

    #[test]
    fn who_is_left_out_for_certain_stays_unregistered_while_others_are_unknown() {
        let tenant = tenant(
            "{ users: { anna: {}, xena: {} }, registered: { xena: [email] }, roles: refused,
               policies: [{ id: p, state: enabled, conditions: { users:
               { includeUsers: [All], excludeRoles: [admin], excludeUsers: [xena] }, applications:
               { includeApplications: [All] } }, grantControls: { operator: OR, builtInControls: [mfa] } }] }",
        );
        let shown = shown(&tenant);
        let gap = |word: &str| sum(&shown, "users_without_mfa", &[&format!("gap=\"{word}\"")]);
        assert_eq!(gap("registration"), Some(1));
        assert_eq!((gap("both"), gap("enforcement")), (None, None), "no measurement");
    }

    #[test]
    fn who_is_in_grace_is_no_measurement_while_a_new_hire_may_be_an_administrator() {
        let grace = |registered: &str, roles: &str| {
            let tenant = tenant(&format!(
                "{{ users: {{ anna: {{ age: 3 }}, bert: {{ age: 300 }} }},
                    registered: {registered}, roles: {roles} }}"
            ));
            let days = std::time::Duration::from_secs(14 * 86_400);
            let declared = Declarations { hire_grace: days, ..Declarations::default() };
            let mut samples = Samples::of_tenant("t");
            Posture::of(&tenant.facts(), &declared).observe(&mut samples);
            let text = samples.to_string();
            let line =
                text.lines().find(|line| line.contains("_grace{tenant=\"t\",account=\"member\""));
            line.map(|line| line.rsplit_once(' ').unwrap().1.to_owned())
        };
        assert_eq!(grace("{ anna: [email], bert: [email] }", "{}").as_deref(), Some("1"));
        assert_eq!(grace("{ anna: [email] }", "refused"), None);
        assert_eq!(grace("{ bert: [email] }", "refused").as_deref(), Some("0"));
    }

    #[test]
    fn one_policy_that_cannot_be_read_makes_nobody_measured_as_covered() {
        let tenant = tenant("{ users: { anna: {} }, policies: [], unreadable_policies: 1 }");
        let shown = shown(&tenant);
        assert_eq!(sum(&shown, "users_without_mfa", &["gap=\"enforcement\""]), None);
        assert_eq!(sum(&shown, "users_mfa_unknown", &["about=\"enforcement\""]), Some(1));
        assert_eq!(sum(&shown, "conditional_access_policies_undecided", &[]), Some(1));
        assert_eq!(sum(&shown, "mfa_option_enabled", &["conditional_access"]), None);
    }

    #[test]
    fn legacy_authentication_is_not_said_to_be_blocked_while_somebody_may_be_exempt() {
        let blocked = |exclusion: &str| {
            let tenant = tenant(&format!(
                "{{ users: {{ anna: {{}}, bert: {{}} }}, groups: {{ g: refused }}, policies: [{{ id: p,
                   state: enabled, conditions: {{ users: {{ includeUsers: [All], {exclusion} }},
                   applications: {{ includeApplications: [All] }}, clientAppTypes: [exchangeActiveSync, other] }},
                   grantControls: {{ operator: OR, builtInControls: [block] }} }}] }}"
            ));
            let shown = shown(&tenant);
            (sum(&shown, "legacy_auth_blocked", &[]), sum(&shown, "users_legacy_auth_unknown", &[]))
        };
        assert_eq!(blocked("excludeUsers: []"), (Some(1), Some(0)));
        assert_eq!(blocked("excludeUsers: [bert]"), (Some(0), Some(0)));
        assert_eq!(blocked("excludeGroups: [g]"), (None, Some(2)));
    }

    proptest::proptest! {
        #[test]
        fn the_figures_add_up_whatever_could_be_read((base, policies) in drawn::tenant()) {
            let mut base = base;
            base["policies"] = serde_json::Value::Array(policies);
            let tenant: Tenant = serde_json::from_value(base).unwrap();
            let shown = shown(&tenant);
            for account in ["account=\"member\"", "account=\"guest\""] {
                let of = |name: &str, label: &str| sum(&shown, name, &[account, label]);
                let users = of("users", "").unwrap();
                // Coverage: all kinds, or only what is unknown.
                let coverage = of("users_mfa_coverage", "").unwrap();
                let unknown = of("users_mfa_coverage", "=\"unknown\"").unwrap();
                match of("users_mfa_coverage", "=\"always\"") {
                    Some(always) => {
                        proptest::prop_assert_eq!(coverage, users);
                        proptest::prop_assert_eq!(of("users_mfa_enforced", "via"), Some(always));
                        let gap = of("users_without_mfa", "=\"enforcement\"").unwrap();
                        let both = of("users_without_mfa", "=\"both\"").unwrap();
                        proptest::prop_assert_eq!(gap + both, users - always - unknown);
                    }
                    None => {
                        proptest::prop_assert!(coverage <= users);
                        proptest::prop_assert_eq!(of("users_mfa_enforced", "via"), None);
                        proptest::prop_assert_eq!(of("users_without_mfa", "=\"both\""), None);
                    }
                }
                // People without a registered method are in one of two gaps.
                let registered = of("users_mfa_registered", "").unwrap();
                let unjudged = of("users_mfa_unknown", "=\"registration\"").unwrap();
                let gap = of("users_without_mfa", "=\"registration\"").unwrap();
                let both = of("users_without_mfa", "=\"both\"").unwrap_or(0);
                proptest::prop_assert_eq!(gap + both, users - registered - unjudged);
                let about = of("users_mfa_unknown", "=\"enforcement\"").unwrap();
                proptest::prop_assert_eq!(about, unknown);
            }
        }
    }
}
