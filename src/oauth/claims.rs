//! What an access token says of the person it was given for.
//!
//! Tokens are the API's to read, not ours, and one day may say nothing to us. Until then Microsoft's
//! own test of the partner security requirements reads the same claims.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::wire::{self, ObjectId};

/// Template id of the role Global Administrator.
const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";

/// What is read of a token. Holds no name and no part of the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Whether MFA was done when the grant was given; a token for a person that does not say so
    /// counts as none.
    pub is_mfa: bool,
    /// Object id of the person.
    pub account: Option<ObjectId>,
    /// Template ids of the directory roles the person holds; `None` where the token lists none.
    pub roles: Option<Vec<ObjectId>>,
    /// The tenant that was signed in to.
    pub tenant: Option<ObjectId>,
    /// Whether it was given to the application alone, for nobody.
    pub is_application: bool,
}

#[derive(Deserialize)]
struct Payload {
    #[serde(default, deserialize_with = "wire::null_is_default")]
    amr: Vec<String>,
    #[serde(default)]
    oid: Option<ObjectId>,
    #[serde(default)]
    wids: Option<Vec<ObjectId>>,
    #[serde(default)]
    tid: Option<ObjectId>,
    #[serde(default)]
    idtyp: Option<String>,
}

impl Claims {
    /// Of a token, or `None` if it is not one whose claims can be seen.
    pub fn of(token: &str) -> Option<Self> {
        const BOUND_BYTES: usize = 64 << 10;
        let mut parts = token.split('.');
        let (_, payload, signature) = (parts.next()?, parts.next()?, parts.next()?);
        if signature.is_empty() || parts.next().is_some() || payload.len() > BOUND_BYTES {
            return None;
        }
        let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
        let payload: Payload = serde_json::from_slice(&payload).ok()?;
        Some(Self {
            // Any member will do: passwords and MFA stand side by side.
            is_mfa: payload.amr.iter().any(|method| method.eq_ignore_ascii_case("mfa")),
            account: payload.oid,
            roles: payload.wids,
            tenant: payload.tid,
            is_application: payload.idtyp.is_some_and(|kind| kind == "app"),
        })
    }

    /// Whether the person is known to be a Global Administrator; `None` where no roles are listed.
    pub fn is_global_administrator(&self) -> Option<bool> {
        let role = ObjectId::parse(GLOBAL_ADMINISTRATOR);
        Some(self.roles.as_ref()?.iter().any(|held| Some(held) == role.as_ref()))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A token that says `claims`; nobody signed it.
    pub(crate) fn token(claims: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{}", part(r#"{"typ":"JWT"}"#), part(claims), part("signature"))
    }

    #[test]
    fn any_member_of_amr_may_say_mfa_and_silence_does_not() {
        let is_mfa = |claims: &str| Claims::of(&token(claims)).unwrap().is_mfa;
        assert!(is_mfa(r#"{"amr":["pwd","mfa"]}"#) && is_mfa(r#"{"amr":["MFA","rsa"]}"#));
        assert!(!is_mfa(r#"{"amr":["pwd"]}"#) && !is_mfa(r#"{"amr":null}"#) && !is_mfa("{}"));
    }

    #[test]
    fn a_global_administrator_is_told_by_template_id() {
        let is_one = |claims: &str| Claims::of(&token(claims)).unwrap().is_global_administrator();
        assert_eq!(is_one(r#"{"wids":["62E90394-69F5-4237-9190-012177145E10"]}"#), Some(true));
        assert_eq!(is_one(r#"{"wids":["f2ef992c-3afb-46b9-b7cf-a126ee74c451"]}"#), Some(false));
        assert_eq!(is_one("{}"), None);
    }

    #[test]
    fn what_is_no_jwt_says_nothing() {
        for text in ["", "opaque", "a.b", "a.b.c.d", "a.!!!.c", "e30.bm90IGpzb24.c"] {
            assert_eq!(Claims::of(text), None, "{text}");
        }
    }
}
