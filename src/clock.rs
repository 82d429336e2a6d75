//! The one clock of the program: what time it is, and how to wait.
//!
//! Every room that waits or dates something is handed a [`Clock`]. In the program it is the
//! system's; in tests it is driven, stands still until it is turned, and nothing ever sleeps.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

/// A handle on the time, cheap to clone.
#[derive(Clone)]
pub struct Clock(Arc<Time>);

enum Time {
    System {
        started: Instant,
    },
    Driven {
        /// The wall time of uptime zero; [`Clock::correct`] moves it.
        start: Mutex<Timestamp>,
        /// How far the clock was turned since `start`.
        turned: watch::Sender<Duration>,
    },
}

impl Clock {
    /// The system's clock: wall time from the machine, waiting by the runtime's monotonic timer.
    #[expect(clippy::disallowed_methods, reason = "this is the clock the rule points to")]
    pub fn system() -> Self {
        Self(Arc::new(Time::System { started: Instant::now() }))
    }

    /// A clock that stands at `start` until [`Clock::turn`] is called.
    pub fn driven(start: Timestamp) -> Self {
        let turned = watch::Sender::new(Duration::ZERO);
        Self(Arc::new(Time::Driven { start: Mutex::new(start), turned }))
    }

    /// The present moment (UTC). It can jump when the machine's clock is set; see [`Clock::uptime`].
    #[expect(clippy::disallowed_methods, reason = "this is the clock the rule points to")]
    pub fn now(&self) -> Timestamp {
        match &*self.0 {
            Time::System { .. } => Timestamp::now(),
            Time::Driven { start, turned } => {
                let start = *start.lock().unwrap_or_else(PoisonError::into_inner);
                later(start, *turned.borrow())
            }
        }
    }

    /// Time since this clock was made. Never goes backwards, so expiries and waits hold on to it.
    pub fn uptime(&self) -> Duration {
        match &*self.0 {
            Time::System { started } => started.elapsed(),
            Time::Driven { turned, .. } => *turned.borrow(),
        }
    }

    /// Waits for `duration`, counted from this call and not from the first poll.
    pub fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send {
        self.sleep_until(self.uptime().saturating_add(duration))
    }

    /// Waits until [`Clock::uptime`] has reached `uptime`.
    #[expect(clippy::disallowed_methods, reason = "this is the clock the rule points to")]
    pub async fn sleep_until(&self, uptime: Duration) {
        match &*self.0 {
            Time::System { started } => {
                tokio::time::sleep(uptime.saturating_sub(started.elapsed())).await;
            }
            Time::Driven { turned, .. } => {
                // The sender lives in the Arc that `self` holds, so waiting cannot fail.
                let _ = turned.subscribe().wait_for(|now| *now >= uptime).await;
            }
        }
    }

    /// Moves a driven clock forward and wakes whoever waited for a moment passed on the way.
    ///
    /// # Panics
    /// On the system's clock, which nobody turns.
    pub fn turn(&self, by: Duration) {
        match &*self.0 {
            Time::System { .. } => panic!("the system's clock cannot be turned"),
            Time::Driven { turned, .. } => turned.send_modify(|now| *now += by),
        }
    }

    /// Sets the wall time of a driven clock, as a time server does; uptime goes on undisturbed.
    ///
    /// # Panics
    /// On the system's clock, which is not ours to set.
    pub fn correct(&self, by: SignedDuration) {
        match &*self.0 {
            Time::System { .. } => panic!("the system's clock cannot be set"),
            Time::Driven { start, .. } => {
                let mut start = start.lock().unwrap_or_else(PoisonError::into_inner);
                *start = start.saturating_add(by).unwrap_or(*start);
            }
        }
    }

    /// How many waits are under way on a driven clock; 0 on the system's.
    pub fn waiting(&self) -> usize {
        match &*self.0 {
            Time::System { .. } => 0,
            Time::Driven { turned, .. } => turned.receiver_count(),
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

/// `moment` plus `duration`, held at the end of representable time.
pub fn later(moment: Timestamp, duration: Duration) -> Timestamp {
    let duration = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
    moment.checked_add(duration).unwrap_or(Timestamp::MAX)
}

/// How long ago `then` was, seen from `now`; zero for what lies ahead (a skewed clock).
pub fn age(now: Timestamp, then: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(then)).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driven_clock_stands_until_it_is_turned() {
        let clock = Clock::driven(Timestamp::UNIX_EPOCH);
        assert_eq!(clock.now(), Timestamp::UNIX_EPOCH);
        clock.turn(Duration::from_secs(90));
        assert_eq!(clock.now().as_second(), 90);
        assert_eq!(clock.uptime(), Duration::from_secs(90));
    }

    #[tokio::test]
    async fn who_waits_is_woken_when_the_moment_has_passed_and_not_before() {
        let clock = Clock::driven(Timestamp::UNIX_EPOCH);
        let mut wait = Box::pin(clock.sleep(Duration::from_secs(10)));
        for _ in 0..2 {
            clock.turn(Duration::from_secs(4));
            tokio::select! {
                biased;
                () = &mut wait => panic!("woken after {:?}", clock.uptime()),
                () = std::future::ready(()) => {}
            }
        }
        clock.turn(Duration::from_secs(2));
        wait.await;
    }

    #[test]
    fn age_of_what_lies_ahead_is_zero() {
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(age(now, later(now, Duration::from_secs(5))), Duration::ZERO);
        assert_eq!(age(later(now, Duration::from_secs(5)), now), Duration::from_secs(5));
    }
}
