//! Who may activate a directory role when they choose to (Privileged Identity Management).

use std::collections::BTreeSet;
use std::time::Duration;

use super::Facts;
use super::role::{self, RoleAssignment};
use super::source::{Rows, Source};
use crate::client::{Ask, Bucket, Client, FetchError};
use crate::metrics::{Metric, Samples};
use crate::wire::ObjectId;

/// Every eligibility.
#[derive(Debug, Default)]
pub struct RoleEligibilities(Vec<RoleAssignment>);

impl RoleEligibilities {
    /// From rows.
    pub fn new(rows: Vec<RoleAssignment>) -> Self {
        Self(rows)
    }

    /// All of them.
    pub fn all(&self) -> &[RoleAssignment] {
        &self.0
    }

    /// Principals that are groups, or may be.
    pub fn groups(&self, known: &Facts) -> BTreeSet<&ObjectId> {
        role::groups(&self.0, known)
    }
}

impl Source for RoleEligibilities {
    const ID: &'static str = "role_eligibilities";
    const WHAT: &'static str = "Who may activate a directory role; nobody without Entra ID P2";
    const ASK: Ask = Ask::graph(
        "/v1.0/roleManagement/directory/roleEligibilityScheduleInstances?$expand=principal",
        Bucket::Directory,
    );
    const PERMISSION: &'static str = "RoleManagement.Read.Directory";
    const LICENSE: Option<&'static str> = None;
    const DOCS: &'static str = "https://learn.microsoft.com/graph/api/rbacapplication-list-roleeligibilityscheduleinstances";
    const INTERVAL: Duration = Duration::from_secs(900);
    /// Who may activate a role is counted in `posture`, where it is known who they are.
    const METRICS: &'static [&'static Metric] = &[];

    async fn fetch(client: &Client, known: &Facts) -> Result<Rows<Self>, FetchError> {
        let rows = match role::listed(client, &Self::ASK, known.now).await {
            // Without the licence nobody can activate anything.
            Err(error) if error.is_without_pim() => Vec::new(),
            rows => rows?,
        };
        Ok(Rows { accepted: rows.len() as u64, source: Self(rows), rejected: 0 })
    }

    fn observe(&self, _samples: &mut Samples) {}
}

#[cfg(test)]
mod tests {
    use super::super::role::Instance;
    use super::*;
    use crate::client::rows_of;

    #[test]
    fn the_documented_page_is_read() {
        let body = include_bytes!("../../tests/samples/role_eligibilities.json");
        let rows: Vec<Instance> = rows_of(body);
        let rows: Vec<RoleAssignment> = rows.into_iter().map(Into::into).collect();
        assert_eq!(rows.len(), 1);
        assert!(rows[0].tenant_wide && !rows[0].activated);
    }
}
