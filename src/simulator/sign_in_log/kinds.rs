//! The kinds of sign-ins there are, and how many of every thousand are of each.
//!
//! A reader must find these numbers again, so they are written down here and nowhere drawn.

use super::who::Who;

/// So many rows hold every kind as often as it says.
pub(super) const CYCLE: u64 = 1000;

/// Rows of one kind are alike but for who, whence, when and with what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    /// Of every thousand rows.
    pub(super) share: u64,
    pub(super) interactive: bool,
    pub(super) who: Who,
    pub(super) app: Named,
    pub(super) resource: Named,
    pub(super) client: Client,
    /// Microsoft's word.
    pub(super) protocol: &'static str,
    pub(super) requirement: Requirement,
    /// 0 is success.
    pub(super) error: u32,
    pub(super) evidence: Evidence,
    pub(super) across: Across,
    pub(super) access: Access,
    pub(super) agents: Agents,
}

/// Id and display name of an application or a resource.
pub(super) type Named = (&'static str, &'static str);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client {
    Browser,
    Modern,
    /// By place in [`LEGACY`].
    Legacy(usize),
    /// A word that no documentation has.
    Strange,
    /// Nothing, in one of the ways to say it.
    Unsaid,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Requirement {
    Single,
    Multi,
    /// A word that no documentation has.
    Strange,
    /// Null.
    Unsaid,
}

/// What the steps of the authentication say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Evidence {
    Password,
    Authenticator,
    /// MFA was done earlier.
    Token,
    /// At another identity provider, which did MFA.
    FederatedWithClaim,
    /// At another identity provider, which says nothing of MFA.
    FederatedWithoutClaim,
    AppPassword,
    Failed,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Across {
    Home,
    /// On behalf of a customer.
    Customer,
    /// A guest from elsewhere.
    Guest,
}

/// What Conditional Access made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Policies may have applied; none demanded MFA.
    NotApplied,
    /// A policy demanded MFA and got it.
    Mfa,
    /// A policy blocked it, or its demand was not met.
    Failure,
    /// An event that knows nothing of Conditional Access.
    Unsaid,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Agents {
    Browser,
    Az,
    AzureRm,
    Script,
    Unsaid,
}

const PORTAL_APP: Named = ("c44b4083-3bb0-49c1-b47d-974e53cbdf3c", "Azure Portal");
const OFFICE_APP: Named = ("89bee1f7-5e6e-4d8a-9f3d-ecd601259da7", "Office365 Shell WCSS-Client");
const OUTLOOK_APP: Named = ("d3590ed6-52b3-4102-aeff-aad2292ab01c", "Microsoft Office");
const TEAMS_APP: Named = ("1fec8e78-bce4-4aaf-ab1b-5451cc387264", "Microsoft Teams");
pub(super) const AZURE_POWERSHELL: Named =
    ("1950a258-227b-4e31-a9cf-717495945fc2", "Microsoft Azure PowerShell");
pub(super) const AZURE_CLI: Named = ("04b07795-8ddb-461a-bbee-02f9e1bf7b46", "Microsoft Azure CLI");
pub(super) const GRAPH_POWERSHELL: Named =
    ("14d82eec-204b-4c2f-b7e8-296a70dab67e", "Microsoft Graph Command Line Tools");
pub(super) const AZURE_AD_POWERSHELL: Named =
    ("1b730954-1685-4b74-9bfd-dac224a7b894", "Azure Active Directory PowerShell");
pub(super) const EXCHANGE_POWERSHELL: Named =
    ("fb78d390-0c51-40cd-8e17-fdbfab77341b", "Microsoft Exchange REST API Based Powershell");
pub(super) const REMOTE_POWERSHELL: Named =
    ("a0c73c16-a7e3-4564-9a95-2bdf47383716", "Microsoft Exchange Online Remote PowerShell");
pub(super) const CONNECT: Named =
    ("cb1056e2-e479-49de-ae31-7812af012ed8", "Microsoft Azure Active Directory Connect");
const SCRIPT_APP: Named = ("7a3c5d10-4b1e-4c55-9d0e-51301a7e0001", "Nightly export (simulated)");

pub(super) const PARTNER_CENTER: Named =
    ("fa3d9a0c-3fb0-42cc-9193-47c7ecd2edbd", "Microsoft Partner Center");
pub(super) const PARTNER_PORTAL: Named =
    ("4990cffe-04e8-4e8b-808a-1175604b879f", "Microsoft Partner");
pub(super) const GRAPH: Named = ("00000003-0000-0000-c000-000000000000", "Microsoft Graph");
pub(super) const AZURE: Named =
    ("797f4846-ba00-4fd7-ba43-dac1f8f63013", "Windows Azure Service Management API");
pub(super) const EXCHANGE: Named =
    ("00000002-0000-0ff1-ce00-000000000000", "Office 365 Exchange Online");
const DIRECTORY: Named = ("00000002-0000-0000-c000-000000000000", "Windows Azure Active Directory");
const SHAREPOINT: Named = ("00000003-0000-0ff1-ce00-000000000000", "Office 365 SharePoint Online");

/// Legacy clients by the name that Microsoft's list has, with another spelling that occurs, and
/// how often of each thousand: interactive successes and failures, non-interactive ones.
pub(super) const LEGACY: [(&str, &str, [u64; 4]); 13] = [
    ("Authenticated SMTP", "SMTP", [0, 1, 3, 2]),
    ("Autodiscover", "AutoDiscover", [0, 1, 1, 1]),
    ("Exchange ActiveSync", "Exchange Activesync", [1, 2, 2, 1]),
    ("Exchange Online PowerShell", "Exchange Online Powershell", [1, 1, 0, 1]),
    ("Exchange Web Services", "Exchange web services", [0, 1, 3, 1]),
    ("IMAP4", "IMAP", [1, 2, 1, 1]),
    ("MAPI over HTTP", "MAPI Over HTTP", [0, 0, 2, 1]),
    ("Offline Address Book", "Offline address book", [0, 0, 1, 0]),
    ("Outlook Anywhere (RPC over HTTP)", "Outlook Anywhere (RPC Over HTTP)", [0, 0, 1, 2]),
    ("Outlook Service", "Outlook service", [0, 0, 1, 0]),
    ("POP3", "POP", [0, 2, 0, 1]),
    ("Reporting Web Services", "Reporting web services", [0, 0, 1, 0]),
    ("Other clients", "Other Clients", [1, 1, 2, 2]),
];

/// The kind that a part of [`BASE`] shows as until it has settled.
pub(super) const YOUNG: usize = 0;
/// The usual interactive sign-in.
pub(super) const BASE: usize = 1;
/// The usual non-interactive one, which fills what the others leave of a thousand.
pub(super) const FILL: usize = 2;

/// Interactive, with MFA done on demand of a policy.
const DONE: Kind = Kind {
    share: 0,
    interactive: true,
    who: Who::Staff,
    app: OFFICE_APP,
    resource: GRAPH,
    client: Client::Browser,
    protocol: "none",
    requirement: Requirement::Multi,
    error: 0,
    evidence: Evidence::Authenticator,
    across: Across::Home,
    access: Access::Mfa,
    agents: Agents::Browser,
};

/// Interactive, and nobody asked for MFA.
const ONE_FACTOR: Kind = Kind {
    requirement: Requirement::Single,
    evidence: Evidence::Password,
    access: Access::NotApplied,
    ..DONE
};

/// Non-interactive, in place of somebody who did MFA before.
const RENEWED: Kind = Kind {
    interactive: false,
    app: OUTLOOK_APP,
    resource: EXCHANGE,
    client: Client::Modern,
    evidence: Evidence::Token,
    agents: Agents::Unsaid,
    ..DONE
};

/// Non-interactive, in place of somebody who did not.
const RENEWED_ONE_FACTOR: Kind = Kind {
    requirement: Requirement::Single,
    evidence: Evidence::None,
    access: Access::NotApplied,
    ..RENEWED
};

/// A script that knows a password.
const PASSWORD_GRANT: Kind = Kind {
    who: Who::Scripts,
    app: SCRIPT_APP,
    protocol: "ropc",
    evidence: Evidence::Password,
    agents: Agents::Script,
    ..RENEWED_ONE_FACTOR
};

impl Kind {
    const fn of(self, share: u64) -> Self {
        Self { share, ..self }
    }

    const fn by(self, who: Who) -> Self {
        Self { who, ..self }
    }

    const fn to(self, resource: Named) -> Self {
        Self { resource, ..self }
    }

    const fn with(self, app: Named, agents: Agents) -> Self {
        Self { app, agents, client: Client::Modern, ..self }
    }

    const fn failed(self, error: u32, access: Access) -> Self {
        Self { error, access, requirement: Requirement::Single, evidence: Evidence::Failed, ..self }
    }

    const fn for_customers(self, who: Who) -> Self {
        Self { across: Across::Customer, app: PORTAL_APP, resource: AZURE, who, ..self }
    }

    const fn device_code(self) -> Self {
        Self { protocol: "deviceCode", client: Client::Modern, ..self }
    }

    pub(super) fn succeeded(&self) -> bool {
        self.error == 0
    }
}

/// All of them; [`FILL`] has what is left.
pub(super) fn all() -> Vec<Kind> {
    let mut kinds = vec![
        // Until MFA is known to have been done, a success looks like one of a single factor.
        ONE_FACTOR,
        DONE.of(150),
        RENEWED,
        DONE.to(SHAREPOINT).with(TEAMS_APP, Agents::Browser).of(21),
        ONE_FACTOR.by(Who::Lax).of(27),
        // MFA by per-user state, which no policy demanded.
        Kind { access: Access::NotApplied, ..DONE }.of(3),
        // At another identity provider.
        Kind { evidence: Evidence::FederatedWithClaim, ..DONE }.by(Who::Federated).of(6),
        Kind { evidence: Evidence::FederatedWithoutClaim, ..ONE_FACTOR }.by(Who::Claimless).of(4),
        // Partner Center.
        DONE.to(PARTNER_CENTER).of(9),
        DONE.to(PARTNER_PORTAL).of(2),
        ONE_FACTOR.to(PARTNER_CENTER).by(Who::Visitors).of(3),
        ONE_FACTOR.to(PARTNER_PORTAL).by(Who::Visitors).of(1),
        // On behalf of customers.
        DONE.for_customers(Who::Agents).of(12),
        ONE_FACTOR.for_customers(Who::Careless).of(5),
        RENEWED.for_customers(Who::Agents).of(8),
        RENEWED_ONE_FACTOR.for_customers(Who::Careless).of(3),
        DONE.for_customers(Who::Agents).failed(530_034, Access::NotApplied).of(1),
        // With a code from another screen.
        DONE.device_code().with(AZURE_CLI, Agents::Script).to(AZURE).of(2),
        ONE_FACTOR.device_code().with(AZURE_CLI, Agents::Script).to(AZURE).by(Who::Lax).of(1),
        // What did not succeed.
        DONE.failed(50_126, Access::NotApplied).of(12),
        DONE.failed(50_074, Access::Failure).of(6),
        DONE.failed(50_140, Access::NotApplied).of(4),
        DONE.failed(53_003, Access::Failure).of(5),
        DONE.failed(500_121, Access::Failure).of(2),
        DONE.failed(50_057, Access::NotApplied).by(Who::Disabled).of(2),
        RENEWED.failed(70_043, Access::NotApplied).of(9),
        RENEWED.failed(50_078, Access::Failure).of(5),
        // From elsewhere.
        Kind { across: Across::Guest, ..DONE }.by(Who::Guests).of(11),
        Kind { across: Across::Guest, ..ONE_FACTOR }.by(Who::Guests).of(5),
        Kind { across: Across::Guest, ..RENEWED }.by(Who::Guests).of(17),
        // From the command line.
        DONE.with(AZURE_POWERSHELL, Agents::Az).to(AZURE).of(4),
        ONE_FACTOR.with(AZURE_POWERSHELL, Agents::Az).to(AZURE).by(Who::Lax).of(2),
        ONE_FACTOR.with(AZURE_POWERSHELL, Agents::AzureRm).to(AZURE).by(Who::Lax).of(1),
        DONE.with(GRAPH_POWERSHELL, Agents::Browser).to(GRAPH).of(3),
        ONE_FACTOR.with(AZURE_AD_POWERSHELL, Agents::Browser).to(DIRECTORY).by(Who::Lax).of(1),
        DONE.with(EXCHANGE_POWERSHELL, Agents::Browser).to(EXCHANGE).of(2),
        RENEWED.with(AZURE_POWERSHELL, Agents::Az).to(AZURE).of(7),
        RENEWED_ONE_FACTOR.with(AZURE_POWERSHELL, Agents::Az).to(AZURE).by(Who::Lax).of(3),
        RENEWED_ONE_FACTOR.with(REMOTE_POWERSHELL, Agents::Unsaid).by(Who::Lax).of(1),
        // With a password in a script.
        PASSWORD_GRANT.to(PARTNER_CENTER).of(1),
        PASSWORD_GRANT.to(GRAPH).of(4),
        PASSWORD_GRANT.with(AZURE_POWERSHELL, Agents::Az).to(AZURE).of(2),
        PASSWORD_GRANT.to(EXCHANGE).of(3),
        PASSWORD_GRANT.to(SHAREPOINT).of(1),
        PASSWORD_GRANT.to(GRAPH).failed(50_126, Access::NotApplied).of(2),
        Kind { interactive: true, ..PASSWORD_GRANT }.to(GRAPH).of(1),
        // The account that synchronises.
        RENEWED_ONE_FACTOR.with(CONNECT, Agents::Unsaid).to(DIRECTORY).by(Who::Sync).of(14),
        RENEWED_ONE_FACTOR.with(AZURE_AD_POWERSHELL, Agents::Unsaid).by(Who::Sync).of(2),
        ONE_FACTOR.by(Who::Sync).of(1),
        ONE_FACTOR.by(Who::Sync).failed(53_003, Access::Failure).of(1),
        // Old protocols under an app password.
        Kind {
            client: Client::Legacy(5),
            evidence: Evidence::AppPassword,
            app: OUTLOOK_APP,
            agents: Agents::Unsaid,
            ..ONE_FACTOR
        }
        .to(EXCHANGE)
        .by(Who::Legacy)
        .of(1),
        // Words that came after the documentation.
        Kind {
            client: Client::Strange,
            protocol: "unknownFutureValue",
            requirement: Requirement::Strange,
            ..DONE
        }
        .of(1),
        Kind {
            client: Client::Strange,
            protocol: "quantumGrant",
            requirement: Requirement::Strange,
            ..RENEWED
        }
        .of(1),
        // Events of the NPS extension, which know next to nothing.
        Kind {
            app: ("radius", "NPS extension"),
            resource: ("radius", "NPS extension"),
            client: Client::Unsaid,
            protocol: "",
            requirement: Requirement::Unsaid,
            evidence: Evidence::None,
            access: Access::Unsaid,
            agents: Agents::Unsaid,
            ..DONE
        }
        .of(2),
        // Nothing about the client.
        Kind { client: Client::Unsaid, ..RENEWED }.of(4),
        RENEWED_ONE_FACTOR.by(Who::Lax).of(173),
    ];
    kinds.extend(legacy());
    kinds
}

fn legacy() -> impl Iterator<Item = Kind> {
    LEGACY.iter().enumerate().flat_map(|(place, (_, _, shares))| {
        // Blocked by a policy, by security defaults, or for a wrong password.
        let error = [53_003, 530_035, 50_126][place % 3];
        let access = if error == 53_003 { Access::Failure } else { Access::NotApplied };
        let agents = Agents::Unsaid;
        [ONE_FACTOR, RENEWED_ONE_FACTOR].into_iter().enumerate().flat_map(move |(side, kind)| {
            let kind = Kind { app: OUTLOOK_APP, agents, client: Client::Legacy(place), ..kind };
            let success = kind.to(EXCHANGE).by(Who::Legacy);
            let failure = success.failed(error, access).by(Who::Staff);
            [success.of(shares[2 * side]), failure.of(shares[2 * side + 1])]
        })
    })
}
