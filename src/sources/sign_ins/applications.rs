//! The applications people sign in with, of those that tell something, by their ids.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::FixedState;

use super::row::PersonId;

/// A shell in which people and scripts sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Module {
    /// Azure PowerShell: Az, and AzureRM before it, which share one id.
    Az,
    /// Azure CLI.
    AzureCli,
    /// Azure Active Directory PowerShell: AzureAD and MSOnline, which share one id.
    AzureAd,
    /// Exchange Online PowerShell, remote PowerShell of old included.
    Exchange,
    /// Microsoft Graph Command Line Tools.
    Graph,
    /// Partner Center PowerShell, which has no id of its own: known where it is configured.
    PartnerCenter,
}

impl Module {
    /// All of them, in the order of the label's values.
    pub const ALL: [Self; 6] =
        [Self::Az, Self::AzureCli, Self::AzureAd, Self::Exchange, Self::Graph, Self::PartnerCenter];

    /// The value of the label `module`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Az => "az",
            Self::AzureCli => "azure_cli",
            Self::AzureAd => "azuread",
            Self::Exchange => "exchange",
            Self::Graph => "graph",
            Self::PartnerCenter => "partner_center",
        }
    }
}

/// The application signed in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Application {
    /// None of those below.
    #[default]
    Other,
    /// Microsoft Entra Connect.
    Connect,
    /// A shell.
    Shell(Module),
}

/// Which ids are which application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applications(Arc<[(PersonId, Application)]>);

impl Default for Applications {
    fn default() -> Self {
        Self::with([])
    }
}

impl Applications {
    /// Ids of Microsoft's own.
    /// Source: Microsoft Entra, "Verify first-party Microsoft applications in sign-in reports".
    const KNOWN: [(u128, Application); 7] = [
        (0x1950a258_227b_4e31_a9cf_717495945fc2, Application::Shell(Module::Az)),
        (0x04b07795_8ddb_461a_bbee_02f9e1bf7b46, Application::Shell(Module::AzureCli)),
        (0x14d82eec_204b_4c2f_b7e8_296a70dab67e, Application::Shell(Module::Graph)),
        (0x1b730954_1685_4b74_9bfd_dac224a7b894, Application::Shell(Module::AzureAd)),
        (0xfb78d390_0c51_40cd_8e17_fdbfab77341b, Application::Shell(Module::Exchange)),
        (0xa0c73c16_a7e3_4564_9a95_2bdf47383716, Application::Shell(Module::Exchange)),
        (0xcb1056e2_e479_49de_ae31_7812af012ed8, Application::Connect),
    ];

    /// Microsoft's own and `more`, which has the last word about an id.
    pub fn with(more: impl IntoIterator<Item = (PersonId, Application)>) -> Self {
        let known = Self::KNOWN.map(|(id, application)| (id.to_be_bytes(), application));
        let mut all: Vec<_> = more.into_iter().collect();
        all.extend(known);
        Self(all.into())
    }

    pub(super) fn of(&self, id: Option<PersonId>) -> Application {
        let known = self.0.iter().find(|(known, _)| Some(*known) == id);
        known.map_or(Application::Other, |(_, application)| *application)
    }

    /// Tells what was counted with other ids.
    pub(super) fn fingerprint(&self) -> u64 {
        FixedState::default().hash_one(&*self.0)
    }
}

/// The tenant whose log it is, as far as rows are told apart by it.
#[derive(Debug, Clone, Default)]
pub(super) struct Home {
    /// Its id, where it is known.
    pub(super) tenant: Option<PersonId>,
    pub(super) applications: Applications,
}
