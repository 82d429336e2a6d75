//! Whoever works in a shell does MFA, and in none that Microsoft has retired.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict, seen};
use crate::posture::Posture;
use crate::sources::Unread;
use crate::sources::sign_ins::Deed;

pub(super) static CHECK: Check = Check {
    id: "powershell-user-credentials",
    title: "PowerShell and other shells are used with MFA, and none that is retired",
    tier: Tier::Recommended,
    evidence: Evidence::Proxy,
    about: About::Accounts,
    docs: "https://learn.microsoft.com/powershell/partnercenter/multi-factor-auth",
    portal: "https://entra.microsoft.com/#view/Microsoft_AAD_IAM/SignInEventsV3.ReactView",
    remedy: "move scripts of AzureAD, MSOnline and AzureRM to Microsoft Graph PowerShell and Az, and let them sign in as applications; demand MFA of people who work in a shell",
    sources: &["sign_ins", "users"],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let single = posture.seen_richly(Deed::ShellSingleFactor, |_| true)?;
    let retired =
        posture.seen_richly(Deed::RetiredShell, |did| !did.has(Deed::ShellSingleFactor))?;
    let findings = seen(&single.people, "signed in to a shell with one factor")
        .chain(seen(&retired.people, "works with a PowerShell module that Microsoft has retired"))
        .collect::<Vec<Finding>>();
    terms.verdict(findings).unless_doubtful(single.doubt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, logged};

    #[test]
    fn one_factor_and_a_retired_module_are_found_once_each() {
        const AZ: &str = "1950a258-227b-4e31-a9cf-717495945fc2";
        const AZURE_AD: &str = "1b730954-1685-4b74-9bfd-dac224a7b894";
        let of = |app: &str, rest: &str| {
            logged(&CHECK, &format!("[{{ who: robot, app: {app}, {rest} }}]"), "")
        };
        assert_eq!(of(AZ, "factors: 2").state(), State::Compliant);
        assert_eq!(of(AZ, "factors: 1").state(), State::Noncompliant);
        let renewed = of(AZ, "factors: 1, program: true");
        assert_eq!(renewed.state(), State::Compliant, "may rest on MFA done earlier");
        let sent = of(AZ, "factors: 1, program: true, protocol: ropc");
        assert_eq!(sent.state(), State::Noncompliant);
        let retired = of(AZURE_AD, "factors: 2");
        assert!(retired.findings()[0].what.contains("retired"));
        assert_eq!(of(AZURE_AD, "factors: 1").found(), 1);
    }
}
