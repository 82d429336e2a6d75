//! What is true, counted from the people themselves: from what they registered and from their
//! fates, and never from any answer or policy.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Plan;
use super::directory::{AGENTS, Directory};
use super::duty::Duty;
use super::fate::Coverage;
use super::person::{HOUR, METHODS, Person, Role};
use super::places::places;
use super::policy::{GAPS, Policy, State};
use super::truth::{Admins, Circumstances, Truth};

/// An account without a row in the report is given this long before its silence says something.
const BENEFIT_OF_THE_DOUBT: i64 = 48 * HOUR;
/// Who is not longer here than this was hired lately.
const LATELY: i64 = 14 * 24 * HOUR;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Registration {
    Registered,
    Unregistered,
    Unjudged,
}

impl Truth {
    pub(super) fn of(
        people: &[Person],
        directory: &Directory,
        now: Timestamp,
        tenant: &Circumstances,
    ) -> Self {
        let mut truth = Self::blank(tenant);
        for person in people {
            if person.role == Role::Sync {
                truth.sync_accounts += 1;
                let more = person.duty == Duty::SynchronizationAndMore;
                truth.sync_accounts_other_roles += usize::from(more);
            } else if person.enabled {
                truth.count(person, now, tenant);
            } else {
                truth.disabled += 1;
            }
        }
        if tenant.plan != Plan::None {
            for policy in &directory.policies {
                truth.count_policy(policy, policy.shown(tenant.security_defaults));
            }
            for place in places() {
                let word = if place["isTrusted"] == true { "yes" } else { "no" };
                *truth.named_locations.entry(word).or_default() += 1;
            }
        }
        (truth.groups_read, truth.groups_deleted) = directory.groups_named(tenant);
        for (_, name) in directory.agents() {
            *truth.agent_groups.entry(name).or_default() += 1;
        }
        truth.options.insert("per_user", truth.per_user_mfa.values().any(|count| *count > 0));
        truth
    }

    fn count_policy(&mut self, policy: &Policy, state: State) {
        *self.policies.entry(state.word()).or_default() += 1;
        if let Some(gap) = policy.gap_in(state) {
            *self.mfa_policies.entry(gap).or_default() += 1;
        }
        if state == State::Enabled {
            self.custom_controls += usize::from(policy.has_custom_control());
            self.options.entry("conditional_access").and_modify(|on| *on |= policy.gap.is_some());
        }
        self.baseline_policies += usize::from(policy.is_baseline());
    }

    /// Every word is there from the beginning, so that none is found missing.
    fn blank(tenant: &Circumstances) -> Self {
        fn zeros<T: Default>(
            words: impl IntoIterator<Item = &'static str>,
        ) -> BTreeMap<&'static str, T> {
            words.into_iter().map(|word| (word, T::default())).collect()
        }
        let gaps = ["registration", "enforcement", "both"];
        Self {
            security_defaults: tenant.security_defaults,
            premium: tenant.plan != Plan::None,
            coverage: zeros(["always", "conditional", "excluded", "not_targeted"]),
            enforced: zeros(["defaults", "conditional_access", "per_user"]),
            conditional: zeros(GAPS),
            excluded: zeros(["direct", "group", "role", "guest"]),
            without_mfa: zeros(gaps),
            admins: Admins { without_mfa: zeros(gaps), ..Admins::default() },
            methods: zeros(METHODS.map(|(word, _)| word)),
            per_user_mfa: zeros(["enabled", "enforced"]),
            options: BTreeMap::from([
                ("security_defaults", tenant.security_defaults),
                ("conditional_access", false),
                ("per_user", false),
            ]),
            trusts_guest_mfa: tenant.trusts_guest_mfa,
            agent_groups: zeros(AGENTS),
            named_locations: zeros(["yes", "no"]),
            policies: zeros(["enabled", "disabled", "report_only"]),
            mfa_policies: zeros(["none", "report_only"].into_iter().chain(GAPS)),
            ..Self::default()
        }
    }

    /// Counts somebody who is enabled.
    fn count(&mut self, person: &Person, now: Timestamp, tenant: &Circumstances) {
        let registration = self.count_registration(person, now, tenant);
        let coverage = person.fate.coverage(tenant);
        self.coverage.entry(coverage.word()).or_default().add(person);
        let always = match coverage {
            Coverage::Always(via) => {
                self.enforced.entry(via).or_default().add(person);
                true
            }
            Coverage::Conditional(gap) => {
                *self.conditional.entry(gap).or_default() += 1;
                false
            }
            Coverage::Excluded(reason) => {
                *self.excluded.entry(reason).or_default() += 1;
                if reason == "direct" {
                    self.excluded_ids.push(person.guid());
                }
                false
            }
            Coverage::NotTargeted => false,
        };
        let gap = match (registration, always) {
            (Registration::Unregistered, true) => Some("registration"),
            (Registration::Unregistered, false) => Some("both"),
            (_, false) => Some("enforcement"),
            (_, true) => None,
        };
        if let Some(gap) = gap {
            self.without_mfa.entry(gap).or_default().add(person);
        }
        let administers = person.duty.administers(tenant.plan, tenant.partner);
        let is_new = person.age(now).is_some_and(|age| age < LATELY);
        if registration == Registration::Unregistered && is_new && !administers {
            self.unregistered_lately.add(person);
        }
        if administers {
            let resists = person.has_row(now) && person.passwordless();
            self.admins.total += 1;
            self.admins.enforced += usize::from(always);
            self.admins.phishing_resistant += usize::from(resists);
            if let Some(gap) = gap {
                *self.admins.without_mfa.entry(gap).or_default() += 1;
            }
        }
        let policies = tenant.plan != Plan::None;
        if !tenant.security_defaults && (person.legacy_exempt || !policies) {
            self.legacy_excluded.add(person);
        }
        match person.fate.per_user_state() {
            "disabled" => {}
            state => *self.per_user_mfa.entry(state).or_default() += 1,
        }
        if person.role == Role::BreakGlass {
            self.break_glass_ids.push(person.guid());
            let registered = registration == Registration::Registered;
            self.break_glass_registered += usize::from(registered);
        }
    }

    fn count_registration(
        &mut self,
        person: &Person,
        now: Timestamp,
        tenant: &Circumstances,
    ) -> Registration {
        let count = |[members, guests]: [&mut usize; 2]| {
            *(if person.is_guest() { guests } else { members }) += 1;
        };
        count([&mut self.members, &mut self.guests]);
        let row = person.has_row(now);
        if row && person.mfa_capable {
            count([&mut self.capable_members, &mut self.capable_guests]);
        }
        if row {
            for (word, _) in METHODS.iter().filter(|(_, bit)| person.methods & bit != 0) {
                *self.methods.entry(word).or_default() += 1;
            }
        }
        if row && person.has_mfa() {
            count([&mut self.registered_members, &mut self.registered_guests]);
            if person.passwordless() {
                self.phishing_resistant.add(person);
            }
            if person.weak() {
                self.weak.add(person);
            }
            return Registration::Registered;
        }
        let silent = !row && person.age(now).is_some_and(|age| age < BENEFIT_OF_THE_DOUBT);
        if silent || (person.is_guest() && tenant.trusts_guest_mfa) {
            count([&mut self.unjudged_members, &mut self.unjudged_guests]);
            return Registration::Unjudged;
        }
        count([&mut self.unregistered_members, &mut self.unregistered_guests]);
        self.unregistered_ids.push(person.guid());
        Registration::Unregistered
    }
}

#[cfg(test)]
mod tests {
    use super::super::truth::ByAccount;
    use super::super::world::World;
    use super::*;

    const USUAL: Circumstances = Circumstances {
        plan: Plan::P2,
        partner: true,
        security_defaults: false,
        per_user_mfa_shown: true,
        trusts_guest_mfa: false,
    };

    fn noon() -> Timestamp {
        "2026-03-02T12:00:00Z".parse().unwrap()
    }

    fn truth(users: usize, seed: u64, tenant: &Circumstances) -> Truth {
        World::new(users, seed, noon(), tenant.partner).truth(noon(), tenant)
    }

    fn sum<'a>(parts: impl IntoIterator<Item = &'a ByAccount>) -> (usize, usize) {
        parts
            .into_iter()
            .fold((0, 0), |(members, guests), part| (members + part.member, guests + part.guest))
    }

    fn tenants() -> Vec<Circumstances> {
        let mut tenants = Vec::new();
        for plan in [Plan::P2, Plan::P1, Plan::None] {
            for defaults in [false, true] {
                for shown in [false, true] {
                    tenants.push(Circumstances {
                        plan,
                        partner: shown,
                        security_defaults: defaults,
                        per_user_mfa_shown: shown,
                        trusts_guest_mfa: defaults,
                    });
                }
            }
        }
        tenants
    }

    #[test]
    fn the_parts_sum_to_the_whole_in_every_world() {
        for users in [0, 1, 39, 100, 240, 5000] {
            for seed in [1, 2, 3, 77] {
                for tenant in tenants() {
                    let truth = truth(users, seed, &tenant);
                    let people = (truth.members, truth.guests);
                    assert_eq!(sum(truth.coverage.values()), people);
                    let always = truth.coverage["always"];
                    assert_eq!(sum(truth.enforced.values()), (always.member, always.guest));
                    let conditional = truth.coverage["conditional"].total();
                    assert_eq!(truth.conditional.values().sum::<usize>(), conditional);
                    let excluded = truth.coverage["excluded"].total();
                    assert_eq!(truth.excluded.values().sum::<usize>(), excluded);
                    let without = sum(["enforcement", "both"].map(|gap| &truth.without_mfa[gap]));
                    assert_eq!(without.0 + always.member, truth.members);
                    assert_eq!(without.1 + always.guest, truth.guests);
                    let registration =
                        sum(["registration", "both"].map(|gap| &truth.without_mfa[gap]));
                    let unregistered = (truth.unregistered_members, truth.unregistered_guests);
                    assert_eq!(registration, unregistered);
                    let admins = &truth.admins;
                    let open = admins.without_mfa["enforcement"] + admins.without_mfa["both"];
                    assert_eq!(admins.enforced + open, admins.total);
                    let everybody = truth.members + truth.guests + truth.disabled;
                    assert_eq!(everybody + truth.sync_accounts, users);
                }
            }
        }
    }

    #[test]
    fn what_is_planted_is_there_to_the_last_one() {
        for (users, seed) in [(100, 1), (100, 9), (240, 2), (5000, 3)] {
            let truth = truth(users, seed, &USUAL);
            let gaps =
                ["application", "client", "platform", "location"].map(|gap| truth.conditional[gap]);
            assert_eq!(gaps, [2, 3, 1, 5]);
            let gaps = ["device_alternative", "device_filter", "risk_only"];
            assert_eq!(gaps.map(|gap| truth.conditional[gap]), [4, 6, 7]);
            let gaps = ["authentication_flow", "other"];
            assert_eq!(gaps.map(|gap| truth.conditional[gap]), [2, 3]);
            let reasons = ["direct", "group", "role", "guest"].map(|reason| truth.excluded[reason]);
            assert_eq!(reasons, [3, 4, 2, 5]);
            assert_eq!(truth.coverage["not_targeted"], ByAccount { member: 7, guest: 1 });
            assert_eq!(truth.enforced["per_user"], ByAccount { member: 3, guest: 0 });
            assert_eq!(truth.legacy_excluded, ByAccount { member: 4, guest: 1 });
            assert_eq!((truth.sync_accounts, truth.sync_accounts_other_roles), (2, 1));
            assert_eq!(truth.break_glass_ids.len(), 2);
            assert!(truth.without_mfa["both"].member > 0);
        }
    }

    #[test]
    fn the_plan_decides_what_fate_can_do() {
        let p1 = truth(240, 1, &Circumstances { plan: Plan::P1, ..USUAL });
        let p2 = truth(240, 1, &USUAL);
        assert_eq!((p1.excluded["role"], p2.excluded["role"]), (1, 2));
        // Three who may be administrators, one who was, and one of another role.
        assert_eq!(p2.admins.total - p1.admins.total, 5);
        let free = truth(240, 1, &Circumstances { plan: Plan::None, ..USUAL });
        assert_eq!(free.enforced["per_user"].total(), 3);
        assert_eq!(free.coverage["not_targeted"].total(), free.members + free.guests - 3);
        assert_eq!(free.policies.values().sum::<usize>(), 0);
        assert_eq!(free.legacy_excluded.total(), free.members + free.guests);
    }

    #[test]
    fn in_a_small_world_everybody_is_covered() {
        let truth = truth(99, 1, &USUAL);
        assert_eq!(truth.coverage["always"].total(), truth.members + truth.guests);
        assert_eq!((truth.policies["enabled"], truth.mfa_policies["none"]), (2, 1));
        assert_eq!((truth.sync_accounts, truth.legacy_excluded.total()), (0, 0));
    }
}
