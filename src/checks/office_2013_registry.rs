//! Office 2013 on Windows is told to use modern authentication.

use super::check::{About, Check, Evidence, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::sources::{Outlook, Unread};

pub(super) static CHECK: Check = Check {
    id: "office-2013-registry",
    title: "Where Office 2013 is still in use, modern authentication is switched on for it in Windows' registry",
    tier: Tier::Advised,
    evidence: Evidence::Proxy,
    about: About::Others,
    docs: "https://learn.microsoft.com/microsoft-365/admin/security-and-compliance/enable-modern-authentication",
    portal: "https://admin.microsoft.com/#/reportsUsage/EmailAppUsage",
    remedy: "replace Office 2013, which is out of support; until then set EnableADAL and Version to 1 below HKCU\\SOFTWARE\\Microsoft\\Office\\15.0\\Common\\Identity by group policy, and say so under `attestations` in the configuration, since Graph does not show registries",
    sources: &["outlook_versions"],
    evaluate,
};

/// Registries cannot be read. Where nobody uses Outlook 2013 there is nothing to be set in them.
fn evaluate(posture: &Posture<'_>, _terms: &Terms<'_>) -> Result<Verdict, Unread> {
    match posture.users_of_outlook(Outlook::V2013)? {
        (0, None) => Ok(Verdict::not_applicable()),
        _ => Err(Unread::NotObservable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::State;
    use crate::checks::office_client_versions::tests::{judged, judged_of};
    use crate::sources::Fact;

    #[test]
    fn without_outlook_2013_there_is_nothing_to_set_and_with_it_nobody_can_see() {
        const COLUMNS: &str = "Outlook 2013,Outlook 2010,Undetermined";
        assert_eq!(judged(&CHECK, COLUMNS, ",3,").state(), State::NotApplicable);
        assert_eq!(judged(&CHECK, COLUMNS, "0,,0").state(), State::NotApplicable);
        let unknown = Some(Unread::NotObservable);
        assert_eq!(judged(&CHECK, COLUMNS, "1,3,").why_unknown(), unknown);
        assert_eq!(judged(&CHECK, COLUMNS, ",3,1").why_unknown(), unknown, "one may use it");
        assert_eq!(judged(&CHECK, "Outlook 2010", "3").why_unknown(), unknown);
        let unread = judged_of(&CHECK, Fact::Unread(Unread::Permission), false);
        assert_eq!(unread.why_unknown(), Some(Unread::Permission));
    }
}
