//! The simulated world's own time: the wall clock's, or one that is turned by hand.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

/// What time it is in the world.
pub(super) struct Time {
    start: Option<Timestamp>,
    turned: Mutex<Duration>,
    began: Instant,
}

#[expect(clippy::disallowed_methods, reason = "the simulator shares no clock with what it tests")]
impl Time {
    pub(super) fn new(start: Option<Timestamp>) -> Self {
        Self { start, turned: Mutex::default(), began: Instant::now() }
    }

    pub(super) fn now(&self) -> Timestamp {
        let turned = SignedDuration::try_from(*super::lock(&self.turned)).unwrap_or_default();
        self.start.map_or_else(Timestamp::now, |start| start + turned)
    }

    pub(super) fn turn(&self, by: Duration) {
        *super::lock(&self.turned) += by;
    }

    /// Time since the beginning, where time runs.
    pub(super) fn running(&self) -> Option<Duration> {
        self.start.is_none().then(|| self.began.elapsed())
    }
}

/// Does something again and again, for ever.
pub(super) async fn every(period: Duration, mut action: impl FnMut()) {
    loop {
        pause(period).await;
        action();
    }
}

/// Waits in real time.
#[expect(clippy::disallowed_methods, reason = "the simulator shares no clock with what it tests")]
pub(super) async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}
