//! The grant of the person who consented with MFA: one refresh token, replaced at each use, and
//! kept before anything else is done with what came along (the Secure Application Model).
//!
//! One use at a time. What was got is kept first; what cannot be kept is not used, and kept later.
//! A grant that Microsoft says is gone is not shown to it again until another has come.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex as AsyncMutex;

use super::claims::Claims;
use super::error::TokenError;
use super::store::{Owner, Store, StoreError, fingerprint};
use crate::clock::Clock;

/// How long a refresh token lives unless it is used, in hours.
/// Source: Refresh tokens in the Microsoft identity platform.
const LIFE: SignedDuration = SignedDuration::from_hours(90 * 24);

/// A grant, cheap to clone.
#[derive(Clone)]
pub struct Grant(Arc<Shared>);

struct Shared {
    store: Store,
    clock: Clock,
    /// Whether what each use brings is kept; else the grant is left as it was found.
    keeps: bool,
    /// Held while this process is the one that keeps it.
    _owner: Option<Owner>,
    turn: AsyncMutex<Turn>,
    standing: Mutex<Standing>,
}

/// What is remembered from one use to the next.
#[derive(Default)]
struct Turn {
    /// What the last use brought and could not be kept.
    unkept: Option<Unkept>,
    /// By fingerprint, what Microsoft will not take again, and why.
    gone: Option<(String, TokenError)>,
}

/// A token that is not kept yet.
struct Unkept {
    token: SecretString,
    obtained: Timestamp,
    /// Fingerprint of the one it replaces.
    replaces: String,
}

/// How a grant stands.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// What is known of its age.
    pub dates: Option<Dates>,
    /// When it last brought a token in this process.
    pub used: Option<Timestamp>,
    /// What the last token said of whom it was given for.
    pub claims: Option<Claims>,
    /// How often a grant was found that this process had not put there.
    pub(super) consents: u64,
}

/// How old a grant is. It goes into the state directory; the token itself never does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dates {
    /// By which the token is known again.
    fingerprint: String,
    /// When the token was got.
    pub obtained: Timestamp,
    /// When the person consented.
    pub consented: Timestamp,
}

impl Dates {
    /// When the token dies unless it is used before.
    pub fn expires(&self) -> Timestamp {
        self.obtained.saturating_add(LIFE).unwrap_or(Timestamp::MAX)
    }
}

/// What one use brought.
pub(super) struct Used<T> {
    /// What else came along.
    pub(super) fruit: T,
    /// The refresh token that takes the place of the one used.
    pub(super) next: Option<SecretString>,
    /// What the access token says.
    pub(super) claims: Option<Claims>,
}

impl<T> Used<T> {
    pub(super) fn fruit(self) -> T {
        self.fruit
    }
}

impl std::fmt::Debug for Grant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Grant").field(&self.0.store).finish()
    }
}

impl Grant {
    /// A grant this process keeps: nobody else may, and what each use brings takes the place of
    /// what was used. `known` is what an earlier run knew of its age.
    pub fn kept(store: Store, known: Option<Dates>, clock: Clock) -> Result<Self, StoreError> {
        let owner = match &store {
            Store::File(file) => Some(file.own()?),
            // A vault has no locks; whoever comes second finds another token and leaves it.
            Store::KeyVault(_) => None,
        };
        Ok(Self::new(store, known, clock, true, owner))
    }

    /// A grant that is used and left as it is found, for whoever only looks: the token used stays
    /// valid.
    pub fn borrowed(store: Store, clock: Clock) -> Self {
        Self::new(store, None, clock, false, None)
    }

    fn new(
        store: Store,
        known: Option<Dates>,
        clock: Clock,
        keeps: bool,
        owner: Option<Owner>,
    ) -> Self {
        let standing = Mutex::new(Standing { dates: known, ..Standing::default() });
        let turn = AsyncMutex::default();
        Self(Arc::new(Shared { store, clock, keeps, _owner: owner, turn, standing }))
    }

    /// Whether there is a place to keep a grant: what can be found out without one.
    pub async fn try_out(&self) -> Result<(), TokenError> {
        self.0.store.try_out().await
    }

    /// Begins anew with what a person just consented to.
    pub async fn begin(&self, refresh_token: &SecretString) -> Result<(), TokenError> {
        let Shared { store, clock, .. } = &*self.0;
        let _alone = store.alone(clock).await?;
        store.put(refresh_token).await
    }

    /// Looks whether another grant has come. Tokens made of the one before are not used any more:
    /// whoever consented anew wants another account, or MFA.
    pub async fn look(&self) -> Result<(), TokenError> {
        let _turn = self.0.turn.lock().await;
        let stored = self.0.store.read().await?;
        self.found(&fingerprint(&stored.token), stored.since);
        Ok(())
    }

    /// How it stands.
    pub fn standing(&self) -> Standing {
        self.lock().clone()
    }

    /// Uses the refresh token once. `exchange` shows it to Microsoft.
    pub(super) async fn turn<T>(
        &self,
        exchange: impl AsyncFnOnce(&SecretString) -> Result<Used<T>, TokenError>,
    ) -> Result<T, TokenError> {
        let Shared { store, clock, keeps, turn, .. } = &*self.0;
        let mut turn = turn.lock().await;
        let _alone = if *keeps { Some(store.alone(clock).await?) } else { None };
        self.keep(&mut turn).await?;
        let stored = store.read().await?;
        let print = fingerprint(&stored.token);
        self.found(&print, stored.since);
        if let Some((_, why)) = turn.gone.as_ref().filter(|(of, _)| *of == print) {
            return Err(why.clone());
        }
        let Used { fruit, next, claims } = match exchange(&stored.token).await {
            Ok(used) => used,
            Err(error) => {
                if error.is_of_dead_grant() {
                    turn.gone = Some((print, error.clone()));
                }
                return Err(error);
            }
        };
        turn.gone = None;
        if let Some(token) = next.filter(|next| *keeps && fingerprint(next) != print) {
            turn.unkept = Some(Unkept { token, obtained: clock.now(), replaces: print });
            self.keep(&mut turn).await?;
        }
        let mut standing = self.lock();
        standing.used = Some(clock.now());
        // Not every API's tokens can be looked into.
        standing.claims = claims.or(standing.claims.take());
        Ok(fruit)
    }

    /// Keeps what the last use brought, if it is not kept yet. Until it is, it is not forgotten,
    /// whoever fails or gives up waiting.
    async fn keep(&self, turn: &mut Turn) -> Result<(), TokenError> {
        if let Some(Unkept { token, obtained, replaces }) = &turn.unkept {
            self.0.store.replace(replaces, token).await?;
            self.replaced(fingerprint(token), *obtained);
            turn.unkept = None;
        }
        Ok(())
    }

    /// Dates the token that was found. One that is not known was put there by whoever consented.
    fn found(&self, print: &str, since: Option<Timestamp>) {
        let now = self.0.clock.now();
        let mut standing = self.lock();
        if standing.dates.as_ref().is_none_or(|dates| dates.fingerprint != print) {
            // A file from a clock that runs ahead is no younger than new.
            let since = since.unwrap_or(now).min(now);
            let fingerprint = print.to_owned();
            standing.dates = Some(Dates { fingerprint, obtained: since, consented: since });
            standing.claims = None;
            standing.consents += 1;
        }
    }

    fn replaced(&self, fingerprint: String, obtained: Timestamp) {
        let mut standing = self.lock();
        let consented = standing.dates.as_ref().map_or(obtained, |dates| dates.consented);
        standing.dates = Some(Dates { fingerprint, obtained, consented });
    }

    fn lock(&self) -> MutexGuard<'_, Standing> {
        // It is whole at every step, so one left by a panic is as good as any.
        self.0.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;
    use crate::oauth::store::TokenFile;

    struct Room {
        path: PathBuf,
        clock: Clock,
        _room: tempfile::TempDir,
    }

    fn room() -> Room {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("token");
        fs::write(&path, "R1").unwrap();
        let clock = Clock::driven("2036-11-24T12:00:00Z".parse().unwrap());
        Room { path, clock, _room: room }
    }

    impl Room {
        fn kept(&self, known: Option<Dates>) -> Grant {
            let store = Store::File(TokenFile::new(&self.path));
            Grant::kept(store, known, self.clock.clone()).unwrap()
        }

        fn stored(&self) -> String {
            fs::read_to_string(&self.path).unwrap()
        }
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    fn brings(next: &str) -> Result<Used<()>, TokenError> {
        Ok(Used { fruit: (), next: Some(next.into()), claims: None })
    }

    fn revoked() -> TokenError {
        TokenError::refused(400, "invalid_grant", Some(50_173), "", None)
    }

    #[test]
    fn what_a_use_brings_is_kept_before_it_is_handed_out() {
        let room = room();
        let grant = room.kept(None);
        run(grant.turn(async |_| brings("R2"))).unwrap();
        assert_eq!(room.stored(), "R2");
        let dates = grant.standing().dates.unwrap();
        assert_eq!(dates.obtained, room.clock.now());
        assert!(dates.consented < dates.obtained, "the file is older than this test's clock");
        assert_eq!(dates.expires().duration_since(dates.obtained), LIFE);
    }

    #[test]
    fn an_answer_without_a_new_token_leaves_the_old_one() {
        let room = room();
        let grant = room.kept(None);
        run(grant.turn(async |_| Ok(Used { fruit: (), next: None, claims: None }))).unwrap();
        assert_eq!(room.stored(), "R1");
    }

    #[test]
    fn what_cannot_be_kept_is_not_used_and_is_kept_later() {
        let room = room();
        let grant = room.kept(None);
        let refused = run(grant.turn(async |_| {
            // A directory in the token's place is as good as a full disk.
            fs::remove_file(&room.path).unwrap();
            fs::create_dir(&room.path).unwrap();
            brings("R2")
        }));
        assert!(refused.is_err());
        fs::remove_dir(&room.path).unwrap();
        fs::write(&room.path, "R1").unwrap();
        let mut shown = String::new();
        run(grant.turn(async |token| {
            shown = secrecy::ExposeSecret::expose_secret(token).to_owned();
            brings("R3")
        }))
        .unwrap();
        assert_eq!(shown, "R2", "what was got is not lost");
        assert_eq!(room.stored(), "R3");
    }

    #[test]
    fn what_is_kept_late_is_as_old_as_it_is_and_nobody_s_new_consent() {
        let room = room();
        let grant = room.kept(None);
        let (got, aside) = (room.clock.now(), room.path.with_file_name("aside"));
        let refused = run(grant.turn(async |_| {
            fs::rename(&room.path, &aside).unwrap();
            fs::create_dir(&room.path).unwrap();
            brings("R2")
        }));
        assert!(refused.is_err());
        let consented = grant.standing().dates.unwrap().consented;
        fs::remove_dir(&room.path).unwrap();
        fs::rename(&aside, &room.path).unwrap();
        room.clock.turn(std::time::Duration::from_secs(3600));
        let _ = run(grant.turn(async |_| Err::<Used<()>, _>(revoked())));
        assert_eq!(room.stored(), "R2");
        let dates = grant.standing().dates.unwrap();
        assert_eq!((dates.obtained, dates.consented), (got, consented));
    }

    #[test]
    fn a_revoked_grant_is_not_shown_again_until_another_has_come() {
        let room = room();
        let grant = room.kept(None);
        let mut asked = 0;
        for _ in 0..5 {
            let refused = run(grant.turn(async |_| {
                asked += 1;
                Err::<Used<()>, _>(revoked())
            }));
            assert_eq!(refused.unwrap_err().reason(), "grant_revoked");
        }
        assert_eq!(asked, 1);
        fs::write(&room.path, "anew").unwrap();
        run(grant.turn(async |_| brings("R2"))).unwrap();
        assert_eq!(room.stored(), "R2");
    }

    #[test]
    fn a_consent_during_a_use_is_not_overwritten() {
        let room = room();
        let grant = room.kept(None);
        run(grant.turn(async |_| {
            fs::write(&room.path, "anew").unwrap();
            brings("R2")
        }))
        .unwrap();
        assert_eq!(room.stored(), "anew");
    }

    #[test]
    fn a_restart_knows_the_token_again_and_a_consent_starts_anew() {
        let room = room();
        let grant = room.kept(None);
        run(grant.turn(async |_| brings("R2"))).unwrap();
        let known = grant.standing().dates.unwrap();
        drop(grant);
        room.clock.turn(std::time::Duration::from_secs(86_400));
        let grant = room.kept(Some(known.clone()));
        let _ = run(grant.turn(async |_| Err::<Used<()>, _>(revoked())));
        assert_eq!(grant.standing().dates.unwrap(), known, "whatever the file's own date");
        fs::write(&room.path, "anew").unwrap();
        let _ = run(grant.turn(async |_| Err::<Used<()>, _>(revoked())));
        assert_ne!(grant.standing().dates.unwrap().consented, known.consented);
    }

    #[test]
    fn who_only_looks_leaves_the_grant_as_it_was() {
        let room = room();
        let grant = Grant::borrowed(Store::File(TokenFile::new(&room.path)), room.clock.clone());
        run(grant.turn(async |_| brings("R2"))).unwrap();
        assert_eq!(room.stored(), "R1");
        let beside = || fs::read_dir(room.path.parent().unwrap()).unwrap().count() - 1;
        assert_eq!(beside(), 0);
        let _owner = room.kept(None);
        let locks = beside();
        run(grant.turn(async |_| brings("R2"))).unwrap();
        assert_eq!((room.stored(), beside()), ("R1".to_owned(), locks), "with an owner, too");
    }
}
