//! How we prove who we are, and where the proof lives. Nothing here prints a secret.

use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::error::TokenError;

/// How we prove who we are.
#[derive(Debug, Clone)]
pub enum Credential {
    /// A client secret.
    Secret {
        /// The application's client id.
        client_id: String,
        /// Where the secret lives.
        secret: Secret,
    },
    /// A certificate registered for the application.
    Certificate {
        /// The application's client id.
        client_id: String,
        /// PEM file with the certificate.
        certificate_file: PathBuf,
        /// PEM file with its private key; may be the same.
        key_file: PathBuf,
    },
    /// Another identity provider's token (workload identity federation).
    Federated {
        /// The application's client id.
        client_id: String,
        /// File with the token, which its issuer replaces from time to time.
        token_file: PathBuf,
    },
    /// The machine's own identity.
    ManagedIdentity {
        /// Client id of a user-assigned identity.
        client_id: Option<String>,
        /// Whom to ask.
        host: ManagedIdentityHost,
    },
}

impl Credential {
    /// The application's client id; `None` for a system-assigned identity.
    pub fn client_id(&self) -> Option<&str> {
        match self {
            Self::Secret { client_id, .. }
            | Self::Certificate { client_id, .. }
            | Self::Federated { client_id, .. } => Some(client_id),
            Self::ManagedIdentity { client_id, .. } => client_id.as_deref(),
        }
    }

    /// Whether every file it names can be read now, for whoever checks a configuration. They are
    /// read again at each token request.
    pub fn check(&self) -> Result<(), TokenError> {
        let files: Vec<&Path> = match self {
            Self::Secret { secret: Secret::File(path), .. } => vec![path],
            Self::Certificate { certificate_file, key_file, .. } => {
                vec![certificate_file, key_file]
            }
            Self::Federated { token_file, .. } => vec![token_file],
            Self::Secret { secret: Secret::Value(_), .. } | Self::ManagedIdentity { .. } => vec![],
        };
        files.into_iter().try_for_each(|path| read(path).map(drop))
    }
}

/// Who gives tokens for a managed identity.
#[derive(Clone)]
pub enum ManagedIdentityHost {
    /// The instance metadata service of virtual machines.
    Imds {
        /// Its address.
        base: Url,
    },
    /// App Service, Functions and Container Apps.
    AppService {
        /// The endpoint they name in the environment.
        endpoint: Url,
        /// The header's value they name there, by which they know us.
        header: SecretString,
    },
}

impl fmt::Debug for ManagedIdentityHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Imds { base } => write!(f, "Imds({})", base.host_str().unwrap_or("-")),
            Self::AppService { endpoint, .. } => {
                write!(f, "AppService({}, …)", endpoint.host_str().unwrap_or("-"))
            }
        }
    }
}

/// Where a secret lives.
#[derive(Clone)]
pub enum Secret {
    /// In a file, read at each token request, so that rotating it needs no restart.
    File(PathBuf),
    /// In memory, from an environment variable.
    Value(SecretString),
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "File({})", path.display()),
            Self::Value(_) => f.write_str("…"),
        }
    }
}

impl Secret {
    pub(super) fn read(&self) -> Result<SecretString, TokenError> {
        match self {
            Self::File(path) => read(path),
            Self::Value(value) => Ok(value.expose_secret().into()),
        }
    }
}

/// A file's text without the newline at its end. A larger file is nobody's secret.
pub(super) fn read(path: &Path) -> Result<SecretString, TokenError> {
    const BOUND_BYTES: u64 = 1 << 20;
    let refuse = |what: &str| TokenError::of_file(path, what);
    let about = std::fs::metadata(path).map_err(|error| refuse(&error.to_string()))?;
    // A pipe would keep everything waiting for whoever writes into it.
    if !about.is_file() {
        return Err(refuse("not a regular file"));
    }
    if about.len() > BOUND_BYTES {
        return Err(refuse("larger than 1 MiB"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| refuse(&error.to_string()))?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(refuse("empty")),
        secret => Ok(secret.into()),
    }
}
