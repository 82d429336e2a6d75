//! Microsoft's clouds: where each is reached. Tokens of one are worth nothing in another.

use url::Url;

/// A cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cloud {
    /// The worldwide cloud, GCC included.
    Global,
    /// US Government L4 (GCC High).
    UsGov,
    /// US Government L5 (DoD).
    UsGovDod,
    /// China, operated by 21Vianet.
    China,
}

impl Cloud {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Global, Self::UsGov, Self::UsGovDod, Self::China];

    /// Where tokens are had.
    pub fn login(self) -> Url {
        url(match self {
            Self::Global => "https://login.microsoftonline.com",
            Self::UsGov | Self::UsGovDod => "https://login.microsoftonline.us",
            Self::China => "https://login.partner.microsoftonline.cn",
        })
    }

    /// Where Microsoft Graph is; also the audience of its tokens.
    pub fn graph(self) -> Url {
        url(match self {
            Self::Global => "https://graph.microsoft.com",
            Self::UsGov => "https://graph.microsoft.us",
            Self::UsGovDod => "https://dod-graph.microsoft.us",
            Self::China => "https://microsoftgraph.chinacloudapi.cn",
        })
    }

    /// Where Partner Center is; also the audience of its tokens.
    pub fn partner_center(self) -> Url {
        url(match self {
            Self::Global | Self::UsGov | Self::UsGovDod => {
                "https://api.partnercenter.microsoft.com"
            }
            Self::China => "https://partner.partnercenterapi.microsoftonline.cn",
        })
    }
}

/// Where the service behind Partner Center's page of administrative relationships is. It is one for all
/// clouds that have it. Source: List the delegated admin customers of a partner.
pub fn dap() -> Url {
    url("https://traf-pcsvcadmin-prod.trafficmanager.net/CustomerServiceAdminApi/Web")
}

fn url(text: &str) -> Url {
    Url::parse(text).expect("the addresses above are URLs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cloud_is_reached_over_https() {
        for cloud in Cloud::ALL {
            assert_eq!(cloud.login().scheme(), "https");
            assert_eq!(cloud.graph().scheme(), "https");
            assert_eq!(cloud.partner_center().scheme(), "https");
        }
    }
}
