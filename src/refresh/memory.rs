//! What the loop remembers over a restart: when each source last succeeded. Without it a restart
//! in the middle of an outage would forget how old the outage is.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::tenant::Tenant;
use crate::state::{StateDirectory, StateError};

const FILE: &str = "sources.json";

/// Last successes by tenant and source.
type Successes = BTreeMap<String, BTreeMap<String, Timestamp>>;

/// The state directory, if there is one, and what stands in it.
#[derive(Debug)]
pub(super) struct Memory {
    state: Option<StateDirectory>,
    written: Successes,
    /// Whether the last write failed, so that a full disk is logged once and not every time.
    failing: bool,
}

impl Memory {
    /// Reads what the last run left. A damaged file is said and done without; a newer one is not
    /// touched.
    pub(super) fn recall(state: Option<StateDirectory>) -> Result<Self, StateError> {
        let written = match state.as_ref().map(|state| state.read(FILE)) {
            Some(Err(error @ StateError::Newer { .. })) => return Err(error),
            Some(Err(error)) => {
                tracing::warn!(%error, "going on without history");
                Successes::default()
            }
            Some(Ok(successes)) => successes.unwrap_or_default(),
            None => Successes::default(),
        };
        Ok(Self { state, written, failing: false })
    }

    /// What is remembered of one tenant.
    pub(super) fn last_successes(&self, tenant: &str) -> BTreeMap<String, Timestamp> {
        self.written.get(tenant).cloned().unwrap_or_default()
    }

    /// Writes what changed.
    pub(super) fn note(&mut self, tenants: &[Arc<Tenant>]) {
        let Some(state) = &self.state else { return };
        let successes: Successes =
            tenants.iter().map(|tenant| (tenant.name.clone(), tenant.last_successes())).collect();
        if successes == self.written {
            return;
        }
        match state.write(FILE, &successes) {
            Ok(()) => {
                self.written = successes;
                if std::mem::take(&mut self.failing) {
                    tracing::info!("state can be written again");
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::warn!(%error, "state cannot be written; a restart will lose history");
                }
            }
        }
    }
}
