//! What is done in Partner Center, in Microsoft's words.

/// An operation that matters to security; everything else is `other`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Operation(u8);

/// Source: Auditing resources; Partner Center activity log.
const NAMES: [&str; 40] = [
    "add_application_credential",
    "add_customer",
    "add_user_member",
    "azure_fraud_event_detected",
    "create_agreement",
    "create_customer_user",
    "create_partner_relationship",
    "create_partner_user",
    "dap_admin_relationship_approved",
    "dap_admin_relationship_terminated",
    "dap_admin_relationship_terminated_by_microsoft",
    "delete_customer_user",
    "extend_relationship",
    "granular_admin_access_assignment_activated",
    "granular_admin_access_assignment_created",
    "granular_admin_access_assignment_deleted",
    "granular_admin_access_assignment_updated",
    "granular_admin_relationship_activated",
    "granular_admin_relationship_approved",
    "granular_admin_relationship_cleaned_up",
    "granular_admin_relationship_expired",
    "granular_admin_relationship_terminated",
    "granular_admin_relationship_termination_requested",
    "increase_spending_limit",
    "register_application",
    "remove_application_credential",
    "remove_partner_customer_relationship",
    "remove_partner_relationship",
    "remove_partner_user",
    "remove_user_member",
    "reset_customer_user_password",
    "restore_customer_user",
    "unregister_application",
    "update_company_info",
    "update_customer_spending_budget",
    "update_customer_user",
    "update_customer_user_principal_name",
    "update_partner_user",
    "update_policy",
    "other",
];

impl Operation {
    /// All of them, in the order of the label's values; `other` is the last.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        (0_u8..).take(NAMES.len()).map(Self)
    }

    /// The value of the label `operation`.
    pub(super) fn as_str(self) -> &'static str {
        NAMES[usize::from(self.0)]
    }

    /// Whether DAP was granted.
    pub(super) fn grants_dap(self) -> bool {
        self.as_str() == "dap_admin_relationship_approved"
    }

    /// Whether DAP was ended, by whomever.
    pub(super) fn ends_dap(self) -> bool {
        self.as_str().starts_with("dap_admin_relationship_terminated")
    }

    /// `dap_admin_relationship_approved` in the articles, `DapAdminRelationshipApproved` in the SDK.
    pub(super) fn of(word: &str) -> Self {
        let is = |name: &str| {
            let letters = |text: &'_ str| text.chars().filter(|it| *it != '_').collect::<String>();
            letters(name).eq_ignore_ascii_case(&letters(word))
        };
        let known = Self::all().find(|it| is(it.as_str()));
        known.unwrap_or(Self(NAMES.len() as u8 - 1))
    }
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Status {
    /// It failed.
    Failed,
    /// A word this version does not know.
    Other,
    /// It is under way.
    Progress,
    /// It succeeded.
    Succeeded,
}

impl Status {
    /// All of them, in the order of the label's values.
    pub(super) const ALL: [Self; 4] = [Self::Failed, Self::Other, Self::Progress, Self::Succeeded];

    /// The value of the label `status`.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Other => "other",
            Self::Progress => "progress",
            Self::Succeeded => "succeeded",
        }
    }

    pub(super) fn of(word: &str) -> Self {
        let known = Self::ALL.into_iter().find(|it| it.as_str().eq_ignore_ascii_case(word));
        known.unwrap_or(Self::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_known_in_both_spellings_and_no_other() {
        for operation in Operation::all() {
            assert_eq!(Operation::of(operation.as_str()), operation);
        }
        assert_eq!(
            Operation::of("GranularAdminRelationshipExpired").as_str(),
            "granular_admin_relationship_expired"
        );
        assert_eq!(Operation::of("undefined").as_str(), "other");
        assert_eq!(Operation::of("").as_str(), "other");
        assert_eq!(
            (Status::of("Succeeded"), Status::of("decline")),
            (Status::Succeeded, Status::Other)
        );
        assert!(NAMES[..NAMES.len() - 1].is_sorted(), "labels come in order");
    }
}
