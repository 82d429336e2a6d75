//! The token endpoint, and what gives managed identities their tokens.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};

use super::http::{Asked, Reply};
use super::world::guid;
use super::{State, lock};

/// How long a token lives, in seconds.
const LIFE: i64 = 3599;

/// Who is let in, and how.
#[derive(Clone)]
pub struct Identity {
    /// The tenant.
    pub tenant_id: String,
    /// The application.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// Certificates registered for it.
    pub assertion_keys: Vec<AssertionKey>,
    /// Tokens of another identity provider that are trusted, to the letter.
    pub federated_tokens: Vec<String>,
    /// Whether the machine has a managed identity.
    pub managed_identity: bool,
    /// The header by which App Service knows its own.
    pub app_service_header: Option<String>,
}

/// A certificate registered for the application.
#[derive(Debug, Clone)]
pub struct AssertionKey {
    /// SHA-256 of the certificate.
    pub thumbprint_sha256: [u8; 32],
    /// Its public key (PKCS#1 `RSAPublicKey`, DER).
    pub rsa_public_key_der: Vec<u8>,
}

impl Identity {
    /// The simulated tenant.
    pub const TENANT_ID: &str = "51310000-0000-4000-8000-00000000c0de";
    /// The simulated application.
    pub const CLIENT_ID: &str = "51310000-0000-4000-8000-0000000000aa";
    /// Its secret, which opens nothing real.
    pub const CLIENT_SECRET: &str = "simulated-secret-that-opens-nothing";
}

impl Default for Identity {
    fn default() -> Self {
        Self {
            tenant_id: Self::TENANT_ID.to_owned(),
            client_id: Self::CLIENT_ID.to_owned(),
            client_secret: Self::CLIENT_SECRET.to_owned(),
            assertion_keys: Vec::new(),
            federated_tokens: Vec::new(),
            managed_identity: true,
            app_service_header: None,
        }
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

/// Tokens given out.
#[derive(Default)]
pub(super) struct Issued {
    /// Expiry, in Unix seconds.
    living: BTreeMap<String, i64>,
    /// The first token used while tokens expire early.
    first: Option<String>,
    count: u64,
}

impl Issued {
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn knows(&self, token: &str, now: Timestamp) -> bool {
        self.living.get(token).is_some_and(|expiry| now.as_second() < *expiry)
    }

    /// Whether this is the token that was used first.
    pub(super) fn is_first(&mut self, token: &str) -> bool {
        self.first.get_or_insert_with(|| token.to_owned()) == token
    }
}

/// `POST /{tenant}/oauth2/v2.0/token`.
pub(super) fn grant(state: &State, asked: &Asked, tenant: &str) -> Reply {
    let form: BTreeMap<_, _> = url::form_urlencoded::parse(&asked.body).into_owned().collect();
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let refuse = |status, error, code, text| refusal(state, status, error, code, text);
    let identity = &state.settings.identity;
    if tenant.eq_ignore_ascii_case("common") || tenant.eq_ignore_ascii_case("consumers") {
        return refuse(400, "invalid_request", 50_059, "No tenant-identifying information found");
    }
    if !tenant.eq_ignore_ascii_case(&identity.tenant_id) {
        return refuse(400, "invalid_request", 90_002, "Tenant not found");
    }
    if state.fault("expired-secret", &asked.path).is_some() {
        return refuse(
            401,
            "invalid_client",
            7_000_222,
            "The provided client secret keys are expired",
        );
    }
    if state.fault("wrong-secret", &asked.path).is_some() {
        return refuse(401, "invalid_client", 7_000_215, "Invalid client secret provided");
    }
    if state.fault("consent", &asked.path).is_some() {
        return refuse(400, "invalid_grant", 65_001, "The user or administrator has not consented");
    }
    if state.fault("app-disabled", &asked.path).is_some() {
        return refuse(400, "unauthorized_client", 7_000_112, "Application is disabled");
    }
    if state.fault("conditional-access", &asked.path).is_some() {
        return refuse(
            400,
            "invalid_grant",
            53_003,
            "Access has been blocked by Conditional Access",
        );
    }
    if field("grant_type") != "client_credentials" {
        return refuse(400, "unsupported_grant_type", 70_003, "The grant type is not supported");
    }
    if field("client_id") != identity.client_id {
        return refuse(
            400,
            "unauthorized_client",
            700_016,
            "Application was not found in the directory",
        );
    }
    let Some(audience) = field("scope").strip_suffix("/.default") else {
        return refuse(400, "invalid_scope", 1_002_012, "The scope is not valid");
    };
    if !is_graph(audience) {
        return refuse(400, "invalid_resource", 500_011, "The resource principal was not found");
    }
    let secret = field("client_secret");
    let assertion = field("client_assertion");
    if !secret.is_empty() {
        if secret != identity.client_secret {
            return refuse(401, "invalid_client", 7_000_215, "Invalid client secret provided");
        }
    } else if assertion.is_empty() {
        return refuse(401, "invalid_client", 7_000_218, "The request body must contain a proof");
    } else if field("client_assertion_type")
        != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    {
        return refuse(400, "invalid_request", 900_144, "client_assertion_type is missing");
    } else if !identity.federated_tokens.iter().any(|token| token == assertion) {
        let endpoint = format!("http://{}{}", asked.host, asked.path);
        if let Err((code, text)) = verify(identity, assertion, &endpoint, state.time.now()) {
            return refuse(401, "invalid_client", code, text);
        }
    }
    Reply::json(
        200,
        &json!({
            "token_type": "Bearer",
            "expires_in": LIFE,
            "ext_expires_in": LIFE,
            "access_token": issue(state, audience),
        }),
    )
}

/// `GET /metadata/identity/oauth2/token`: numbers come as strings.
pub(super) fn imds(state: &State, asked: &Asked) -> Reply {
    let error = |status, error: &str| {
        Reply::json(status, &json!({"error": error, "error_description": "Simulated refusal"}))
    };
    if asked.header("metadata") != Some("true") {
        return error(400, "bad_request_102");
    }
    if asked.query("api-version").as_deref() != Some("2018-02-01") {
        return error(400, "invalid_request");
    }
    if !state.settings.identity.managed_identity {
        return error(400, "invalid_request");
    }
    let Some(resource) = asked.query("resource").filter(|resource| is_graph(resource)) else {
        return error(400, "invalid_resource");
    };
    let now = state.time.now().as_second();
    Reply::json(
        200,
        &json!({
            "access_token": issue(state, &resource),
            "refresh_token": "",
            "expires_in": LIFE.to_string(),
            "expires_on": (now + LIFE).to_string(),
            "not_before": now.to_string(),
            "resource": resource,
            "token_type": "Bearer",
        }),
    )
}

/// `GET /msi/token`, as App Service answers: no `expires_in`.
pub(super) fn app_service(state: &State, asked: &Asked) -> Reply {
    let known = state.settings.identity.app_service_header.as_deref();
    if known.is_none() || asked.header("x-identity-header") != known {
        return Reply::json(401, &json!({"statusCode": 401, "message": "Unauthorized"}));
    }
    let Some(resource) = asked.query("resource").filter(|resource| is_graph(resource)) else {
        return Reply::json(400, &json!({"statusCode": 400, "message": "resource"}));
    };
    let expiry = state.time.now().as_second() + LIFE;
    Reply::json(
        200,
        &json!({
            "access_token": issue(state, &resource),
            "expires_on": expiry.to_string(),
            "resource": resource,
            "token_type": "Bearer",
        }),
    )
}

fn is_graph(audience: &str) -> bool {
    let hosts = [
        "https://graph.microsoft.com",
        "https://graph.microsoft.us",
        "https://dod-graph.microsoft.us",
        "https://microsoftgraph.chinacloudapi.cn",
    ];
    hosts.contains(&audience.trim_end_matches('/'))
}

fn issue(state: &State, audience: &str) -> String {
    let identity = &state.settings.identity;
    let now = state.time.now().as_second();
    let mut chance = lock(&state.chance);
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = part(json!({"typ": "JWT", "alg": "RS256", "kid": "simulated"}));
    let claims = part(json!({
        "aud": audience,
        "appid": identity.client_id,
        "tid": identity.tenant_id,
        "roles": state.settings.granted,
        "iat": now,
        "exp": now + LIFE,
        "uti": guid(&mut chance),
    }));
    let token = format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode(guid(&mut chance)));
    let mut issued = lock(&state.issued);
    issued.living.retain(|_, expiry| now < *expiry);
    issued.living.insert(token.clone(), now + LIFE);
    issued.count += 1;
    token
}

/// Microsoft's body of refusals: a code in the text, a timestamp with a space in it.
fn refusal(state: &State, status: u16, error: &str, code: u32, text: &str) -> Reply {
    let mut chance = lock(&state.chance);
    let (trace, correlation) = (guid(&mut chance), guid(&mut chance));
    let timestamp = format!("{:.0}", state.time.now()).replace('T', " ");
    Reply::json(
        status,
        &json!({
            "error": error,
            "error_description": format!(
                "AADSTS{code}: {text}.\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {timestamp}"
            ),
            "error_codes": [code],
            "timestamp": timestamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
        }),
    )
}

/// Checks a client assertion as Entra documents it: PS256 with `x5t#S256`.
fn verify(
    identity: &Identity,
    assertion: &str,
    endpoint: &str,
    now: Timestamp,
) -> Result<(), (u32, &'static str)> {
    let unreadable = (50_027, "JWT token is invalid or malformed");
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| unreadable);
    let parts: Vec<_> = assertion.split('.').collect();
    let [head, body, signature] = parts[..] else { return Err(unreadable) };
    let parse = |bytes: Vec<u8>| serde_json::from_slice::<Value>(&bytes).map_err(|_| unreadable);
    let (header, claims) = (parse(decode(head)?)?, parse(decode(body)?)?);
    if header["alg"] != "PS256" || header["typ"] != "JWT" {
        return Err((700_027, "The algorithm is not the documented one"));
    }
    let thumbprint = decode(header["x5t#S256"].as_str().unwrap_or_default())?;
    let key =
        identity.assertion_keys.iter().find(|key| key.thumbprint_sha256[..] == thumbprint[..]);
    let key = key.ok_or((700_027, "The certificate is not registered"))?;
    UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, &key.rsa_public_key_der)
        .verify(format!("{head}.{body}").as_bytes(), &decode(signature)?)
        .map_err(|_| (700_027, "The signature does not verify"))?;
    let number = |name: &str| claims[name].as_i64().unwrap_or_default();
    let now = now.as_second();
    if claims["aud"] != endpoint {
        return Err((50_012, "The audience is wrong"));
    }
    if claims["iss"] != *identity.client_id || claims["sub"] != *identity.client_id {
        return Err((50_013, "Issuer or subject is wrong"));
    }
    if claims["jti"].as_str().is_none_or(str::is_empty) {
        return Err((50_013, "The id is missing"));
    }
    if number("nbf") > now || number("exp") <= now || number("exp") > now + 3600 {
        return Err((700_024, "The assertion is not within its valid time"));
    }
    Ok(())
}
