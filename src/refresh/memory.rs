//! What the loop remembers over a restart: when each source last succeeded, how old each grant is, the
//! closed hours of each sign-in log, when each delegation was last used, and which customers have DAP.
//! Without the first a restart in the middle of an outage would forget how old the outage is; without
//! the second a copied file would pass for a young grant; without the third a week of rows would be read
//! again; the fourth cannot be read again at all, and the fifth takes an hour.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::tenant::Tenant;
use crate::oauth::Dates;
use crate::sources::CustomerDap;
use crate::sources::sign_ins::{Closed, Uses};
use crate::state::{StateDirectory, StateError};

/// Last successes by source.
type Successes = BTreeMap<String, Timestamp>;

/// How much was known of a sign-in log: of the uses it showed, and of its hours.
type LogExtent = ((usize, i64, i64), (i64, i64));

/// What is remembered of one tenant.
#[derive(Debug, Default)]
pub(super) struct Past {
    /// When each source last succeeded.
    pub(super) last_successes: Successes,
    /// How old the grant is.
    pub(super) grant: Option<Dates>,
    /// What is closed of the sign-in log.
    pub(super) sign_ins: Option<Closed>,
    /// When delegations were last used.
    pub(super) uses: Option<Uses>,
    /// Which customers have DAP.
    pub(super) customer_dap: Option<CustomerDap>,
}

/// The state directory, if there is one, and what stands in it.
#[derive(Debug)]
pub(super) struct Memory {
    state: Option<StateDirectory>,
    successes: Kept<Successes>,
    grants: Kept<Dates>,
    /// What was known of each sign-in log when it was last written, by tenant.
    sign_ins: BTreeMap<String, LogExtent>,
    /// How many customers were known when they were last written, and the newest answer, by tenant.
    customer_dap: BTreeMap<String, (usize, Option<Timestamp>)>,
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
        let (sign_ins, customer_dap) = Default::default();
        Ok(Self { state, successes, grants, sign_ins, customer_dap, failing: false })
    }

    /// What is remembered of one tenant.
    pub(super) fn past(&self, tenant: &str) -> Result<Past, StateError> {
        Ok(Past {
            last_successes: self.successes.written.get(tenant).cloned().unwrap_or_default(),
            grant: self.grants.written.get(tenant).cloned(),
            sign_ins: self.kept(
                SIGN_INS,
                tenant,
                Closed::is_usable,
                "reading the sign-in log from its beginning",
            )?,
            uses: self.kept(
                DELEGATIONS,
                tenant,
                Uses::is_usable,
                "when delegations were last used is unknown again, until ninety days of the log were seen",
            )?,
            customer_dap: self
                .kept(CUSTOMER_DAP, tenant, |_| true, "asking about DAP of every customer anew")?
                .map(CustomerDap::recalled),
        })
    }

    /// What one tenant's file of this kind holds. Files of their own for each tenant, since they are
    /// large. One that cannot be used is set aside, and `going_on` says what that means.
    fn kept<T: DeserializeOwned>(
        &self,
        kind: &str,
        tenant: &str,
        is_usable: fn(&T) -> bool,
        going_on: &str,
    ) -> Result<Option<T>, StateError> {
        let Some(state) = &self.state else { return Ok(None) };
        let file = file(kind, tenant);
        let error = match state.read::<T>(&file) {
            Ok(Some(kept)) if !is_usable(&kept) => format!("{file} is not what this version keeps"),
            Ok(kept) => return Ok(kept),
            Err(error @ StateError::Newer { .. }) => return Err(error),
            Err(error) => error.to_string(),
        };
        tracing::warn!(%tenant, %error, set_aside = %format!("{file}.damaged"), "{going_on}");
        state.set_aside(&file);
        Ok(None)
    }

    /// What was last done with delegations is written before the hours it was read from, so that no
    /// kill leaves hours that are taken for read and whose uses are forgotten.
    fn note_sign_ins(&mut self, tenants: &[Arc<Tenant>]) -> Result<(), StateError> {
        let Some(state) = &self.state else { return Ok(()) };
        for tenant in tenants {
            if let Some((closed, uses)) = tenant.kept_of_sign_ins() {
                let bounds = (uses.bounds(), closed.bounds());
                if self.sign_ins.get(&tenant.name) != Some(&bounds) {
                    state.write(&file(DELEGATIONS, &tenant.name), &*uses)?;
                    state.write(&file(SIGN_INS, &tenant.name), &*closed)?;
                    self.sign_ins.insert(tenant.name.clone(), bounds);
                }
            }
            if let Some(flags) = tenant.kept_of_customer_dap() {
                let extent = flags.extent();
                if self.customer_dap.get(&tenant.name) != Some(&extent) {
                    state.write(&file(CUSTOMER_DAP, &tenant.name), &flags.kept())?;
                    self.customer_dap.insert(tenant.name.clone(), extent);
                }
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

/// Kinds of files.
const SIGN_INS: &str = "sign_ins";
const DELEGATIONS: &str = "delegations";
const CUSTOMER_DAP: &str = "customer_dap";

/// Names of tenants are names of files: letters, digits, `-`, `_` and `.`.
fn file(kind: &str, tenant: &str) -> String {
    format!("{kind}-{tenant}.json")
}
