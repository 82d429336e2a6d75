//! Nobody uses an Outlook that knows no modern authentication.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::sources::{Outlook, Unread};

pub(super) static CHECK: Check = Check {
    id: "office-client-versions",
    title: "Nobody uses an Outlook older than 2013, which knows no modern authentication",
    tier: Tier::Advised,
    evidence: Evidence::Proxy,
    about: About::Others,
    docs: "https://learn.microsoft.com/partner-center/security/partner-security-requirements-faq",
    portal: "https://admin.microsoft.com/#/reportsUsage/EmailAppUsage",
    remedy: "replace Office 2007 and 2010: they cannot do MFA. Outlook 2013 can from service pack 1 on, which Microsoft does not show: see that nobody is on less, or replace it too, since it is out of support. Where nobody is found and the versions of some people cannot be told, look them up in the software inventory and say so under `attestations` in the configuration",
    sources: &["outlook_versions"],
    evaluate,
};

/// What cannot do modern authentication, whatever its service pack.
const TOO_OLD: [(Outlook, &str); 2] = [(Outlook::V2007, "2007"), (Outlook::V2010, "2010")];

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let day = posture.outlook_users()?.day.strftime("%Y-%m-%d");
    let (mut findings, mut doubt) = (Vec::new(), None);
    for (version, name) in TOO_OLD {
        let (people, why) = posture.users_of_outlook(version)?;
        if people > 0 {
            let who = if people == 1 { "person" } else { "people" };
            let what = format!("{people} {who} used Outlook {name} in the 30 days up to {day}");
            findings.push(Finding::tenant(what));
        }
        doubt = doubt.or(why);
    }
    terms.verdict(findings).unless_doubtful(doubt)
}

#[cfg(test)]
pub(in crate::checks) mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::checks::State;
    use crate::posture::Declarations;
    use crate::sources::outlook_versions::tests::report;
    use crate::sources::{Fact, Facts, OutlookVersions};

    /// The verdict on a tenant whose report has these columns and fields.
    pub(in crate::checks) fn judged(check: &Check, columns: &str, fields: &str) -> Verdict {
        judged_of(check, Fact::known(report(columns, fields), Timestamp::UNIX_EPOCH), false)
    }

    pub(in crate::checks) fn judged_of(
        check: &Check,
        outlook_versions: Fact<OutlookVersions>,
        is_sovereign: bool,
    ) -> Verdict {
        let facts = Facts { outlook_versions, ..Facts::unread(Timestamp::UNIX_EPOCH) };
        check.judge(&Posture::of(&facts, &Declarations { is_sovereign, ..Declarations::default() }))
    }

    const COLUMNS: &str = "Outlook 2013,Outlook 2010,Outlook 2007,Undetermined,Outlook M365";

    #[test]
    fn one_person_with_2007_or_2010_is_one_too_many_and_2013_is_not() {
        let judged = |fields| judged(&CHECK, COLUMNS, fields);
        assert_eq!(judged(",,,,9").state(), State::Compliant);
        assert_eq!(judged("4,,,,9").state(), State::Compliant);
        for fields in [",1,,,9", ",,1,,", "4,1,,3,9"] {
            let verdict = judged(fields);
            assert_eq!((verdict.state(), verdict.found()), (State::Noncompliant, 1), "{fields}");
        }
        let both = judged(",2,1,,9");
        let what: Vec<_> = both.findings().iter().map(|finding| &*finding.what).collect();
        assert_eq!(
            what,
            [
                "1 person used Outlook 2007 in the 30 days up to 2026-11-22",
                "2 people used Outlook 2010 in the 30 days up to 2026-11-22"
            ]
        );
    }

    #[test]
    fn who_cannot_be_told_may_use_the_oldest() {
        let unknown = Some(Unread::NotObservable);
        assert_eq!(judged(&CHECK, COLUMNS, ",,,1,9").why_unknown(), unknown);
        assert_eq!(judged(&CHECK, "Outlook 2010,Outlook M365", ",9").why_unknown(), unknown);
        assert_eq!(judged(&CHECK, "Outlook 2007,Outlook 2010", "0,").state(), State::Compliant);
    }

    #[test]
    fn a_report_that_counts_nobody_or_does_not_exist_shows_nothing() {
        let unread = |why| Fact::Unread(why);
        for (fact, is_sovereign, why) in [
            (
                Fact::known(OutlookVersions(None), Timestamp::UNIX_EPOCH),
                false,
                Unread::NotObservable,
            ),
            (unread(Unread::Permission), false, Unread::Permission),
            (unread(Unread::NotConfigured), false, Unread::NotConfigured),
            (unread(Unread::NotConfigured), true, Unread::NotObservable),
        ] {
            assert_eq!(judged_of(&CHECK, fact, is_sovereign).why_unknown(), Some(why));
        }
    }
}
