//! Directory roles, and who holds or may activate them.

use super::Plan;
use super::duty::Duty;

/// A role, by the id that is the same in every tenant.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RoleName {
    pub(super) template: &'static str,
    pub(super) name: &'static str,
}

pub(super) static GLOBAL_ADMINISTRATOR: RoleName =
    RoleName { template: "62e90394-69f5-4237-9190-012177145e10", name: "Global Administrator" };
pub(super) static USER_ADMINISTRATOR: RoleName =
    RoleName { template: "fe930be7-5e62-47db-91af-98c3a49a38b1", name: "User Administrator" };
pub(super) static SECURITY_READER: RoleName =
    RoleName { template: "5d6b6bb7-de71-4623-b4af-96380a352509", name: "Security Reader" };
pub(super) static SUPPORT_ADMINISTRATOR: RoleName = RoleName {
    template: "f023fd81-a637-4b56-95fd-791ac0226033",
    name: "Service Support Administrator",
};
pub(super) static SYNCHRONIZATION: RoleName = RoleName {
    template: "d29b2b05-8046-44ba-8758-1e26182fcf32",
    name: "Directory Synchronization Accounts",
};
pub(super) static HYBRID_ADMINISTRATOR: RoleName = RoleName {
    template: "8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2",
    name: "Hybrid Identity Administrator",
};
/// As the directory lists them, where somebody holds them.
pub(super) static ROLES: [&RoleName; 6] = [
    &GLOBAL_ADMINISTRATOR,
    &USER_ADMINISTRATOR,
    &SECURITY_READER,
    &SUPPORT_ADMINISTRATOR,
    &SYNCHRONIZATION,
    &HYBRID_ADMINISTRATOR,
];

/// Who holds or may hold a role, by place among people, groups or service principals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Principal {
    Person(usize),
    Group(usize),
    Service(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Term {
    Standing,
    /// For some hours.
    Activated,
    /// Not now, but at will.
    Eligible,
}

/// A role of somebody's.
pub(super) struct Assignment {
    pub(super) principal: Principal,
    pub(super) role: &'static RoleName,
    pub(super) term: Term,
    /// Whether it is for an administrative unit only.
    pub(super) unit: bool,
}

impl Assignment {
    pub(super) fn standing(principal: Principal, role: &'static RoleName) -> Self {
        Self { principal, role, term: Term::Standing, unit: false }
    }

    /// Whether the role is held now.
    pub(super) fn active(&self, plan: Plan) -> bool {
        match self.term {
            Term::Standing => true,
            Term::Activated => plan == Plan::P2,
            Term::Eligible => false,
        }
    }
}

/// The assignments that a person's duty comes with. Who has a role through a group has none.
pub(super) fn of(person: usize, duty: Duty) -> Vec<Assignment> {
    let standing = |role| Assignment::standing(Principal::Person(person), role);
    let on = |term, role| Assignment { term, ..standing(role) };
    match duty {
        Duty::GlobalAdministrator => vec![standing(&GLOBAL_ADMINISTRATOR)],
        Duty::ActivatedGlobalAdministrator => vec![on(Term::Activated, &GLOBAL_ADMINISTRATOR)],
        Duty::EligibleGlobalAdministrator => vec![on(Term::Eligible, &GLOBAL_ADMINISTRATOR)],
        Duty::UnitAdministrator => {
            vec![Assignment { unit: true, ..standing(&USER_ADMINISTRATOR) }]
        }
        Duty::SupportAdministrator => vec![standing(&SUPPORT_ADMINISTRATOR)],
        Duty::EligibleSupportAdministrator => vec![on(Term::Eligible, &SUPPORT_ADMINISTRATOR)],
        Duty::Synchronization => vec![standing(&SYNCHRONIZATION)],
        Duty::SynchronizationAndMore => {
            vec![standing(&SYNCHRONIZATION), standing(&HYBRID_ADMINISTRATOR)]
        }
        Duty::None
        | Duty::SecurityReader
        | Duty::AdminAgent
        | Duty::NestedAdminAgent
        | Duty::HelpdeskAgent
        | Duty::SalesAgent => Vec::new(),
    }
}
