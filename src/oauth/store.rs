//! Where a refresh token lives: in a file of its own, or in Azure Key Vault.

use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::Tokens;
use super::credential::read;
use super::error::TokenError;
use super::key_vault::KeyVault;
use crate::clock::Clock;
use crate::durable;
use crate::transport::Transport;

/// How long whoever is replacing the token at the moment is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often it is looked whether they are done.
const LOOK: Duration = Duration::from_millis(50);

/// Where a refresh token is said to live.
#[derive(Debug, Clone)]
pub enum Home {
    /// In this file.
    File(PathBuf),
    /// In this secret of this vault.
    KeyVault {
        /// The vault's address.
        vault: Url,
        /// The secret's name.
        secret: String,
    },
}

impl Home {
    /// The way there. A vault is reached with the tokens of `application`.
    pub fn store(&self, application: &Tokens, transport: &Transport) -> Store {
        match self {
            Self::File(path) => Store::File(TokenFile::new(path)),
            Self::KeyVault { vault, secret } => {
                let (tokens, transport) = (application.clone(), transport.clone());
                Store::KeyVault(KeyVault::new(vault, secret, tokens, transport))
            }
        }
    }
}

impl PartialEq for Home {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(one), Self::File(other)) => one == other,
            // Key Vault makes no difference between large and small letters.
            (
                Self::KeyVault { vault, secret },
                Self::KeyVault { vault: other_vault, secret: other_secret },
            ) => vault == other_vault && secret.eq_ignore_ascii_case(other_secret),
            _ => false,
        }
    }
}

impl std::fmt::Display for Home {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::KeyVault { vault, secret } => {
                write!(f, "secret {secret} of {}", vault.host_str().unwrap_or("-"))
            }
        }
    }
}

/// The way to a refresh token.
#[derive(Debug, Clone)]
pub enum Store {
    /// A file, replaced whole.
    File(TokenFile),
    /// A secret of Azure Key Vault.
    KeyVault(KeyVault),
}

/// A refresh token as it was found.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) token: SecretString,
    /// When it was put there, as far as that can be seen.
    pub(super) since: Option<Timestamp>,
}

/// By what a token is known again without keeping it: the first half of its SHA-256 in hex. Tokens
/// are random, so nothing can be guessed from it.
pub(super) fn fingerprint(token: &SecretString) -> String {
    let hash = digest(&SHA256, token.expose_secret().as_bytes());
    hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Kept while a token is being replaced, so that nobody else does.
pub(super) struct Alone(#[expect(dead_code, reason = "held for its lock")] Option<File>);

impl Store {
    /// Waits until nobody else is replacing the token, and keeps others from it.
    pub(super) async fn alone(&self, clock: &Clock) -> Result<Alone, TokenError> {
        match self {
            Self::File(file) => file.alone(clock).await.map(Some).map(Alone),
            Self::KeyVault(_) => Ok(Alone(None)),
        }
    }

    pub(super) async fn read(&self) -> Result<Stored, TokenError> {
        match self {
            Self::File(file) => file.read(),
            Self::KeyVault(vault) => vault.read().await,
        }
    }

    /// Puts `token` where the one with this fingerprint is. Where another has come there meanwhile,
    /// somebody consented anew, and theirs stays.
    pub(super) async fn replace(
        &self,
        replaced: &str,
        token: &SecretString,
    ) -> Result<(), TokenError> {
        let found = match self.read().await {
            Ok(stored) => Some(fingerprint(&stored.token)),
            Err(error) if error.is_missing_grant() => None,
            Err(error) => return Err(error),
        };
        match found {
            Some(found) if found != replaced => Ok(()),
            _ => self.put(token).await,
        }
    }

    /// Whether a token could be put there, as far as that can be seen beforehand.
    pub(super) async fn try_out(&self) -> Result<(), TokenError> {
        match self {
            Self::File(file) => durable::try_out(&file.path).map_err(|error| file.unkept(&error)),
            Self::KeyVault(vault) => match vault.read().await {
                Err(error) if error.is_missing_grant() => Ok(()),
                found => found.map(drop),
            },
        }
    }

    /// Puts `token` there, whatever was there before.
    pub(super) async fn put(&self, token: &SecretString) -> Result<(), TokenError> {
        match self {
            Self::File(file) => file.put(token),
            Self::KeyVault(vault) => vault.put(token).await,
        }
    }
}

/// A file with a refresh token and nothing else, and two beside it by which processes keep out of
/// each other's way.
#[derive(Debug, Clone)]
pub struct TokenFile {
    path: PathBuf,
}

/// Held by the one process that replaces the token as a matter of course.
#[derive(Debug)]
pub struct Owner(#[expect(dead_code, reason = "held for its lock")] File);

/// Why a file cannot be a refresh token's home. Every text names the place and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another exporter replaces the token.
    #[error(
        "refresh_token_file {} is in use by another process; two would replace each other's token, \
         so give each exporter a grant of its own with `partnercenter_exporter consent`",
        .0.display()
    )]
    Taken(PathBuf),
    /// It cannot be replaced.
    #[error(
        "refresh_token_file {} cannot be replaced: {error}; each use brings a new token, so its \
         directory has to be writable for the exporter (a mounted secret is not)",
        path.display()
    )]
    ReadOnly {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

impl TokenFile {
    /// The file at `path`, which need not exist yet. Where it is a symbolic link, what it leads to.
    pub fn new(path: &Path) -> Self {
        Self { path: path.canonicalize().unwrap_or_else(|_| path.to_owned()) }
    }

    /// Becomes the one process that replaces the token, and clears what an interrupted replacement
    /// left.
    pub fn own(&self) -> Result<Owner, StoreError> {
        let failed = |error| StoreError::ReadOnly { path: self.path.clone(), error };
        let owner = lock_file(&self.beside("owner")).map_err(failed)?;
        match owner.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::Taken(self.path.clone())),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        if self.path.is_dir() {
            return Err(failed(io::Error::from(io::ErrorKind::IsADirectory)));
        }
        // Whoever holds this lock is just replacing the token, and what they write is no remnant.
        let lock = lock_file(&self.beside("lock")).map_err(failed)?;
        if lock.try_lock().is_ok() {
            durable::clear(&self.path);
        }
        drop(lock);
        durable::try_out(&self.path).map_err(failed)?;
        Ok(Owner(owner))
    }

    async fn alone(&self, clock: &Clock) -> Result<File, TokenError> {
        let path = self.beside("lock");
        let refuse = |error: io::Error| TokenError::of_file(&path, &error.to_string());
        let lock = lock_file(&path).map_err(refuse)?;
        let until = clock.uptime() + PATIENCE;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(lock),
                Err(TryLockError::WouldBlock) if clock.uptime() < until => clock.sleep(LOOK).await,
                Err(TryLockError::WouldBlock) => {
                    return Err(TokenError::of_grant("grant_busy", &self.place()));
                }
                Err(TryLockError::Error(error)) => return Err(refuse(error)),
            }
        }
    }

    fn read(&self) -> Result<Stored, TokenError> {
        let about = match std::fs::metadata(&self.path) {
            Ok(about) if about.is_file() && about.len() == 0 => None,
            Ok(about) => Some(about),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(TokenError::of_file(&self.path, &error.to_string())),
        };
        let about = about.ok_or_else(|| TokenError::of_grant("grant_missing", &self.place()))?;
        let since = about.modified().ok().and_then(|time| Timestamp::try_from(time).ok());
        Ok(Stored { token: read(&self.path)?, since })
    }

    fn put(&self, token: &SecretString) -> Result<(), TokenError> {
        durable::replace(&self.path, |file| file.write_all(token.expose_secret().as_bytes()))
            .map_err(|error| self.unkept(&error))
    }

    fn unkept(&self, error: &io::Error) -> TokenError {
        TokenError::of_grant("grant_not_stored", &format!("{}: {error}", self.place()))
    }

    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn beside(&self, what: &str) -> PathBuf {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".");
        name.push(what);
        self.path.with_file_name(name)
    }
}

fn lock_file(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options().create(true).truncate(false).write(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_second_owner_is_refused_until_the_first_lets_go() {
        let room = tempfile::tempdir().unwrap();
        let file = TokenFile::new(&room.path().join("token"));
        let first = file.own().unwrap();
        let error = file.own().unwrap_err().to_string();
        assert!(
            error.contains("in use by another process") && error.contains("consent"),
            "{error}"
        );
        drop(first);
        file.own().unwrap();
    }

    #[test]
    fn a_home_that_cannot_be_written_is_refused_at_once() {
        let room = tempfile::tempdir().unwrap();
        let error = TokenFile::new(&room.path().join("nowhere/token")).own().unwrap_err();
        assert!(error.to_string().contains("cannot be replaced"), "{error}");
        fs::create_dir(room.path().join("token")).unwrap();
        let error = TokenFile::new(&room.path().join("token")).own().unwrap_err();
        assert!(error.to_string().contains("cannot be replaced"), "{error}");
    }

    #[test]
    fn what_is_being_written_while_an_exporter_starts_is_not_taken_for_a_remnant() {
        let room = tempfile::tempdir().unwrap();
        let file = TokenFile::new(&room.path().join("token"));
        let unfinished = room.path().join(".new-token-a1B2c3");
        fs::write(&unfinished, "half").unwrap();
        let lock = lock_file(&room.path().join("token.lock")).unwrap();
        lock.try_lock().unwrap();
        drop(file.own().unwrap());
        assert!(unfinished.exists());
        drop(lock);
        drop(file.own().unwrap());
        assert!(!unfinished.exists());
    }

    #[test]
    fn a_lock_that_cannot_be_opened_is_named_and_not_the_token() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("token");
        fs::create_dir(room.path().join("token.lock")).unwrap();
        let clock = Clock::driven(Timestamp::UNIX_EPOCH);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let error = runtime.block_on(TokenFile::new(&path).alone(&clock)).unwrap_err();
        assert!(error.to_string().contains("token.lock: "), "{error}");
    }

    #[test]
    fn whoever_consents_meanwhile_is_not_overwritten() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("token");
        let store = Store::File(TokenFile::new(&path));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            fs::write(&path, "anew").unwrap();
            store.replace(&fingerprint(&"first".into()), &"second".into()).await.unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), "anew");
            store.replace(&fingerprint(&"anew".into()), &"next".into()).await.unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), "next");
        });
    }

    #[test]
    fn a_missing_and_an_empty_file_are_a_missing_grant() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("token");
        let file = TokenFile::new(&path);
        assert!(file.read().unwrap_err().is_missing_grant());
        fs::write(&path, "").unwrap();
        assert!(file.read().unwrap_err().is_missing_grant());
        fs::write(&path, "token\n").unwrap();
        assert_eq!(file.read().unwrap().token.expose_secret(), "token");
    }
}
