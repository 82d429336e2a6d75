//! All accounts of the partner tenant, enabled or not, members and guests.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use super::Facts;
use super::source::{Rows, Source};
use crate::client::{Ask, Bucket, Client, FetchError};
use crate::metrics::{Metric, Samples};
use crate::wire::{self, ObjectId};

/// Every account once, in the order of object ids.
#[derive(Debug, Default)]
pub struct Users {
    rows: Vec<User>,
    rejected: u64,
}

/// One account.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Object id.
    pub id: ObjectId,
    /// The name signed in with; empty where Microsoft did not say. Never goes into a label.
    #[serde(default, deserialize_with = "wire::null_is_default")]
    pub user_principal_name: Box<str>,
    /// Whether it may sign in. Microsoft always says; if it ever does not, the account counts.
    #[serde(default = "enabled", deserialize_with = "enabled_unless_said")]
    pub account_enabled: bool,
    /// Member or guest.
    #[serde(default, rename = "userType")]
    pub account: Account,
    /// When it was made; `None` on accounts older than mid 2018.
    #[serde(default, rename = "createdDateTime", deserialize_with = "wire::optional_moment")]
    pub created: Option<Timestamp>,
    /// Whether it was invited from elsewhere, as far as the invitation says.
    #[serde(default, rename = "externalUserState", deserialize_with = "is_said")]
    pub invited: bool,
}

impl User {
    /// Whether the person signs in at a tenant of their own. Accounts from before invitations
    /// were recorded show it in their name.
    pub fn is_external(&self) -> bool {
        self.invited || self.user_principal_name.contains("#EXT#")
    }
}

/// Whose the account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Account {
    /// The partner's own; what Microsoft leaves unsaid, or says in a word unknown to us, is this.
    #[default]
    Member,
    /// Invited from elsewhere.
    Guest,
}

impl Account {
    /// Both, in the order of the label's values.
    pub const ALL: [Self; 2] = [Self::Guest, Self::Member];

    /// The value of the label `account`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Guest => "guest",
        }
    }
}

impl<'de> Deserialize<'de> for Account {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // `Guest` here, `guest` in the registration report.
        let word = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
        Ok(if word.eq_ignore_ascii_case("guest") { Self::Guest } else { Self::Member })
    }
}

fn is_said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let word = Option::<std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
    Ok(word.is_some_and(|word| !word.is_empty()))
}

fn enabled() -> bool {
    true
}

fn enabled_unless_said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(wire::optional_bool(deserializer)?.unwrap_or(true))
}

impl Users {
    /// Puts rows in order, each account once: a list read over many pages may repeat one.
    pub fn new(mut rows: Vec<User>) -> Self {
        rows.sort_by(|one, other| one.id.cmp(&other.id));
        rows.dedup_by(|one, other| one.id == other.id);
        rows.shrink_to_fit();
        Self { rows, rejected: 0 }
    }

    /// Whether an account that is not there may be one that could not be read.
    pub fn has_gaps(&self) -> bool {
        self.rejected > 0
    }

    /// The account of this id.
    pub fn of(&self, id: &ObjectId) -> Option<&User> {
        let place = self.rows.binary_search_by(|user| user.id.cmp(id)).ok()?;
        Some(&self.rows[place])
    }

    /// All accounts.
    pub fn all(&self) -> &[User] {
        &self.rows
    }

    /// Who may sign in.
    pub fn enabled(&self) -> impl Iterator<Item = &User> {
        self.rows.iter().filter(|user| user.account_enabled)
    }
}

impl Source for Users {
    const ID: &'static str = "users";
    const WHAT: &'static str = "All accounts: enabled or not, member or guest, since when";
    const ASK: Ask = Ask::graph(
        "/v1.0/users?$select=id,userPrincipalName,accountEnabled,userType,createdDateTime,externalUserState&$top=999",
        Bucket::Directory,
    );
    const PERMISSION: &'static str = "User.Read.All";
    const LICENSE: Option<&'static str> = None;
    const DOCS: &'static str = "https://learn.microsoft.com/graph/api/user-list";
    const INTERVAL: Duration = Duration::from_secs(900);
    /// Accounts are counted in `posture`, where it is known who of them is covered.
    const METRICS: &'static [&'static Metric] = &[];

    async fn fetch(client: &Client, _known: &Facts) -> Result<Rows<Self>, FetchError> {
        let mut rows = Vec::new();
        let tally = client.list::<User>(&Self::ASK, |user| rows.push(user)).await?;
        if rows.is_empty() {
            // Whoever granted us access has an account: nobody at all is no measurement.
            return Err(FetchError::empty("a tenant without accounts"));
        }
        let source = Self { rejected: tally.rejected, ..Self::new(rows) };
        Ok(Rows::listed(source, tally))
    }

    fn observe(&self, _samples: &mut Samples) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::rows_of;

    fn rows() -> Vec<User> {
        let body = include_bytes!("../../tests/samples/users.json");
        rows_of::<User>(body)
    }

    #[test]
    fn the_documented_page_is_read() {
        let rows = rows();
        let accounts: Vec<_> = rows.iter().map(|user| user.account.as_str()).collect();
        assert_eq!(accounts, ["member", "guest", "member", "member"]);
        let enabled: Vec<_> = rows.iter().map(|user| user.account_enabled).collect();
        assert_eq!(enabled, [true, true, false, true]);
        assert_eq!(rows[3].created, None, "an account older than the field");
    }

    #[test]
    fn an_account_that_came_on_two_pages_counts_once() {
        let mut twice = rows();
        twice.extend(rows());
        assert_eq!(Users::new(twice).all().len(), 4);
    }

    #[test]
    fn a_row_without_id_is_refused() {
        for body in [r#"{"accountEnabled":true}"#, r#"{"id":""}"#, r#"{"id":null}"#, r#"{"id":7}"#]
        {
            assert!(serde_json::from_str::<User>(body).is_err(), "{body}");
        }
    }
}
