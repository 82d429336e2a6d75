//! Tenants written by hand, for tests: the shape of `tests/tenants/*.yaml`, read into facts.

mod delegation;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::posture::Declarations;
use crate::sources::policy::Strength;
use crate::sources::{
    Account, AgentGroups, AuthenticationStrengths, ConditionalAccessPolicies, CrossTenantAccess,
    DIRECTORY_SYNCHRONIZATION, Fact, Facts, Group, Groups, Location, Members, Methods, MfaState,
    NamedLocations, Organization, PerUserMfa, PimGroups, Plan, PrivilegedAccount,
    PrivilegedAccounts, Registration, RiskLevel, RiskState, RiskyUser, RiskyUsers, RoleAssignment,
    RoleAssignments, RoleEligibilities, RoleManagementPolicies, SecurityDefaults, SignIns,
    SubscribedSkus, Unread, User, UserRegistrationDetails, Users,
};
use crate::wire::ObjectId;

/// A tenant as it is written; what is not written is empty, and everything is readable.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Tenant {
    pub(crate) case: String,
    pub(crate) why: String,
    pub(crate) users: BTreeMap<String, Person>,
    groups: BTreeMap<String, Value>,
    roles: Value,
    sync: Vec<String>,
    agents: Vec<String>,
    security_defaults: Value,
    per_user: Value,
    policies: Value,
    unreadable_policies: u64,
    strengths: Value,
    locations: Value,
    tolerated_applications: Vec<Box<str>>,
    /// Methods by account; everybody else has registered an authenticator.
    registered: Value,
    break_glass: Option<Vec<String>>,
    /// Accounts that may not sign in, besides those that say so themselves.
    disabled: Vec<String>,
    /// Domains that sign in elsewhere.
    federated: Vec<String>,
    /// Licence plans: P2 unless written, and none if so.
    plans: Option<Vec<String>>,
    /// Rows of the sign-in log.
    sign_ins: Value,
    /// Whether it is v1.0 that was read.
    plain_log: bool,
    log_reaches_back: bool,
    /// Whether more people signed in than are kept.
    crowded_log: bool,
    trusts_guests: bool,
    /// GDAP relationships by id.
    gdap: Value,
    unreadable_gdap: u64,
    /// What privileged accounts have, where it is not the usual.
    having: Value,
    /// Groups of which places are activated, or `refused`; all others are not.
    pim_groups: Value,
    /// Roles and whether activating them needs approval, or `refused`.
    approval: Value,
    /// Accounts at risk and how, or `refused`.
    at_risk: Value,
    /// Rows about risk that could not be read.
    unreadable_risks: u64,
    /// Microsoft's word for the kind of partner.
    partner_type: Option<String>,
    pub(crate) expect: BTreeMap<String, Expected>,
}

/// What is to be found about an account: how it is covered, and what else is written.
#[derive(Debug, Deserialize)]
#[serde(from = "Written")]
pub(crate) struct Expected {
    pub(crate) coverage: String,
    pub(crate) registered: Option<Answer>,
    pub(crate) admin: Option<Answer>,
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Written {
    Coverage(String),
    All { coverage: String, registered: Option<Answer>, admin: Option<Answer> },
}

impl From<Written> for Expected {
    fn from(written: Written) -> Self {
        match written {
            Written::Coverage(coverage) => Self { coverage, registered: None, admin: None },
            Written::All { coverage, registered, admin } => Self { coverage, registered, admin },
        }
    }
}

/// What can be said to a question about an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Value")]
pub(crate) enum Answer {
    Yes,
    No,
    Unknown,
}

impl TryFrom<Value> for Answer {
    type Error = String;

    /// YAML takes `yes` and `no` for truth values.
    fn try_from(value: Value) -> Result<Self, String> {
        match (value.as_bool(), value.as_str()) {
            (None, Some("unknown")) => Ok(Self::Unknown),
            (None, _) => Err(format!("{value} is neither yes, no nor unknown")),
            (known, _) => Ok(known.into()),
        }
    }
}

impl From<Option<bool>> for Answer {
    fn from(known: Option<bool>) -> Self {
        match known {
            Some(true) => Self::Yes,
            Some(false) => Self::No,
            None => Self::Unknown,
        }
    }
}

/// An account as it is written.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Person {
    guest: bool,
    external: bool,
    disabled: bool,
    name: Option<String>,
    /// Days since it was made.
    age: Option<i64>,
}

/// What a privileged account has as it is written: P2, no mailbox, and a sign-in yesterday unless it is
/// said otherwise.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Having {
    p2: bool,
    p1: bool,
    mailbox: bool,
    synchronized: bool,
    /// Days since the last sign-in, `never` or `refused`.
    last: Value,
    /// Whether the account could not be read.
    refused: bool,
}

impl Default for Having {
    fn default() -> Self {
        let last = serde_json::json!(1);
        let (p1, mailbox, synchronized, refused) = (false, false, false, false);
        Self { p2: true, p1, mailbox, synchronized, last, refused }
    }
}

impl Having {
    fn account(&self) -> Result<PrivilegedAccount, Unread> {
        let last_sign_in = match self.last.as_str() {
            Some("never") => Ok(None),
            Some(_) => Err(Unread::License),
            None => Ok(Some(days_ago(self.last.as_i64().unwrap()))),
        };
        let (has_p1, has_p2, has_mailbox) = (self.p1, self.p2, self.mailbox);
        let is_synchronized = self.synchronized;
        let account =
            PrivilegedAccount { has_p1, has_p2, has_mailbox, is_synchronized, last_sign_in };
        if self.refused { Err(Unread::SourceFailed) } else { Ok(account) }
    }
}

fn days_ago(days: i64) -> Timestamp {
    now() - jiff::SignedDuration::from_hours(24 * days)
}

/// The moment all tenants are judged at.
pub(crate) fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

pub(crate) fn id(text: &str) -> ObjectId {
    ObjectId::parse(text).unwrap()
}

/// One tenant from YAML.
pub(crate) fn tenant(yaml: &str) -> Tenant {
    let value: Value = serde_saphyr::from_str(yaml).unwrap();
    serde_json::from_value(value).unwrap()
}

/// Many tenants from YAML.
pub(crate) fn tenants(yaml: &str) -> Vec<Tenant> {
    let value: Vec<Value> = serde_saphyr::from_str(yaml).unwrap();
    let read = |value: Value| {
        let case = value["case"].clone();
        serde_json::from_value(value).unwrap_or_else(|error| panic!("{case}: {error}"))
    };
    value.into_iter().map(read).collect()
}

fn is_refused(value: &Value) -> bool {
    value.as_str() == Some("refused")
}

fn fact<S>(value: &Value, read: impl FnOnce(&Value) -> S) -> Fact<S> {
    if is_refused(value) {
        Fact::Unread(Unread::Permission)
    } else {
        Fact::known(read(value), now())
    }
}

fn list<T: serde::de::DeserializeOwned>(value: &Value) -> Vec<T> {
    match value {
        Value::Null => Vec::new(),
        value => serde_json::from_value(value.clone()).unwrap(),
    }
}

impl Tenant {
    /// What was declared of it.
    pub(crate) fn declared(&self) -> Declarations {
        let break_glass = self.break_glass.as_ref();
        Declarations {
            tolerated_applications: self.tolerated_applications.clone(),
            break_glass: break_glass.map(|ids| ids.iter().map(|it| id(it)).collect()),
            ..Declarations::default()
        }
    }

    /// What was read of it.
    pub(crate) fn facts(&self) -> Facts {
        let (active, eligible) = self.roles();
        let (gdap_relationships, gdap_access_assignments) =
            delegation::read(&self.gdap, self.unreadable_gdap);
        let delegated = gdap_access_assignments.rows().into_iter();
        let delegated = delegated.flat_map(|it| it.groups()).cloned();
        let reaching: Vec<_> = self.agents.iter().map(|it| id(it)).chain(delegated).collect();
        Facts {
            users: Fact::known(Users::new(self.accounts()), now()),
            user_registration_details: fact(&self.registered, |value| self.report(value)),
            security_defaults: fact(&self.security_defaults, |value| SecurityDefaults {
                is_enabled: value.as_bool().unwrap_or(false),
            }),
            subscribed_skus: Fact::known(SubscribedSkus::with(self.plans()), now()),
            organization: Fact::known(self.organization(), now()),
            sign_ins: fact(&self.sign_ins, |rows| {
                let rows: Vec<Value> = list(rows);
                let log = SignIns::written(&rows, now(), self.plain_log, self.log_reaches_back);
                if self.crowded_log { log.crowded() } else { log }
            }),
            conditional_access_policies: fact(&self.policies, |value| ConditionalAccessPolicies {
                policies: list(value),
                unreadable: self.unreadable_policies,
            }),
            authentication_strengths: fact(&self.strengths, |value| {
                AuthenticationStrengths::new(list::<Strength>(value))
            }),
            named_locations: fact(&self.locations, locations),
            per_user_mfa: fact(&self.per_user, per_user),
            cross_tenant_access: Fact::known(
                CrossTenantAccess { default_is_trusted: self.trusts_guests, trusted_partners: 0 },
                now(),
            ),
            role_assignments: active,
            role_eligibilities: eligible,
            agent_groups: Fact::known(
                AgentGroups::new(self.agents.iter().map(|it| ("AdminAgents".into(), id(it)))),
                now(),
            ),
            groups: Fact::known(self.groups(), now()),
            gdap_relationships,
            gdap_access_assignments,
            privileged_accounts: fact(&self.having, |value| self.privileged_accounts(value)),
            pim_groups: fact(&self.pim_groups, |value| {
                let managed: Vec<String> = list(value);
                let managed: Vec<_> = managed.iter().map(|it| id(it)).collect();
                let eligible = |it: ObjectId| {
                    let count = usize::from(managed.contains(&it));
                    (it, Ok(count))
                };
                PimGroups::new(reaching.into_iter().map(eligible), now())
            }),
            role_management_policies: fact(&self.approval, |value| {
                let roles: BTreeMap<String, bool> =
                    serde_json::from_value(value.clone()).unwrap_or_default();
                RoleManagementPolicies::new(roles.iter().map(|(it, needs)| (id(it), Some(*needs))))
            }),
            risky_users: fact(&self.at_risk, |value| self.risky_users(value)),
            ..Facts::unread(now())
        }
    }

    fn plans(&self) -> &[Plan] {
        match self.plans.as_deref() {
            None => &[Plan::P2],
            Some([]) => &[],
            Some(_) => &[Plan::P1],
        }
    }

    fn privileged_accounts(&self, having: &Value) -> PrivilegedAccounts {
        let mut having: BTreeMap<String, Having> =
            serde_json::from_value(having.clone()).unwrap_or_default();
        let accounts = self.users.keys().map(|name| {
            let having = having.remove(name).unwrap_or_default();
            (id(name), having.account())
        });
        PrivilegedAccounts::new(accounts)
    }

    fn risky_users(&self, at_risk: &Value) -> RiskyUsers {
        let states: BTreeMap<String, RiskState> =
            serde_json::from_value(at_risk.clone()).unwrap_or_default();
        let risky = |(name, state): (&String, &RiskState)| {
            let (level, updated) = (RiskLevel::High, Some(days_ago(2)));
            RiskyUser { id: id(name), level, state: *state, updated }
        };
        RiskyUsers::with(states.iter().map(risky).collect(), self.unreadable_risks)
    }

    fn organization(&self) -> Organization {
        let domain = |name: &String| serde_json::json!({"name": name, "type": "Federated"});
        let domains: Vec<_> = self.federated.iter().map(domain).collect();
        let kind = &self.partner_type;
        let body = serde_json::json!({"verifiedDomains": domains, "partnerTenantType": kind});
        serde_json::from_value(body).unwrap()
    }

    fn report(&self, registered: &Value) -> UserRegistrationDetails {
        let registered: BTreeMap<String, Vec<String>> =
            serde_json::from_value(registered.clone()).unwrap_or_default();
        let enabled = self.users.iter().filter(|(_, person)| !person.disabled);
        let rows = enabled.map(|(name, _)| {
            let words = registered.get(name).cloned();
            let words = words.unwrap_or_else(|| vec!["microsoftAuthenticatorPush".to_owned()]);
            let mut methods = Methods::default();
            words.iter().for_each(|word| methods.add(word));
            let flag =
                words.iter().any(|word| word != "email" && word != "windowsHelloForBusiness");
            (id(name), Registration::new(flag, flag, methods))
        });
        UserRegistrationDetails::new(rows, 0)
    }

    fn accounts(&self) -> Vec<User> {
        let account = |(name, person): (&String, &Person)| User {
            id: id(name),
            user_principal_name: person
                .name
                .clone()
                .unwrap_or_else(|| format!("{name}@contoso.example"))
                .into(),
            account_enabled: !person.disabled && !self.disabled.contains(name),
            account: if person.guest { Account::Guest } else { Account::Member },
            created: person.age.map(days_ago),
            invited: person.external,
        };
        self.users.iter().map(account).collect()
    }

    fn groups(&self) -> Groups {
        let groups = self.groups.iter().map(|(name, value)| {
            let members = match value.as_str() {
                Some("refused") => Members::Unread(Unread::Permission),
                Some("deleted") => Members::Deleted,
                _ => {
                    let (inner, people) = list::<String>(value)
                        .into_iter()
                        .partition::<Vec<_>, _>(|it| self.groups.contains_key(it));
                    let ids = |names: Vec<String>| names.iter().map(|it| id(it)).collect();
                    Members::Known { people: ids(people), groups: ids(inner) }
                }
            };
            (id(name), Group::new(name, members, now()))
        });
        Groups::new(groups)
    }

    fn roles(&self) -> (Fact<RoleAssignments>, Fact<RoleEligibilities>) {
        if is_refused(&self.roles) {
            return (Fact::Unread(Unread::Permission), Fact::Unread(Unread::Permission));
        }
        let mut rows =
            self.sync.iter().map(|who| self.assignment(DIRECTORY_SYNCHRONIZATION, who, true));
        let mut standing: Vec<_> = rows.by_ref().collect();
        let of = |kind: &str, tenant_wide| -> Vec<RoleAssignment> {
            let roles: BTreeMap<String, Vec<String>> =
                serde_json::from_value(self.roles[kind].clone()).unwrap_or_default();
            let held = |(role, who): (&String, &Vec<String>)| {
                let row = |who: &String| self.assignment(role, who, tenant_wide);
                who.iter().map(row).collect::<Vec<_>>()
            };
            roles.iter().flat_map(held).collect()
        };
        standing.extend(of("active", true));
        standing.extend(of("unit", false));
        let ends = Some(now() + jiff::SignedDuration::from_hours(8));
        let activated = of("activated", true).into_iter();
        let activated = activated.map(|row| RoleAssignment { activated: true, ends, ..row });
        let time_bound = of("time_bound", true).into_iter();
        let time_bound = time_bound.map(|row| RoleAssignment { ends, ..row });
        let active: Vec<_> = standing.into_iter().chain(activated).chain(time_bound).collect();
        let eligible = match is_refused(&self.roles["eligible"]) {
            true => Fact::Unread(Unread::Permission),
            false => Fact::known(RoleEligibilities::new(of("eligible", true)), now()),
        };
        let active = match is_refused(&self.roles["active"]) {
            true => Fact::Unread(Unread::Permission),
            false => Fact::known(RoleAssignments::new(active), now()),
        };
        (active, eligible)
    }

    fn assignment(&self, role: &str, who: &str, tenant_wide: bool) -> RoleAssignment {
        RoleAssignment {
            principal: id(who),
            is_group: Some(self.groups.contains_key(who)),
            role: id(role),
            tenant_wide,
            activated: false,
            ends: None,
        }
    }
}

fn locations(value: &Value) -> NamedLocations {
    let places: BTreeMap<String, String> =
        serde_json::from_value(value.clone()).unwrap_or_default();
    let rows = places.iter().map(|(name, trust)| {
        let row = serde_json::json!({
            "id": name, "displayName": name, "isTrusted": trust == "trusted",
        });
        serde_json::from_value::<Location>(row).unwrap()
    });
    NamedLocations::new(rows, 0)
}

fn per_user(value: &Value) -> PerUserMfa {
    if value.as_str() == Some("absent") {
        return PerUserMfa::new([], false);
    }
    let states: BTreeMap<String, String> =
        serde_json::from_value(value.clone()).unwrap_or_default();
    let states = states.iter().filter_map(|(name, state)| match state.as_str() {
        "enabled" => Some((id(name), MfaState::Enabled)),
        "enforced" => Some((id(name), MfaState::Enforced)),
        _ => None,
    });
    PerUserMfa::new(states, true)
}

/// A tenant drawn at random: few people and few words, so that policies meet often.
pub(crate) mod drawn {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    pub(crate) const PEOPLE: [&str; 5] = ["anna", "bert", "carl", "gus", "ines"];

    fn some(words: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
        proptest::sample::subsequence(words, 0..=words.len().min(3))
    }

    fn users() -> impl Strategy<Value = Value> {
        (
            prop_oneof![
                3 => Just(vec!["All"]),
                1 => some(&["anna", "bert", "gus", "GuestsOrExternalUsers"]),
            ],
            some(&["outer", "inner", "locked", "gone"]),
            some(&["admin", "helper"]),
            some(&["anna", "ines"]),
            prop_oneof![3 => Just(vec![]), 1 => some(&["outer", "inner", "locked", "gone"])],
            prop_oneof![3 => Just(vec![]), 1 => some(&["admin", "helper"])],
            prop_oneof![
                Just(Value::Null),
                Just(json!({"guestOrExternalUserTypes": "internalGuest,b2bCollaborationGuest"})),
            ],
        )
            .prop_map(
                |(users, groups, roles, no_users, no_groups, no_roles, no_guests)| {
                    json!({
                        "includeUsers": users, "includeGroups": groups, "includeRoles": roles,
                        "excludeUsers": no_users, "excludeGroups": no_groups,
                        "excludeRoles": no_roles, "excludeGuestsOrExternalUsers": no_guests,
                    })
                },
            )
    }

    const EXCHANGE: &str = "00000002-0000-0ff1-ce00-000000000000";

    fn sign_ins() -> impl Strategy<Value = Value> {
        (
            prop_oneof![
                3 => Just(json!({"includeApplications": ["All"]})),
                1 => Just(json!({"includeApplications": [EXCHANGE]})),
                1 => Just(json!({"includeApplications": ["All"], "excludeApplications": [EXCHANGE]})),
                1 => Just(json!({"includeApplications": ["Office365"]})),
            ],
            prop_oneof![
                3 => Just(json!([])),
                1 => Just(json!(["browser"])),
                1 => Just(json!(["mobileAppsAndDesktopClients", "other"])),
            ],
            prop_oneof![
                4 => Just(Value::Null),
                1 => Just(json!({"includeLocations": ["All"], "excludeLocations": ["AllTrusted"]})),
                1 => Just(json!({"includeLocations": ["hq", "branch"]})),
                1 => Just(json!({"includeLocations": ["All"], "excludeLocations": ["hq"]})),
            ],
            prop_oneof![4 => Just(json!([])), 1 => Just(json!(["high"]))],
        )
            .prop_map(|(applications, clients, locations, risk)| {
                json!({
                    "applications": applications, "clientAppTypes": clients,
                    "locations": locations, "signInRiskLevels": risk,
                })
            })
    }

    fn policy(number: usize) -> impl Strategy<Value = Value> {
        (
            users(),
            sign_ins(),
            prop_oneof![
                4 => Just("enabled"), 1 => Just("disabled"),
                1 => Just("enabledForReportingButNotEnforced"), 1 => Just("paused"),
            ],
            prop_oneof![
                4 => Just(json!(["mfa"])), 1 => Just(json!(["block"])),
                1 => Just(json!(["mfa", "compliantDevice"])), 1 => Just(json!(["compliantDevice"])),
            ],
        )
            .prop_map(move |(users, mut conditions, state, controls)| {
                conditions["users"] = users;
                json!({
                    "id": format!("p{number}"), "displayName": format!("P{number}"),
                    "state": state, "conditions": conditions,
                    "grantControls": {"operator": "OR", "builtInControls": controls},
                })
            })
    }

    /// Everything but the policies, which come with it.
    pub(crate) fn tenant() -> impl Strategy<Value = (Value, Vec<Value>)> {
        let policies =
            (1..6_usize).prop_flat_map(|count| (0..count).map(policy).collect::<Vec<_>>());
        let rest = prop_oneof![
            4 => Just(json!({})),
            1 => Just(json!({"per_user": {"anna": "enforced"}})),
            1 => Just(json!({"locations": "refused"})),
            1 => Just(json!({"per_user": "refused"})),
            1 => Just(json!({"unreadable_policies": 1})),
            1 => Just(json!({"roles": "refused"})),
            1 => Just(json!({"security_defaults": true})),
            1 => Just(json!({"registered": {"anna": ["email"], "gus": ["email"], "bert": []}})),
            1 => Just(json!({"registered": {"bert": ["email"]}, "per_user": "refused"})),
        ];
        (rest, policies).prop_map(|(mut rest, policies)| {
            let mut base = json!({
                "users": {
                    "anna": {}, "bert": {}, "carl": {},
                    "gus": {"guest": true, "external": true}, "ines": {"guest": true},
                },
                "groups": {"outer": ["inner", "bert"], "inner": ["carl"], "locked": "refused",
                    "gone": "deleted"},
                "roles": {"active": {"admin": ["anna"]}, "eligible": {"helper": ["bert"]}},
                "locations": {"hq": "trusted", "branch": "untrusted"},
            });
            for (key, value) in rest.as_object_mut().unwrap() {
                base[key] = value.take();
            }
            (base, policies)
        })
    }
}
