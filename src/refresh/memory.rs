//! What the loop remembers over a restart: when each source last succeeded, how old each grant is,
//! and the closed hours of each sign-in log. Without the first a restart in the middle of an outage
//! would forget how old the outage is; without the second a copied file would pass for a young
//! grant; without the third a week of rows would be read again.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::tenant::Tenant;
use crate::oauth::Dates;
use crate::sources::sign_ins::Closed;
use crate::state::{StateDirectory, StateError};

/// Last successes by source.
type Successes = BTreeMap<String, Timestamp>;

/// What is remembered of one tenant.
#[derive(Debug, Default)]
pub(super) struct Past {
    /// When each source last succeeded.
    pub(super) last_successes: Successes,
    /// How old the grant is.
    pub(super) grant: Option<Dates>,
    /// What is closed of the sign-in log.
    pub(super) sign_ins: Option<Closed>,
}

/// The state directory, if there is one, and what stands in it.
#[derive(Debug)]
pub(super) struct Memory {
    state: Option<StateDirectory>,
    successes: Kept<Successes>,
    grants: Kept<Dates>,
    /// From when to when each sign-in log was closed when it was last written, by tenant.
    sign_ins: BTreeMap<String, (i64, i64)>,
    /// Whether the last write failed, so that a full disk is logged once and not every time.
    failing: bool,
}

/// One file, and what stands in it by tenant.
#[derive(Debug)]
struct Kept<T> {
    file: &'static str,
    written: BTreeMap<String, T>,
}

impl<T: DeserializeOwned + Serialize + PartialEq> Kept<T> {
    /// Reads what the last run left. A damaged file is said and done without; a newer one is not
    /// touched.
    fn recall(file: &'static str, state: Option<&StateDirectory>) -> Result<Self, StateError> {
        let written = match state.map(|state| state.read(file)) {
            Some(Err(error @ StateError::Newer { .. })) => return Err(error),
            Some(Err(error)) => {
                tracing::warn!(%error, "going on without history");
                None
            }
            Some(Ok(written)) => written,
            None => None,
        };
        Ok(Self { file, written: written.unwrap_or_default() })
    }

    /// Writes what changed.
    fn note(&mut self, now: BTreeMap<String, T>, state: &StateDirectory) -> Result<(), StateError> {
        if now != self.written {
            state.write(self.file, &now)?;
            self.written = now;
        }
        Ok(())
    }
}

impl Memory {
    /// Reads what the last run left.
    pub(super) fn recall(state: Option<StateDirectory>) -> Result<Self, StateError> {
        let successes = Kept::recall("sources.json", state.as_ref())?;
        let grants = Kept::recall("grants.json", state.as_ref())?;
        Ok(Self { state, successes, grants, sign_ins: BTreeMap::new(), failing: false })
    }

    /// What is remembered of one tenant.
    pub(super) fn past(&self, tenant: &str) -> Result<Past, StateError> {
        Ok(Past {
            last_successes: self.successes.written.get(tenant).cloned().unwrap_or_default(),
            grant: self.grants.written.get(tenant).cloned(),
            sign_ins: self.closed_sign_ins(tenant)?,
        })
    }

    /// The closed hours of one tenant's log. A file of its own for each tenant, since it is large.
    fn closed_sign_ins(&self, tenant: &str) -> Result<Option<Closed>, StateError> {
        let Some(state) = &self.state else { return Ok(None) };
        match state.read::<Closed>(&sign_ins_file(tenant)) {
            Ok(closed) => Ok(closed.filter(Closed::is_usable)),
            Err(error @ StateError::Newer { .. }) => Err(error),
            Err(error) => {
                tracing::warn!(%tenant, %error, "reading the sign-in log from its beginning");
                state.set_aside(&sign_ins_file(tenant));
                Ok(None)
            }
        }
    }

    fn note_sign_ins(&mut self, tenants: &[Arc<Tenant>]) -> Result<(), StateError> {
        let Some(state) = &self.state else { return Ok(()) };
        for tenant in tenants {
            let Some(closed) = tenant.closed_sign_ins() else { continue };
            if self.sign_ins.get(&tenant.name) != Some(&closed.bounds()) {
                state.write(&sign_ins_file(&tenant.name), &*closed)?;
                self.sign_ins.insert(tenant.name.clone(), closed.bounds());
            }
        }
        Ok(())
    }

    /// Writes what changed.
    pub(super) fn note(&mut self, tenants: &[Arc<Tenant>]) {
        let Some(state) = &self.state else { return };
        let successes = tenants.iter().map(|tenant| (tenant.name.clone(), tenant.last_successes()));
        let grants = tenants.iter();
        let grants = grants.filter_map(|tenant| Some((tenant.name.clone(), tenant.grant_dates()?)));
        let noted = self
            .successes
            .note(successes.collect(), state)
            .and_then(|()| self.grants.note(grants.collect(), state))
            .and_then(|()| self.note_sign_ins(tenants));
        match noted {
            Ok(()) => {
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

/// Names of tenants are names of files: letters, digits, `-`, `_` and `.`.
fn sign_ins_file(tenant: &str) -> String {
    format!("sign_ins-{tenant}.json")
}
