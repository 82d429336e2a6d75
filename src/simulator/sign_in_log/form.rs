//! How a row is written: a form for each kind, with gaps for what differs from row to row.

use serde_json::json;

use super::kinds::{Access, Across, Client, Evidence, Kind, Requirement};
use crate::simulator::Settings;
use crate::simulator::person::guid;
use crate::simulator::policy::Policy;

/// The forms of all kinds, and what fills their gaps.
pub(super) struct Forms {
    pub(super) beta: Vec<Form>,
    pub(super) v1: Vec<Form>,
    /// Entries of `appliedConditionalAccessPolicies`, in beta and in v1.0, by [`RESULTS`].
    pub(super) policies: Vec<[[String; 2]; RESULTS.len()]>,
    pub(super) tenant: String,
}

/// Texts, each followed by a gap but the last.
pub(super) struct Form(pub(super) Vec<(String, Option<Gap>)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Gap {
    Id = 1,
    Created,
    DisplayName,
    PrincipalName,
    UserId,
    Correlation,
    Address,
    Client,
    Agent,
    // What JSON may not hold in a text is as good as any other mark, but for line ends.
    Device = 14,
    Location,
    Policies,
    Reason,
    ResourceTenant,
    HomeTenant,
    System,
    Milliseconds,
    Token,
    Session,
    Risk,
    Network,
    /// Null or an empty text, both of which mean nothing.
    Blank,
}

const GAPS: [Gap; 22] = [
    Gap::Id,
    Gap::Created,
    Gap::DisplayName,
    Gap::PrincipalName,
    Gap::UserId,
    Gap::Correlation,
    Gap::Address,
    Gap::Client,
    Gap::Agent,
    Gap::Device,
    Gap::Location,
    Gap::Policies,
    Gap::Reason,
    Gap::ResourceTenant,
    Gap::HomeTenant,
    Gap::System,
    Gap::Milliseconds,
    Gap::Token,
    Gap::Session,
    Gap::Risk,
    Gap::Network,
    Gap::Blank,
];

/// What a policy can have come to, with the control it enforced. The first is MFA done, the second
/// a refusal; the others change nothing, whatever they would have demanded.
pub(super) const RESULTS: [(&str, &str); 8] = [
    ("success", "Mfa"),
    ("failure", "Block"),
    ("notApplied", ""),
    ("notEnabled", ""),
    ("reportOnlySuccess", "Mfa"),
    ("reportOnlyNotApplied", ""),
    ("reportOnlyInterrupted", "Mfa"),
    ("unknownFutureValue", "RequireCompliantDevice"),
];
/// How many policies are shown of one sign-in: few more often than many.
pub(super) const HOW_MANY: [u8; 32] = [
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 4, 5, 6, 7, 8, 9,
];

impl Forms {
    pub(super) fn new(kinds: &[Kind], settings: &Settings, policies: &[Policy]) -> Self {
        let known = policies.iter().map(|policy| (guid(policy.id), policy.name.to_owned()));
        // Policies that were deleted are still found in what they did.
        let deleted = (0..12_u128)
            .map(|place| (guid(0x0de1_e7ed_0000_4000_8000 + place), format!("Deleted {place}")));
        let entry =
            |(id, name): (String, String)| RESULTS.map(|result| applied(&id, &name, result));
        Self {
            beta: kinds.iter().map(|kind| Form::read(&beta(kind))).collect(),
            v1: kinds.iter().map(|kind| Form::read(&v1(kind))).collect(),
            policies: known.chain(deleted).take(12).map(entry).collect(),
            tenant: settings.identity.tenant_id.clone(),
        }
    }
}

impl Form {
    fn read(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(place) = rest.find(|letter: char| letter < ' ') {
            let mark = rest.as_bytes()[place];
            let gap = GAPS.into_iter().find(|gap| *gap as u8 == mark);
            parts.push((rest[..place].to_owned(), gap));
            rest = &rest[place + 1..];
        }
        parts.push((rest.to_owned(), None));
        Self(parts)
    }
}

fn mark(gap: Gap) -> char {
    char::from(gap as u8)
}

/// A gap in quotation marks.
fn quoted(gap: Gap) -> String {
    format!("\"{}\"", mark(gap))
}

fn quote(text: &str) -> String {
    if text.is_empty() { "null".to_owned() } else { format!("\"{text}\"") }
}

/// A gap without a name brings its own, and its comma.
fn value_of(name: &str, value: &str, first: bool) -> String {
    match (name, first) {
        ("", _) => value.to_owned(),
        (name, true) => format!("\"{name}\":{value}"),
        (name, false) => format!(",\"{name}\":{value}"),
    }
}

fn object(fields: &[(&str, String)]) -> String {
    let mut text = String::new();
    for (name, value) in fields {
        text.push_str(value_of(name, value, text.is_empty()).as_str());
    }
    format!("{{{text}}}")
}

fn applied(id: &str, name: &str, (result, control): (&str, &str)) -> [String; 2] {
    let controls = if control.is_empty() { "[]".to_owned() } else { format!("[\"{control}\"]") };
    let v1 = [
        ("id", quote(id)),
        ("displayName", json!(name).to_string()),
        ("enforcedGrantControls", controls),
        ("enforcedSessionControls", "[]".to_owned()),
        ("result", quote(result)),
    ];
    let mut beta = v1.to_vec();
    let met = if result == "notApplied" { "application" } else { "application,users" };
    beta.extend([
        ("conditionsSatisfied", quote(met)),
        ("conditionsNotSatisfied", quote(if result == "notApplied" { "users" } else { "none" })),
    ]);
    [object(&beta), object(&v1)]
}

/// The fields of v1.0.
fn v1(kind: &Kind) -> String {
    object(&[
        ("id", quoted(Gap::Id)),
        ("createdDateTime", quoted(Gap::Created)),
        ("userDisplayName", quoted(Gap::DisplayName)),
        ("userPrincipalName", quoted(Gap::PrincipalName)),
        ("userId", quoted(Gap::UserId)),
        ("appId", quote(kind.app.0)),
        ("appDisplayName", quote(kind.app.1)),
        ("ipAddress", quoted(Gap::Address)),
        ("clientAppUsed", mark(Gap::Client).into()),
        ("userAgent", mark(Gap::Agent).into()),
        ("correlationId", quoted(Gap::Correlation)),
        ("conditionalAccessStatus", quote(status(kind.access))),
        ("isInteractive", "true".to_owned()),
        ("", mark(Gap::Risk).into()),
        ("resourceDisplayName", quote(kind.resource.1)),
        ("resourceId", quote(kind.resource.0)),
        ("homeTenantId", quoted(Gap::HomeTenant)),
        ("resourceTenantId", quoted(Gap::ResourceTenant)),
        ("servicePrincipalId", mark(Gap::Blank).into()),
        ("servicePrincipalName", "null".to_owned()),
        ("status", outcome(kind)),
        ("deviceDetail", mark(Gap::Device).into()),
        ("location", mark(Gap::Location).into()),
        ("", mark(Gap::Policies).into()),
    ])
}

/// The fields of the beta.
fn beta(kind: &Kind) -> String {
    let null = || "null".to_owned();
    let nothing = || "[]".to_owned();
    let blank = || String::from(mark(Gap::Blank));
    let event = if kind.interactive { "interactiveUser" } else { "nonInteractiveUser" };
    let requirement = match kind.requirement {
        Requirement::Single => "singleFactorAuthentication",
        Requirement::Multi => "multiFactorAuthentication",
        Requirement::Strange => "adaptiveFactorAuthentication",
        Requirement::Unsaid => "",
    };
    let across = match kind.across {
        Across::Home => "none",
        Across::Customer => "serviceProvider",
        Across::Guest => "b2bCollaboration",
    };
    let federated =
        matches!(kind.evidence, Evidence::FederatedWithClaim | Evidence::FederatedWithoutClaim);
    let (issuer, kind_of_issuer) = match (federated, kind.access) {
        (true, _) => {
            ("\"https://sts.federation.example/adfs/services/trust\"", "ADFederationServices")
        }
        (false, Access::Unsaid) => ("\"\"", "NPSExtension"),
        (false, _) => ("\"\"", "AzureAD"),
    };
    let token = match kind.evidence {
        Evidence::Token => "primaryRefreshToken",
        Evidence::FederatedWithClaim | Evidence::FederatedWithoutClaim => "saml11",
        _ => "none",
    };
    let transfer = if kind.protocol == "deviceCode" { "deviceCodeFlow" } else { "none" };
    object(&[
        ("id", quoted(Gap::Id)),
        ("createdDateTime", quoted(Gap::Created)),
        ("userDisplayName", quoted(Gap::DisplayName)),
        ("userPrincipalName", quoted(Gap::PrincipalName)),
        ("userId", quoted(Gap::UserId)),
        ("appId", quote(kind.app.0)),
        ("appDisplayName", quote(kind.app.1)),
        ("ipAddress", quoted(Gap::Address)),
        ("clientAppUsed", mark(Gap::Client).into()),
        ("userAgent", mark(Gap::Agent).into()),
        ("correlationId", quoted(Gap::Correlation)),
        ("conditionalAccessStatus", quote(status(kind.access))),
        ("originalRequestId", if kind.interactive { quoted(Gap::Id) } else { blank() }),
        ("isInteractive", kind.interactive.to_string()),
        ("tokenIssuerName", issuer.to_owned()),
        ("tokenIssuerType", quote(kind_of_issuer)),
        ("clientCredentialType", quote("none")),
        ("processingTimeInMilliseconds", mark(Gap::Milliseconds).into()),
        ("", mark(Gap::Risk).into()),
        ("resourceDisplayName", quote(kind.resource.1)),
        ("resourceId", quote(kind.resource.0)),
        ("resourceTenantId", quoted(Gap::ResourceTenant)),
        ("homeTenantId", quoted(Gap::HomeTenant)),
        ("homeTenantName", blank()),
        ("authenticationMethodsUsed", nothing()),
        ("authenticationRequirement", quote(requirement)),
        ("alternateSignInName", blank()),
        ("signInIdentifier", quoted(Gap::PrincipalName)),
        ("signInIdentifierType", null()),
        ("servicePrincipalName", null()),
        ("servicePrincipalId", blank()),
        ("signInEventTypes", format!("[\"{event}\"]")),
        ("userType", quote(if kind.across == Across::Guest { "guest" } else { "member" })),
        ("flaggedForReview", "false".to_owned()),
        ("isTenantRestricted", "false".to_owned()),
        ("autonomousSystemNumber", mark(Gap::System).into()),
        ("crossTenantAccessType", quote(if kind.access == Access::Unsaid { "" } else { across })),
        ("uniqueTokenIdentifier", quoted(Gap::Token)),
        ("sessionId", if kind.interactive { quoted(Gap::Session) } else { null() }),
        ("incomingTokenType", quote(token)),
        ("authenticationProtocol", quote(kind.protocol)),
        ("originalTransferMethod", quote(transfer)),
        ("mfaDetail", null()),
        ("appOwnerTenantId", quote("f8cdef31-a31e-4b4a-93e4-5f571e91255a")),
        ("resourceOwnerTenantId", quote("f8cdef31-a31e-4b4a-93e4-5f571e91255a")),
        ("resourceServicePrincipalId", blank()),
        ("conditionalAccessAudiences", nothing()),
        ("status", outcome(kind)),
        ("deviceDetail", mark(Gap::Device).into()),
        ("location", mark(Gap::Location).into()),
        ("", mark(Gap::Policies).into()),
        ("authenticationProcessingDetails", processing(kind)),
        ("networkLocationDetails", mark(Gap::Network).into()),
        ("authenticationDetails", steps(kind)),
        ("authenticationRequirementPolicies", demanded(kind)),
        ("sessionLifetimePolicies", nothing()),
    ])
}

fn status(access: Access) -> &'static str {
    match access {
        Access::NotApplied => "notApplied",
        Access::Mfa => "success",
        Access::Failure => "failure",
        Access::Unsaid => "",
    }
}

fn outcome(kind: &Kind) -> String {
    object(&[
        ("errorCode", kind.error.to_string()),
        ("failureReason", mark(Gap::Reason).into()),
        ("additionalDetails", mark(Gap::Blank).into()),
    ])
}

fn processing(kind: &Kind) -> String {
    let pair = |key, value| object(&[("key", quote(key)), ("value", quote(value))]);
    match kind.client {
        Client::Legacy(_) => format!("[{}]", pair("Legacy TLS (TLS 1.0, 1.1, 3DES)", "True")),
        Client::Unsaid => "[]".to_owned(),
        _ => format!("[{}]", pair("Login Hint Present", "True")),
    }
}

fn demanded(kind: &Kind) -> String {
    let provider = match (kind.requirement, kind.access) {
        (Requirement::Multi, Access::Mfa) => "multiConditionalAccess",
        (Requirement::Multi, _) => "user",
        _ => return "[]".to_owned(),
    };
    let detail = "Conditional Access";
    format!("[{}]", object(&[("requirementProvider", quote(provider)), ("detail", quote(detail))]))
}

/// The steps, first the one with which it began.
fn steps(kind: &Kind) -> String {
    let step = |method: &str, detail: &str, succeeded: bool, result: &str, of: &str| {
        object(&[
            ("authenticationStepDateTime", quoted(Gap::Created)),
            ("authenticationMethod", quote(method)),
            ("authenticationMethodDetail", quote(detail)),
            ("succeeded", succeeded.to_string()),
            ("authenticationStepResultDetail", quote(result)),
            ("authenticationStepRequirement", quote(of)),
        ])
    };
    let first = |method, detail| step(method, detail, true, "Correct password", PRIMARY);
    const PRIMARY: &str = "Primary authentication";
    const SECOND: &str = "Multifactor authentication";
    let steps = match kind.evidence {
        Evidence::None => return "[]".to_owned(),
        Evidence::Password => vec![first("Password", "Password in the cloud")],
        Evidence::Authenticator => vec![
            first("Password", "Password Hash Sync"),
            step("Mobile app notification", "", true, "MFA successfully completed", SECOND),
        ],
        Evidence::Token => {
            let result = "MFA requirement satisfied by claim in the token";
            vec![step("Previously satisfied", "", true, result, SECOND)]
        }
        Evidence::FederatedWithClaim => vec![
            first("Password", "Federated"),
            step(
                "",
                "",
                true,
                "MFA requirement satisfied by claim provided by external provider",
                SECOND,
            ),
        ],
        Evidence::FederatedWithoutClaim => vec![first("Password", "Federated")],
        Evidence::AppPassword => vec![
            first("Password", "App password"),
            step("", "", true, "MFA requirement skipped due to app password", SECOND),
        ],
        Evidence::Failed => vec![step("Password", "", false, "Authentication failed", PRIMARY)],
    };
    format!("[{}]", steps.join(","))
}
