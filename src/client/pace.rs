//! How fast we may ask: Microsoft's documented limits, kept before they are enforced, and obeyed
//! when they are.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Clock;

/// The limit a path falls under, each per tenant.
/// Source: Microsoft Graph's throttling limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bucket {
    /// Directory objects: limits in resource units that a reader of whole pages does not reach.
    Directory,
    /// Sign-in and audit logs, registration reports, `signInActivity`: 5 requests in 10 seconds.
    Reports,
    /// Usage reports of Microsoft 365: 14 requests in 10 minutes.
    Usage,
    /// Conditional Access and Identity Protection: 1 request a second for all applications of the
    /// tenant together, and no `Retry-After` when it is exceeded.
    Policies,
    /// Graph's partner security API, for which no limit is documented.
    PartnerSecurity,
    /// Partner Center: tuned dynamically, with 500 requests a minute published for customers.
    PartnerCenter,
    /// Graph's delegated administration (`tenantRelationships`), for which no limit is documented.
    Delegation,
    /// The service behind Partner Center's page of administrative relationships: no limit documented.
    Dap,
}

impl Bucket {
    const ALL: [Self; 8] = [
        Self::Directory,
        Self::Reports,
        Self::Usage,
        Self::Policies,
        Self::PartnerSecurity,
        Self::PartnerCenter,
        Self::Delegation,
        Self::Dap,
    ];

    /// How many requests may start within which time.
    fn allowance(self) -> (usize, Duration) {
        match self {
            Self::Directory => (50, Duration::from_secs(1)),
            Self::Reports => (5, Duration::from_secs(10)),
            Self::Usage => (14, Duration::from_secs(600)),
            Self::Policies => (1, Duration::from_secs(1)),
            Self::PartnerSecurity => (4, Duration::from_secs(1)),
            Self::PartnerCenter => (6, Duration::from_secs(1)),
            Self::Delegation => (10, Duration::from_secs(1)),
            Self::Dap => (2, Duration::from_secs(1)),
        }
    }
}

/// Whether the limits are kept to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pacing {
    /// As Microsoft documents them.
    #[default]
    Microsoft,
    /// As fast as answers come, for tests and benchmarks; 429 is obeyed all the same.
    Unlimited,
}

/// Of each period this part is waited longer: requests do not all take the same time to arrive, and
/// one that comes a moment early is one too many.
const MARGIN: u32 = 50;

/// No `Retry-After` holds a bucket up for longer: a service that says more has made a mistake.
const LONGEST_HOLD: Duration = Duration::from_secs(3600);

/// The pace of one tenant.
#[derive(Debug)]
pub(super) struct Pace {
    pacing: Pacing,
    clock: Clock,
    windows: [Mutex<Window>; Bucket::ALL.len()],
}

#[derive(Debug, Default)]
struct Window {
    /// When the latest requests started or will start, oldest first, in uptime.
    starts: VecDeque<Duration>,
    /// Nothing may start before this moment, in uptime: Microsoft said so.
    not_before: Duration,
}

impl Pace {
    pub(super) fn new(pacing: Pacing, clock: Clock) -> Self {
        Self { pacing, clock, windows: Default::default() }
    }

    /// Books the next free start and tells when it is, in uptime.
    pub(super) fn slot(&self, bucket: Bucket) -> Duration {
        let mut window = self.window(bucket);
        let mut slot = self.clock.uptime().max(window.not_before);
        if self.pacing == Pacing::Unlimited {
            return slot;
        }
        let (requests, period) = bucket.allowance();
        let period = period + period / MARGIN;
        if window.starts.len() >= requests
            && let Some(oldest) = window.starts.pop_front()
        {
            slot = slot.max(oldest + period);
        }
        window.starts.push_back(slot);
        slot
    }

    /// How long nothing may start because Microsoft said so.
    pub(super) fn held(&self, bucket: Bucket) -> Duration {
        self.window(bucket).not_before.saturating_sub(self.clock.uptime())
    }

    /// Lets nothing start for `pause`: one throttled request speaks for all of its bucket.
    pub(super) fn hold(&self, bucket: Bucket, pause: Duration) {
        let until = self.clock.uptime().saturating_add(pause.min(LONGEST_HOLD));
        let mut window = self.window(bucket);
        window.not_before = window.not_before.max(until);
    }

    fn window(&self, bucket: Bucket) -> std::sync::MutexGuard<'_, Window> {
        let index = Bucket::ALL.iter().position(|each| *each == bucket).expect("ALL lists all");
        // A window is whole at every step, so one left by a panic is as good as any.
        self.windows[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn seconds(pace: &Pace, bucket: Bucket, requests: usize) -> Vec<u64> {
        (0..requests).map(|_| pace.slot(bucket).as_secs()).collect()
    }

    #[test]
    fn never_more_than_five_report_requests_in_ten_seconds() {
        let pace = Pace::new(Pacing::Microsoft, Clock::driven(Timestamp::UNIX_EPOCH));
        let starts = seconds(&pace, Bucket::Reports, 12);
        assert_eq!(starts, [0, 0, 0, 0, 0, 10, 10, 10, 10, 10, 20, 20]);
        // The next one would be early if the last five were quicker to arrive than those before.
        assert!(pace.slot(Bucket::Reports) > Duration::from_millis(20_300));
    }

    #[test]
    fn one_policy_request_a_second_and_the_others_are_not_held_up() {
        let clock = Clock::driven(Timestamp::UNIX_EPOCH);
        let pace = Pace::new(Pacing::Microsoft, clock.clone());
        assert_eq!(seconds(&pace, Bucket::Policies, 3), [0, 1, 2]);
        assert_eq!(seconds(&pace, Bucket::Directory, 50), [0; 50]);
        clock.turn(Duration::from_secs(60));
        assert_eq!(seconds(&pace, Bucket::Policies, 2), [60, 61]);
    }

    #[test]
    fn a_throttled_request_holds_up_its_bucket_even_when_unlimited() {
        for pacing in [Pacing::Microsoft, Pacing::Unlimited] {
            let pace = Pace::new(pacing, Clock::driven(Timestamp::UNIX_EPOCH));
            pace.hold(Bucket::Reports, Duration::from_secs(7));
            pace.hold(Bucket::Reports, Duration::from_secs(3));
            assert_eq!(seconds(&pace, Bucket::Reports, 1), [7]);
            assert_eq!(seconds(&pace, Bucket::Directory, 1), [0]);
        }
    }

    #[test]
    fn unlimited_means_at_once() {
        let pace = Pace::new(Pacing::Unlimited, Clock::driven(Timestamp::UNIX_EPOCH));
        assert_eq!(seconds(&pace, Bucket::Policies, 100), [0; 100]);
    }
}
