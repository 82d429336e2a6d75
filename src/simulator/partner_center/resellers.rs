//! Indirect resellers, page by page, and who of them signed the agreement.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;
use serde_json::json;

use super::refusal::Refusal;
use super::{Answer, Context, Kind, collection};
use crate::simulator::person::guid;
use crate::simulator::resellers::Reseller;

/// Resellers on a page. The second of several pages is empty.
const PAGE: usize = 4;
const KIND: &str = "IsIndirectCloudSolutionProviderOf";

pub(super) fn relationships(context: &Context<'_>) -> Result<Answer, Refusal> {
    let Some(kind) = context.query.get("relationship_type") else {
        return Err(Refusal::bad("relationship_type is missing."));
    };
    // Who only has the link without its header, or the header without the link, starts again.
    let next = context.query.get("seekOperation") == Some("Next");
    let token = context.asked.header("ms-continuationtoken").filter(|_| next);
    let page =
        token.map_or(Some(0), open).ok_or_else(|| Refusal::bad("The token is not valid."))?;
    let all = &context.state.resellers;
    let all = if kind.eq_ignore_ascii_case(KIND) { &all[..] } else { &[] };
    let full = page.saturating_sub(1).min(all.len());
    let start = match page {
        0 => 0,
        1 => all.len(),
        _ => (PAGE * full).min(all.len()),
    };
    let rows: Vec<_> = all[start..]
        .iter()
        .take(PAGE)
        .map(|reseller| {
            json!({
                "id": guid(reseller.id),
                "name": reseller.name,
                "relationshipType": "is_indirect_cloud_solution_provider_of",
                "state": "Active",
                "mpnId": reseller.mpn_id,
                "location": "NL",
                "attributes": { "objectType": "PartnerRelationship" },
            })
        })
        .collect();
    let shown = if page == 0 { 0 } else { PAGE * full };
    let rows = context.shown(rows, shown, &["id"]);
    let more = all.len() > PAGE && (page < 2 || PAGE * (full + 1) < all.len());
    let mut body = collection(&rows);
    if more || context.faults.contains(&Kind::EndlessPaging) {
        // Sometimes with the version, and sometimes without.
        let version = if page % 2 == 0 { "" } else { "/v1" };
        let uri = format!("{version}/relationships?relationship_type={KIND}&seekOperation=Next");
        let token = STANDARD.encode(format!("simulated {}", page.saturating_add(1)));
        body["links"] = json!({ "next": {
            "uri": uri,
            "method": "GET",
            "headers": [{ "key": "MS-ContinuationToken", "value": token }],
        }});
    }
    if context.faults.contains(&Kind::ForeignNextLink) {
        let uri = "https://partner.example.invalid/v1/relationships?seekOperation=Next";
        body["links"] = json!({ "next": { "uri": uri, "method": "GET", "headers": [] } });
    }
    Ok(Answer::of(StatusCode::OK, &body))
}

fn open(token: &str) -> Option<usize> {
    let text = String::from_utf8(STANDARD.decode(token).ok()?).ok()?;
    text.strip_prefix("simulated ")?.parse().ok()
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
