//! What a reader should find.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Plan;
use super::person::Person;

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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
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
    /// Everybody by `always`, `conditional`, `excluded` and `not_targeted`.
    pub coverage: BTreeMap<&'static str, ByAccount>,
    /// Who is always covered, by `defaults`, `conditional_access` and `per_user`.
    pub enforced: BTreeMap<&'static str, ByAccount>,
    /// Who is covered conditionally, by gap.
    pub conditional: BTreeMap<&'static str, usize>,
    /// Who is excluded, by `direct`, `group`, `role` and `guest`.
    pub excluded: BTreeMap<&'static str, usize>,
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
    /// Connect sync accounts.
    pub sync_accounts: usize,
    /// Those of them that hold another role, too.
    pub sync_accounts_other_roles: usize,
    /// Conditional Access policies, by `enabled`, `disabled` and `report_only`.
    pub policies: BTreeMap<&'static str, usize>,
    /// Those that demand MFA, enabled or report-only, by gap.
    pub mfa_policies: BTreeMap<&'static str, usize>,
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
