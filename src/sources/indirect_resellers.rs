//! Indirect resellers of an indirect provider, and whether each has signed the Microsoft Partner
//! Agreement.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::Facts;
use super::source::{Rows, Source};
use crate::client::{Ask, Client, FetchError, PartnerRefusal};
use crate::metrics::{Kind, Metric, Samples};
use crate::wire::{self, AnyCase, ObjectId};

/// The resellers, each once, by id. Partners that are no indirect providers have none.
#[derive(Debug, Default)]
pub struct IndirectResellers {
    /// The resellers.
    pub resellers: Vec<Reseller>,
    /// How many rows could not be read. While there are any, a reseller may be missing.
    pub rejected: u64,
}

/// One reseller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reseller {
    /// The reseller's id.
    pub id: ObjectId,
    /// Its name.
    pub name: Box<str>,
    /// Whether it has signed; `None` where that could not be read.
    pub is_agreement_signed: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Row {
    id: ObjectId,
    #[serde(default, deserialize_with = "wire::name")]
    name: Box<str>,
}

#[derive(Debug, Deserialize)]
struct Agreement {
    #[serde(default, rename = "isagreementsigned", deserialize_with = "wire::optional_bool")]
    is_signed: Option<bool>,
}

/// Resellers asked about at most: one request each.
const KEPT: usize = 5_000;

/// Whether a reseller has signed; an error where asking about the next one makes no sense either.
async fn is_agreement_signed(client: &Client, id: &ObjectId) -> Result<Option<bool>, FetchError> {
    // Ids are GUIDs. Anything else has no business in a path.
    let ObjectId::Guid(_) = id else { return Ok(None) };
    let path = format!("/v1/compliance/csp/agreementstatus?tenantId={id}");
    let ask = Ask { path: path.into(), ..IndirectResellers::ASK };
    understood(client.entity::<AnyCase<Agreement>>(&ask).await)
}

fn understood(answer: Result<AnyCase<Agreement>, FetchError>) -> Result<Option<bool>, FetchError> {
    match answer {
        Ok(AnyCase(agreement)) => Ok(agreement.is_signed),
        // Microsoft's code for a reseller that has not. The same refusal under another code is about
        // ourselves.
        Err(FetchError::Partner { refusal: PartnerRefusal::Agreement, trail })
            if trail.code == "900123" =>
        {
            Ok(Some(false))
        }
        Err(
            FetchError::NotFound { .. }
            | FetchError::Permission { .. }
            | FetchError::Refused { .. }
            | FetchError::Malformed { .. },
        ) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the tenant is known to be a partner of a kind that cannot have indirect resellers.
fn has_none(known: &Facts) -> bool {
    const MAY_BE_PROVIDER: &str = "resellerPartnerDelegatedAdmin";
    known.organization.rows().is_ok_and(|organization| {
        !organization.partner_tenant_type.as_str().eq_ignore_ascii_case(MAY_BE_PROVIDER)
    })
}

static RESELLERS: Metric = Metric {
    name: "partnercenter_indirect_resellers",
    help: "Indirect resellers of this partner. 0: it has none, or is no indirect provider. Absent \
           while they cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static SIGNED: Metric = Metric {
    name: "partnercenter_indirect_resellers_agreement_signed",
    help: "Indirect resellers that have signed the Microsoft Partner Agreement, of those in \
           partnercenter_indirect_resellers. The others have not, or Microsoft does not say: see the \
           findings of mpa-resellers-signed. Absent while they cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

impl Source for IndirectResellers {
    const ID: &'static str = "indirect_resellers";
    const WHAT: &'static str = "Indirect resellers, and whether they signed the partner agreement";
    const ASK: Ask = Ask::partner_center(
        "/v1/relationships?relationship_type=IsIndirectCloudSolutionProviderOf",
        &[],
    );
    const PERMISSION: &'static str = "user_impersonation (Partner Center, delegated)";
    const LICENSE: Option<&'static str> = None;
    const DOCS: &'static str =
        "https://learn.microsoft.com/partner-center/developer/verify-indirect-reseller-mpa-status";
    const INTERVAL: Duration = Duration::from_secs(6 * 3600);
    const AFTER: &'static [&'static str] = &["organization"];
    const METRICS: &'static [&'static Metric] = &[&RESELLERS, &SIGNED];

    async fn fetch(client: &Client, known: &Facts) -> Result<Rows<Self>, FetchError> {
        let mut found = BTreeMap::new();
        let mut is_full = false;
        let add = |AnyCase(row): AnyCase<Row>| {
            is_full |= found.len() >= KEPT && !found.contains_key(&row.id);
            if !is_full {
                found.insert(row.id, row.name);
            }
        };
        let tally = match client.list(&Self::ASK, add).await {
            Ok(tally) => tally,
            // Only indirect providers may ask. Of those that cannot be one, no is no news.
            Err(FetchError::Permission { .. }) if has_none(known) => {
                return Ok(Rows { source: Self::default(), accepted: 0, rejected: 0 });
            }
            Err(error) => return Err(error),
        };
        if is_full {
            return Err(FetchError::Limit { bound: "indirect resellers" });
        }
        let mut resellers = Vec::with_capacity(found.len());
        let mut failed_in_a_row = 0;
        for (id, name) in found {
            let is_agreement_signed = match is_agreement_signed(client, &id).await {
                Ok(is_signed) => {
                    failed_in_a_row = 0;
                    is_signed
                }
                // Microsoft may stumble over one reseller; over several in a row it has failed.
                Err(FetchError::Server { .. }) if failed_in_a_row < 2 => {
                    failed_in_a_row += 1;
                    None
                }
                Err(error) => return Err(error),
            };
            resellers.push(Reseller { id, name, is_agreement_signed });
        }
        let source = Self { resellers, rejected: tally.rejected };
        Ok(Rows::listed(source, tally))
    }

    fn observe(&self, samples: &mut Samples) {
        samples.count(&RESELLERS, [], self.resellers.len());
        let is_signed = |reseller: &&Reseller| reseller.is_agreement_signed == Some(true);
        samples.count(&SIGNED, [], self.resellers.iter().filter(is_signed).count());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Trail;
    use crate::client::rows_of;
    use crate::sources::{Fact, Organization};

    #[test]
    fn the_documented_collection_is_read() {
        let body = include_bytes!("../../tests/samples/indirect_resellers.json");
        let rows = rows_of::<AnyCase<Row>>(body);
        let names: Vec<_> = rows.iter().map(|AnyCase(row)| &*row.name).collect();
        assert_eq!(names, ["Proseware", "Margie's", ""]);
    }

    #[test]
    fn a_reseller_whose_status_cannot_be_read_is_unknown_and_not_unsigned() {
        let said = |body: &str| understood(Ok(serde_json::from_str(body).unwrap())).unwrap();
        assert_eq!(said(r#"{"isAgreementSigned":true}"#), Some(true));
        assert_eq!(said(r#"{"IsAgreementSigned":"False"}"#), Some(false));
        assert_eq!(said(r#"{"isAgreementSigned":null}"#), None);
        assert_eq!(said("{}"), None);
        let refused = |status: u16, code: &str| Trail {
            status,
            code: code.to_owned(),
            request_id: String::new(),
        };
        assert_eq!(understood(Err(FetchError::NotFound { trail: refused(404, "") })), Ok(None),);
        let agreement = |code| {
            let (refusal, trail) = (PartnerRefusal::Agreement, refused(403, code));
            understood(Err(FetchError::Partner { refusal, trail }))
        };
        assert_eq!(agreement("900123"), Ok(Some(false)));
        assert!(agreement("900124").is_err(), "that is about ourselves");
        assert!(understood(Err(FetchError::Timeout { correlation: String::new() })).is_err());
    }

    #[test]
    fn only_who_cannot_be_an_indirect_provider_is_taken_to_have_no_resellers() {
        let mut facts = Facts::unread(jiff::Timestamp::UNIX_EPOCH);
        assert!(!has_none(&facts), "not known");
        for (kind, expected) in [
            ("resellerPartnerDelegatedAdmin", false),
            ("valueAddedResellerPartnerDelegatedAdmin", true),
            ("breadthPartner", true),
        ] {
            let body = format!(r#"{{"partnerTenantType":"{kind}"}}"#);
            let organization: Organization = serde_json::from_str(&body).unwrap();
            facts.organization = Fact::known(organization, facts.now);
            assert_eq!(has_none(&facts), expected, "{kind}");
        }
    }

    #[test]
    fn signed_are_those_of_whom_it_is_said() {
        let reseller = |id: u8, is_agreement_signed| Reseller {
            id: ObjectId::Guid([id; 16]),
            name: Box::default(),
            is_agreement_signed,
        };
        let resellers = vec![reseller(1, Some(true)), reseller(2, Some(false)), reseller(3, None)];
        let mut samples = Samples::of_tenant("t");
        IndirectResellers { resellers, rejected: 0 }.observe(&mut samples);
        assert_eq!(
            samples.to_string(),
            "partnercenter_indirect_resellers{tenant=\"t\"} 3\n\
             partnercenter_indirect_resellers_agreement_signed{tenant=\"t\"} 1\n"
        );
    }
}
