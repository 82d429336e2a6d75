//! What becomes of a person at sign-in. It is decided when the world is made; policies, groups and
//! roles are then built so that it comes true.

use super::Plan;
use super::truth::Circumstances;

/// Why MFA is, or is not, demanded of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// By the policy for staff, or the one for guests.
    Covered,
    /// By an authentication strength.
    CoveredByStrength,
    /// By two policies, one for an application and one for all the others.
    CoveredByTwoApplications,
    /// By two policies, one for browsers and one for apps.
    CoveredByTwoClients,
    /// By holding a role, and by nothing else.
    CoveredByRole,
    /// By the legacy state of the account alone, which has come into force.
    PerUserEnforced,
    /// By the legacy state alone, which waits for a method to be registered.
    PerUserEnabled,
    /// Except in one application.
    ByApplication,
    /// In browsers only.
    ByClient,
    /// Except on iOS.
    ByPlatform,
    /// Except from trusted places.
    ByLocation,
    /// Unless the device is compliant.
    ByDevice,
    /// Unless somebody else's control is met.
    ByCustomControl,
    /// Unless a filter matches the device.
    ByFilter,
    /// Only when the sign-in looks risky.
    ByRisk,
    /// Only when a device without a keyboard signs in.
    ByFlow,
    /// Only under a condition that no reader has heard of.
    ByNovelty,
    /// Named among the excluded.
    ExcludedDirect,
    /// In an excluded group, or in a group in it.
    ExcludedByGroup,
    /// Holds an excluded role.
    ExcludedByRole,
    /// May activate an excluded role.
    ExcludedByEligibility,
    /// Of an excluded kind of guests.
    ExcludedGuest,
    /// Only a report-only policy applies.
    ReportOnly,
    /// No policy applies.
    Untargeted,
}

/// What a reader should conclude about somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coverage {
    /// And the way it is brought about.
    Always(&'static str),
    /// And the first gap.
    Conditional(&'static str),
    /// And the reason.
    Excluded(&'static str),
    NotTargeted,
}

impl Coverage {
    /// As it is called in the figures.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Always(_) => "always",
            Self::Conditional(_) => "conditional",
            Self::Excluded(_) => "excluded",
            Self::NotTargeted => "not_targeted",
        }
    }
}

impl Fate {
    /// What it comes to in a tenant like this.
    pub(super) fn coverage(self, tenant: &Circumstances) -> Coverage {
        if tenant.security_defaults {
            return Coverage::Always("defaults");
        }
        if self.per_user() && tenant.per_user_mfa_shown {
            return Coverage::Always("per_user");
        }
        // Without a plan there are no policies.
        if tenant.plan == Plan::None {
            return Coverage::NotTargeted;
        }
        match self {
            Self::Covered
            | Self::CoveredByStrength
            | Self::CoveredByTwoApplications
            | Self::CoveredByTwoClients
            | Self::CoveredByRole => Coverage::Always("conditional_access"),
            Self::ByApplication => Coverage::Conditional("application"),
            Self::ByClient => Coverage::Conditional("client"),
            Self::ByPlatform => Coverage::Conditional("platform"),
            Self::ByLocation => Coverage::Conditional("location"),
            Self::ByDevice | Self::ByCustomControl => Coverage::Conditional("device_alternative"),
            Self::ByFilter => Coverage::Conditional("device_filter"),
            Self::ByRisk => Coverage::Conditional("risk_only"),
            Self::ByFlow => Coverage::Conditional("authentication_flow"),
            Self::ByNovelty => Coverage::Conditional("other"),
            Self::ExcludedDirect => Coverage::Excluded("direct"),
            Self::ExcludedByGroup => Coverage::Excluded("group"),
            Self::ExcludedByRole => Coverage::Excluded("role"),
            // Nobody is eligible for anything without P2.
            Self::ExcludedByEligibility if tenant.plan == Plan::P2 => Coverage::Excluded("role"),
            Self::ExcludedByEligibility => Coverage::Always("conditional_access"),
            Self::ExcludedGuest => Coverage::Excluded("guest"),
            Self::ReportOnly | Self::Untargeted | Self::PerUserEnforced | Self::PerUserEnabled => {
                Coverage::NotTargeted
            }
        }
    }

    fn per_user(self) -> bool {
        self.per_user_state() != "disabled"
    }

    /// The legacy state of the account, in Microsoft's word.
    pub(super) fn per_user_state(self) -> &'static str {
        match self {
            Self::PerUserEnforced => "enforced",
            Self::PerUserEnabled => "enabled",
            _ => "disabled",
        }
    }

    /// Whether the policy for staff names one of the groups of whoever has this fate. It may leave
    /// them out again.
    pub(super) fn among_staff(self) -> bool {
        matches!(
            self,
            Self::Covered
                | Self::ExcludedDirect
                | Self::ExcludedByGroup
                | Self::ExcludedByRole
                | Self::ExcludedByEligibility
                | Self::ExcludedGuest
        )
    }
}
