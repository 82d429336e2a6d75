//! Modern authentication is on in Exchange Online.

use super::check::{About, Check, Evidence, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "exchange-modern-auth",
    title: "Modern authentication is switched on in Exchange Online",
    tier: Tier::Advised,
    evidence: Evidence::Proxy,
    about: About::Others,
    docs: "https://learn.microsoft.com/exchange/clients-and-mobile-in-exchange-online/enable-or-disable-modern-authentication-in-exchange-online",
    portal: "https://admin.microsoft.com/#/Settings/Services/:/Settings/L1/ModernAuthentication",
    remedy: "run `Get-OrganizationConfig | Format-List OAuth2ClientProfileEnabled` in Exchange Online PowerShell, set it to true where it is not, and say so under `attestations` in the configuration, since Graph does not show it. It is a risk above all where the tenant was made before August 2017 (partnercenter_tenant_created_timestamp_seconds): there it was off until somebody switched it on; in a younger one somebody must have switched it off",
    sources: &["organization"],
    evaluate,
};

/// Graph does not show the switch, and the tenant's age only how it stood in the beginning: nothing
/// proves that it is on, or off.
fn evaluate(posture: &Posture<'_>, _terms: &Terms<'_>) -> Result<Verdict, Unread> {
    posture.facts.organization.rows()?;
    Err(Unread::NotObservable)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::checks::State;
    use crate::posture::{Attestation, Attested, Declarations};
    use crate::sources::{Fact, Facts};

    fn judged(organization: &str, attestations: Vec<Attestation>) -> Verdict {
        let now = Timestamp::UNIX_EPOCH;
        let organization = crate::wire::entity(organization.as_bytes()).unwrap();
        let facts = Facts { organization: Fact::known(organization, now), ..Facts::unread(now) };
        CHECK.judge(&Posture::of(&facts, &Declarations { attestations, ..Declarations::default() }))
    }

    #[test]
    fn no_age_of_the_tenant_proves_anything() {
        for body in [
            r#"{"createdDateTime":"2017-07-31T23:59:59Z"}"#,
            r#"{"createdDateTime":"2017-08-01T00:00:00Z"}"#,
            r#"{"createdDateTime":null}"#,
        ] {
            assert_eq!(judged(body, vec![]).why_unknown(), Some(Unread::NotObservable), "{body}");
        }
    }

    #[test]
    fn somebody_can_vouch_for_it() {
        let attestation = Attestation {
            requirement: CHECK.id,
            says: Attested::Compliant,
            by: "messaging team".to_owned(),
            attested: Timestamp::UNIX_EPOCH,
            expires: Timestamp::MAX,
        };
        assert_eq!(judged("{}", vec![attestation]).state(), State::Attested);
    }
}
