//! Policies of the tenant that say what MFA is: strengths, methods, and whose MFA is trusted.

use serde_json::{Value, json};

use super::list::{self, Page};
use super::refusal::Refusal;
use super::{Answer, Context, Kind};
use crate::simulator::policy;
use crate::simulator::strength::STRENGTHS;

pub(super) fn authentication_strengths(context: &Context<'_>) -> Result<Answer, Refusal> {
    context.options.allow(&[])?;
    let mut rows: Vec<_> = STRENGTHS.iter().map(policy::show).collect();
    if context.has(&Kind::NullEverything) {
        for row in &mut rows {
            row["description"] = Value::Null;
            row["displayName"] = Value::Null;
        }
    }
    let page = Page::whole(context, rows);
    Ok(list::answer(context, "policies/authenticationStrengthPolicies", page))
}

/// Kind, id, and whether it is enabled.
const METHODS: [(&str, &str, bool); 10] = [
    ("fido2", "Fido2", true),
    ("microsoftAuthenticator", "MicrosoftAuthenticator", true),
    ("sms", "Sms", true),
    ("temporaryAccessPass", "TemporaryAccessPass", false),
    ("hardwareOath", "HardwareOath", false),
    ("softwareOath", "SoftwareOath", true),
    ("voice", "Voice", false),
    ("email", "Email", true),
    ("x509Certificate", "X509Certificate", false),
    ("qrCodePin", "QRCodePin", false),
];

pub(super) fn authentication_methods(context: &Context<'_>) -> Result<Answer, Refusal> {
    context.options.allow(&[])?;
    let all = json!({ "id": "all_users", "targetType": "group", "isRegistrationRequired": false });
    let configurations = METHODS.map(|(kind, id, enabled)| {
        json!({
            "@odata.type": format!("#microsoft.graph.{kind}AuthenticationMethodConfiguration"),
            "id": id,
            "state": if enabled { "enabled" } else { "disabled" },
            "excludeTargets": [],
            "includeTargets": [all],
        })
    });
    let mut body = json!({
        "id": "authenticationMethodsPolicy",
        "displayName": "Authentication Methods Policy",
        "description": "Which methods may be registered and used",
        "lastModifiedDateTime": "2024-05-14T10:47:26.6044384Z",
        "policyVersion": "1.5",
        "policyMigrationState": "migrationComplete",
        "registrationEnforcement": { "authenticationMethodsRegistrationCampaign": {
            "snoozeDurationInDays": 1,
            "state": "default",
            "excludeTargets": [],
            "includeTargets": [],
        }},
        "authenticationMethodConfigurations": configurations,
    });
    nullify(context, &mut body, &["id", "authenticationMethodConfigurations"]);
    body["@odata.context"] = context.metadata("authenticationMethodsPolicy");
    Ok(context.json(&body))
}

pub(super) fn cross_tenant_default(context: &Context<'_>) -> Result<Answer, Refusal> {
    context.options.allow(&["$select"])?;
    let trusted = context.state.settings.trusts_guest_mfa;
    let mut body = json!({
        "isServiceDefault": !trusted,
        "inboundTrust": trust(trusted),
        "automaticUserConsentSettings": { "inboundAllowed": false, "outboundAllowed": false },
        "tenantRestrictions": null,
        "invitationRedemptionIdentityProviderConfiguration": null,
    });
    nullify(context, &mut body, &["isServiceDefault"]);
    let what = "policies/crossTenantAccessPolicy/default/$entity";
    body["@odata.context"] = context.metadata(what);
    Ok(context.json(&body))
}

pub(super) fn cross_tenant_partners(context: &Context<'_>) -> Result<Answer, Refusal> {
    context.options.allow(&["$select"])?;
    let partner = |tenant: &str, trust: Value| {
        let mut row = json!({
            "tenantId": tenant,
            "isServiceProvider": null,
            "isInMultiTenantOrganization": false,
            "inboundTrust": trust,
            "automaticUserConsentSettings": { "inboundAllowed": null, "outboundAllowed": null },
        });
        nullify(context, &mut row, &["tenantId"]);
        row
    };
    let rows = vec![
        partner("3d2c1b4a-0000-4000-8000-00000000fab1", trust(false)),
        // Nothing of its own: as for all other tenants.
        partner("3d2c1b4a-0000-4000-8000-00000000fab2", Value::Null),
    ];
    let what = "policies/crossTenantAccessPolicy/partners";
    Ok(list::answer(context, what, Page::whole(context, rows)))
}

fn trust(mfa: bool) -> Value {
    json!({
        "isMfaAccepted": mfa,
        "isCompliantDeviceAccepted": false,
        "isHybridAzureADJoinedDeviceAccepted": false,
    })
}

/// Empties every field that may be null, where that was asked for.
fn nullify(context: &Context<'_>, body: &mut Value, never: &[&str]) {
    let fields = body.as_object_mut().filter(|_| context.has(&Kind::NullEverything));
    for (_, value) in fields.into_iter().flatten().filter(|(key, _)| !never.contains(&key.as_str()))
    {
        *value = Value::Null;
    }
}
