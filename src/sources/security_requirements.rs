//! Microsoft's own verdicts on the partner, requirement by requirement, and what it counted for
//! them.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use super::Facts;
use super::source::{Rows, Source};
use crate::client::{Ask, Client, FetchError};
use crate::metrics::{Kind, Metric, Samples};
use crate::wire::{self, AnyCase, Text};

/// What Microsoft says of each requirement, each type once, in the order of types.
#[derive(Debug, Default)]
pub struct SecurityRequirements {
    /// The requirements.
    pub requirements: Vec<Requirement>,
    /// How many could not be read, or had no room. While there are any, more may not be met.
    pub rejected: u64,
}

/// One requirement as Microsoft judges it.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Requirement {
    /// Microsoft's word for it, as a label may hold it.
    pub requirement_type: Box<str>,
    /// The verdict.
    pub compliance: Compliance,
    /// Whether it is only shown beforehand and not yet demanded.
    pub is_preview: bool,
    /// Points reached.
    pub score: Option<f64>,
    /// Points that can be reached.
    pub max_score: Option<f64>,
    /// When the verdict was last computed.
    pub updated: Option<Timestamp>,
    /// Where Microsoft says it is mended.
    pub action_url: Box<str>,
    /// Of alerts in the past 30 days: how long they were open before they were answered.
    pub average_response_hours: Option<f64>,
    /// Administrators, in the requirement about their MFA.
    pub admins: MfaCounts,
    /// All users, in the same requirement.
    pub users: MfaCounts,
    /// Customers whose administrators do MFA, and all customers.
    pub tenants: Option<(u64, u64)>,
    /// Customers with a spending budget, and all customers with Azure.
    pub budgets: Option<(u64, u64)>,
}

/// Accounts as Microsoft counts them; `None` where it does not say.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct MfaCounts {
    /// All of them.
    pub total: Option<u64>,
    /// Those for whom MFA is enabled.
    pub enabled: Option<u64>,
    /// Those who are to do MFA and have not registered.
    pub unregistered: Option<u64>,
}

/// A verdict of Microsoft's.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Compliance {
    /// Met.
    Compliant,
    /// Not met.
    Noncompliant,
    /// In a word unknown to us, or in none.
    #[default]
    Unknown,
}

impl Compliance {
    /// All of them, in the order of the label's values.
    pub const ALL: [Self; 3] = [Self::Compliant, Self::Noncompliant, Self::Unknown];

    /// How much it alarms.
    fn alarm(self) -> u8 {
        match self {
            Self::Compliant => 0,
            Self::Unknown => 1,
            Self::Noncompliant => 2,
        }
    }

    /// Of Microsoft's word. The schema has the misspelling `noncomplaint`, an example `nonCompliant`.
    fn of(word: &str) -> Self {
        match word.trim().to_ascii_lowercase().as_str() {
            "compliant" => Self::Compliant,
            "noncomplaint" | "noncompliant" => Self::Noncompliant,
            _ => Self::Unknown,
        }
    }

    /// The value of the label `state`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Compliant => "compliant",
            Self::Noncompliant => "noncompliant",
            Self::Unknown => "unknown",
        }
    }
}

impl<'de> Deserialize<'de> for Compliance {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = Option::<String>::deserialize(deserializer)?;
        Ok(word.as_deref().map_or(Self::Unknown, Self::of))
    }
}

#[derive(Debug, Deserialize)]
struct Row {
    #[serde(rename = "requirementtype", deserialize_with = "requirement_type")]
    requirement_type: Box<str>,
    #[serde(default, rename = "compliancestatus")]
    compliance: Compliance,
    #[serde(default, deserialize_with = "wire::name")]
    state: Box<str>,
    #[serde(default, deserialize_with = "wire::optional_number")]
    score: Option<f64>,
    #[serde(default, rename = "maxscore", deserialize_with = "wire::optional_number")]
    max_score: Option<f64>,
    #[serde(default, rename = "updateddatetime", deserialize_with = "wire::optional_moment")]
    updated: Option<Timestamp>,
    #[serde(default, rename = "actionurl", deserialize_with = "wire::name")]
    action_url: Box<str>,
    #[serde(
        default,
        rename = "averageresponsetimeinhours",
        deserialize_with = "wire::optional_number"
    )]
    average_response_hours: Option<f64>,
    #[serde(default, rename = "totaladminscount", deserialize_with = "wire::optional_count")]
    admins: Option<u64>,
    #[serde(default, rename = "mfaenabledadminscount", deserialize_with = "wire::optional_count")]
    admins_enabled: Option<u64>,
    #[serde(
        default,
        rename = "adminsrequirednotusingmfacount",
        deserialize_with = "wire::optional_count"
    )]
    admins_unregistered: Option<u64>,
    #[serde(default, rename = "totaluserscount", deserialize_with = "wire::optional_count")]
    users: Option<u64>,
    #[serde(default, rename = "mfaenableduserscount", deserialize_with = "wire::optional_count")]
    users_enabled: Option<u64>,
    #[serde(
        default,
        rename = "usersrequirednotusingmfacount",
        deserialize_with = "wire::optional_count"
    )]
    users_unregistered: Option<u64>,
    #[serde(default, rename = "complianttenantcount", deserialize_with = "wire::optional_count")]
    tenants_compliant: Option<u64>,
    #[serde(default, rename = "totaltenantcount", deserialize_with = "wire::optional_count")]
    tenants: Option<u64>,
    #[serde(
        default,
        rename = "customerswithspendbudgetcount",
        deserialize_with = "wire::optional_count"
    )]
    customers_with_budget: Option<u64>,
    #[serde(default, rename = "totalcustomerscount", deserialize_with = "wire::optional_count")]
    customers: Option<u64>,
}

fn requirement_type<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<str>, D::Error> {
    const CHARACTERS: usize = 64;
    deserializer.deserialize_str(Text("a type of requirement", |word| {
        let harmless = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
        let word: String = word.chars().filter(harmless).take(CHARACTERS).collect();
        (!word.is_empty()).then(|| word.into())
    }))
}

/// Some of all, where both are said. More than all is nothing said.
fn share(some: Option<u64>, all: Option<u64>) -> Option<(u64, u64)> {
    some.zip(all).filter(|(some, all)| some <= all)
}

impl From<Row> for Requirement {
    fn from(row: Row) -> Self {
        Self {
            requirement_type: row.requirement_type,
            compliance: row.compliance,
            is_preview: row.state.eq_ignore_ascii_case("preview"),
            score: row.score,
            max_score: row.max_score,
            updated: row.updated,
            action_url: row.action_url,
            average_response_hours: row.average_response_hours,
            admins: MfaCounts {
                total: row.admins,
                enabled: row.admins_enabled,
                unregistered: row.admins_unregistered,
            },
            users: MfaCounts {
                total: row.users,
                enabled: row.users_enabled,
                unregistered: row.users_unregistered,
            },
            tenants: share(row.tenants_compliant, row.tenants),
            budgets: share(row.customers_with_budget, row.customers),
        }
    }
}

impl SecurityRequirements {
    /// More types than these are left out: each is a value of a label.
    const KEPT: usize = 50;

    /// The requirement of this type, whatever the casing.
    pub fn of(&self, requirement_type: &str) -> Option<&Requirement> {
        let is_it = |it: &&Requirement| it.requirement_type.eq_ignore_ascii_case(requirement_type);
        self.requirements.iter().find(is_it)
    }

    /// Takes one in and tells whether there was room. Of two of one type the later verdict holds,
    /// and the one that is not met when neither is later.
    fn add(&mut self, requirement: Requirement) -> bool {
        let is_it = |it: &&mut Requirement| {
            it.requirement_type.eq_ignore_ascii_case(&requirement.requirement_type)
        };
        if let Some(known) = self.requirements.iter_mut().find(is_it) {
            let rank = |it: &Requirement| (it.updated, it.compliance.alarm());
            if rank(&requirement) > rank(known) {
                *known = requirement;
            }
            return true;
        }
        let has_room = self.requirements.len() < Self::KEPT;
        if has_room {
            self.requirements.push(requirement);
        }
        has_room
    }
}

static SCORE: Metric = Metric {
    name: "partnercenter_partner_requirement_score",
    help: "Points Microsoft gives for a requirement of its security score. Its own examples \
           contradict its verdicts here: go by partnercenter_microsoft_requirement_state. Absent \
           where it does not say.",
    kind: Kind::Gauge,
    labels: &["tenant", "requirement_type"],
};

static MAX: Metric = Metric {
    name: "partnercenter_partner_requirement_score_max",
    help: "Points Microsoft gives for a requirement of its security score when it is met. Absent where \
           it does not say.",
    kind: Kind::Gauge,
    labels: &["tenant", "requirement_type"],
};

static STATE: Metric = Metric {
    name: "partnercenter_microsoft_requirement_state",
    help: "Microsoft's own verdict on a requirement, 1 for the state it is in: compliant, \
           noncompliant, unknown (in a word unknown to this version). Types that are new appear by \
           themselves, 50 at most. Microsoft computes it about once a day. Absent while it cannot \
           be read.",
    kind: Kind::Gauge,
    labels: &["tenant", "requirement_type", "state"],
};

static ACCOUNTS: Metric = Metric {
    name: "partnercenter_microsoft_mfa_accounts",
    help: "Accounts of the partner tenant as Microsoft counts them for its verdict on MFA: account \
           admin for administrators, any for all of them. Compare with partnercenter_users. Absent \
           where Microsoft does not say.",
    kind: Kind::Gauge,
    labels: &["tenant", "account"],
};

static ENABLED: Metric = Metric {
    name: "partnercenter_microsoft_mfa_accounts_enabled",
    help: "Accounts for whom Microsoft takes MFA to be enabled, of those in \
           partnercenter_microsoft_mfa_accounts. Absent where Microsoft does not say.",
    kind: Kind::Gauge,
    labels: &["tenant", "account"],
};

static UNREGISTERED: Metric = Metric {
    name: "partnercenter_microsoft_mfa_accounts_unregistered",
    help: "Accounts that are required to do MFA and have not registered, as Microsoft counts them. \
           0 is as it should be. Absent where Microsoft does not say.",
    kind: Kind::Gauge,
    labels: &["tenant", "account"],
};

static TENANTS: Metric = Metric {
    name: "partnercenter_customer_tenants",
    help: "Customers' tenants as Microsoft counts them for its verdict on their administrators' \
           MFA. Absent where it does not say.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static TENANTS_MFA: Metric = Metric {
    name: "partnercenter_customer_tenants_admin_mfa",
    help: "Customers' tenants whose administrators do MFA, by Microsoft's count, of those in \
           partnercenter_customer_tenants. Absent where it does not say.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

impl Source for SecurityRequirements {
    const ID: &'static str = "security_requirements";
    const WHAT: &'static str = "Microsoft's own verdict on each requirement of its score";
    const ASK: Ask = Ask::partner_security("/beta/security/partner/securityScore/requirements");
    const PERMISSION: &'static str = "PartnerSecurity.Read.All (delegated)";
    const LICENSE: Option<&'static str> = None;
    const DOCS: &'static str = "https://learn.microsoft.com/graph/api/partner-security-partnersecurityscore-list-requirements";
    const INTERVAL: Duration = Duration::from_secs(900);
    const METRICS: &'static [&'static Metric] =
        &[&SCORE, &MAX, &STATE, &ACCOUNTS, &ENABLED, &UNREGISTERED, &TENANTS, &TENANTS_MFA];

    async fn fetch(client: &Client, _known: &Facts) -> Result<Rows<Self>, FetchError> {
        let mut source = Self::default();
        let mut without_room = 0;
        let add = |AnyCase(row): AnyCase<Row>| {
            without_room += u64::from(!source.add(row.into()));
        };
        let tally = client.list(&Self::ASK, add).await?;
        source.rejected = tally.rejected + without_room;
        source.requirements.sort_by(|one, other| one.requirement_type.cmp(&other.requirement_type));
        let rejected = source.rejected;
        Ok(Rows { source, accepted: tally.accepted - without_room, rejected })
    }

    fn observe(&self, samples: &mut Samples) {
        for requirement in &self.requirements {
            let requirement_type = ("requirement_type", &*requirement.requirement_type);
            for (metric, points) in [(&SCORE, requirement.score), (&MAX, requirement.max_score)] {
                if let Some(points) = points {
                    samples.push(metric, [requirement_type], points);
                }
            }
            for state in Compliance::ALL {
                let labels = [requirement_type, ("state", state.as_str())];
                samples.flag(&STATE, labels, requirement.compliance == state);
            }
        }
        if let Some(mfa) = self.of("mfaEnforcedForAdmins") {
            for (account, counts) in [("admin", mfa.admins), ("any", mfa.users)] {
                let MfaCounts { total, enabled, unregistered } = counts;
                for (metric, count) in
                    [(&ACCOUNTS, total), (&ENABLED, enabled), (&UNREGISTERED, unregistered)]
                {
                    if let Some(count) = count {
                        samples.push(metric, [("account", account)], count as f64);
                    }
                }
            }
        }
        let customers = self.of("mfaEnforcedForAdminsOfCustomers");
        if let Some((compliant, total)) = customers.and_then(|it| it.tenants) {
            samples.push(&TENANTS, [], total as f64);
            samples.push(&TENANTS_MFA, [], compliant as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::rows_of;

    fn read(body: &[u8]) -> SecurityRequirements {
        let mut source = SecurityRequirements::default();
        for AnyCase(row) in rows_of::<AnyCase<Row>>(body) {
            source.add(row.into());
        }
        source
    }

    #[test]
    fn the_documented_page_is_read_with_its_odd_spellings() {
        let source = read(include_bytes!("../../tests/samples/security_requirements.json"));
        let states: Vec<_> =
            source.requirements.iter().map(|it| (&*it.requirement_type, it.compliance)).collect();
        assert_eq!(
            states,
            [
                ("mfaEnforcedForAdmins", Compliance::Noncompliant),
                ("securityContactProvided", Compliance::Compliant),
                ("securityAlertsPromptlyResolved", Compliance::Noncompliant),
                ("mfaEnforcedForAdminsOfCustomers", Compliance::Unknown),
                ("spendingBudgetSetForCustomerAzureSubscriptions", Compliance::Compliant),
                ("allUsersCompleteMfaRegistration", Compliance::Unknown),
            ]
        );
        let of = |word| source.of(word).unwrap();
        let admins = MfaCounts { total: Some(5), enabled: Some(4), unregistered: Some(1) };
        assert_eq!(of("MfaEnforcedForAdmins").admins, admins);
        assert_eq!(of("securityAlertsPromptlyResolved").average_response_hours, Some(26.5));
        assert_eq!(of("mfaEnforcedForAdminsOfCustomers").tenants, Some((31, 40)));
        let budgets = of("spendingBudgetSetForCustomerAzureSubscriptions").budgets;
        assert_eq!(budgets, Some((7, 9)));
        assert!(of("allUsersCompleteMfaRegistration").is_preview);
        let mut samples = Samples::of_tenant("t");
        source.observe(&mut samples);
        let page = samples.to_string();
        for line in [
            "partnercenter_microsoft_requirement_state{tenant=\"t\",\
             requirement_type=\"mfaEnforcedForAdmins\",state=\"noncompliant\"} 1",
            "partnercenter_partner_requirement_score{tenant=\"t\",\
             requirement_type=\"securityContactProvided\"} 20",
            "partnercenter_microsoft_mfa_accounts_unregistered{tenant=\"t\",account=\"admin\"} 1",
            "partnercenter_customer_tenants_admin_mfa{tenant=\"t\"} 31",
        ] {
            assert!(page.lines().any(|shown| shown == line), "{line}\nis not in\n{page}");
        }
        assert!(!page.contains("score{tenant=\"t\",requirement_type=\"allUsers"), "{page}");
        assert!(!page.contains("unregistered{tenant=\"t\",account=\"any\"}"), "not said, not 0");
    }

    #[test]
    fn a_word_for_the_verdict_that_is_not_known_is_not_compliant() {
        for word in ["", "unknownFutureValue", "partiallyCompliant", "complaint"] {
            assert_eq!(Compliance::of(word), Compliance::Unknown, "{word}");
        }
        for word in ["noncomplaint", "nonCompliant", "NonCompliant", "NONCOMPLIANT "] {
            assert_eq!(Compliance::of(word), Compliance::Noncompliant, "{word}");
        }
    }

    #[test]
    fn a_type_is_harmless_in_a_label_and_there_is_room_for_fifty() {
        let row = |word: &str| {
            let body = serde_json::json!({ "requirementType": word }).to_string();
            serde_json::from_str::<AnyCase<Row>>(&body).map(|AnyCase(row)| Requirement::from(row))
        };
        assert_eq!(&*row("new\"} 1\n_x").unwrap().requirement_type, "new1_x");
        assert_eq!(row(&"a".repeat(100)).unwrap().requirement_type.len(), 64);
        assert!(row("…").is_err());
        let mut source = SecurityRequirements::default();
        for number in 0..50 {
            assert!(source.add(row(&format!("type{number}")).unwrap()));
        }
        assert!(!source.add(row("oneMore").unwrap()));
        assert!(source.add(row("type7").unwrap()), "one that is known needs no room");
    }

    #[test]
    fn of_two_verdicts_of_one_type_the_later_holds_and_a_tie_calms_nobody() {
        let at = |text: &str| Some(text.parse().unwrap());
        let verdict = |compliance, updated| Requirement {
            requirement_type: "a".into(),
            compliance,
            updated,
            ..Requirement::default()
        };
        let (old, new) = (at("2026-11-01T00:00:00Z"), at("2026-11-02T00:00:00Z"));
        for (first, second, holds) in [
            ((Compliance::Compliant, new), (Compliance::Noncompliant, old), Compliance::Compliant),
            ((Compliance::Noncompliant, old), (Compliance::Compliant, new), Compliance::Compliant),
            (
                (Compliance::Compliant, new),
                (Compliance::Noncompliant, new),
                Compliance::Noncompliant,
            ),
            (
                (Compliance::Noncompliant, new),
                (Compliance::Compliant, new),
                Compliance::Noncompliant,
            ),
            ((Compliance::Noncompliant, new), (Compliance::Unknown, new), Compliance::Noncompliant),
        ] {
            let mut source = SecurityRequirements::default();
            source.add(verdict(first.0, first.1));
            source.add(verdict(second.0, second.1));
            assert_eq!(source.requirements.len(), 1);
            assert_eq!(source.requirements[0].compliance, holds, "{first:?} {second:?}");
        }
    }
}
