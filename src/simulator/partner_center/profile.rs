//! The partner's own profile, which says nothing of its security contact.

use hyper::StatusCode;
use serde_json::json;

use super::{Answer, Context};
use crate::simulator::names::{COMPANY, DOMAIN};

pub(super) fn legal_business(_: &Context<'_>) -> Answer {
    let address = json!({
        "country": "NL",
        "city": "Amsterdam",
        "addressLine1": "1 Example Street",
        "addressLine2": "",
        "postalCode": "0000 AA",
    });
    let body = json!({
        "companyName": COMPANY,
        "address": address,
        "primaryContact": {
            "firstName": "Ada",
            "lastName": "Abara",
            "email": format!("contact@{DOMAIN}"),
            "phoneNumber": "0000000000",
        },
        "companyApproverAddress": address,
        "companyApproverEmail": format!("approver@{DOMAIN}"),
        "vettingStatus": "authorized",
        "vettingSubStatus": "none",
        "profileType": "LegalBusinessProfile",
        "links": {
            "self": { "uri": "/profiles/legalbusiness", "method": "GET", "headers": [] },
        },
        "attributes": { "objectType": "LegalBusinessProfile" },
    });
    Answer::of(StatusCode::OK, &body)
}
