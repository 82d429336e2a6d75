//! The shape of the configuration file. Its comments are the descriptions in the JSON Schema and
//! in the reference.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::client::Api;

use super::value::{Endpoint, Guid, HumanDuration, TenantName};

/// Configuration of partnercenter_exporter.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "partnercenter_exporter")]
pub(super) struct File {
    /// Directory for what survives a restart, with mode 0700 and for one process alone. Without
    /// it nothing does.
    pub(super) state_directory: Option<PathBuf>,
    /// The way out to Microsoft.
    #[serde(default)]
    pub(super) outbound: Outbound,
    /// Ids of all partner tenants of the company, sandboxes included, so that one that nobody
    /// watches is noticed. Without the list nobody knows.
    #[schemars(with = "Option<Vec<Guid>>")]
    pub(super) partner_tenants: Option<Spanned<Vec<Guid>>>,
    /// What is put up with for a while. Whoever it is about still counts; the requirement reads
    /// `waived` while every finding is excepted.
    #[serde(default)]
    #[schemars(with = "Vec<Exception>")]
    pub(super) exceptions: Vec<Spanned<Exception>>,
    /// What somebody vouches for where it cannot be measured; the requirement then reads `attested`.
    /// A measurement is never overridden.
    #[serde(default)]
    #[schemars(with = "Vec<Attestation>")]
    pub(super) attestations: Vec<Spanned<Attestation>>,
    /// The partner tenants to watch, at least one.
    #[schemars(with = "Vec<Tenant>", length(min = 1))]
    pub(super) tenants: Spanned<Vec<Spanned<Tenant>>>,
}

/// The way out to Microsoft.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Outbound {
    /// Proxy for all requests but those to this machine. Without it, the variables HTTPS_PROXY,
    /// HTTP_PROXY and NO_PROXY decide.
    #[schemars(with = "Option<String>")]
    pub(super) proxy: Option<Spanned<String>>,
    /// PEM file with certificate authorities to trust beside the machine's own (which
    /// SSL_CERT_FILE and SSL_CERT_DIR may name).
    pub(super) ca_file: Option<PathBuf>,
}

/// One partner tenant.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Tenant {
    /// Short name, the value of the label `tenant` on every series.
    pub(super) name: TenantName,
    /// The tenant's id.
    pub(super) tenant_id: Guid,
    /// The cloud the tenant lives in.
    #[serde(default)]
    pub(super) cloud: CloudName,
    /// How the exporter signs in as an application. Exactly one kind.
    #[schemars(with = "Credential")]
    pub(super) credential: Spanned<Credential>,
    /// The application that acts for a person who consented with MFA (Secure Application Model).
    /// Fraud alerts, Microsoft's score and Partner Center's reports on MFA are given to nobody else;
    /// without it they are unknown. `partnercenter_exporter consent` obtains the grant.
    #[schemars(with = "Option<AppUser>")]
    pub(super) app_user: Option<Spanned<AppUser>>,
    /// Applications known to integrate with Partner Center, by application id, so that one that
    /// nobody knows is noticed.
    pub(super) partner_applications: Option<Vec<Guid>>,
    /// The month, 1 to 12, in which Microsoft checks each year whether the authorization as a Cloud
    /// Solution Provider goes on: that of the first enrolment.
    #[schemars(with = "Option<i8>", range(min = 1, max = 12))]
    pub(super) csp_anniversary_month: Option<Spanned<i8>>,
    /// Other addresses than the cloud's own, for gateways and tests.
    #[serde(default)]
    pub(super) endpoints: Endpoints,
    /// How fast Microsoft is asked.
    #[serde(default)]
    pub(super) pace: PaceName,
    /// Accounts for emergencies ("break glass"). They count like everybody else; being left out of
    /// a policy is waived for them, and they have to hold a method.
    pub(super) break_glass: Option<Vec<BreakGlass>>,
    /// Applications whose sign-ins need not be challenged, by application id or by the word for a
    /// suite. Partner Center and Azure management cannot be tolerated.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(super) tolerated_applications: Vec<Spanned<String>>,
    /// How long a new account may be without a method. Never granted to administrators.
    pub(super) hire_grace: Option<HumanDuration>,
    /// Roles that no delegated relationship should hold, by template id; in place of Global
    /// Administrator, Privileged Role Administrator, Privileged Authentication Administrator and the two
    /// of partner support.
    #[schemars(with = "Option<Vec<Guid>>")]
    pub(super) high_privilege_roles: Option<Spanned<Vec<Guid>>>,
    /// How many customers are shown one by one, the most exposed first, from 1 to 5000; each is up to three
    /// series with the label customer_id. Without it none is.
    #[schemars(with = "Option<u32>", range(min = 1, max = 5000))]
    pub(super) customer_series_limit: Option<Spanned<u32>>,
    /// Settings of single sources, by their id.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, SourceSettings>")]
    pub(super) sources: BTreeMap<String, Spanned<SourceSettings>>,
}

/// An account for emergencies.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BreakGlass {
    /// Its object id.
    pub(super) object_id: Guid,
    /// Anything worth knowing, for whoever reads this file; not used otherwise.
    #[expect(dead_code, reason = "for the reader of the file")]
    pub(super) note: Option<String>,
}

/// Something put up with for a while.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Exception {
    /// Id of the requirement.
    pub(super) requirement: String,
    /// Name of the tenant. Without it all are meant; with subjects and several tenants it has to be
    /// given.
    pub(super) tenant: Option<String>,
    /// Object ids of accounts or policies. Where accounts are found they have to be named; elsewhere,
    /// without any, whatever is found is excepted.
    #[serde(default)]
    pub(super) subjects: Vec<Guid>,
    /// Who answers for it: a role or a team.
    pub(super) owner: String,
    /// Why it is needed.
    pub(super) reason: String,
    /// The day it ends, such as 2027-03-01 (at its beginning, UTC).
    pub(super) expires: String,
}

/// What somebody vouches for where it cannot be measured.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Attestation {
    /// Id of the requirement.
    pub(super) requirement: String,
    /// Name of the tenant. Without it all are meant.
    pub(super) tenant: Option<String>,
    /// What is said of it.
    pub(super) verdict: AttestedVerdict,
    /// Who vouches for it: a role, not a person's name.
    pub(super) by: String,
    /// The day it was found to be so, such as 2026-10-01.
    pub(super) attested: String,
    /// The day it has to be looked at again, such as 2027-10-01 (at its beginning, UTC).
    pub(super) expires: String,
    /// Anything worth knowing, for whoever reads this file; not used otherwise.
    #[expect(dead_code, reason = "for the reader of the file")]
    pub(super) note: Option<String>,
}

/// What is said of a requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum AttestedVerdict {
    /// It is met. Refused for requirements that are measured.
    Compliant,
    /// It does not apply to this tenant.
    NotApplicable,
}

/// A Microsoft cloud.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum CloudName {
    /// The worldwide cloud, GCC included.
    #[default]
    Global,
    /// US Government L4 (GCC High).
    UsGov,
    /// US Government L5 (DoD).
    UsGovDod,
    /// China, operated by 21Vianet.
    China,
}

/// How the exporter signs in as an application: `client_id` with one of `client_secret_file`,
/// `client_secret_env`, `certificate_file` and `federated_token_file`, or `managed_identity`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Credential {
    /// Application (client) id of the app registration.
    pub(super) client_id: Option<Guid>,
    /// File holding the client secret; read again at each token request.
    pub(super) client_secret_file: Option<PathBuf>,
    /// Environment variable holding the client secret.
    pub(super) client_secret_env: Option<String>,
    /// PEM file with the certificate registered for the application, and its key unless key_file
    /// names another; read again at each token request.
    pub(super) certificate_file: Option<PathBuf>,
    /// PEM file with the certificate's private key (RSA).
    pub(super) key_file: Option<PathBuf>,
    /// File with another identity provider's token (workload identity federation); read again at
    /// each token request.
    pub(super) federated_token_file: Option<PathBuf>,
    /// The machine's managed identity; `{}` for the system-assigned one.
    pub(super) managed_identity: Option<ManagedIdentity>,
}

/// The application that acts for a person, and where that person's grant lives: `client_id` with one
/// of `client_secret_file`, `client_secret_env`, `certificate_file` and `federated_token_file`, and
/// one of `refresh_token_file` and `refresh_token_key_vault`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AppUser {
    /// Application (client) id of the app registration.
    pub(super) client_id: Guid,
    /// File holding the client secret; read again at each token request.
    pub(super) client_secret_file: Option<PathBuf>,
    /// Environment variable holding the client secret.
    pub(super) client_secret_env: Option<String>,
    /// PEM file with the certificate registered for the application, and its key unless key_file
    /// names another; read again at each token request.
    pub(super) certificate_file: Option<PathBuf>,
    /// PEM file with the certificate's private key (RSA).
    pub(super) key_file: Option<PathBuf>,
    /// File with another identity provider's token (workload identity federation); read again at
    /// each token request.
    pub(super) federated_token_file: Option<PathBuf>,
    /// File holding the refresh token, with mode 0600. Each use replaces it, so its directory has to
    /// be writable; one process at a time.
    pub(super) refresh_token_file: Option<PathBuf>,
    /// Secret of Azure Key Vault holding the refresh token, got and set with the tenant's
    /// `credential`.
    pub(super) refresh_token_key_vault: Option<VaultSecret>,
}

/// A secret of Azure Key Vault.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct VaultSecret {
    /// The vault's address, such as `https://contoso.vault.azure.net`.
    pub(super) vault: Endpoint,
    /// The secret's name.
    pub(super) secret: String,
}

/// The machine's managed identity.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ManagedIdentity {
    /// Client id of a user-assigned identity.
    pub(super) client_id: Option<Guid>,
}

/// Other addresses than the cloud's own. Plain http is accepted for loopback addresses only.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Endpoints {
    /// In place of `https://login.microsoftonline.com`.
    pub(super) login: Option<Endpoint>,
    /// In place of `https://graph.microsoft.com`; the version (/v1.0, /beta) is appended.
    pub(super) graph: Option<Endpoint>,
    /// In place of `https://api.partnercenter.microsoft.com`; the version (/v1) is appended.
    pub(super) partner_center: Option<Endpoint>,
    /// In place of the service behind Partner Center's page of administrative relationships; the version
    /// (/v1) is appended.
    pub(super) dap: Option<Endpoint>,
}

/// How fast Microsoft is asked.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum PaceName {
    /// Within Microsoft's documented limits.
    #[default]
    Microsoft,
    /// As fast as answers come, for tests and benchmarks.
    Unlimited,
}

/// Settings of one source.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceSettings {
    /// Whether it is read at all; what rests on it is unknown otherwise.
    pub(super) enabled: Option<bool>,
    /// Time between two readings.
    pub(super) interval: Option<HumanDuration>,
    /// How long figures hold when readings fail; three intervals unless given.
    pub(super) max_age: Option<HumanDuration>,
    /// How far back figures reach, from 3h to 30d; 7d unless given.
    pub(super) window: Option<HumanDuration>,
    /// The report to read, for dap_report: a CSV file exported from Partner Center's page of
    /// administrative relationships. Naming it enables the source.
    #[schemars(with = "Option<PathBuf>")]
    pub(super) file: Option<Spanned<PathBuf>>,
    /// Client ids that are one of these applications, besides Microsoft's own.
    #[serde(default)]
    pub(super) applications: BTreeMap<ApplicationName, Vec<Guid>>,
}

/// An application the sign-in log is searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ApplicationName {
    /// Microsoft Entra Connect, which newer versions have an application of their own for.
    Connect,
    /// Azure PowerShell.
    Az,
    /// Azure CLI.
    AzureCli,
    /// Azure Active Directory PowerShell, AzureAD and MSOnline.
    Azuread,
    /// Exchange Online PowerShell.
    Exchange,
    /// Microsoft Graph PowerShell.
    Graph,
    /// Partner Center PowerShell.
    PartnerCenter,
}

/// The JSON Schema of the configuration file, for editors.
pub fn schema() -> String {
    let mut schema = schemars::schema_for!(File).to_value();
    // Sources are named, so that an editor offers them and refuses others.
    let names: serde_json::Map<_, _> = crate::sources::all()
        .iter()
        .map(|about| {
            let description = format!("{}.", about.what);
            let of = match about.ask.api {
                _ if about.window.is_some() => "LogSettings",
                Api::File => "FileSettings",
                _ => "SourceSettings",
            };
            let place = format!("#/$defs/{of}");
            let value = serde_json::json!({"$ref": place, "description": description});
            (about.id.to_owned(), value)
        })
        .collect();
    // What only a log or a file is told is offered for no other source.
    if let Some(definitions) = schema.pointer_mut("/$defs") {
        for (kind, hidden) in [
            ("LogSettings", &["file"][..]),
            ("FileSettings", &["window", "applications"]),
            ("SourceSettings", &["window", "applications", "file"]),
        ] {
            definitions[kind] = definitions["SourceSettings"].clone();
            if let Some(keys) = definitions[kind]["properties"].as_object_mut() {
                keys.retain(|key, _| !hidden.contains(&key.as_str()));
            }
        }
    }
    if let Some(sources) = schema.pointer_mut("/$defs/Tenant/properties/sources") {
        sources["properties"] = serde_json::Value::Object(names);
        sources["additionalProperties"] = serde_json::Value::Bool(false);
    }
    serde_json::to_string_pretty(&schema).expect("a schema is plain JSON")
}
