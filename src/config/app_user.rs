//! What the file says of the application that acts for a person, and where that person's grant lives.

use std::path::Path;

use serde_saphyr::Spanned;

use super::file::{AppUser, Credential};
use super::gather::{Environment, Wrong, credential, wrong};
use crate::oauth::Home;
use crate::refresh;

/// The application that acts for a person.
pub(super) fn app_user(
    given: Spanned<AppUser>,
    base: &Path,
    environment: Environment<'_>,
) -> Result<refresh::AppUser, Wrong> {
    let at = Spanned::new((), given.referenced, given.defined);
    let AppUser {
        client_id,
        client_secret_file,
        client_secret_env,
        certificate_file,
        key_file,
        federated_token_file,
        refresh_token_file,
        refresh_token_key_vault,
    } = given.value;
    let home = match (refresh_token_file, refresh_token_key_vault) {
        (Some(path), None) => Home::File(base.join(path)),
        (None, Some(vault)) => {
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
            if vault.secret.is_empty() || !vault.secret.chars().all(is_name) {
                return Err(wrong(
                    &at,
                    "`secret` of refresh_token_key_vault is not a secret's name; Key Vault allows \
                     letters, digits and '-'",
                ));
            }
            Home::KeyVault { vault: vault.vault.0, secret: vault.secret }
        }
        (None, None) => {
            return Err(wrong(
                &at,
                "app_user has no home for its refresh token; give refresh_token_file or \
                 refresh_token_key_vault, and run `partnercenter_exporter consent` once",
            ));
        }
        (Some(_), Some(_)) => {
            return Err(wrong(
                &at,
                "app_user has two homes for its refresh token; keep refresh_token_file or \
                 refresh_token_key_vault",
            ));
        }
    };
    let proof = Credential {
        client_id: Some(client_id),
        client_secret_file,
        client_secret_env,
        certificate_file,
        key_file,
        federated_token_file,
        managed_identity: None,
    };
    let proof = Spanned::new(proof, given.referenced, given.defined);
    Ok(refresh::AppUser { credential: credential(proof, base, environment)?, home })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;
    use crate::oauth;

    const HEAD: &str = "tenants:\n  - name: contoso-eu\n    tenant_id: 3f1c0b6a-0000-4000-8000-000000000001\n    \
        credential: { client_id: 7a000000-0000-4000-8000-000000000001, client_secret_file: secret }\n";
    const PROOF: &str =
        "client_id: 9b000000-0000-4000-8000-000000000001, client_secret_env: PARTNER_SECRET";

    fn read(text: &str) -> Result<Option<refresh::AppUser>, String> {
        let text = format!("{HEAD}    app_user: {{ {text} }}\n");
        let settings =
            parse(Path::new("/etc/pc.yml"), &text, &|_| Some("planted-secret".to_owned()));
        settings.map(|mut it| it.tenants.remove(0).app_user).map_err(|error| error.to_string())
    }

    #[test]
    fn a_grant_lives_in_a_file_or_in_a_vault() {
        let file = read(&format!("{PROOF}, refresh_token_file: token")).unwrap().unwrap();
        assert!(matches!(&file.home, Home::File(path) if path == Path::new("/etc/token")));
        assert!(matches!(file.credential, oauth::Credential::Secret { .. }));
        let vault =
            "refresh_token_key_vault: { vault: 'https://contoso.vault.azure.net', secret: grant }";
        let vault = read(&format!("{PROOF}, {vault}")).unwrap().unwrap();
        assert!(matches!(&vault.home, Home::KeyVault { secret, .. } if secret == "grant"));
        assert!(!format!("{file:?}{vault:?}").contains("planted-secret"));
    }

    #[test]
    fn two_tenants_do_not_share_a_grant() {
        let table = [
            ("refresh_token_file: token", "refresh_token_file: ./token", true),
            ("refresh_token_file: token", "refresh_token_file: other", false),
            (
                "refresh_token_key_vault: { vault: 'https://x.vault.azure.net', secret: s }",
                "refresh_token_key_vault: { vault: 'https://X.vault.azure.net/', secret: S }",
                true,
            ),
            (
                "refresh_token_key_vault: { vault: 'https://x.vault.azure.net', secret: s }",
                "refresh_token_key_vault: { vault: 'https://x.vault.azure.net', secret: t }",
                false,
            ),
        ];
        for (one, other, is_refused) in table {
            let second = HEAD.replace("tenants:\n", "").replace("contoso-eu", "contoso-us");
            let both = format!("{one} }}\n{second}    app_user: {{ {PROOF}, {other}");
            match read(&format!("{PROOF}, {both}")) {
                Ok(_) => assert!(!is_refused, "{one} and {other}"),
                Err(error) => {
                    let named = error.contains("contoso-us") && error.contains("consent");
                    assert!(is_refused && named && error.starts_with("/etc/pc.yml:6: "), "{error}");
                }
            }
        }
    }

    #[test]
    fn every_mistake_is_named_with_its_line_and_remedy() {
        let table = [
            (PROOF.to_owned(), "no home for its refresh token"),
            (
                format!(
                    "{PROOF}, refresh_token_file: t, refresh_token_key_vault: {{ vault: 'https://x.vault.azure.net', secret: s }}"
                ),
                "two homes",
            ),
            (
                format!(
                    "{PROOF}, refresh_token_key_vault: {{ vault: 'https://x.vault.azure.net', secret: a/b }}"
                ),
                "not a secret's name",
            ),
            (
                format!(
                    "{PROOF}, refresh_token_key_vault: {{ vault: 'http://vault.example', secret: s }}"
                ),
                "use https",
            ),
            (
                "client_id: 9b000000-0000-4000-8000-000000000001, refresh_token_file: t".to_owned(),
                "no kind of credential",
            ),
            (format!("{PROOF}, refresh_token: planted-secret"), "unknown field `refresh_token`"),
            (format!("{PROOF}, managed_identity: {{}}"), "unknown field `managed_identity`"),
            (
                "client_secret_file: s, refresh_token_file: t".to_owned(),
                "missing field `client_id`",
            ),
        ];
        for (text, message) in table {
            let error = read(&text).unwrap_err();
            assert!(error.starts_with("/etc/pc.yml:5: "), "{error}");
            assert!(error.contains(message), "{message}\nis not in\n{error}");
            assert!(!error.contains("planted-secret"), "{error}");
        }
    }
}
