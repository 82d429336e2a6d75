//! The partner's customers, as far as Microsoft tells a partner of them.

use super::dap::Delegation;
use super::person::random_id;

const NAMES: [&str; 20] = [
    "Adatum",
    "Alpine",
    "Bellows",
    "Blue Yonder",
    "Coho",
    "Fabrikam",
    "Fourth Coffee",
    "Graphic",
    "Humongous",
    "Lamna",
    "Litware",
    "Lucerne",
    "Margie",
    "Northwind",
    "Proseware",
    "Relecloud",
    "Tailspin",
    "Trey",
    "Wingtip",
    "Woodgrove",
];
const TRADES: [&str; 7] =
    ["Foods", "Logistics", "Health", "Retail", "Works", "Finance", "Research"];

/// How far the month's spending went, in percent of the budget; `None` where there is no budget.
const SPENDING: [Option<f64>; 5] = [None, Some(35.5), Some(79.99), Some(92.25), Some(602.84)];

/// One customer.
pub(super) struct Customer {
    pub(super) id: u128,
    /// The Azure subscription.
    pub(super) subscription: u128,
    /// They are numbered as they come, and listed in this order.
    pub(super) serial: usize,
    pub(super) users: u32,
    /// Administrators who use MFA.
    pub(super) admins_mfa: u32,
    /// Other people who do.
    pub(super) others_mfa: u32,
    pub(super) mfa: Mfa,
    pub(super) dap: Delegation,
}

/// How a customer looks when it is read alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Card {
    Plain,
    /// Its fields begin with capitals.
    Pascal,
    /// It does not say whether administration is delegated.
    Silent,
    /// The customer's Conditional Access keeps the partner out.
    ConditionalAccess,
    /// Nothing was ever sold to it.
    NoCommerce,
}

/// How MFA is brought about at a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mfa {
    Defaults,
    ConditionalAccess,
    /// The same, with some legacy states left over.
    ConditionalAccessAndPerUser,
    PerUser,
    None,
    /// In words that no version of the documentation has.
    Unheard,
    /// Microsoft has nothing to say.
    Unsaid,
}

/// Draws so many, from a seed of their own. What they delegate is drawn elsewhere.
pub(super) fn draw(count: usize, seed: u64) -> Vec<Customer> {
    let mut rng = fastrand::Rng::with_seed(seed ^ 0xc057);
    (0..count).map(|serial| Customer::draw(&mut rng, serial)).collect()
}

/// One more, behind all there ever were.
pub(super) fn another(serial: usize, seed: u64) -> Customer {
    Customer::draw(&mut fastrand::Rng::with_seed(seed ^ 0xadd ^ (serial as u64) << 20), serial)
}

/// What the customer of this number is called.
pub(super) fn name(serial: usize) -> String {
    let (name, round) = (NAMES[serial % NAMES.len()], serial / NAMES.len());
    let trade = TRADES[round % TRADES.len()];
    match round / TRADES.len() {
        0 => format!("{name} {trade} (simulated)"),
        more => format!("{name} {trade} {more} (simulated)"),
    }
}

impl Customer {
    fn draw(rng: &mut fastrand::Rng, serial: usize) -> Self {
        let users = rng.u32(5..400);
        let admins = rng.u32(1..=4);
        Self {
            id: random_id(rng),
            subscription: random_id(rng),
            serial,
            users,
            admins_mfa: admins,
            others_mfa: rng.u32(0..=users - admins),
            mfa: match serial {
                5 => Mfa::Unheard,
                6 => Mfa::Unsaid,
                _ => match serial % 10 {
                    0..4 => Mfa::Defaults,
                    4..7 => Mfa::ConditionalAccess,
                    7 => Mfa::PerUser,
                    8 => Mfa::None,
                    _ => Mfa::ConditionalAccessAndPerUser,
                },
            },
            dap: Delegation::default(),
        }
    }

    /// Microsoft's word for what the partner is to it.
    pub(super) fn relationship(&self) -> &'static str {
        match self.serial % 400 {
            33 => "microsoft_support",
            // In no version of the documentation.
            35 => "distributor",
            _ if self.serial % 13 == 7 => "advisor",
            _ => "reseller",
        }
    }

    pub(super) fn card(&self) -> Card {
        match self.serial % 400 {
            9 | 24 => Card::Silent,
            12 => Card::ConditionalAccess,
            36 => Card::NoCommerce,
            _ if self.serial % 11 == 3 => Card::Pascal,
            _ => Card::Plain,
        }
    }

    pub(super) fn domain(&self) -> String {
        format!("customer{}.onmicrosoft.example", self.serial)
    }

    pub(super) fn name(&self) -> String {
        name(self.serial)
    }

    /// Whether it uses Azure at all.
    pub(super) fn has_azure(&self) -> bool {
        self.serial % 4 != 3
    }

    /// Whether it has an Azure plan and not a subscription of the old kind.
    pub(super) fn is_upgraded(&self) -> bool {
        !self.serial.is_multiple_of(8)
    }

    /// How far its budget is spent, in percent, if it has one.
    pub(super) fn spent(&self) -> Option<f64> {
        SPENDING[self.serial % SPENDING.len()]
    }

    /// Whether Microsoft counts its administrators as using MFA.
    pub(super) fn is_compliant(&self) -> bool {
        use Mfa::{ConditionalAccess, ConditionalAccessAndPerUser, Defaults};
        matches!(self.mfa, Defaults | ConditionalAccess | ConditionalAccessAndPerUser)
    }
}

impl Mfa {
    /// The first way that is switched on, of those a reader tells apart.
    pub(super) fn option(self) -> &'static str {
        match self {
            Self::Defaults => "security_defaults",
            Self::ConditionalAccess | Self::ConditionalAccessAndPerUser => "conditional_access",
            Self::PerUser => "per_user",
            Self::None => "none",
            Self::Unheard | Self::Unsaid => "unknown",
        }
    }

    /// Security defaults, Conditional Access, per-user MFA.
    pub(super) fn statuses(self) -> [&'static str; 3] {
        let word = |on: bool| if on { "enabled" } else { "disabled" };
        match self {
            Self::Unheard => ["unknownFutureValue"; 3],
            mfa => [
                word(mfa == Self::Defaults),
                word(matches!(mfa, Self::ConditionalAccess | Self::ConditionalAccessAndPerUser)),
                word(matches!(mfa, Self::PerUser | Self::ConditionalAccessAndPerUser)),
            ],
        }
    }
}
