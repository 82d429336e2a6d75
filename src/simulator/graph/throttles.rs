//! Microsoft's limits on one application in one tenant.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::refusal::Refusal;

const WINDOW_MILLISECONDS: i64 = 10_000;
/// Logs and reports: so many requests in a window.
const REPORTS: usize = 5;

/// Conditional Access: one request in so long, whoever asks.
const CONDITIONAL_ACCESS_MILLISECONDS: i64 = 1_000;

/// What was asked lately.
#[derive(Default)]
pub(crate) struct Throttles {
    /// The latest requests for reports, refused ones included: those count as well.
    reports: VecDeque<i64>,
    /// When something about Conditional Access was last asked, refused or not.
    conditional_access: Option<i64>,
    /// When the present window of resource units began, and what was spent in it.
    units: (i64, u32),
}

impl Throttles {
    /// Counts one request for logs or reports, and refuses it when it is one too many.
    pub(super) fn count_report(&mut self, now: Timestamp) -> Result<(), Refusal> {
        let now = now.as_millisecond();
        let full = self.reports.len() == REPORTS
            && self.reports.front().is_some_and(|first| now - first < WINDOW_MILLISECONDS);
        if self.reports.len() == REPORTS {
            self.reports.pop_front();
        }
        self.reports.push_back(now);
        if !full {
            return Ok(());
        }
        // Whoever comes when the oldest of these has left the window finds room.
        let first = self.reports.front().copied().unwrap_or(now);
        Err(refuse(first + WINDOW_MILLISECONDS - now, "RequestLimitExceeded"))
    }

    /// Counts one request about Conditional Access. Nobody is told when to come back.
    pub(super) fn count_conditional_access(&mut self, now: Timestamp) -> Result<(), Refusal> {
        let now = now.as_millisecond();
        match self.conditional_access.replace(now) {
            Some(last) if now - last < CONDITIONAL_ACCESS_MILLISECONDS => Err(Refusal::throttled()),
            _ => Ok(()),
        }
    }

    /// Counts resource units of the directory; large tenants have more.
    pub(super) fn count_units(
        &mut self,
        now: Timestamp,
        units: u32,
        users: usize,
    ) -> Result<(), Refusal> {
        let limit = match users {
            ..50 => 3_500,
            50..=500 => 5_000,
            _ => 8_000,
        };
        let now = now.as_millisecond();
        let (began, spent) = &mut self.units;
        if now - *began >= WINDOW_MILLISECONDS {
            (*began, *spent) = (now, 0);
        }
        *spent = spent.saturating_add(units);
        if *spent <= limit {
            return Ok(());
        }
        Err(refuse(*began + WINDOW_MILLISECONDS - now, "ResourceUnitLimitExceeded"))
    }
}

fn refuse(milliseconds: i64, why: &str) -> Refusal {
    let seconds = (milliseconds.max(1) + 999) / 1000;
    Refusal::throttled()
        .with("retry-after", Some(seconds.to_string()))
        .with("x-ms-throttle-scope", Some("Tenant_Application/ReadWrite".to_owned()))
        .with("x-ms-throttle-information", Some(why.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(1_700_000_000_000 + milliseconds).unwrap()
    }

    #[test]
    fn the_sixth_report_in_ten_seconds_is_refused_and_counts() {
        let mut throttles = Throttles::default();
        for second in 0..5 {
            assert!(throttles.count_report(at(second * 1000)).is_ok());
        }
        assert!(throttles.count_report(at(9_999)).is_err());
        // Without the refused one there would be room now.
        assert!(throttles.count_report(at(10_500)).is_err());
        assert!(throttles.count_report(at(21_000)).is_ok());
    }

    #[test]
    fn who_waits_as_told_is_let_in() {
        let mut throttles = Throttles::default();
        for second in 0..5 {
            assert!(throttles.count_report(at(second * 100)).is_ok());
        }
        assert!(throttles.count_report(at(500)).is_err());
        // The oldest of the last five came at 100 ms.
        assert!(throttles.count_report(at(10_100)).is_ok());
    }

    #[test]
    fn conditional_access_is_asked_about_once_a_second_and_who_hurries_waits_longer() {
        let mut throttles = Throttles::default();
        assert!(throttles.count_conditional_access(at(0)).is_ok());
        assert!(throttles.count_conditional_access(at(999)).is_err());
        assert!(throttles.count_conditional_access(at(1_500)).is_err());
        assert!(throttles.count_conditional_access(at(2_500)).is_ok());
    }

    #[test]
    fn units_are_counted_by_window_and_size() {
        let mut throttles = Throttles::default();
        assert!(throttles.count_units(at(0), 3_500, 10).is_ok());
        assert!(throttles.count_units(at(1), 1, 10).is_err());
        assert!(throttles.count_units(at(10_000), 3_501, 100).is_ok());
    }
}
