//! What somebody may do: the role or the agent group a person has, one at most.

use super::Plan;

/// A role, as it is held, or membership of a group of partner agents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Duty {
    None,
    /// Standing.
    GlobalAdministrator,
    /// Activated for some hours.
    ActivatedGlobalAdministrator,
    /// May be activated.
    EligibleGlobalAdministrator,
    /// Through a group that is assigned the role.
    SecurityReader,
    /// For one administrative unit only.
    UnitAdministrator,
    /// The role that the policy for staff leaves out.
    SupportAdministrator,
    /// May activate that role.
    EligibleSupportAdministrator,
    /// The account with which Connect synchronises.
    Synchronization,
    /// The same, with a role that it should not have.
    SynchronizationAndMore,
    AdminAgent,
    /// Through a group in the group.
    NestedAdminAgent,
    HelpdeskAgent,
    SalesAgent,
}

impl Duty {
    /// Whether a role is held now. Nothing is activated without P2.
    pub(super) fn holds_role(self, plan: Plan) -> bool {
        match self {
            Self::ActivatedGlobalAdministrator => plan == Plan::P2,
            Self::None
            | Self::EligibleGlobalAdministrator
            | Self::EligibleSupportAdministrator
            | Self::AdminAgent
            | Self::NestedAdminAgent
            | Self::HelpdeskAgent
            | Self::SalesAgent => false,
            _ => true,
        }
    }

    /// Whether it makes an administrator: a role now or at will, or other tenants' affairs.
    pub(super) fn administers(self, plan: Plan, partner: bool) -> bool {
        match self {
            Self::EligibleGlobalAdministrator | Self::EligibleSupportAdministrator => {
                plan == Plan::P2
            }
            Self::AdminAgent | Self::NestedAdminAgent | Self::HelpdeskAgent | Self::SalesAgent => {
                partner
            }
            _ => self.holds_role(plan),
        }
    }
}
