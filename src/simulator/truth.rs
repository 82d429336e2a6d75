//! What a reader should find.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use super::Plan;
use super::dap::Dap;
use super::gdap::Holder;
use super::person::Person;
use super::privilege::Privilege;

/// What kind of tenant the people live in, as far as that decides what becomes of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances {
    pub(super) plan: Plan,
    pub(super) partner: bool,
    pub(super) security_defaults: bool,
    pub(super) per_user_mfa_shown: bool,
    pub(super) trusts_guest_mfa: bool,
}

/// What a reader should find, counted from the people themselves. Faults do not change it, but for
/// `unlicensed`. Connect sync accounts are no people, and in no figure but their own.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Truth {
    /// Enabled accounts of the tenant's own; an account without a type is one.
    pub members: usize,
    /// Enabled accounts invited from elsewhere.
    pub guests: usize,
    /// Members whose row shows MFA: the flag, the ability, or a method that is two factors in one.
    pub registered_members: usize,
    /// Guests whose row shows MFA.
    pub registered_guests: usize,
    /// Members whose row says that they can do MFA.
    pub capable_members: usize,
    /// Guests whose row says that they can do MFA.
    pub capable_guests: usize,
    /// Members without MFA: by their row, or without a row and 48 hours old or more.
    pub unregistered_members: usize,
    /// Guests without MFA, likewise; none where MFA of other tenants is trusted.
    pub unregistered_guests: usize,
    /// Members without a row, younger than 48 hours.
    pub unjudged_members: usize,
    /// Guests without a row, younger than 48 hours, and guests without MFA where MFA of other
    /// tenants is trusted.
    pub unjudged_guests: usize,
    /// Accounts nobody can sign in to. They are in none of the figures above.
    pub disabled: usize,
    /// Whether security defaults are on.
    pub security_defaults: bool,
    /// Whether the tenant has Entra ID P1 or P2.
    pub premium: bool,
    /// Object ids of the unregistered, members and guests.
    pub unregistered_ids: Vec<String>,
    /// Of the unregistered, who was hired in the past 14 days and administers nothing.
    pub unregistered_lately: ByAccount,
    /// Everybody by `always`, `conditional`, `excluded` and `not_targeted`.
    pub coverage: BTreeMap<&'static str, ByAccount>,
    /// Who is always covered, by `defaults`, `conditional_access` and `per_user`.
    pub enforced: BTreeMap<&'static str, ByAccount>,
    /// Who is covered conditionally, by gap.
    pub conditional: BTreeMap<&'static str, usize>,
    /// Who is excluded, by `direct`, `group`, `role` and `guest`.
    pub excluded: BTreeMap<&'static str, usize>,
    /// Object ids of those excluded by name.
    pub excluded_ids: Vec<String>,
    /// Who has a gap: in `registration`, in `enforcement`, or in `both`.
    pub without_mfa: BTreeMap<&'static str, ByAccount>,
    /// Who is behind a privilege.
    pub admins: Admins,
    /// Who holds a method that cannot be phished.
    pub phishing_resistant: ByAccount,
    /// Who is registered, and with nothing better than a telephone.
    pub weak: ByAccount,
    /// Holders of each method among those who have a row, in the report's words.
    pub methods: BTreeMap<&'static str, usize>,
    /// People for whom legacy authentication is not blocked.
    pub legacy_excluded: ByAccount,
    /// People by legacy per-user MFA state, `enabled` and `enforced`, shown or not.
    pub per_user_mfa: BTreeMap<&'static str, usize>,
    /// Object ids of the emergency accounts.
    pub break_glass_ids: Vec<String>,
    /// Of the emergency accounts, those whose row shows MFA.
    pub break_glass_registered: usize,
    /// Connect sync accounts.
    pub sync_accounts: usize,
    /// Those of them that hold another role, too.
    pub sync_accounts_other_roles: usize,
    /// Conditional Access policies, by `enabled`, `disabled` and `report_only`.
    pub policies: BTreeMap<&'static str, usize>,
    /// Those that demand MFA, enabled or report-only, by gap.
    pub mfa_policies: BTreeMap<&'static str, usize>,
    /// Enabled ones with a control of another vendor.
    pub custom_controls: usize,
    /// Those that Microsoft made and retired.
    pub baseline_policies: usize,
    /// Named locations by whether they are trusted, `yes` and `no`.
    pub named_locations: BTreeMap<&'static str, usize>,
    /// Whether `security_defaults`, `conditional_access` and `per_user` demand MFA of anybody, the
    /// last whether it is shown or not.
    pub options: BTreeMap<&'static str, bool>,
    /// Whether MFA of all other tenants is trusted. None is trusted by a setting of its own.
    pub trusts_guest_mfa: bool,
    /// Groups of partner agents, by name.
    pub agent_groups: BTreeMap<&'static str, usize>,
    /// Groups that matter to policies that act, to roles and to partner agents, groups in them
    /// among them.
    pub groups_read: usize,
    /// Groups that such policies name and that are there no more.
    pub groups_deleted: usize,
    /// Alerts about fraud at customers.
    pub fraud: Fraud,
    /// The customers.
    pub customers: Customers,
    /// Delegated administration as it once was.
    pub dap: Dap,
    /// What Microsoft makes of it all.
    pub score: Score,
    /// Enabled employees by the Outlook they have: `2007`, `2010`, `2013`, `2016`, `2019`, `m365` and
    /// `undetermined`.
    pub outlook: BTreeMap<&'static str, usize>,
    /// Who reaches Partner Center, and how.
    pub partner_center: PartnerCenter,
    /// What may be done at customers by GDAP.
    pub gdap: Gdap,
    /// Who is behind a privilege in the partner's own tenant.
    pub privilege: Privilege,
}

/// GDAP relationships. Figures of use are about active ones.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Gdap {
    /// All of them by status, in Microsoft's words; `other` for any other word.
    pub relationships: BTreeMap<&'static str, usize>,
    /// Without auto-extend, by the time that is left: `lt1d`, `1to7d`, `7to14d`, `14to30d`,
    /// `30to60d`; a boundary day belongs to the lower band.
    pub ending: BTreeMap<&'static str, usize>,
    /// Customers whose last relationship ends then, of those none of whose extends itself.
    pub going_dark: BTreeMap<&'static str, usize>,
    /// When the first without auto-extend ends.
    pub earliest_end: Option<Timestamp>,
    /// By whether they extend themselves, `yes` and `no`.
    pub auto_extend: BTreeMap<&'static str, usize>,
    /// Those that grant a highly privileged role, by role.
    pub with_role: BTreeMap<&'static str, usize>,
    /// Pairs of relationship and role that are granted.
    pub roles_granted: usize,
    /// Those of them that are assigned to a group.
    pub roles_assigned: usize,
    /// When the oldest that waits for its approval was made.
    pub oldest_pending: Option<Timestamp>,
    /// Access assignments by status, of relationships that are active, coming or going.
    pub assignments: BTreeMap<&'static str, usize>,
    /// Active ones to the group of the Admin agents.
    pub to_admin_agents: usize,
    /// Relationships that nobody can use.
    pub without_assignment: usize,
    /// Made by the Microsoft-led transition.
    pub microsoft_led: usize,
    /// Customers with an active relationship.
    pub customers: usize,
    /// Their ids.
    pub customer_ids: BTreeSet<String>,
    /// Customers with any.
    pub listed_customers: usize,
    /// What was asked about relationships that are coming or going, by action and status; what is
    /// told in words of a later day is `other`.
    pub requests: BTreeMap<&'static str, BTreeMap<&'static str, usize>>,
    /// By the enabled people who can use them: `0`, `1to5`, `6to20`, `21to50`, `gt50`.
    pub by_people: BTreeMap<&'static str, usize>,
    /// Enabled people who can use any.
    pub people: usize,
    /// For each role of each relationship its weight times the people who have it there, summed.
    pub exposure: u64,
    /// The groups they are used through.
    #[serde(skip)]
    pub(super) holders: BTreeSet<Holder>,
}

/// Alerts about fraud. Those that are tests are in no figure but their own.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Fraud {
    /// Not resolved, by Microsoft's word for the kind, and by severity: `informational`, `low`,
    /// `medium`, `high`, or `unknown` for any other word.
    pub open: BTreeMap<String, BTreeMap<&'static str, Open>>,
    /// Tests that are not resolved.
    pub tests: usize,
    /// When the oldest that is not resolved was detected, by severity.
    pub oldest_open: BTreeMap<&'static str, Timestamp>,
    /// The same of those that nobody answered.
    pub oldest_unanswered: BTreeMap<&'static str, Timestamp>,
    /// Detected in the past 30 days and answered: `lt1h`, `1to12h`, `12to24h`, `gt24h`. An answer
    /// after exactly 12 or 24 hours belongs to the lower band, one after an hour to the second.
    pub answered: BTreeMap<&'static str, usize>,
    /// Detected in the past 30 days and resolved, by `legitimate`, `ignore`, `fraud` or `unknown`.
    pub resolved: BTreeMap<&'static str, usize>,
    /// Detected in the past 30 days and not answered.
    pub unanswered: usize,
    /// Mean time to the answer of all that were detected in the past 30 days, those that nobody
    /// answered with their age; `None` without any.
    pub average_seconds: Option<f64>,
    /// Microsoft's own mean, of those that were answered; 0 without any.
    pub microsoft_hours: f64,
}

/// Alerts that are not resolved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Open {
    /// Nobody answered.
    pub active: usize,
    /// Somebody looks into it.
    pub investigating: usize,
}

impl Fraud {
    /// Open alerts of a kind and severity, in `active` and `investigating`.
    pub fn open_of(&self, alert_type: &str, severity: &str) -> Open {
        let of_type = self.open.get(alert_type);
        of_type.and_then(|kinds| kinds.get(severity)).copied().unwrap_or_default()
    }

    /// All that are not resolved.
    pub fn open_total(&self) -> usize {
        let open = self.open.values().flat_map(BTreeMap::values);
        open.map(|open| open.active + open.investigating).sum()
    }
}

/// The customers, as Microsoft tells of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Customers {
    /// All of them.
    pub tenants: usize,
    /// Those whose administrators use MFA.
    pub admin_mfa: usize,
    /// All by `security_defaults`, `conditional_access`, `per_user`, `none` and `unknown`, the
    /// first that applies.
    pub mfa_option: BTreeMap<&'static str, usize>,
    /// Their people, of the customers that anything is said about.
    pub users: usize,
    /// Administrators who use MFA, likewise.
    pub admins_mfa: usize,
    /// Others who do, likewise.
    pub others_mfa: usize,
    /// Customers with Azure.
    pub azure: usize,
    /// Those of them with a budget.
    pub with_budget: usize,
    /// Those with Azure by how far the budget is spent: `none` without one, `lt80`, `80to100` and
    /// `gt100`.
    pub budget_use: BTreeMap<&'static str, usize>,
}

/// The partner security score.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Score {
    /// As it stands.
    pub current: f64,
    /// As it could be.
    pub max: f64,
    /// The latest other score in the history.
    pub previous: Option<f64>,
    /// When that was written.
    pub previous_at: Option<Timestamp>,
    /// When the present score was first written.
    pub changed: Option<Timestamp>,
    /// Each requirement, by Microsoft's word.
    pub requirements: BTreeMap<String, Requirement>,
}

/// Microsoft's verdict on one requirement.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Requirement {
    /// Whether it is met.
    pub compliant: bool,
    /// Points.
    pub score: u32,
    /// Points there could be.
    pub max_score: u32,
    /// Whether it does not count yet.
    pub preview: bool,
    /// Numbers it was measured by, in Microsoft's words.
    pub measures: BTreeMap<String, f64>,
}

/// Who reaches Partner Center, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PartnerCenter {
    /// Object ids of people who used the portal without MFA.
    pub portal_people: Vec<String>,
    /// When one of them last did.
    pub portal_last: Option<Timestamp>,
    /// Requests of applications for people, by application id.
    pub requests: BTreeMap<String, Requests>,
    /// Object ids of people in whose name requests without MFA were made.
    pub request_people: Vec<String>,
    /// Requests with MFA and all, by application id, over the days that are shown.
    pub adoption: BTreeMap<String, (u64, u64)>,
    /// Indirect resellers.
    pub resellers: usize,
    /// Those who signed the agreement.
    pub resellers_signed: usize,
    /// Those who did not.
    pub resellers_unsigned: usize,
}

/// What an application asked of Partner Center.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Requests {
    /// With MFA in the token.
    pub with_mfa: usize,
    /// Without.
    pub without_mfa: usize,
    /// Whether any was about invoices.
    pub invoicing: bool,
    /// Whether any changed customers, orders or subscriptions.
    pub provisioning: bool,
}

/// A figure about members and about guests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ByAccount {
    /// Of the tenant's own.
    pub member: usize,
    /// From elsewhere.
    pub guest: usize,
}

impl ByAccount {
    pub(super) fn add(&mut self, person: &Person) {
        *(if person.is_guest() { &mut self.guest } else { &mut self.member }) += 1;
    }

    /// Both together.
    pub fn total(self) -> usize {
        self.member + self.guest
    }
}

/// Holders of a role, eligible and activated ones too, and partner agents.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Admins {
    /// All of them who are enabled.
    pub total: usize,
    /// Of those, who is always covered.
    pub enforced: usize,
    /// Of those, who has a gap: in `registration`, in `enforcement`, or in `both`.
    pub without_mfa: BTreeMap<&'static str, usize>,
    /// Of those, who holds a method that cannot be phished.
    pub phishing_resistant: usize,
}
