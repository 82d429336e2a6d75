//! The tenant itself: what it is, what it has paid for, and whether security defaults are on.

use serde_json::{Value, json};

use super::list::{self, Page, row};
use super::refusal::Refusal;
use super::{Answer, Context, Kind};
use crate::simulator::Plan;
use crate::simulator::names::{COMPANY, DOMAIN, INITIAL_DOMAIN};

const ORGANIZATION: [&str; 22] = [
    "assignedPlans",
    "businessPhones",
    "city",
    "country",
    "countryLetterCode",
    "createdDateTime",
    "deletedDateTime",
    "displayName",
    "id",
    "marketingNotificationEmails",
    "onPremisesLastSyncDateTime",
    "onPremisesSyncEnabled",
    "partnerTenantType",
    "postalCode",
    "preferredLanguage",
    "securityComplianceNotificationMails",
    "securityComplianceNotificationPhones",
    "state",
    "street",
    "technicalNotificationMails",
    "tenantType",
    "verifiedDomains",
];

/// A list of exactly one.
pub(super) fn organization(context: &Context<'_>) -> Result<Answer, Refusal> {
    context.options.allow(&["$select"])?;
    let fields = context.options.fields("organization", &ORGANIZATION, &ORGANIZATION)?;
    let settings = &context.state.settings;
    let null_everything = context.has(&Kind::NullEverything);
    let rows = vec![row(&fields, |field| match field {
        "id" => json!(settings.identity.tenant_id),
        "assignedPlans" => json!([]),
        "businessPhones"
        | "marketingNotificationEmails"
        | "securityComplianceNotificationMails"
        | "securityComplianceNotificationPhones" => json!([]),
        "technicalNotificationMails" => json!([format!("admin@{DOMAIN}")]),
        "verifiedDomains" => {
            json!([domain(INITIAL_DOMAIN, true, false), domain(DOMAIN, false, true),])
        }
        _ if null_everything => Value::Null,
        "displayName" => json!(COMPANY),
        "createdDateTime" => json!("2016-09-01T08:30:06Z"),
        "countryLetterCode" => json!("NL"),
        "preferredLanguage" => json!("en"),
        "tenantType" => json!("AAD"),
        "onPremisesSyncEnabled" if context.state.world.directory().synchronized => json!(true),
        "partnerTenantType" if settings.partner && settings.indirect_reseller => {
            json!("valueAddedResellerPartnerDelegatedAdmin")
        }
        "partnerTenantType" if settings.partner => json!("resellerPartnerDelegatedAdmin"),
        _ => Value::Null,
    })];
    Ok(list::answer(context, "organization", Page::whole(context, rows)))
}

fn domain(name: &str, initial: bool, default: bool) -> Value {
    json!({
        "capabilities": "Email, OfficeCommunicationsOnline",
        "isDefault": default,
        "isInitial": initial,
        "name": name,
        "type": "Managed",
    })
}

const SKU: [&str; 11] = [
    "accountId",
    "accountName",
    "appliesTo",
    "capabilityStatus",
    "consumedUnits",
    "id",
    "prepaidUnits",
    "servicePlans",
    "skuId",
    "skuPartNumber",
    "subscriptionIds",
];

/// What the tenant subscribes to, service by service.
struct Sku {
    id: &'static str,
    name: &'static str,
    status: &'static str,
    /// Id, name, status.
    plans: &'static [(&'static str, &'static str, &'static str)],
}

const P1: (&str, &str, &str) = ("41781fb2-bc02-4b7c-bd55-b576c07bb09d", "AAD_PREMIUM", "Success");
const P2: (&str, &str, &str) =
    ("eec0eb4f-6444-4f95-aba0-50c24d67f998", "AAD_PREMIUM_P2", "Success");
const MFA: (&str, &str, &str) = ("8a256a2b-b617-496d-b51b-e76466e88db0", "MFA_PREMIUM", "Success");

const WITH_P2: Sku = Sku {
    id: "b05e124f-c7cc-45a0-a6aa-8cf78c946968",
    name: "EMSPREMIUM",
    status: "Enabled",
    plans: &[P1, P2, MFA],
};
const WITH_P1: Sku = Sku {
    id: "cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46",
    name: "SPB",
    status: "Enabled",
    plans: &[P1, MFA],
};
/// A trial that ended: its plans are still listed and give nothing.
const ENDED: Sku = Sku {
    id: "84a661c4-e949-4bd2-a560-ed7766fcaf2b",
    name: "AAD_PREMIUM_P2",
    status: "Suspended",
    plans: &[P2],
};
/// Paid for, with the one plan that would matter switched off.
const SWITCHED_OFF: Sku = Sku {
    id: "efccb6f7-5641-4e0e-bd10-b4976e1bf68e",
    name: "EMS",
    status: "Enabled",
    plans: &[("41781fb2-bc02-4b7c-bd55-b576c07bb09d", "AAD_PREMIUM", "Disabled"), MFA],
};

pub(super) fn subscribed_skus(context: &Context<'_>) -> Result<Answer, Refusal> {
    context.options.allow(&["$select"])?;
    let fields = context.options.fields("subscribedSku", &SKU, &SKU)?;
    let skus: &[Sku] = match context.state.plan(context.faults) {
        Plan::P2 => &[WITH_P2, WITH_P1],
        Plan::P1 => &[WITH_P1, ENDED],
        Plan::None => &[SWITCHED_OFF, ENDED],
    };
    let rows = skus.iter().map(|sku| row(&fields, |field| describe(context, sku, field))).collect();
    Ok(list::answer(context, "subscribedSkus", Page::whole(context, rows)))
}

fn describe(context: &Context<'_>, sku: &Sku, field: &str) -> Value {
    let tenant = &context.state.settings.identity.tenant_id;
    let users = context.state.world.people().len();
    let enabled = if sku.status == "Enabled" { users } else { 0 };
    let plan = |(id, name, status): &(&str, &str, &str)| {
        json!({
            "servicePlanId": id,
            "servicePlanName": name,
            "provisioningStatus": status,
            "appliesTo": "User",
        })
    };
    let lists = ["id", "servicePlans", "subscriptionIds"];
    if context.has(&Kind::NullEverything) && !lists.contains(&field) {
        return Value::Null;
    }
    match field {
        "accountId" => json!(tenant),
        "accountName" => json!(COMPANY),
        "appliesTo" => json!("User"),
        "capabilityStatus" => json!(sku.status),
        "consumedUnits" => json!(enabled),
        "id" => json!(format!("{tenant}_{}", sku.id)),
        "prepaidUnits" => json!({
            "enabled": enabled,
            "suspended": users - enabled,
            "warning": 0,
            "lockedOut": 0,
        }),
        "servicePlans" => json!(sku.plans.iter().map(plan).collect::<Vec<_>>()),
        "skuId" => json!(sku.id),
        "skuPartNumber" => json!(sku.name),
        "subscriptionIds" => json!([]),
        _ => Value::Null,
    }
}

const POLICY: [&str; 4] = ["description", "displayName", "id", "isEnabled"];

pub(super) fn security_defaults(context: &Context<'_>) -> Result<Answer, Refusal> {
    context.options.allow(&["$select"])?;
    let fields =
        context.options.fields("identitySecurityDefaultsEnforcementPolicy", &POLICY, &POLICY)?;
    let null_everything = context.has(&Kind::NullEverything);
    let mut body = row(&fields, |field| match field {
        "id" => json!("00000000-0000-0000-0000-000000000005"),
        "isEnabled" => json!(context.state.settings.security_defaults),
        _ if null_everything => Value::Null,
        "displayName" => json!("Security Defaults"),
        _ => json!("Basic protections of identities that apply to the whole organization."),
    });
    body["@odata.context"] =
        context.metadata("policies/identitySecurityDefaultsEnforcementPolicy/$entity");
    Ok(context.json(&body))
}
