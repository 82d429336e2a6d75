//! What is: one file per API resource, and the facts they add up to.
//!
//! The shape of a source stands in `sources/source.rs`, the sources themselves beside it, their
//! list here. To add one: its file, a line in [`Facts`], a line in [`each`].

mod source;

mod agent_groups;
pub mod alert;
mod app_user_token;
mod audit_records;
mod authentication_methods_policy;
mod authentication_strengths;
mod conditional_access_policies;
mod cross_tenant_access;
mod customer_dap;
mod customer_insights;
pub mod customers;
pub mod dap_report;
pub mod dap_service;
mod fraud_events;
mod gdap_access_assignments;
mod gdap_customers;
mod gdap_relationships;
mod gdap_requests;
mod groups;
mod indirect_resellers;
pub mod mfa_adoption;
mod mfa_self_test;
mod named_locations;
mod organization;
pub mod outlook_versions;
pub mod partner_requests;
mod per_user_mfa;
mod pim_groups;
pub mod policy;
mod portal_requests;
mod privileged_accounts;
pub mod relationship;
mod risky_users;
mod role;
mod role_assignments;
mod role_eligibilities;
mod role_management_policies;
mod security_alerts;
mod security_defaults;
mod security_requirements;
mod security_score;
mod security_score_history;
pub mod sign_ins;
mod subscribed_skus;
pub mod sweep;
mod usage_records;
mod user_registration_details;
mod users;

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use crate::client::FetchError;
use crate::metrics::Samples;

pub use agent_groups::AgentGroups;
pub use app_user_token::AppUserToken;
pub use audit_records::AuditRecords;
pub use authentication_methods_policy::AuthenticationMethodsPolicy;
pub use authentication_strengths::AuthenticationStrengths;
pub use conditional_access_policies::ConditionalAccessPolicies;
pub use cross_tenant_access::CrossTenantAccess;
pub use customer_dap::{CustomerDap, Kept as KeptCustomerDap};
pub use customer_insights::{CustomerInsights, MfaOption, People};
pub use customers::Customers;
pub use dap_report::DapReport;
pub use dap_service::DapService;
pub use fraud_events::FraudEvents;
pub use gdap_access_assignments::{Assignment, AssignmentStatus, GdapAccessAssignments};
pub use gdap_customers::GdapCustomers;
pub use gdap_relationships::GdapRelationships;
pub use gdap_requests::GdapRequests;
pub use groups::{Group, Groups, Members};
pub use indirect_resellers::{IndirectResellers, Reseller};
pub use mfa_adoption::MfaAdoption;
pub use mfa_self_test::MfaSelfTest;
pub use named_locations::{Location, NamedLocations};
pub use organization::{Organization, PartnerType};
pub use outlook_versions::{Outlook, OutlookUsers, OutlookVersions};
pub use partner_requests::PartnerRequests;
pub use per_user_mfa::{MfaState, PerUserMfa};
pub use pim_groups::{PimGroups, reaching};
pub use portal_requests::{Person, PortalRequests};
pub use privileged_accounts::{PrivilegedAccount, PrivilegedAccounts};
pub use risky_users::{RiskLevel, RiskState, RiskyUser, RiskyUsers};
pub use role::{
    DIRECTORY_SYNCHRONIZATION, GLOBAL_ADMINISTRATOR, HELPDESK_ADMINISTRATOR, RoleAssignment,
    role_name,
};
pub use role_assignments::RoleAssignments;
pub use role_eligibilities::RoleEligibilities;
pub use role_management_policies::RoleManagementPolicies;
pub use security_alerts::SecurityAlerts;
pub use security_defaults::SecurityDefaults;
pub use security_requirements::{Compliance, MfaCounts, Requirement, SecurityRequirements};
pub use security_score::SecurityScore;
pub use security_score_history::{Entry, SecurityScoreHistory};
pub use sign_ins::{Applications, SignIns};
pub use source::{About, Fact, Rows, Source, Unread};
pub use subscribed_skus::{Plan, SubscribedSkus, Units};
pub use usage_records::{Customer, UsageRecords};
pub use user_registration_details::{Methods, Registration, UserRegistrationDetails};
pub use users::{Account, User, Users};

/// Everything known of one tenant at one moment. What could not be read says why instead.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The moment the facts are judged at.
    pub now: Timestamp,
    /// The tenant itself.
    pub organization: Fact<Organization>,
    /// All accounts.
    pub users: Fact<Users>,
    /// Who registered which method.
    pub user_registration_details: Fact<UserRegistrationDetails>,
    /// The switch for security defaults.
    pub security_defaults: Fact<SecurityDefaults>,
    /// Licences.
    pub subscribed_skus: Fact<SubscribedSkus>,
    /// Conditional Access policies.
    pub conditional_access_policies: Fact<ConditionalAccessPolicies>,
    /// Authentication strengths.
    pub authentication_strengths: Fact<AuthenticationStrengths>,
    /// Named locations.
    pub named_locations: Fact<NamedLocations>,
    /// Legacy per-user MFA.
    pub per_user_mfa: Fact<PerUserMfa>,
    /// Which methods may be used.
    pub authentication_methods_policy: Fact<AuthenticationMethodsPolicy>,
    /// Whether MFA done elsewhere is trusted.
    pub cross_tenant_access: Fact<CrossTenantAccess>,
    /// Which versions of Outlook people use.
    pub outlook_versions: Fact<OutlookVersions>,
    /// Who holds a directory role.
    pub role_assignments: Fact<RoleAssignments>,
    /// Who may activate a directory role.
    pub role_eligibilities: Fact<RoleEligibilities>,
    /// Partner Center's agents.
    pub agent_groups: Fact<AgentGroups>,
    /// Members of the groups that all these name.
    pub groups: Fact<Groups>,
    /// Who may activate a place in groups that reach into customers.
    pub pim_groups: Fact<PimGroups>,
    /// What the accounts behind a privilege have.
    pub privileged_accounts: Fact<PrivilegedAccounts>,
    /// What activating a directory role demands.
    pub role_management_policies: Fact<RoleManagementPolicies>,
    /// Accounts at risk.
    pub risky_users: Fact<RiskyUsers>,
    /// The grant of the person for whom we act.
    pub app_user_token: Fact<AppUserToken>,
    /// Alerts about fraud in customers' Azure, by Graph.
    pub security_alerts: Fact<SecurityAlerts>,
    /// The same by Partner Center.
    pub fraud_events: Fact<FraudEvents>,
    /// What Partner Center says of our own token.
    pub mfa_self_test: Fact<MfaSelfTest>,
    /// Microsoft's score.
    pub security_score: Fact<SecurityScore>,
    /// Microsoft's own verdicts.
    pub security_requirements: Fact<SecurityRequirements>,
    /// How customers demand MFA.
    pub customer_insights: Fact<CustomerInsights>,
    /// Earlier scores.
    pub security_score_history: Fact<SecurityScoreHistory>,
    /// Who used the portal without MFA.
    pub portal_requests: Fact<PortalRequests>,
    /// Requests in people's names.
    pub partner_requests: Fact<PartnerRequests>,
    /// Requests in people's names, as Microsoft sums them.
    pub mfa_adoption: Fact<MfaAdoption>,
    /// Customers with Azure.
    pub usage_records: Fact<UsageRecords>,
    /// Indirect resellers.
    pub indirect_resellers: Fact<IndirectResellers>,
    /// GDAP relationships.
    pub gdap_relationships: Fact<GdapRelationships>,
    /// Groups that may use them.
    pub gdap_access_assignments: Fact<GdapAccessAssignments>,
    /// What was asked about them.
    pub gdap_requests: Fact<GdapRequests>,
    /// Customers under delegated administration.
    pub gdap_customers: Fact<GdapCustomers>,
    /// The sign-in log.
    pub sign_ins: Fact<SignIns>,
    /// The customers.
    pub customers: Fact<Customers>,
    /// Which of them have DAP.
    pub customer_dap: Fact<CustomerDap>,
    /// Partner Center's activity log.
    pub audit_records: Fact<AuditRecords>,
    /// DAP and its use, by the service behind Partner Center's page.
    pub dap_service: Fact<DapService>,
    /// The same by a report somebody exported.
    pub dap_report: Fact<DapReport>,
}

impl Facts {
    /// Nothing read yet.
    pub fn unread(now: Timestamp) -> Self {
        Self {
            now,
            organization: Fact::default(),
            users: Fact::default(),
            user_registration_details: Fact::default(),
            security_defaults: Fact::default(),
            subscribed_skus: Fact::default(),
            conditional_access_policies: Fact::default(),
            authentication_strengths: Fact::default(),
            named_locations: Fact::default(),
            per_user_mfa: Fact::default(),
            authentication_methods_policy: Fact::default(),
            cross_tenant_access: Fact::default(),
            outlook_versions: Fact::default(),
            role_assignments: Fact::default(),
            role_eligibilities: Fact::default(),
            agent_groups: Fact::default(),
            groups: Fact::default(),
            pim_groups: Fact::default(),
            privileged_accounts: Fact::default(),
            role_management_policies: Fact::default(),
            risky_users: Fact::default(),
            app_user_token: Fact::default(),
            security_alerts: Fact::default(),
            fraud_events: Fact::default(),
            mfa_self_test: Fact::default(),
            security_score: Fact::default(),
            security_requirements: Fact::default(),
            customer_insights: Fact::default(),
            security_score_history: Fact::default(),
            portal_requests: Fact::default(),
            partner_requests: Fact::default(),
            mfa_adoption: Fact::default(),
            usage_records: Fact::default(),
            indirect_resellers: Fact::default(),
            gdap_relationships: Fact::default(),
            gdap_access_assignments: Fact::default(),
            gdap_requests: Fact::default(),
            gdap_customers: Fact::default(),
            sign_ins: Fact::default(),
            customers: Fact::default(),
            customer_dap: Fact::default(),
            audit_records: Fact::default(),
            dap_service: Fact::default(),
            dap_report: Fact::default(),
        }
    }

    /// Nothing that can be judged, because judging it failed.
    pub fn failed(now: Timestamp) -> Self {
        let mut facts = Self::unread(now);
        struct Fail<'a>(&'a mut Facts);
        impl EachSource for Fail<'_> {
            fn source<S: Source>(&mut self, place: Place<S>) {
                *(place.of_mut)(self.0) = Fact::Unread(Unread::SourceFailed);
            }
        }
        each(&mut Fail(&mut facts));
        facts
    }

    /// When the oldest of these sources was read, of those that are known; `None` if none is.
    pub fn as_of(&self, sources: &[&'static str]) -> Option<Timestamp> {
        struct Oldest<'a> {
            facts: &'a Facts,
            sources: &'a [&'static str],
            times: Vec<Option<Timestamp>>,
        }
        impl EachSource for Oldest<'_> {
            fn source<S: Source>(&mut self, place: Place<S>) {
                if self.sources.contains(&S::ID) {
                    self.times.push((place.of)(self.facts).at());
                }
            }
        }
        let mut oldest = Oldest { facts: self, sources, times: Vec::new() };
        each(&mut oldest);
        debug_assert_eq!(
            oldest.times.len(),
            sources.len(),
            "a source in {sources:?} does not exist"
        );
        oldest.times.into_iter().flatten().min()
    }

    /// What every known source plainly shows.
    pub fn observe(&self, samples: &mut Samples) {
        struct Show<'a>(&'a Facts, &'a mut Samples);
        impl EachSource for Show<'_> {
            fn source<S: Source>(&mut self, place: Place<S>) {
                if let Ok(rows) = (place.of)(self.0).rows() {
                    rows.observe(self.1);
                }
            }
        }
        each(&mut Show(self, samples));
    }

    /// The registration report. Microsoft refuses it for want of a licence on licensed tenants
    /// too, when `Directory.Read.All` is missing; then the permission is what is wanted.
    pub fn registrations(&self) -> Result<&UserRegistrationDetails, Unread> {
        match (self.user_registration_details.rows(), self.subscribed_skus.rows()) {
            (Err(Unread::License), Ok(skus)) if skus.has_premium() => Err(Unread::Permission),
            (registrations, _) => registrations,
        }
    }

    /// The Conditional Access policies. Without Entra ID P1 there can be none, and Microsoft
    /// refuses to list them: that is `None`.
    pub fn policies(&self) -> Result<Option<&ConditionalAccessPolicies>, Unread> {
        match (self.conditional_access_policies.rows(), self.subscribed_skus.rows()) {
            (Ok(policies), _) => Ok(Some(policies)),
            (Err(Unread::License), Ok(skus)) if !skus.has_premium() => Ok(None),
            (Err(why), _) => Err(why),
        }
    }

    /// What is missing where Microsoft serves Entra ID P2 only: without the licence some of its
    /// services answer as if it were a permission.
    fn for_want_of_p2(&self, error: FetchError) -> FetchError {
        match (error, self.subscribed_skus.rows()) {
            (FetchError::Permission { trail }, Ok(skus)) if !skus.has_p2() => {
                FetchError::License { trail }
            }
            (error, _) => error,
        }
    }
}

/// Does something for each source, with its type: the one list of sources.
pub trait EachSource {
    /// Called once per source, with the place of its fact.
    fn source<S: Source>(&mut self, place: Place<S>);
}

/// Where the fact of a source stands among the facts.
#[derive(Debug)]
pub struct Place<S> {
    /// To look at it.
    pub of: fn(&Facts) -> &Fact<S>,
    /// To put it there.
    pub of_mut: fn(&mut Facts) -> &mut Fact<S>,
}

/// Visits all sources, in the order of the reference.
pub fn each(visitor: &mut impl EachSource) {
    visitor
        .source(Place { of: |facts| &facts.organization, of_mut: |facts| &mut facts.organization });
    visitor.source(Place { of: |facts| &facts.users, of_mut: |facts| &mut facts.users });
    visitor.source(Place {
        of: |facts| &facts.user_registration_details,
        of_mut: |facts| &mut facts.user_registration_details,
    });
    visitor.source(Place {
        of: |facts| &facts.security_defaults,
        of_mut: |facts| &mut facts.security_defaults,
    });
    visitor.source(Place {
        of: |facts| &facts.subscribed_skus,
        of_mut: |facts| &mut facts.subscribed_skus,
    });
    visitor.source(Place {
        of: |facts| &facts.conditional_access_policies,
        of_mut: |facts| &mut facts.conditional_access_policies,
    });
    visitor.source(Place {
        of: |facts| &facts.authentication_strengths,
        of_mut: |facts| &mut facts.authentication_strengths,
    });
    visitor.source(Place {
        of: |facts| &facts.named_locations,
        of_mut: |facts| &mut facts.named_locations,
    });
    visitor
        .source(Place { of: |facts| &facts.per_user_mfa, of_mut: |facts| &mut facts.per_user_mfa });
    visitor.source(Place {
        of: |facts| &facts.authentication_methods_policy,
        of_mut: |facts| &mut facts.authentication_methods_policy,
    });
    visitor.source(Place {
        of: |facts| &facts.cross_tenant_access,
        of_mut: |facts| &mut facts.cross_tenant_access,
    });
    visitor.source(Place {
        of: |facts| &facts.outlook_versions,
        of_mut: |facts| &mut facts.outlook_versions,
    });
    visitor.source(Place {
        of: |facts| &facts.role_assignments,
        of_mut: |facts| &mut facts.role_assignments,
    });
    visitor.source(Place {
        of: |facts| &facts.role_eligibilities,
        of_mut: |facts| &mut facts.role_eligibilities,
    });
    visitor
        .source(Place { of: |facts| &facts.agent_groups, of_mut: |facts| &mut facts.agent_groups });
    visitor.source(Place { of: |facts| &facts.groups, of_mut: |facts| &mut facts.groups });
    visitor.source(Place { of: |facts| &facts.pim_groups, of_mut: |facts| &mut facts.pim_groups });
    visitor.source(Place {
        of: |facts| &facts.privileged_accounts,
        of_mut: |facts| &mut facts.privileged_accounts,
    });
    visitor.source(Place {
        of: |facts| &facts.role_management_policies,
        of_mut: |facts| &mut facts.role_management_policies,
    });
    visitor
        .source(Place { of: |facts| &facts.risky_users, of_mut: |facts| &mut facts.risky_users });
    visitor.source(Place {
        of: |facts| &facts.app_user_token,
        of_mut: |facts| &mut facts.app_user_token,
    });
    visitor.source(Place {
        of: |facts| &facts.security_alerts,
        of_mut: |facts| &mut facts.security_alerts,
    });
    visitor
        .source(Place { of: |facts| &facts.fraud_events, of_mut: |facts| &mut facts.fraud_events });
    visitor.source(Place {
        of: |facts| &facts.mfa_self_test,
        of_mut: |facts| &mut facts.mfa_self_test,
    });
    visitor.source(Place {
        of: |facts| &facts.security_score,
        of_mut: |facts| &mut facts.security_score,
    });
    visitor.source(Place {
        of: |facts| &facts.security_requirements,
        of_mut: |facts| &mut facts.security_requirements,
    });
    visitor.source(Place {
        of: |facts| &facts.customer_insights,
        of_mut: |facts| &mut facts.customer_insights,
    });
    visitor.source(Place {
        of: |facts| &facts.security_score_history,
        of_mut: |facts| &mut facts.security_score_history,
    });
    visitor.source(Place {
        of: |facts| &facts.portal_requests,
        of_mut: |facts| &mut facts.portal_requests,
    });
    visitor.source(Place {
        of: |facts| &facts.partner_requests,
        of_mut: |facts| &mut facts.partner_requests,
    });
    visitor
        .source(Place { of: |facts| &facts.mfa_adoption, of_mut: |facts| &mut facts.mfa_adoption });
    visitor.source(Place {
        of: |facts| &facts.usage_records,
        of_mut: |facts| &mut facts.usage_records,
    });
    visitor.source(Place {
        of: |facts| &facts.indirect_resellers,
        of_mut: |facts| &mut facts.indirect_resellers,
    });
    visitor.source(Place {
        of: |facts| &facts.gdap_relationships,
        of_mut: |facts| &mut facts.gdap_relationships,
    });
    visitor.source(Place {
        of: |facts| &facts.gdap_access_assignments,
        of_mut: |facts| &mut facts.gdap_access_assignments,
    });
    visitor.source(Place {
        of: |facts| &facts.gdap_requests,
        of_mut: |facts| &mut facts.gdap_requests,
    });
    visitor.source(Place {
        of: |facts| &facts.gdap_customers,
        of_mut: |facts| &mut facts.gdap_customers,
    });
    visitor.source(Place { of: |facts| &facts.sign_ins, of_mut: |facts| &mut facts.sign_ins });
    visitor.source(Place { of: |facts| &facts.customers, of_mut: |facts| &mut facts.customers });
    visitor.source(Place {
        of: |facts| &facts.audit_records,
        of_mut: |facts| &mut facts.audit_records,
    });
    visitor
        .source(Place { of: |facts| &facts.customer_dap, of_mut: |facts| &mut facts.customer_dap });
    visitor
        .source(Place { of: |facts| &facts.dap_service, of_mut: |facts| &mut facts.dap_service });
    visitor.source(Place { of: |facts| &facts.dap_report, of_mut: |facts| &mut facts.dap_report });
}

/// What is known of every source without asking it, for the configuration and the reference.
pub fn all() -> Vec<About> {
    struct List(Vec<About>);
    impl EachSource for List {
        fn source<S: Source>(&mut self, _place: Place<S>) {
            self.0.push(About::of::<S>());
        }
    }
    let mut list = List(Vec::new());
    each(&mut list);
    list.0
}

/// How often a source is read, how long what it said holds, and what it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Whether it is read at all.
    pub enabled: bool,
    /// Time between two readings.
    pub interval: Duration,
    /// How long figures hold when readings fail.
    pub max_age: Duration,
    /// How far back figures reach, where that is a choice.
    pub window: Option<Duration>,
    /// Which ids are which application, for whoever tells them apart.
    pub applications: Applications,
    /// The file it is read from, for whoever reads one.
    pub file: Option<PathBuf>,
}

impl Schedule {
    /// As the source itself proposes.
    pub fn of(about: &About) -> Self {
        let interval = about.interval;
        let (max_age, window) = (about.max_age(interval), about.window);
        let applications = Applications::default();
        Self { enabled: about.enabled, interval, max_age, window, applications, file: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Api;

    #[test]
    fn every_source_is_named_once_and_documented() {
        let all = all();
        let ids: std::collections::BTreeSet<_> = all.iter().map(|about| about.id).collect();
        assert_eq!(ids.len(), all.len());
        for about in &all {
            assert!(about.id.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{}", about.id);
            assert!(about.docs.starts_with("https://learn.microsoft.com/"), "{}", about.id);
            assert!(!about.permission.is_empty() && !about.what.is_empty(), "{}", about.id);
            let begins: &[&str] = match about.ask.api {
                Api::Graph => &["/v1.0/", "/beta/"],
                Api::PartnerCenter | Api::Dap => &["/v1/"],
                Api::Login => &["/oauth2/v2.0/"],
                Api::File => &["sources."],
            };
            assert!(begins.iter().any(|begin| about.ask.path.starts_with(begin)), "{}", about.id);
            assert!(about.after.iter().all(|id| ids.contains(id)), "{}", about.id);
            // Anything else would panic when it is sent.
            let is_lower = |(name, _): &(&str, &str)| name.chars().all(|c| !c.is_uppercase());
            assert!(about.ask.headers.iter().all(is_lower), "{}", about.id);
        }
        // Whoever waits for those who have begun may begin: in the end all have, and no two wait for
        // each other.
        let mut begun = std::collections::BTreeSet::new();
        for _ in &all {
            let may = all.iter().filter(|it| it.after.iter().all(|id| begun.contains(id)));
            let may: Vec<_> = may.map(|it| it.id).collect();
            begun.extend(may);
        }
        assert_eq!(begun, ids);
    }
}
