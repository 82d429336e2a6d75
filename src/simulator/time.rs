//! The time in the simulated world, which is not the reader's clock: the two may be set apart.

use std::time::Duration;

use jiff::Timestamp;

/// What time it is here.
pub(super) enum Time {
    /// As the machine says.
    Wall,
    /// Stands still until it is turned.
    Still(Timestamp),
}

impl Time {
    pub(super) fn new(start: Option<Timestamp>) -> Self {
        start.map_or(Self::Wall, Self::Still)
    }

    #[expect(clippy::disallowed_methods, reason = "stands apart from the rooms that share a clock")]
    pub(super) fn now(&self) -> Timestamp {
        match self {
            Self::Wall => Timestamp::now(),
            Self::Still(moment) => *moment,
        }
    }

    /// Moves a standing time onward; the machine's time goes by itself.
    pub(super) fn turn(&mut self, by: Duration) {
        if let Self::Still(moment) = self {
            *moment = moment.checked_add(by).unwrap_or(Timestamp::MAX);
        }
    }
}

/// Waits for a slow answer, in the reader's time: a reader's patience is what slowness tries.
#[expect(clippy::disallowed_methods, reason = "stands apart from the rooms that share a clock")]
pub(super) async fn dawdle(delay: Duration) {
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
}

/// A date as HTTP headers write it.
pub(super) fn http_date(moment: Timestamp) -> String {
    moment.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standing_time_moves_only_when_turned() {
        let mut time = Time::new(Some(Timestamp::UNIX_EPOCH));
        time.turn(Duration::from_millis(1500));
        assert_eq!(time.now().as_millisecond(), 1500);
        assert_eq!(http_date(time.now()), "Thu, 01 Jan 1970 00:00:01 GMT");
    }
}
