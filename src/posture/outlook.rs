//! Who still uses which Outlook, as far as Microsoft counts them.

use super::Posture;
use crate::sources::{Outlook, OutlookUsers, Unread};

impl Posture<'_> {
    /// People by version of Outlook. Nothing shows it where Microsoft counted nobody, nor in clouds
    /// where it does not count.
    pub fn outlook_users(&self) -> Result<&OutlookUsers, Unread> {
        match self.facts.outlook_versions.rows() {
            Err(Unread::NotConfigured) if self.declared.is_sovereign => Err(Unread::NotObservable),
            read => read?.0.as_ref().ok_or(Unread::NotObservable),
        }
    }

    /// How many people use this version, and why there may be more: they may be among those whose
    /// version Microsoft cannot tell, or the report may not tell of the version at all.
    pub fn users_of_outlook(&self, version: Outlook) -> Result<(u64, Option<Unread>), Unread> {
        let users = self.outlook_users()?;
        let undetermined = users.of(Outlook::Undetermined).unwrap_or(0);
        let is_hidden = undetermined > 0 || users.of(version).is_none();
        let people = users.of(version).unwrap_or(0);
        Ok((people, is_hidden.then_some(Unread::NotObservable)))
    }
}
