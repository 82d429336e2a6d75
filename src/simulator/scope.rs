//! What tokens are asked for: APIs, and what a person can let an application do there.

use super::tokens::Refusal;

/// Which API a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Api {
    Graph,
    PartnerCenter,
    /// The service behind the page of administrative relationships.
    Dap,
    Vault,
}

/// What tokens are asked for: Graph, Partner Center and Key Vault in each cloud, and one service
/// of the global cloud.
const AUDIENCES: [(&str, Api); 10] = [
    ("https://graph.microsoft.com", Api::Graph),
    ("https://graph.microsoft.us", Api::Graph),
    ("https://dod-graph.microsoft.us", Api::Graph),
    ("https://microsoftgraph.chinacloudapi.cn", Api::Graph),
    ("https://api.partnercenter.microsoft.com", Api::PartnerCenter),
    ("https://partner.partnercenterapi.microsoftonline.cn", Api::PartnerCenter),
    ("https://vault.azure.net", Api::Vault),
    ("https://vault.usgovcloudapi.net", Api::Vault),
    ("https://vault.azure.cn", Api::Vault),
    ("https://api.partnercustomeradministration.microsoft.com", Api::Dap),
];

/// The scope that lets a person's application read fraud alerts and the score.
pub(super) const PARTNER_SECURITY: &str = "PartnerSecurity.Read.All";
/// The one scope of Partner Center.
pub(super) const USER_IMPERSONATION: &str = "user_impersonation";
/// What the service behind the page of administrative relationships asks of people.
const DELEGATED_ADMINISTRATION: &str = "PartnerCustomerDelegatedAdministration.Read.All";

/// Scopes about the sign-in itself, which belong to no API.
const SIGN_IN: [&str; 4] = ["openid", "profile", "email", "offline_access"];
const DEFAULT: &str = ".default";

impl Api {
    pub(super) fn of(audience: &str) -> Self {
        AUDIENCES.iter().find(|(known, _)| *known == audience).map_or(Self::Graph, |(_, api)| *api)
    }

    /// What a person can consent to there.
    fn offered(self) -> &'static [&'static str] {
        match self {
            Self::Graph => &[PARTNER_SECURITY, "User.Read"],
            Self::PartnerCenter => &[USER_IMPERSONATION],
            Self::Dap => &[DELEGATED_ADMINISTRATION],
            // Secrets are not for people here.
            Self::Vault => &[],
        }
    }
}

/// The audience that goes by this name.
pub(super) fn resource_named(resource: &str) -> Option<&'static str> {
    let mut audiences = AUDIENCES.into_iter().map(|(known, _)| known);
    audiences.find(|known| *known == resource.trim_end_matches('/'))
}

/// The resource of a `.default` scope, the only kind an application by itself may ask for.
pub(super) fn audience(scope: &str) -> Result<&'static str, Refusal> {
    let Some(resource) = scope.strip_suffix("/.default") else {
        let text = format!("The provided value for scope {scope} is not valid.");
        return Err(Refusal::new("invalid_scope", 1002012, text));
    };
    resource_named(resource).ok_or_else(|| unknown_resource(resource))
}

/// One thing that is allowed, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) audience: &'static str,
    pub(super) name: &'static str,
}

/// What a person is asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    /// Whether there is to be a refresh token.
    pub(super) offline: bool,
    /// In the order asked; `.default` stands for all that is offered.
    pub(super) scopes: Vec<Scope>,
}

impl Wanted {
    pub(super) fn read(text: &str) -> Result<Self, Refusal> {
        let mut wanted = Self::default();
        for word in text.split_whitespace() {
            if SIGN_IN.contains(&word) {
                wanted.offline |= word == "offline_access";
                continue;
            }
            // A bare word is Graph's.
            let (resource, name) = word.rsplit_once('/').unwrap_or((AUDIENCES[0].0, word));
            let audience = resource_named(resource).ok_or_else(|| unknown_resource(resource))?;
            let offered = Api::of(audience).offered();
            let named: Vec<_> =
                offered.iter().filter(|known| name == DEFAULT || name == **known).collect();
            if named.is_empty() {
                let text = format!(
                    "The application asked for scope '{name}' that doesn't exist on the resource \
                     '{resource}'."
                );
                return Err(Refusal::new("invalid_client", 650053, text));
            }
            wanted.scopes.extend(named.into_iter().map(|name| Scope { audience, name }));
        }
        Ok(wanted)
    }

    /// All that the exporter needs of a person.
    pub(super) fn everything() -> Self {
        let graph = Scope { audience: AUDIENCES[0].0, name: PARTNER_SECURITY };
        let partner_center = Scope { audience: AUDIENCES[4].0, name: USER_IMPERSONATION };
        let dap = Scope { audience: AUDIENCES[9].0, name: DELEGATED_ADMINISTRATION };
        Self { offline: true, scopes: vec![graph, partner_center, dap] }
    }

    /// The one resource of all that is asked for; a token is for one.
    pub(super) fn resource(&self) -> Result<Option<&'static str>, Refusal> {
        let first = self.scopes.first().map(|scope| scope.audience);
        if self.scopes.iter().any(|scope| Some(scope.audience) != first) {
            let text = "Provided value for the input parameter scope is not valid because it \
                        contains more than one resource.";
            return Err(Refusal::new("invalid_request", 28000, text));
        }
        Ok(first)
    }
}

fn unknown_resource(resource: &str) -> Refusal {
    let text = format!("The resource principal named {resource} was not found in the tenant.");
    Refusal::new("invalid_resource", 500011, text)
}
