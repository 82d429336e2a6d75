//! Indirect resellers, page by page, and who of them signed the agreement.

use hyper::StatusCode;
use serde_json::json;

use super::paging::Place;
use super::refusal::Refusal;
use super::{Answer, Context};
use crate::simulator::person::guid;
use crate::simulator::resellers::Reseller;

/// Resellers on a page.
const PAGE: usize = 4;
const KIND: &str = "IsIndirectCloudSolutionProviderOf";

pub(super) fn relationships(context: &Context<'_>) -> Result<Answer, Refusal> {
    let Some(kind) = context.query.get("relationship_type") else {
        return Err(Refusal::bad("relationship_type is missing."));
    };
    let all = &context.state.resellers;
    let all = if kind.eq_ignore_ascii_case(KIND) { &all[..] } else { &[] };
    let place = Place::read(context)?;
    let show = |reseller: &Reseller| {
        json!({
            "id": guid(reseller.id),
            "name": reseller.name,
            "relationshipType": "is_indirect_cloud_solution_provider_of",
            "state": "Active",
            "mpnId": reseller.mpn_id,
            "location": "NL",
            "attributes": { "objectType": "PartnerRelationship" },
        })
    };
    let rows = all.iter().skip(place.before).take(place.rows(PAGE)).map(show).collect();
    let uri = format!("/relationships?relationship_type={KIND}");
    Ok(place.answer(context, rows, all.len(), &uri, &["id"]))
}

pub(super) fn agreement_status(context: &Context<'_>) -> Result<Answer, Refusal> {
    let (tenant, mpn) = (context.query.get("tenantId"), context.query.get("mpnid"));
    if tenant.is_some() == mpn.is_some() {
        return Err(Refusal::bad("Either tenantId or mpnid is needed."));
    }
    let asked_for = |reseller: &&Reseller| {
        tenant.is_some_and(|id| id.eq_ignore_ascii_case(&guid(reseller.id)))
            || mpn.is_some_and(|id| id == reseller.mpn_id)
    };
    let reseller = context.state.resellers.iter().find(asked_for);
    let signed = reseller.and_then(|reseller| reseller.signed);
    let Some(signed) = signed else {
        return Err(Refusal::absent("The partner could not be found."));
    };
    Ok(Answer::of(StatusCode::OK, &json!({ "isAgreementSigned": signed })))
}
