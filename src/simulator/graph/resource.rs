//! What lies behind a path, who may have it, and what it costs.

use hyper::StatusCode;

use super::refusal::Refusal;
use super::{gdap, partner, reports};
use crate::simulator::scope::PARTNER_SECURITY;
use crate::simulator::sign_in_log::Version;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Resource {
    Organization,
    Users,
    UsersCount,
    User(String),
    MfaRequirements(String),
    Registrations,
    Registration(String),
    /// Over so many days.
    OutlookVersions(&'static str),
    SecurityDefaults,
    SubscribedSkus,
    ConditionalAccessPolicies,
    NamedLocations,
    AuthenticationStrengths,
    AuthenticationMethods,
    CrossTenantDefault,
    CrossTenantPartners,
    DirectoryRoles,
    DirectoryRoleMembers(String),
    RoleAssignments,
    AssignmentSchedules,
    EligibilitySchedules,
    GroupEligibilities,
    RolePolicies,
    RiskyUsers,
    Groups,
    Group(String),
    Members(Circle),
    SecurityAlerts,
    SecurityAlert(String),
    SecurityScore,
    SecurityRequirements,
    CustomerInsights,
    ScoreHistory,
    Relationships,
    Relationship(String),
    RelationshipAssignments(String),
    RelationshipRequests(String),
    DelegatedCustomers,
    SignIns(Version),
}

/// The members of a group that are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Circle {
    pub(super) group: String,
    /// Whether members of groups in the group are asked for, too.
    pub(super) transitive: bool,
    /// The one kind of members that is asked for: `user`, `group` or `servicePrincipal`.
    pub(super) cast: Option<String>,
}

/// Which of Microsoft's limits a request counts against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meter {
    Directory,
    Reports,
    Usage,
    ConditionalAccess,
    Partner,
    Delegation,
}

const KNOWN: [&str; 19] = [
    "auditLogs",
    "organization",
    "users",
    "reports",
    "policies",
    "subscribedSkus",
    "identity",
    "conditionalAccess",
    "crossTenantAccessPolicy",
    "directoryRoles",
    "roleManagement",
    "directory",
    "groups",
    "identityGovernance",
    "identityProtection",
    "privilegedAccess",
    "group",
    "security",
    "tenantRelationships",
];

impl Resource {
    pub(super) fn at(path: &str, beta: bool) -> Result<Self, Refusal> {
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        Ok(match segments[..] {
            ["organization"] => Self::Organization,
            ["users"] => Self::Users,
            ["users", "$count"] => Self::UsersCount,
            ["users", id] => Self::User(id.to_owned()),
            ["users", id, "authentication", "requirements"] if beta => {
                Self::MfaRequirements(id.to_owned())
            }
            ["reports", "authenticationMethods", "userRegistrationDetails"] => Self::Registrations,
            ["reports", "authenticationMethods", "userRegistrationDetails", id] => {
                Self::Registration(id.to_owned())
            }
            ["reports", report] if let Some(days) = reports::days(report) => {
                Self::OutlookVersions(days?)
            }
            ["policies", "identitySecurityDefaultsEnforcementPolicy"] => Self::SecurityDefaults,
            ["policies", "authenticationStrengthPolicies"] => Self::AuthenticationStrengths,
            ["policies", "authenticationMethodsPolicy"] => Self::AuthenticationMethods,
            ["policies", "crossTenantAccessPolicy", "default"] => Self::CrossTenantDefault,
            ["policies", "crossTenantAccessPolicy", "partners"] => Self::CrossTenantPartners,
            ["subscribedSkus"] => Self::SubscribedSkus,
            ["identity", "conditionalAccess", "policies"] => Self::ConditionalAccessPolicies,
            ["identity", "conditionalAccess", "namedLocations"] => Self::NamedLocations,
            ["directoryRoles"] => Self::DirectoryRoles,
            ["directoryRoles", key, "members"] => Self::DirectoryRoleMembers(key.to_owned()),
            ["roleManagement", "directory", "roleAssignments"] => Self::RoleAssignments,
            ["roleManagement", "directory", "roleAssignmentScheduleInstances"] => {
                Self::AssignmentSchedules
            }
            ["roleManagement", "directory", "roleEligibilityScheduleInstances"] => {
                Self::EligibilitySchedules
            }
            ["identityGovernance", "privilegedAccess", "group", "eligibilityScheduleInstances"] => {
                Self::GroupEligibilities
            }
            ["policies", "roleManagementPolicyAssignments"] => Self::RolePolicies,
            ["identityProtection", "riskyUsers"] => Self::RiskyUsers,
            ["groups"] => Self::Groups,
            ["groups", id] => Self::Group(id.to_owned()),
            ["groups", id, kind @ ("members" | "transitiveMembers"), ref cast @ ..]
                if cast.len() < 2 =>
            {
                Self::Members(Circle {
                    group: id.to_owned(),
                    transitive: kind == "transitiveMembers",
                    cast: cast.first().map(|cast| casted(cast)).transpose()?,
                })
            }
            ["auditLogs", "signIns"] => {
                Self::SignIns(if beta { Version::Beta } else { Version::V1 })
            }
            ["security", "partner", ref below @ ..] if beta => {
                let last = below.last().unwrap_or(&"partner");
                return partner::resource_at(below).ok_or_else(|| unheard_of(last));
            }
            ["tenantRelationships", ref below @ ..] => {
                let last = below.last().unwrap_or(&"tenantRelationships");
                return gdap::resource_at(below).ok_or_else(|| unheard_of(last));
            }
            _ => {
                let strange = segments.iter().find(|segment| !KNOWN.contains(segment));
                let strange = strange.or(segments.last()).copied().unwrap_or_default();
                return Err(unheard_of(strange));
            }
        })
    }

    /// Any one of these opens it; the first is the least.
    pub(super) fn permissions(&self) -> &'static [&'static str] {
        match self {
            Self::Organization => &["Organization.Read.All", "Directory.Read.All"],
            Self::Users | Self::UsersCount | Self::User(_) => {
                &["User.Read.All", "Directory.Read.All"]
            }
            Self::Registrations | Self::Registration(_) | Self::SignIns(_) => {
                &["AuditLog.Read.All"]
            }
            Self::OutlookVersions(_) => &["Reports.Read.All"],
            Self::AuthenticationStrengths | Self::AuthenticationMethods => {
                &["Policy.Read.All", "Policy.Read.AuthenticationMethod"]
            }
            Self::MfaRequirements(_)
            | Self::SecurityDefaults
            | Self::ConditionalAccessPolicies
            | Self::NamedLocations
            | Self::CrossTenantDefault
            | Self::CrossTenantPartners => &["Policy.Read.All"],
            Self::SubscribedSkus => {
                &["LicenseAssignment.Read.All", "Organization.Read.All", "Directory.Read.All"]
            }
            Self::DirectoryRoles | Self::DirectoryRoleMembers(_) | Self::RoleAssignments => {
                &["RoleManagement.Read.Directory", "Directory.Read.All"]
            }
            Self::AssignmentSchedules => {
                &["RoleManagement.Read.Directory", "RoleAssignmentSchedule.Read.Directory"]
            }
            Self::EligibilitySchedules => {
                &["RoleManagement.Read.Directory", "RoleEligibilitySchedule.Read.Directory"]
            }
            Self::GroupEligibilities => &[
                "PrivilegedEligibilitySchedule.Read.AzureADGroup",
                "PrivilegedAccess.Read.AzureADGroup",
            ],
            Self::RolePolicies => {
                &["RoleManagement.Read.Directory", "RoleManagementPolicy.Read.Directory"]
            }
            Self::RiskyUsers => &["IdentityRiskyUser.Read.All"],
            Self::Groups | Self::Group(_) | Self::Members(_) => {
                &["GroupMember.Read.All", "Group.Read.All", "Directory.Read.All"]
            }
            Self::Relationships
            | Self::Relationship(_)
            | Self::RelationshipAssignments(_)
            | Self::RelationshipRequests(_)
            | Self::DelegatedCustomers => &["DelegatedAdminRelationship.Read.All"],
            Self::SecurityAlerts
            | Self::SecurityAlert(_)
            | Self::SecurityScore
            | Self::SecurityRequirements
            | Self::CustomerInsights
            | Self::ScoreHistory => &[PARTNER_SECURITY],
        }
    }

    /// Each service has its own way to say that consent is missing.
    pub(super) fn forbidden(&self) -> Refusal {
        let (code, text) = match self {
            Self::Registrations | Self::Registration(_) | Self::SignIns(_) => (
                "Authentication_MSGraphPermissionMissing",
                "The principal does not have the permission to read this report.",
            ),
            Self::OutlookVersions(_) => ("S2SUnauthorized", "Invalid permission."),
            Self::AssignmentSchedules
            | Self::EligibilitySchedules
            | Self::GroupEligibilities
            | Self::RolePolicies => {
                ("PermissionScopeNotGranted", "A permission that this needs was not granted.")
            }
            Self::RiskyUsers => (
                "Forbidden",
                "You cannot perform the requested operation, required scopes are missing in the token.",
            ),
            _ if self.permissions().contains(&"Policy.Read.All") => {
                ("accessDenied", "Required scopes are missing in the token.")
            }
            _ => return Refusal::denied(),
        };
        Refusal::new(StatusCode::FORBIDDEN, code, text)
    }

    pub(super) fn meter(&self) -> Meter {
        match self {
            Self::Registrations | Self::Registration(_) | Self::SignIns(_) => Meter::Reports,
            Self::OutlookVersions(_) => Meter::Usage,
            Self::Relationships
            | Self::Relationship(_)
            | Self::RelationshipAssignments(_)
            | Self::RelationshipRequests(_)
            | Self::DelegatedCustomers => Meter::Delegation,
            Self::ConditionalAccessPolicies | Self::NamedLocations | Self::RiskyUsers => {
                Meter::ConditionalAccess
            }
            _ if self.permissions() == [PARTNER_SECURITY] => Meter::Partner,
            _ => Meter::Directory,
        }
    }

    /// Whether it is a matter of Privileged Identity Management or of Identity Protection.
    pub(super) fn needs_p2(&self) -> bool {
        matches!(
            self,
            Self::AssignmentSchedules
                | Self::EligibilitySchedules
                | Self::GroupEligibilities
                | Self::RolePolicies
                | Self::RiskyUsers
        )
    }

    /// Identity Protection refuses in the words with which it asks for consent.
    pub(super) fn without_p2(&self) -> Refusal {
        match self {
            Self::RiskyUsers => {
                let text = "Your tenant is not licensed for this feature.";
                Refusal::new(StatusCode::FORBIDDEN, "Forbidden", text)
            }
            _ => Refusal::without_p2(),
        }
    }

    /// What a request costs in resource units, before its options are weighed.
    pub(super) fn cost(&self) -> u32 {
        match self {
            Self::Users | Self::UsersCount | Self::User(_) => 2,
            Self::SubscribedSkus => 3,
            Self::Members(Circle { transitive: true, .. }) => 5,
            Self::Members(_) => 3,
            _ => 1,
        }
    }
}

fn casted(segment: &str) -> Result<String, Refusal> {
    match segment.strip_prefix("microsoft.graph.") {
        Some(kind @ ("user" | "group" | "servicePrincipal")) => Ok(kind.to_owned()),
        _ => Err(unheard_of(segment)),
    }
}

fn unheard_of(segment: &str) -> Refusal {
    let text = format!("Resource not found for the segment '{segment}'.");
    Refusal::new(StatusCode::BAD_REQUEST, "BadRequest", text)
}
