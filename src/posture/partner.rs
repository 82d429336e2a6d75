//! The partner at Partner Center: which applications ask in people's names and with what MFA, and
//! what the account may do that consented for us.

use std::collections::{BTreeMap, BTreeSet};

use super::Posture;
use super::privilege::roles::privileged;
use crate::client::Api;
use crate::metrics::{Kind, Metric, Samples};
use crate::sources::{
    RoleAssignment, SecurityRequirements, Unread, UsageRecords, partner_requests,
};
use crate::wire::ObjectId;

/// Requests of one application in the past seven days.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Requests {
    /// Those that carried MFA.
    pub with_mfa: u64,
    /// Those that did not.
    pub without_mfa: u64,
}

/// Applications that are values of a label; the others are counted together.
const LABELS: usize = 50;

impl Posture<'_> {
    /// The requests of each application that made any: Microsoft's sums where they are known, else
    /// counted from the requests it lists, of which it lists no more than 10,000.
    pub fn requests(&self) -> Result<BTreeMap<&ObjectId, Requests>, Unread> {
        let summed = match (self.facts.mfa_adoption.rows(), self.facts.partner_requests.rows()) {
            (Ok(adoption), _) => adoption
                .applications
                .iter()
                .map(|it| {
                    let without_mfa = it.total.saturating_sub(it.compliant);
                    (&it.id, Requests { with_mfa: it.compliant.min(it.total), without_mfa })
                })
                .collect(),
            (Err(_), Ok(listed)) => listed
                .applications
                .iter()
                .map(|it| {
                    let with_mfa = it.requests.saturating_sub(it.without_mfa);
                    (&it.id, Requests { with_mfa, without_mfa: it.without_mfa })
                })
                .collect(),
            (Err(why), Err(_)) => return Err(why),
        };
        let asked = |(_, it): &(&ObjectId, Requests)| it.with_mfa + it.without_mfa > 0;
        Ok(BTreeMap::into_iter(summed).filter(asked).collect())
    }

    /// Why there may be more requests than these.
    pub fn requests_doubt(&self) -> Option<Unread> {
        match (self.facts.mfa_adoption.rows(), self.facts.partner_requests.rows()) {
            (Ok(summed), _) => (summed.rejected > 0).then_some(Unread::SourceFailed),
            (Err(_), Ok(listed)) => listed.doubt(),
            (Err(why), Err(_)) => Some(why),
        }
    }

    /// What Microsoft calls an application, where it says so.
    pub fn application_name(&self, id: &ObjectId) -> &str {
        let named = self.facts.mfa_adoption.rows().ok().and_then(|it| it.of(id));
        named.map(|it| &*it.name).filter(|name| !name.is_empty()).unwrap_or_default()
    }

    /// The applications that asked and are on no list; `None` where there is no list.
    pub fn unlisted(&self) -> Result<Option<Vec<&ObjectId>>, Unread> {
        let Some(listed) = &self.declared.partner_applications else { return Ok(None) };
        let requests = self.requests()?;
        let is_unlisted = |id: &&ObjectId| !listed.contains(id);
        Ok(Some(requests.into_keys().filter(is_unlisted).collect()))
    }

    /// The applications on no list that did something of a kind, by the latest requests, and why
    /// there may be more. Without a list nobody knows what is known.
    pub fn unlisted_that(
        &self,
        does: fn(&partner_requests::Application) -> bool,
    ) -> Result<(Vec<&ObjectId>, Option<Unread>), Unread> {
        let listed = self.declared.partner_applications.as_ref().ok_or(Unread::NotConfigured)?;
        let requests = self.facts.partner_requests.rows()?;
        let unlisted = requests.applications.iter().filter(|it| !listed.contains(&it.id));
        Ok((unlisted.filter(|it| does(it)).map(|it| &it.id).collect(), requests.doubt()))
    }

    /// What Microsoft shows to partners who sell Azure themselves. `None` where it shows it to nobody
    /// of this kind: an advisor sells nothing, and an indirect reseller's provider answers for it.
    pub fn of_sellers<T>(&self, read: Result<T, Unread>) -> Result<Option<T>, Unread> {
        let kind = self.facts.organization.rows().map(|it| &it.partner_tenant_type);
        let sells_none = kind.is_ok_and(|kind| kind.is_indirect_reseller() || kind.is_advisor());
        match read {
            Err(Unread::NotConfigured | Unread::Permission) if sells_none => Ok(None),
            read => read.map(Some),
        }
    }

    /// Why this tenant need not be judged by what `api` tells of delegated administration, where it
    /// tells nothing: the fact that says so.
    pub fn exempt(&self, api: Api) -> Option<&'static str> {
        let kind = &self.facts.organization.rows().ok()?.partner_tenant_type;
        if !kind.is_partner() {
            return Some("the tenant is not a partner's: its partnerTenantType is empty");
        }
        if kind.is_advisor() {
            return Some("the partner is an advisor, and administers nothing as a reseller");
        }
        let is_served = api == Api::Graph || !kind.is_indirect_reseller();
        (!is_served).then_some("Partner Center's API serves no indirect resellers")
    }

    /// Customers with Azure. `None` where there are none, or none that Microsoft would show.
    pub fn azure_customers(&self) -> Result<Option<&UsageRecords>, Unread> {
        let shown = self.of_sellers(self.facts.usage_records.rows())?;
        Ok(shown.filter(|it| !it.customers.is_empty() || it.rejected > 0))
    }

    /// Microsoft's own verdicts. `None` in clouds where it gives none.
    pub fn microsoft_s_verdicts(&self) -> Result<Option<&SecurityRequirements>, Unread> {
        match self.facts.security_requirements.rows() {
            Err(Unread::NotConfigured) if self.declared.is_sovereign => Ok(None),
            read => read.map(Some),
        }
    }

    /// The account that consented, as far as its token names it, and the name it signs in with.
    pub fn consenter(&self) -> Option<(&ObjectId, &str)> {
        let token = self.facts.app_user_token.rows().ok()?;
        let id = token.claims.as_ref()?.account.as_ref()?;
        let user = self.facts.users.rows().ok().and_then(|users| users.of(id));
        Some((id, user.map_or("", |user| &user.user_principal_name)))
    }

    /// The privileged roles of the account that consented, by name: those in its token, and those
    /// the directory lists.
    pub fn consenter_s_roles(&self) -> Result<BTreeSet<&'static str>, Unread> {
        let token = self.facts.app_user_token.rows()?;
        let claims = token.claims.as_ref().ok_or(Unread::Credential)?;
        let held: Vec<&ObjectId> = claims.roles.iter().flatten().collect();
        let listed = self.facts.role_assignments.rows();
        let account = claims.account.as_ref();
        // The token is enough where it lists roles at all. Else it has to say whose they are.
        if claims.roles.is_none() {
            listed.as_ref().map_err(|why| *why)?;
            account.ok_or(Unread::NotObservable)?;
        }
        let listed = listed.iter().flat_map(|it| it.all());
        let is_member = |group: &ObjectId| {
            let people = self.people.as_ref().ok();
            people.zip(account).is_some_and(|(people, id)| people.path(group, id).is_some())
        };
        let holds = |it: &&RoleAssignment| {
            Some(&it.principal) == account || it.is_group != Some(false) && is_member(&it.principal)
        };
        let may_hold = |it: &RoleAssignment| it.is_group == Some(true);
        if claims.roles.is_none() && listed.clone().any(may_hold) {
            self.facts.groups.rows()?;
        }
        let listed = listed.filter(holds).map(|it| &it.role);
        Ok(held.into_iter().chain(listed).filter_map(privileged).collect())
    }
}

static REQUESTS: Metric = Metric {
    name: "partnercenter_partner_requests",
    help: "Requests to Partner Center that applications made in people's names in the past seven \
           days, by application and by whether the token carried MFA (yes, no). no is to be 0: \
           Partner Center refuses such requests. At most 50 applications, those with requests \
           without MFA first; the rest is application other. Microsoft refreshes it daily. Absent \
           while it cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant", "application_id", "mfa"],
};

static APPLICATIONS: Metric = Metric {
    name: "partnercenter_partner_applications",
    help: "Applications that asked Partner Center in people's names in the past seven days, ours \
           included. Absent while it cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static COMPLIANT: Metric = Metric {
    name: "partnercenter_partner_applications_mfa_compliant",
    help: "Of these applications, those of which every request carried MFA. Absent while it cannot \
           be read.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static UNLISTED: Metric = Metric {
    name: "partnercenter_partner_applications_unlisted",
    help: "Of these applications, those that are not among partner_applications in the \
           configuration. Absent where that list is missing, and while it cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static PRIVILEGED_ROLES: Metric = Metric {
    name: "partnercenter_consent_account_privileged_roles",
    help: "Directory roles with far-reaching rights that the account holds which consented for the \
           exporter. 0 is as it should be: whoever steals the grant has these rights. Absent while \
           no token is had, or its roles cannot be seen.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

/// The gauges of this file.
pub(super) static METRICS: [&Metric; 5] =
    [&REQUESTS, &APPLICATIONS, &COMPLIANT, &UNLISTED, &PRIVILEGED_ROLES];

pub(super) fn observe(posture: &Posture<'_>, samples: &mut Samples) {
    if let Ok(requests) = posture.requests() {
        samples.count(&APPLICATIONS, [], requests.len());
        let compliant = requests.values().filter(|it| it.without_mfa == 0).count();
        samples.count(&COMPLIANT, [], compliant);
        by_application(requests, samples);
    }
    if let Ok(Some(unlisted)) = posture.unlisted() {
        samples.count(&UNLISTED, [], unlisted.len());
    }
    if let Ok(roles) = posture.consenter_s_roles() {
        samples.count(&PRIVILEGED_ROLES, [], roles.len());
    }
}

fn by_application(requests: BTreeMap<&ObjectId, Requests>, samples: &mut Samples) {
    let mut order: Vec<_> = requests.into_iter().collect();
    order.sort_by_key(|(_, it)| std::cmp::Reverse((it.without_mfa, it.with_mfa)));
    let mut shown: BTreeMap<String, Requests> = BTreeMap::new();
    for (place, (id, requests)) in order.into_iter().enumerate() {
        let label = match id {
            ObjectId::Guid(_) if place < LABELS => id.to_string(),
            _ => "other".to_owned(),
        };
        let sum = shown.entry(label).or_default();
        sum.with_mfa += requests.with_mfa;
        sum.without_mfa += requests.without_mfa;
    }
    for (id, requests) in shown {
        for (mfa, count) in [("yes", requests.with_mfa), ("no", requests.without_mfa)] {
            let labels = [("application_id", id.as_str()), ("mfa", mfa)];
            samples.push(&REQUESTS, labels, count as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::posture::Declarations;
    use crate::sources::{
        Fact, Facts, MfaAdoption, Organization, PartnerRequests, mfa_adoption, partner_requests,
    };

    fn summed(applications: Vec<mfa_adoption::Application>) -> Fact<MfaAdoption> {
        Fact::known(MfaAdoption { applications, rejected: 0 }, Timestamp::UNIX_EPOCH)
    }

    fn application(number: u8, compliant: u64, total: u64) -> mfa_adoption::Application {
        let id = ObjectId::Guid([number; 16]);
        mfa_adoption::Application { id, name: "Panel".into(), compliant, total }
    }

    fn listed() -> Fact<PartnerRequests> {
        let application = partner_requests::Application {
            id: ObjectId::Guid([7; 16]),
            requests: 5,
            without_mfa: 2,
            does_invoicing: false,
            does_provisioning: false,
        };
        let applications = vec![application];
        let requests = PartnerRequests { applications, ..PartnerRequests::default() };
        Fact::known(requests, Timestamp::UNIX_EPOCH)
    }

    fn shown(facts: &Facts) -> String {
        let mut samples = Samples::of_tenant("t");
        observe(&Posture::of(facts, &Declarations::default()), &mut samples);
        samples.to_string()
    }

    #[test]
    fn sums_are_preferred_to_a_list_that_may_be_cut_and_never_added_to_it() {
        let facts = Facts {
            mfa_adoption: summed(vec![application(1, 3, 4), application(2, 0, 0)]),
            partner_requests: listed(),
            ..Facts::unread(Timestamp::UNIX_EPOCH)
        };
        let page = shown(&facts);
        assert!(page.contains("mfa=\"yes\"} 3\n") && page.contains("mfa=\"no\"} 1\n"), "{page}");
        assert!(page.contains("partner_applications{tenant=\"t\"} 1\n"), "who never asked: {page}");
        let facts = Facts { partner_requests: listed(), ..Facts::unread(Timestamp::UNIX_EPOCH) };
        let page = shown(&facts);
        assert!(page.contains("mfa=\"yes\"} 3\n") && page.contains("mfa=\"no\"} 2\n"), "{page}");
        assert_eq!(shown(&Facts::unread(Timestamp::UNIX_EPOCH)), "", "unknown is not zero");
    }

    #[test]
    fn what_is_refused_to_who_sells_none_is_no_concern_and_what_fails_is() {
        let mut facts = Facts::unread(Timestamp::UNIX_EPOCH);
        let of = |facts: &Facts, read: Result<u8, Unread>| {
            Posture::of(facts, &Declarations::default()).of_sellers(read)
        };
        assert_eq!(of(&facts, Err(Unread::Permission)), Err(Unread::Permission), "not known");
        for (kind, sells) in [
            ("resellerPartnerDelegatedAdmin", true),
            ("valueAddedResellerPartnerDelegatedAdmin", false),
            ("breadthPartner", false),
        ] {
            let body = format!(r#"{{"partnerTenantType":"{kind}"}}"#);
            let organization: Organization = serde_json::from_str(&body).unwrap();
            facts.organization = Fact::known(organization, facts.now);
            for why in [Unread::Permission, Unread::NotConfigured] {
                assert_eq!(of(&facts, Err(why)), if sells { Err(why) } else { Ok(None) }, "{kind}");
            }
            assert_eq!(of(&facts, Err(Unread::Stale)), Err(Unread::Stale));
            assert_eq!(of(&facts, Ok(7)), Ok(Some(7)), "what is shown counts");
        }
    }

    #[test]
    fn fifty_applications_are_named_and_those_without_mfa_first() {
        let all = (0..60).map(|number| application(number, 2 - u64::from(number >= 50), 2));
        let facts =
            Facts { mfa_adoption: summed(all.collect()), ..Facts::unread(Timestamp::UNIX_EPOCH) };
        let page = shown(&facts);
        let named = page.lines().filter(|line| line.contains("application_id="));
        assert_eq!(named.count(), 2 * 51);
        assert!(page.contains(&ObjectId::Guid([59; 16]).to_string()));
        assert!(page.contains("application_id=\"other\",mfa=\"yes\"} 20\n"), "{page}");
    }
}
