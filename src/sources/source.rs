//! The shape of a source, and of the fact it yields.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{Facts, Schedule};
use crate::client::{Ask, Client, FetchError, PartnerRefusal, Tally};
use crate::metrics::{Metric, Samples};

/// One resource of an API. It says what is and passes no judgement.
pub trait Source: Sized + Send + Sync + 'static {
    /// Its name in labels and in the configuration: the file's name.
    const ID: &'static str;
    /// What it reads, in a few words.
    const WHAT: &'static str;
    /// Where it lives.
    const ASK: Ask;
    /// The least application permission that suffices.
    const PERMISSION: &'static str;
    /// The licence it needs in the partner tenant, if any.
    const LICENSE: Option<&'static str>;
    /// Where Microsoft documents it.
    const DOCS: &'static str;
    /// Time between two readings unless configured otherwise.
    const INTERVAL: Duration;
    /// The metrics its rows plainly show.
    const METRICS: &'static [&'static Metric];

    /// Whether it is read unless configured otherwise.
    const ENABLED: bool = true;

    /// How long figures hold at least when readings fail, where three intervals are too short for
    /// what throttling may take.
    const HOLDS_AT_LEAST: Duration = Duration::ZERO;

    /// How far back its figures reach unless configured otherwise, where that is a choice.
    const WINDOW: Option<Duration> = None;

    /// Sources whose facts say what to read here; they are tried first. Empty for most.
    const AFTER: &'static [&'static str] = &[];

    /// Reads it. `known` is what is known of the tenant so far.
    fn fetch(
        client: &Client,
        known: &Facts,
    ) -> impl Future<Output = Result<Rows<Self>, FetchError>> + Send;

    /// Reads on from `last`, the last good rows, whatever their age. Most sources read anew.
    fn fetch_on(
        client: &Client,
        known: &Facts,
        _schedule: Schedule,
        _last: Option<Arc<Self>>,
    ) -> impl Future<Output = Result<Rows<Self>, FetchError>> + Send {
        Self::fetch(client, known)
    }

    /// Whether `known` asks for more than was read, so that the next reading should not wait.
    fn wants(_known: &Facts) -> bool {
        false
    }

    /// Shows what its rows plainly say.
    fn observe(&self, samples: &mut Samples);
}

/// What a reading brought.
#[derive(Debug)]
pub struct Rows<S> {
    /// The rows, folded into what is kept of them.
    pub source: S,
    /// Rows received and understood.
    pub accepted: u64,
    /// Rows left out.
    pub rejected: u64,
}

impl<S> Rows<S> {
    /// A source that is a list.
    pub fn listed(source: S, Tally { accepted, rejected }: Tally) -> Self {
        Self { source, accepted, rejected }
    }

    /// A source that is one entity.
    pub fn single(source: S) -> Self {
        Self { source, accepted: 1, rejected: 0 }
    }
}

/// What is known of a source without asking it.
#[derive(Debug, Clone)]
pub struct About {
    /// [`Source::ID`].
    pub id: &'static str,
    /// [`Source::WHAT`].
    pub what: &'static str,
    /// [`Source::ASK`].
    pub ask: Ask,
    /// [`Source::PERMISSION`].
    pub permission: &'static str,
    /// [`Source::LICENSE`].
    pub license: Option<&'static str>,
    /// [`Source::DOCS`].
    pub docs: &'static str,
    /// [`Source::ENABLED`].
    pub enabled: bool,
    /// [`Source::INTERVAL`].
    pub interval: Duration,
    /// [`Source::HOLDS_AT_LEAST`].
    pub holds_at_least: Duration,
    /// [`Source::WINDOW`].
    pub window: Option<Duration>,
    /// [`Source::AFTER`].
    pub after: &'static [&'static str],
    /// [`Source::METRICS`].
    pub metrics: &'static [&'static Metric],
}

impl About {
    /// Of one source.
    pub fn of<S: Source>() -> Self {
        Self {
            id: S::ID,
            what: S::WHAT,
            ask: S::ASK,
            permission: S::PERMISSION,
            license: S::LICENSE,
            docs: S::DOCS,
            enabled: S::ENABLED,
            interval: S::INTERVAL,
            holds_at_least: S::HOLDS_AT_LEAST,
            window: S::WINDOW,
            after: S::AFTER,
            metrics: S::METRICS,
        }
    }

    /// How long figures hold when readings every `interval` fail, unless configured otherwise.
    pub fn max_age(&self, interval: Duration) -> Duration {
        (interval * 3).max(self.holds_at_least)
    }
}

/// What one source is known to say, or why it is not known.
#[derive(Debug)]
pub enum Fact<S> {
    /// Read, and not too old.
    Known {
        /// What it said.
        rows: Arc<S>,
        /// When it was read.
        at: Timestamp,
    },
    /// Not known.
    Unread(Unread),
}

impl<S> Default for Fact<S> {
    fn default() -> Self {
        Self::Unread(Unread::Pending)
    }
}

impl<S> Clone for Fact<S> {
    fn clone(&self) -> Self {
        match self {
            Self::Known { rows, at } => Self::Known { rows: Arc::clone(rows), at: *at },
            Self::Unread(why) => Self::Unread(*why),
        }
    }
}

impl<S> Fact<S> {
    /// What was read at `at`.
    pub fn known(rows: S, at: Timestamp) -> Self {
        Self::Known { rows: Arc::new(rows), at }
    }

    /// The rows; `?` on this makes a verdict unknown.
    pub fn rows(&self) -> Result<&S, Unread> {
        match self {
            Self::Known { rows, .. } => Ok(rows),
            Self::Unread(why) => Err(*why),
        }
    }

    /// When the rows were read.
    pub fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Known { at, .. } => Some(*at),
            Self::Unread(_) => None,
        }
    }
}

/// Why something is not known. The order is that of precedence: the first that applies is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unread {
    /// Nobody was asked to look.
    NotConfigured,
    /// No token, or it is refused.
    Credential,
    /// The application may not.
    Permission,
    /// The tenant has not bought it.
    License,
    /// Not read yet.
    Pending,
    /// Reading failed, and it never succeeded.
    SourceFailed,
    /// Read once, but too long ago.
    Stale,
    /// One of our own bounds was hit.
    Limit,
    /// Nothing Microsoft offers shows it.
    NotObservable,
}

impl Unread {
    /// All of them, for the reference.
    pub const ALL: [Self; 9] = [
        Self::NotConfigured,
        Self::Credential,
        Self::Permission,
        Self::License,
        Self::Pending,
        Self::SourceFailed,
        Self::Stale,
        Self::Limit,
        Self::NotObservable,
    ];

    /// The value of the label `reason`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotConfigured => "not_configured",
            Self::Credential => "credential",
            Self::Permission => "permission",
            Self::License => "license",
            Self::Pending => "pending",
            Self::SourceFailed => "source_failed",
            Self::Stale => "stale",
            Self::Limit => "limit",
            Self::NotObservable => "not_observable",
        }
    }

    /// What an operator reads into the word.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::NotConfigured => "nothing that would show it is configured",
            Self::Credential => "no token is to be had, or Microsoft refuses it",
            Self::Permission => "the application lacks a permission or consent",
            Self::License => "the tenant lacks the licence the data needs",
            Self::Pending => "not read yet",
            Self::SourceFailed => "reading failed and has never succeeded",
            Self::Stale => "read once, but longer ago than max_age",
            Self::Limit => "one of the exporter's own bounds was hit",
            Self::NotObservable => "nothing Microsoft offers shows it",
        }
    }

    /// What a failed reading leaves unknown, when nothing older holds.
    pub fn after(failure: &FetchError) -> Self {
        match failure {
            FetchError::Credential { .. } | FetchError::Unauthorized { .. } => Self::Credential,
            FetchError::Consent { .. } | FetchError::Permission { .. } => Self::Permission,
            FetchError::Partner { refusal: PartnerRefusal::Mfa, .. } => Self::Credential,
            FetchError::Partner { .. } => Self::Permission,
            FetchError::License { .. } => Self::License,
            FetchError::Limit { .. } => Self::Limit,
            _ => Self::SourceFailed,
        }
    }
}
