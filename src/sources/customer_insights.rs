//! How customers' tenants demand MFA, and how many of their people do it, as Microsoft counts.

use std::collections::HashSet;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::Facts;
use super::source::{Rows, Source};
use crate::client::{Ask, Client, FetchError};
use crate::metrics::{Kind, Metric, Samples};
use crate::wire::{self, AnyCase, ObjectId};

/// Customers, counted. The customers themselves are not kept.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct CustomerInsights {
    /// Customers' tenants.
    pub customers: u64,
    /// The same by the way they demand MFA, in the order of [`MfaOption::ALL`].
    pub options: [u64; MfaOption::ALL.len()],
    /// People of the customers about whom Microsoft gives all counts.
    pub people: People,
    /// Customers about whom it does not.
    pub uncounted: u64,
}

/// People of customers.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct People {
    /// All of them.
    pub users: u64,
    /// Administrators who do MFA.
    pub admins_mfa: u64,
    /// Others who do.
    pub others_mfa: u64,
}

/// The way a customer demands MFA: the first that applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MfaOption {
    /// Security defaults.
    SecurityDefaults,
    /// Conditional Access.
    ConditionalAccess,
    /// Legacy per-user MFA.
    PerUser,
    /// None of these.
    None,
    /// Microsoft does not say.
    Unknown,
}

impl MfaOption {
    /// All of them, in the order of the label's values.
    pub const ALL: [Self; 5] =
        [Self::SecurityDefaults, Self::ConditionalAccess, Self::PerUser, Self::None, Self::Unknown];

    /// The value of the label `option`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SecurityDefaults => "security_defaults",
            Self::ConditionalAccess => "conditional_access",
            Self::PerUser => "per_user",
            Self::None => "none",
            Self::Unknown => "unknown",
        }
    }
}

#[derive(Debug, Deserialize)]
struct Row {
    #[serde(rename = "tenantid")]
    tenant: ObjectId,
    #[serde(default, deserialize_with = "wire::null_is_default")]
    mfa: Mfa,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Mfa {
    #[serde(rename = "compliantadminscount", deserialize_with = "wire::optional_count")]
    admins: Option<u64>,
    #[serde(rename = "compliantnonadminscount", deserialize_with = "wire::optional_count")]
    others: Option<u64>,
    #[serde(rename = "totaluserscount", deserialize_with = "wire::optional_count")]
    users: Option<u64>,
    #[serde(rename = "securitydefaultsstatus", deserialize_with = "is_enabled")]
    security_defaults: Option<bool>,
    #[serde(rename = "mfaconditionalaccesspolicystatus", deserialize_with = "is_enabled")]
    conditional_access: Option<bool>,
    #[serde(rename = "legacyperusermfastatus", deserialize_with = "is_enabled")]
    per_user: Option<bool>,
}

/// `enabled` or `disabled`; any other word, or none, says nothing.
fn is_enabled<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    let word = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
    Ok(match word.trim() {
        yes if yes.eq_ignore_ascii_case("enabled") => Some(true),
        no if no.eq_ignore_ascii_case("disabled") => Some(false),
        _ => None,
    })
}

impl Mfa {
    fn option(&self) -> MfaOption {
        match (self.security_defaults, self.conditional_access, self.per_user) {
            (Some(true), ..) => MfaOption::SecurityDefaults,
            (_, Some(true), _) => MfaOption::ConditionalAccess,
            (.., Some(true)) => MfaOption::PerUser,
            (Some(false), Some(false), Some(false)) => MfaOption::None,
            _ => MfaOption::Unknown,
        }
    }

    fn people(&self) -> Option<People> {
        Some(People { users: self.users?, admins_mfa: self.admins?, others_mfa: self.others? })
    }
}

impl CustomerInsights {
    fn add(&mut self, mfa: &Mfa) {
        let option = mfa.option();
        self.customers += 1;
        for (count, of) in self.options.iter_mut().zip(MfaOption::ALL) {
            *count += u64::from(of == option);
        }
        match mfa.people() {
            Some(People { users, admins_mfa, others_mfa }) => {
                let sum = &mut self.people;
                sum.users = sum.users.saturating_add(users);
                sum.admins_mfa = sum.admins_mfa.saturating_add(admins_mfa);
                sum.others_mfa = sum.others_mfa.saturating_add(others_mfa);
            }
            None => self.uncounted += 1,
        }
    }
}

static OPTIONS: Metric = Metric {
    name: "partnercenter_customer_tenants_mfa_option",
    help: "Customers' tenants by the way they demand MFA, the first that applies: \
           security_defaults, conditional_access (a policy that demands MFA of somebody), per_user, \
           none, unknown (Microsoft does not say). Microsoft refreshes it about once a day. Absent \
           while it cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant", "option"],
};

static USERS: Metric = Metric {
    name: "partnercenter_customer_users",
    help: "People in customers' tenants, of the customers about whom Microsoft gives all counts. \
           Absent when there are customers and none of them is counted.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static USERS_MFA: Metric = Metric {
    name: "partnercenter_customer_users_mfa",
    help: "People in customers' tenants who satisfy MFA, of those in partnercenter_customer_users: \
           account admin for administrators, other for the rest. How many administrators there are \
           Microsoft does not say. Absent as that is.",
    kind: Kind::Gauge,
    labels: &["tenant", "account"],
};

impl Source for CustomerInsights {
    const ID: &'static str = "customer_insights";
    const WHAT: &'static str = "How customers' tenants demand MFA, and how many people do it";
    const ASK: Ask = Ask::partner_security("/beta/security/partner/securityScore/customerInsights");
    const PERMISSION: &'static str = "PartnerSecurity.Read.All (delegated)";
    const LICENSE: Option<&'static str> = None;
    const DOCS: &'static str = "https://learn.microsoft.com/graph/api/partner-security-partnersecurityscore-list-customerinsights";
    const INTERVAL: Duration = Duration::from_secs(6 * 3600);
    const METRICS: &'static [&'static Metric] = &[&OPTIONS, &USERS, &USERS_MFA];

    async fn fetch(client: &Client, _known: &Facts) -> Result<Rows<Self>, FetchError> {
        const KEPT: usize = 100_000;
        let mut source = Self::default();
        // Customers move between pages while these are read. All pages are of one day's count, so
        // the first row of a customer is as good as a later one.
        let mut seen = HashSet::with_hasher(foldhash::fast::RandomState::default());
        let mut is_full = false;
        let add = |AnyCase(row): AnyCase<Row>| {
            is_full |= seen.len() >= KEPT;
            if !is_full && seen.insert(row.tenant) {
                source.add(&row.mfa);
            }
        };
        let tally = client.list(&Self::ASK, add).await?;
        if is_full {
            return Err(FetchError::Limit { bound: "customers" });
        }
        Ok(Rows { source, accepted: source.customers, rejected: tally.rejected })
    }

    fn observe(&self, samples: &mut Samples) {
        for (option, count) in MfaOption::ALL.into_iter().zip(self.options) {
            samples.push(&OPTIONS, [("option", option.as_str())], count as f64);
        }
        if self.customers == 0 || self.uncounted < self.customers {
            let People { users, admins_mfa, others_mfa } = self.people;
            samples.push(&USERS, [], users as f64);
            samples.push(&USERS_MFA, [("account", "admin")], admins_mfa as f64);
            samples.push(&USERS_MFA, [("account", "other")], others_mfa as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::rows_of;

    fn read(body: &[u8]) -> CustomerInsights {
        let mut source = CustomerInsights::default();
        for AnyCase(row) in rows_of::<AnyCase<Row>>(body) {
            source.add(&row.mfa);
        }
        source
    }

    #[test]
    fn the_documented_page_is_read() {
        let source = read(include_bytes!("../../tests/samples/customer_insights.json"));
        let mut samples = Samples::of_tenant("t");
        source.observe(&mut samples);
        assert_eq!(
            samples.to_string(),
            "partnercenter_customer_tenants_mfa_option{tenant=\"t\",option=\"security_defaults\"} 1\n\
             partnercenter_customer_tenants_mfa_option{tenant=\"t\",option=\"conditional_access\"} 1\n\
             partnercenter_customer_tenants_mfa_option{tenant=\"t\",option=\"per_user\"} 0\n\
             partnercenter_customer_tenants_mfa_option{tenant=\"t\",option=\"none\"} 1\n\
             partnercenter_customer_tenants_mfa_option{tenant=\"t\",option=\"unknown\"} 2\n\
             partnercenter_customer_users{tenant=\"t\"} 68\n\
             partnercenter_customer_users_mfa{tenant=\"t\",account=\"admin\"} 7\n\
             partnercenter_customer_users_mfa{tenant=\"t\",account=\"other\"} 41\n"
        );
        assert_eq!((source.customers, source.uncounted), (5, 2));
    }

    #[test]
    fn what_no_customer_says_is_absent_and_no_customer_is_zero() {
        let page = |body: &[u8]| {
            let mut samples = Samples::of_tenant("t");
            read(body).observe(&mut samples);
            samples.to_string()
        };
        let unsaid = page(br#"{"value":[{"tenantId":"a","mfa":null}]}"#);
        assert!(!unsaid.contains("customer_users"), "{unsaid}");
        assert!(page(br#"{"value":[]}"#).contains("partnercenter_customer_users{tenant=\"t\"} 0"));
    }
}
