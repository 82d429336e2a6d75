//! From the file's shape to each room's settings, with everything checked that one key alone
//! cannot show.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde_saphyr::{Location, Spanned};
use url::Url;

use super::app_user::app_user;
use super::declared;
use super::file::{
    ApplicationName, CloudName, Credential, File, ManagedIdentity, PaceName, SourceSettings, Tenant,
};
use super::value::Guid;
use crate::client::{self, Api, Limits, Pacing};
use crate::oauth::{self, Cloud, ManagedIdentityHost, Secret};
use crate::posture::Declarations;
use crate::refresh::{self, TenantSettings};
use crate::sources::sign_ins::{Application, Applications, Module};
use crate::sources::{self, Schedule, SignIns, Source};
use crate::transport;
use crate::wire;

/// Keys that are part of the design and do nothing in this version. Accepting them would promise
/// what is not kept.
const NOT_YET: [&str; 1] = ["webhooks"];

/// No source changes faster, and some limits are the whole tenant's.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(10);

/// How far back a log may be looked at: beyond what still settles, and no further than Microsoft
/// keeps it.
const WINDOWS: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(3 * 3600)..=Duration::from_secs(30 * 24 * 3600);

/// Why the configuration cannot be used: where, what, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file.
    pub file: PathBuf,
    /// Line, from 1; `None` when the file as a whole is meant.
    pub line: Option<u64>,
    /// What is wrong and what to do.
    pub message: String,
}

impl std::error::Error for ConfigError {}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Reads the environment; handed in so that tests need not change the process' own.
pub(super) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Reads the file and checks all of it that can be checked without asking Microsoft.
pub fn load(path: &Path) -> Result<refresh::Settings, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| ConfigError {
        file: path.to_owned(),
        line: None,
        message: format!(
            "cannot be read: {error}; give the configuration with --config.file, \
             or try `partnercenter_exporter demo`, which needs none"
        ),
    })?;
    #[expect(clippy::disallowed_methods, reason = "this is the room the rule points to")]
    parse(path, &text, &|name| std::env::var(name).ok())
}

/// [`load`] of a text that is at hand.
pub fn parse(
    path: &Path,
    text: &str,
    environment: Environment<'_>,
) -> Result<refresh::Settings, ConfigError> {
    let refuse = |line, message| ConfigError { file: path.to_owned(), line, message };
    let options = serde_saphyr::options! { with_snippet: false };
    let file: File = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let line = error.location().map(|location| location.line());
        refuse(line, explained(&error.without_snippet().to_string()))
    })?;
    gather(file, path.parent().unwrap_or(Path::new("")), environment)
        .map_err(|Wrong { at, message }| refuse(at.map(|at| at.line()), message))
}

/// The reader's message without its own idea of the place, and with a word on what is to come.
fn explained(message: &str) -> String {
    let message = message.lines().next().unwrap_or_default();
    let message = match message.split_once(": ") {
        Some((place, rest)) if place.contains("line ") => rest,
        _ => message,
    };
    let message = message.split(" at line ").next().unwrap_or_default();
    // The reader's words, and what to do instead.
    const IN_OTHER_WORDS: [(&str, &str); 7] = [
        ("expected mapping start", "keys are wanted here, such as `- object_id: …`"),
        ("expected sequence start", "a list is wanted here; write it like [one, two]"),
        ("unexpected end of input", "the file is empty; it needs at least `tenants`"),
        ("found a tab", "a tab; indent with spaces"),
        ("invalid boolean", "neither yes nor no; write true or false"),
        (
            "unknown field `refresh_token`",
            "unknown field `refresh_token`: secrets stand in files or in a vault, never here; use \
             refresh_token_file or refresh_token_key_vault",
        ),
        (
            "unknown field `client_secret`",
            "unknown field `client_secret`: secrets stand in files or in the environment, never \
             here; use client_secret_file or client_secret_env",
        ),
    ];
    if let Some((_, better)) = IN_OTHER_WORDS.iter().find(|(words, _)| message.contains(words)) {
        return (*better).to_owned();
    }
    if let Some(rest) = message.split("duplicate mapping key: ").nth(1) {
        let key = rest.split(',').next().unwrap_or_default();
        return format!("`{key}` is given twice; remove one");
    }
    match NOT_YET.iter().find(|key| message.contains(&format!("`{key}`"))) {
        Some(key) if message.contains("unknown field") => {
            format!("`{key}` does nothing in this version and is refused; remove it")
        }
        _ => message.to_owned(),
    }
}

/// Something wrong that one key alone does not show.
pub(super) struct Wrong {
    at: Option<Location>,
    message: String,
}

pub(super) fn wrong<T>(at: &Spanned<T>, message: impl Into<String>) -> Wrong {
    Wrong { at: Some(at.referenced), message: message.into() }
}

fn gather(
    file: File,
    base: &Path,
    environment: Environment<'_>,
) -> Result<refresh::Settings, Wrong> {
    let proxy = file.outbound.proxy.as_ref().map(|proxy| {
        let is_usable = |url: &Url| url.has_host() && ["http", "https"].contains(&url.scheme());
        Url::parse(&proxy.value).ok().filter(is_usable).ok_or_else(|| {
            wrong(
                proxy,
                "outbound.proxy is not a URL of http or https; write it like \
                 http://proxy.example.com:3128",
            )
        })
    });
    let transport = transport::Settings {
        proxy: proxy.transpose()?,
        ca_file: file.outbound.ca_file.as_ref().map(|path| base.join(path)),
        ..transport::Settings::default()
    };
    if file.tenants.value.is_empty() {
        return Err(wrong(&file.tenants, "no tenant to watch; add one under `tenants`"));
    }
    let mut declared = declared::declarations(&file)?;
    let mut names = BTreeSet::new();
    let mut tenants = Vec::new();
    for entry in file.tenants.value {
        let at = Spanned::new((), entry.referenced, entry.defined);
        if !names.insert(entry.value.name.clone()) {
            let name = &entry.value.name.0;
            return Err(wrong(
                &entry,
                format!("a second tenant is named `{name}`; give each its own name"),
            ));
        }
        let declared = declared.remove(&entry.value.name.0).unwrap_or_default();
        let tenant = tenant(entry.value, declared, base, environment)?;
        if let Some(other) = tenants.iter().find(|other| share_a_grant(other, &tenant)) {
            return Err(wrong(
                &at,
                format!(
                    "`{}` and `{}` have one home for their refresh tokens, and would replace each                      other's; name two, and run `partnercenter_exporter consent` for each",
                    other.name, tenant.name
                ),
            ));
        }
        tenants.push(tenant);
    }
    let state_directory = file.state_directory.map(|path| base.join(path));
    Ok(refresh::Settings { tenants, transport, state_directory, keeps_grants: true })
}

fn share_a_grant(one: &TenantSettings, other: &TenantSettings) -> bool {
    matches!((&one.app_user, &other.app_user), (Some(one), Some(other)) if one.home == other.home)
}

fn tenant(
    tenant: Tenant,
    declared: Arc<Declarations>,
    base: &Path,
    environment: Environment<'_>,
) -> Result<TenantSettings, Wrong> {
    let cloud = match tenant.cloud {
        CloudName::Global => Cloud::Global,
        CloudName::UsGov => Cloud::UsGov,
        CloudName::UsGovDod => Cloud::UsGovDod,
        CloudName::China => Cloud::China,
    };
    let pacing = match tenant.pace {
        PaceName::Microsoft => Pacing::Microsoft,
        PaceName::Unlimited => Pacing::Unlimited,
    };
    let schedules =
        tenant.sources.into_iter().map(|(name, settings)| schedule(&name, &settings, base));
    let endpoints = tenant.endpoints;
    Ok(TenantSettings {
        name: tenant.name.0,
        oauth: oauth::Settings {
            tenant_id: tenant.tenant_id.0,
            login: endpoints.login.map_or_else(|| cloud.login(), |endpoint| endpoint.0),
            credential: credential(tenant.credential, base, environment)?,
        },
        app_user: tenant.app_user.map(|given| app_user(given, base, environment)).transpose()?,
        client: client::Settings {
            graph: endpoints.graph.map_or_else(|| cloud.graph(), |endpoint| endpoint.0),
            graph_audience: oauth::audience(&cloud.graph()),
            partner_center: endpoints
                .partner_center
                .map_or_else(|| cloud.partner_center(), |endpoint| endpoint.0),
            partner_center_audience: oauth::audience(&cloud.partner_center()),
            dap: endpoints.dap.map_or_else(oauth::dap, |endpoint| endpoint.0),
            pacing,
            limits: Limits::default(),
        },
        schedules: schedules.collect::<Result<_, _>>()?,
        declared,
    })
}

fn schedule(
    name: &str,
    settings: &Spanned<SourceSettings>,
    base: &Path,
) -> Result<(&'static str, Schedule), Wrong> {
    let all = sources::all();
    let Some(about) = all.iter().find(|about| about.id == name) else {
        if NOT_YET.contains(&name) {
            let message =
                format!("`{name}` does nothing in this version and is refused; remove it");
            return Err(wrong(settings, message));
        }
        let known: Vec<_> = all.iter().map(|about| about.id).collect();
        let message = format!("no source is called `{name}`; there are {}", known.join(", "));
        return Err(wrong(settings, message));
    };
    let proposed = Schedule::of(about);
    let given = &settings.value;
    let interval = given.interval.map_or(proposed.interval, |interval| interval.0);
    let max_age = given.max_age.map_or(about.max_age(interval), |max_age| max_age.0);
    if interval < SHORTEST_INTERVAL {
        let message = format!(
            "the interval of `{name}` is shorter than 10s, and Microsoft's limits are shared with \
             the tenant's other applications; make it longer"
        );
        return Err(wrong(settings, message));
    }
    if max_age < interval {
        let message = format!(
            "max_age of `{name}` is shorter than its interval, so that its figures would vanish \
             between two readings; make it at least as long"
        );
        return Err(wrong(settings, message));
    }
    let window = given.window.map(|window| window.0);
    match window {
        Some(_) if about.window.is_none() => {
            let message = format!("`{name}` looks at no window of time; remove `window`");
            return Err(wrong(settings, message));
        }
        Some(window) if !WINDOWS.contains(&window) => {
            let message = format!(
                "the window of `{name}` is not between 3h and 30d: what is younger still settles, \
                 and what is older Microsoft does not keep"
            );
            return Err(wrong(settings, message));
        }
        _ => {}
    }
    if !given.applications.is_empty() && about.id != SignIns::ID {
        let message = format!("`{name}` tells no applications apart; remove `applications`");
        return Err(wrong(settings, message));
    }
    let applications = given.applications.iter().flat_map(|(name, ids)| {
        ids.iter().filter_map(|Guid(id)| Some((wire::guid(id)?, application(*name))))
    });
    let reads_file = about.ask.api == Api::File;
    match &given.file {
        Some(file) if !reads_file => {
            return Err(wrong(file, format!("`{name}` reads no file; remove `file`")));
        }
        None if reads_file && given.enabled == Some(true) => {
            let message = format!("`{name}` is enabled and has no file; name it with `file`");
            return Err(wrong(settings, message));
        }
        _ => {}
    }
    let schedule = Schedule {
        // Who names a file wants it read.
        enabled: given.enabled.unwrap_or(about.enabled || given.file.is_some()),
        interval,
        max_age,
        window: window.or(about.window),
        applications: Applications::with(applications),
        file: given.file.as_ref().map(|file| base.join(&file.value)),
    };
    Ok((about.id, schedule))
}

fn application(name: ApplicationName) -> Application {
    match name {
        ApplicationName::Connect => Application::Connect,
        ApplicationName::Az => Application::Shell(Module::Az),
        ApplicationName::AzureCli => Application::Shell(Module::AzureCli),
        ApplicationName::Azuread => Application::Shell(Module::AzureAd),
        ApplicationName::Exchange => Application::Shell(Module::Exchange),
        ApplicationName::Graph => Application::Shell(Module::Graph),
        ApplicationName::PartnerCenter => Application::Shell(Module::PartnerCenter),
    }
}

pub(super) fn credential(
    given: Spanned<Credential>,
    base: &Path,
    environment: Environment<'_>,
) -> Result<oauth::Credential, Wrong> {
    const KINDS: &str = "client_secret_file, client_secret_env, certificate_file, \
                         federated_token_file and managed_identity";
    let at = Spanned::new((), given.referenced, given.defined);
    let Credential {
        client_id,
        client_secret_file,
        client_secret_env,
        certificate_file,
        key_file,
        federated_token_file,
        managed_identity,
    } = given.value;
    let kinds = [
        client_secret_file.is_some(),
        client_secret_env.is_some(),
        certificate_file.is_some(),
        federated_token_file.is_some(),
        managed_identity.is_some(),
    ];
    match kinds.iter().filter(|given| **given).count() {
        1 => {}
        0 => return Err(wrong(&at, format!("no kind of credential; give one of {KINDS}"))),
        _ => {
            return Err(wrong(
                &at,
                format!("more than one kind of credential; keep one of {KINDS}"),
            ));
        }
    }
    if key_file.is_some() && certificate_file.is_none() {
        return Err(wrong(&at, "key_file without certificate_file; name both, or neither"));
    }
    if let Some(ManagedIdentity { client_id: assigned }) = managed_identity {
        if client_id.is_some() {
            let message = "client_id beside managed_identity; a user-assigned identity's id \
                           goes inside: managed_identity: { client_id: … }";
            return Err(wrong(&at, message));
        }
        let host = managed_identity_host(environment).map_err(|message| wrong(&at, message))?;
        return Ok(oauth::Credential::ManagedIdentity { client_id: assigned.map(|id| id.0), host });
    }
    let Some(client_id) = client_id.map(|id| id.0) else {
        return Err(wrong(
            &at,
            "client_id is missing; it is the app registration's Application (client) ID",
        ));
    };
    if let Some(path) = client_secret_file {
        return Ok(oauth::Credential::Secret { client_id, secret: Secret::File(base.join(path)) });
    }
    if let Some(name) = client_secret_env {
        // A secret that was put here by mistake is not to be repeated.
        let is_name = !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_name {
            return Err(wrong(
                &at,
                "client_secret_env is not the name of an environment variable; name the variable \
                 that holds the secret, such as PARTNER_SECRET",
            ));
        }
        let value = environment(&name).filter(|value| !value.is_empty()).ok_or_else(|| {
            wrong(
                &at,
                format!("environment variable {name}, named by client_secret_env, is not set"),
            )
        })?;
        let secret = Secret::Value(SecretString::from(value));
        return Ok(oauth::Credential::Secret { client_id, secret });
    }
    if let Some(path) = certificate_file {
        let certificate_file = base.join(path);
        let key_file = key_file.map_or_else(|| certificate_file.clone(), |path| base.join(path));
        return Ok(oauth::Credential::Certificate { client_id, certificate_file, key_file });
    }
    let token_file = base.join(federated_token_file.unwrap_or_default());
    Ok(oauth::Credential::Federated { client_id, token_file })
}

/// App Service and its kin name an endpoint in the environment; everywhere else it is the
/// instance metadata service, whose address the Azure SDKs let a variable replace.
fn managed_identity_host(environment: Environment<'_>) -> Result<ManagedIdentityHost, String> {
    let url = |name: &str, value: &str| {
        Url::parse(value).map_err(|_| format!("environment variable {name} is not a URL"))
    };
    if let (Some(endpoint), Some(header)) =
        (environment("IDENTITY_ENDPOINT"), environment("IDENTITY_HEADER"))
    {
        let endpoint = url("IDENTITY_ENDPOINT", &endpoint)?;
        return Ok(ManagedIdentityHost::AppService { endpoint, header: header.into() });
    }
    let (name, fallback) = ("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://169.254.169.254");
    let base = environment(name).unwrap_or_else(|| fallback.to_owned());
    Ok(ManagedIdentityHost::Imds { base: url(name, &base)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "tenants:\n  - name: contoso-eu\n    tenant_id: 3F1C0B6A-0000-4000-8000-000000000001\n";
    const SECRET: &str = "    credential: { client_id: 7a000000-0000-4000-8000-000000000001, client_secret_file: secret }\n";

    fn read(text: &str) -> Result<refresh::Settings, ConfigError> {
        parse(Path::new("/etc/pc/config.yml"), text, &|name| {
            (name == "GRAPH_SECRET").then(|| "planted-secret".to_owned())
        })
    }

    fn error(text: &str) -> String {
        read(text).unwrap_err().to_string()
    }

    #[test]
    fn the_smallest_file_is_a_tenant_with_a_credential() {
        let settings = read(&format!("{HEAD}{SECRET}")).unwrap();
        let tenant = &settings.tenants[0];
        assert_eq!(tenant.name, "contoso-eu");
        assert_eq!(tenant.oauth.tenant_id, "3f1c0b6a-0000-4000-8000-000000000001");
        assert_eq!(tenant.client.graph.as_str(), "https://graph.microsoft.com/");
        assert_eq!(tenant.client.graph_audience, "https://graph.microsoft.com");
        assert_eq!(tenant.client.pacing, Pacing::Microsoft);
        let printed = format!("{settings:?}");
        assert!(printed.contains("/etc/pc/secret"), "paths are relative to the file: {printed}");
    }

    #[test]
    fn a_whole_file_is_understood() {
        let text = format!(
            "state_directory: /var/lib/pc\n\
             outbound: {{ proxy: 'http://user:planted-secret@proxy.example:3128', ca_file: ca.pem }}\n\
             {HEAD}    cloud: us_gov\n    pace: unlimited\n{SECRET}\
             \x20   endpoints:\n      login: http://127.0.0.1:4010\n      graph: http://127.0.0.1:4010/graph\n\
             \x20     partner_center: http://127.0.0.1:4010/partnercenter\n\
             \x20   sources:\n      users: {{ interval: 5m, max_age: 1h }}\n      organization: {{ enabled: false }}\n"
        );
        let settings = read(&text).unwrap();
        let tenant = &settings.tenants[0];
        assert_eq!(tenant.client.graph.as_str(), "http://127.0.0.1:4010/graph");
        assert_eq!(tenant.client.graph_audience, "https://graph.microsoft.us");
        assert_eq!(tenant.client.pacing, Pacing::Unlimited);
        let users = &tenant.schedules["users"];
        assert_eq!(
            (users.interval, users.max_age),
            (Duration::from_secs(300), Duration::from_secs(3600))
        );
        assert!(!tenant.schedules["organization"].enabled);
        assert!(tenant.declared.is_sovereign);
        assert!(!format!("{settings:?}").contains("planted-secret"));
    }

    #[test]
    fn what_is_declared_reaches_the_tenant_it_is_declared_for() {
        let id = "11111111-2222-3333-4444-555555555555";
        let text = format!(
            "partner_tenants: [{id}, 3f1c0b6a-0000-4000-8000-000000000001]\nexceptions:\n  - {{ requirement: mfa-guests, subjects: [{id}],\
             owner: team, reason: being replaced, expires: 2027-03-01 }}\n{HEAD}{SECRET}    \
             break_glass: [{{ object_id: {id}, note: in the safe }}]\n    hire_grace: 14d\n    \
             tolerated_applications: [Office365]\n"
        );
        let settings = parse(Path::new("x.yml"), &text, &|_| None).unwrap();
        let declared = &settings.tenants[0].declared;
        assert_eq!(declared.hire_grace, Duration::from_secs(14 * 86_400));
        assert_eq!(declared.break_glass.as_ref().unwrap().len(), 1);
        assert_eq!(*declared.tolerated_applications, ["office365".into()]);
        let exception = &declared.exceptions[0];
        assert_eq!(exception.requirement, "mfa-guests");
        assert_eq!(exception.expires, "2027-03-01T00:00:00Z".parse().unwrap());
        assert_eq!(declared.partner_tenants.as_ref().unwrap().len(), 2);
        assert_eq!(declared.watched_tenants.len(), 1);
    }

    #[test]
    fn every_mistake_is_named_with_its_line_and_remedy() {
        let credential = |text: &str| format!("{HEAD}    credential: {text}\n");
        let id = "client_id: 7a000000-0000-4000-8000-000000000001";
        let exception = |requirement: &str, tenant: &str, owner: &str, expires: &str| {
            format!(
                "exceptions:\n  - {{ requirement: {requirement}, tenant: {tenant}, owner: {owner}, \
                 reason: being replaced, expires: {expires} }}\n{HEAD}{SECRET}"
            )
        };
        let attestation = |requirement: &str, verdict: &str, by: &str, expires: &str| {
            format!(
                "attestations:\n  - {{ requirement: {requirement}, verdict: {verdict}, by: {by}, \
                 attested: 2026-10-01, expires: {expires} }}\n{HEAD}{SECRET}"
            )
        };
        let table = [
            ("tenants: []\n".to_owned(), 1, "no tenant to watch"),
            (format!("tenant: []\n{HEAD}{SECRET}"), 1, "unknown field `tenant`"),
            (format!("{HEAD}{SECRET}    clowd: global\n"), 5, "unknown field `clowd`"),
            (format!("{HEAD}{SECRET}    cloud: mars\n"), 5, "mars"),
            (
                format!("{HEAD}{SECRET}    csp_anniversary_month: 13\n"),
                5,
                "not a month; write it as a number from 1 to 12",
            ),
            (
                format!("outbound: {{ proxy: 'socks5://127.0.0.1:1' }}\n{HEAD}{SECRET}"),
                1,
                "http or https",
            ),
            (
                credential(&format!("{{ {id}, client_secret_env: 'abc8Q~planted.secret' }}")),
                4,
                "not the name of an environment variable",
            ),
            (
                format!("{HEAD}{SECRET}    sources:\n      users: {{ interval: 1s }}\n"),
                6,
                "shorter than 10s",
            ),
            (format!("partner_tenants: []\n{HEAD}{SECRET}"), 1, "is watched and not among"),
            (String::new(), 1, "the file is empty"),
            (
                format!("{HEAD}{SECRET}    break_glass: [{id}]\n", id = "x"),
                5,
                "keys are wanted here",
            ),
            (
                format!("{HEAD}{SECRET}    tolerated_applications: Office365\n"),
                5,
                "a list is wanted here",
            ),
            (format!("{HEAD}{SECRET}    cloud: global\n    cloud: china\n"), 6, "is given twice"),
            (
                credential(&format!("{{ {id}, client_secret: planted-secret }}")),
                4,
                "secrets stand in files",
            ),
            (
                format!("{HEAD}{SECRET}    sources: {{ users: {{ enabled: nein }} }}\n"),
                5,
                "write true or false",
            ),
            (
                attestation("mfa-guests", "compliant", "office", "2027-03-01"),
                2,
                "mfa-guests is measured",
            ),
            (attestation("mfa-guests", "waived", "office", "2027-03-01"), 2, "waived"),
            (
                attestation("mfa-guests", "not_applicable", "' '", "2027-03-01"),
                2,
                "`by` of the attestation of mfa-guests is empty",
            ),
            (
                attestation("mfa-guests", "not_applicable", "office", "2026-01-01"),
                2,
                "expires before it was attested",
            ),
            (
                attestation("mpa", "compliant", "office", "2027-03-01"),
                2,
                "no requirement is called `mpa`",
            ),
            (format!("{HEAD}{SECRET}    break_glass: [{{ object_id: me }}]\n"), 5, "not a GUID"),
            (
                format!(
                    "{HEAD}{SECRET}    tolerated_applications: [FA3D9A0C-3fb0-42cc-9193-47c7ecd2edbd]\n"
                ),
                5,
                "Partner Center and Azure management",
            ),
            (format!("{HEAD}{SECRET}    tolerated_applications: [All]\n"), 5, "not an application"),
            (
                exception("mfa-for-all", "contoso-eu", "team", "2027-03-01"),
                2,
                "no requirement is called",
            ),
            (exception("mfa-guests", "fabrikam", "team", "2027-03-01"), 2, "no tenant is called"),
            (
                exception("mfa-guests", "contoso-eu", "''", "2027-03-01"),
                2,
                "`owner` of the exception",
            ),
            (
                exception("mpa-accepted", "contoso-eu", "team", "soon"),
                2,
                "write it like 2027-03-01",
            ),
            (
                exception("mfa-guests", "contoso-eu", "team", "2027-03-01"),
                2,
                "name the accounts it is for in `subjects`",
            ),
            (
                exception("exporter-exceptions", "contoso-eu", "team", "2027-03-01"),
                2,
                "no requirement",
            ),
            (
                format!("{HEAD}{SECRET}    sources: {{ sign_ins: {{ window: 60d }} }}\n"),
                5,
                "the window of `sign_ins` is not between 3h and 30d",
            ),
            (
                format!("{HEAD}{SECRET}    sources: {{ webhooks: {{}} }}\n"),
                5,
                "`webhooks` does nothing in this version",
            ),
            (
                format!("{HEAD}{SECRET}    customer_series_limit: 0\n"),
                5,
                "customer_series_limit is not between 1 and 5000",
            ),
            (
                format!("{HEAD}{SECRET}    sources: {{ dap_report: {{ enabled: true }} }}\n"),
                5,
                "`dap_report` is enabled and has no file",
            ),
            (
                format!("{HEAD}{SECRET}    sources: {{ users: {{ file: a.csv }} }}\n"),
                5,
                "`users` reads no file",
            ),
            (
                format!(
                    "{HEAD}{SECRET}    high_privilege_roles: [3F1C0B6A-0000-4000-8000-000000000009]\n"
                ),
                5,
                "is no built-in role",
            ),
            (
                format!("{HEAD}{SECRET}    sources: {{ uesrs: {{}} }}\n"),
                5,
                "no source is called `uesrs`; there are organization, users",
            ),
            (
                format!("{HEAD}{SECRET}    sources:\n      users: {{ interval: 5 minutes }}\n"),
                6,
                "not a duration; write it like",
            ),
            (
                format!(
                    "{HEAD}{SECRET}    sources:\n      users: {{ applications: {{ az: [] }} }}\n"
                ),
                6,
                "`users` tells no applications apart",
            ),
            (
                format!("{HEAD}{SECRET}    sources:\n      users: {{ window: 7d }}\n"),
                6,
                "`users` looks at no window of time",
            ),
            (
                format!(
                    "{HEAD}{SECRET}    sources:\n      users: {{ interval: 1h, max_age: 5m }}\n"
                ),
                6,
                "max_age of `users` is shorter",
            ),
            (
                format!("{HEAD}{SECRET}    endpoints: {{ graph: 'http://graph.example.com' }}\n"),
                5,
                "use https",
            ),
            (
                format!(
                    "{HEAD}{SECRET}  - name: contoso-eu\n    tenant_id: 3F1C0B6A-0000-4000-8000-000000000002\n{SECRET}"
                ),
                5,
                "a second tenant is named `contoso-eu`",
            ),
            ("tenants:\n  - name: 'a b'\n".to_owned(), 2, "not a name; use up to 64"),
            (HEAD.replace("3F1C0B6A-", "contoso-") + SECRET, 3, "not a GUID"),
            (credential("{ }"), 4, "no kind of credential"),
            (
                credential(&format!("{{ {id}, client_secret_file: a, certificate_file: b }}")),
                4,
                "more than one kind",
            ),
            (credential("{ client_secret_file: a }"), 4, "client_id is missing"),
            (
                credential(&format!("{{ {id}, client_secret: planted-secret }}")),
                4,
                "unknown field `client_secret`",
            ),
            (
                credential(&format!("{{ {id}, client_secret_env: NOT_SET }}")),
                4,
                "NOT_SET, named by client_secret_env, is not set",
            ),
            (credential(&format!("{{ {id}, managed_identity: {{}} }}")), 4, "goes inside"),
            (
                credential(&format!("{{ {id}, client_secret_file: a, key_file: b }}")),
                4,
                "key_file without",
            ),
            ("tenants: [\n".to_owned(), 1, "unclosed bracket"),
            (format!("{HEAD}{SECRET}{HEAD}{SECRET}"), 5, "tenants"),
            (HEAD.to_owned(), 3, "missing field `credential`"),
        ];
        for (text, line, message) in table {
            let error = error(&text);
            assert!(
                error.starts_with(&format!("/etc/pc/config.yml:{line}: ")),
                "line {line} of\n{text}\n{error}"
            );
            assert!(error.contains(message), "{message}\nis not in\n{error}");
            assert!(!error.contains("planted-secret"), "{error}");
        }
    }

    #[test]
    fn each_kind_of_credential_is_understood() {
        let of = |text: &str| {
            let text = format!("{HEAD}    credential: {{ {text} }}\n");
            read(&text).unwrap().tenants.remove(0).oauth.credential
        };
        let id = "client_id: 7a000000-0000-4000-8000-000000000001";
        assert!(matches!(
            of(&format!("{id}, client_secret_env: GRAPH_SECRET")),
            oauth::Credential::Secret { secret: Secret::Value(_), .. }
        ));
        assert!(matches!(
            of(&format!("{id}, certificate_file: both.pem")),
            oauth::Credential::Certificate { certificate_file, key_file, .. } if certificate_file == key_file
        ));
        assert!(matches!(
            of(&format!("{id}, federated_token_file: /t")),
            oauth::Credential::Federated { token_file, .. } if token_file == Path::new("/t")
        ));
        assert!(matches!(
            of("managed_identity: {}"),
            oauth::Credential::ManagedIdentity {
                client_id: None,
                host: ManagedIdentityHost::Imds { .. }
            }
        ));
    }
}
