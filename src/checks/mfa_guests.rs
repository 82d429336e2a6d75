//! Guests are always challenged for MFA.

use super::check::{About, Check, Evidence, Terms, Tier, Verdict, unenforced};
use crate::posture::{Posture, coverage};
use crate::sources::Unread;
use crate::sources::{Account, User};

pub(super) static CHECK: Check = Check {
    id: "mfa-guests",
    title: "MFA is enforced for every guest account in the partner tenant",
    tier: Tier::Mandatory,
    evidence: Evidence::Measured,
    about: About::Accounts,
    docs: "https://learn.microsoft.com/partner-center/security/partner-security-requirements",
    portal: "https://entra.microsoft.com/#view/Microsoft_AAD_ConditionalAccess/ConditionalAccessBlade/~/Policies",
    remedy: "include guests in a policy that demands MFA of every sign-in, or remove guests nobody needs",
    sources: &coverage::SOURCES,
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let people = posture.people.as_ref().map_err(|why| *why)?;
    let is_guest = |_: usize, user: &User| user.account == Account::Guest;
    if !people.everyone().iter().any(|user| is_guest(0, user)) {
        return Ok(Verdict::not_applicable());
    }
    let verdict = terms.verdict(unenforced(posture.unenforced(is_guest)?));
    verdict.unless_doubtful(posture.enforcement_doubt(is_guest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, judged};

    #[test]
    fn guests_are_judged_and_members_are_not() {
        let tenant = |guests: &str| {
            format!(
                "{{ users: {{ anna: {{}}{guests} }}, policies: [{{ id: p, displayName: MFA, state: enabled, conditions: {{ users: {{ includeUsers: [All], excludeUsers: [anna], excludeGuestsOrExternalUsers: {{ guestOrExternalUserTypes: internalGuest }} }}, applications: {{ includeApplications: [All] }} }}, grantControls: {{ operator: OR, builtInControls: [mfa] }} }}] }}"
            )
        };
        let state = |guests: &str| judged(&CHECK, &tenant(guests)).state();
        assert_eq!(state(""), State::NotApplicable);
        assert_eq!(state(", gus: { guest: true, external: true }"), State::Compliant);
        assert_eq!(state(", gus: { guest: true }"), State::Noncompliant);
    }
}
