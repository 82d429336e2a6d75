//! Stretches of the log, and how long the next is asked for: learnt from the pages the last ones had.

/// Seconds of an hour.
pub(super) const HOUR: i64 = 3_600;

/// How long rows may still arrive or change.
/// Source: Microsoft Entra, sign-in log: MFA events take up to two hours to settle.
pub(super) const SETTLES: i64 = 2 * HOUR;

/// Lengths of a window, in seconds. Each below an hour divides it, so that windows read early and
/// windows read late have the same borders.
const SPANS: [i64; 12] = [
    60,
    5 * 60,
    10 * 60,
    30 * 60,
    HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    24 * HOUR,
    48 * HOUR,
    96 * HOUR,
    168 * HOUR,
];

/// The pages a window is meant to have.
const PAGES: i64 = 12;

/// A window with more pages makes the next ones shorter.
const MANY_PAGES: u32 = 20;

/// A window with more is given up and asked for in parts, so that one that breaks off costs little.
pub(super) const MOST_PAGES: u32 = 40;

/// A stretch of the log, from one second up to before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) from: i64,
    pub(super) until: i64,
    /// Whether it is counted for good, so that who was there in which hour need not be known.
    pub(super) is_settled: bool,
}

impl Window {
    pub(super) fn length(self) -> i64 {
        self.until - self.from
    }

    /// Whether it can be asked for in parts.
    pub(super) fn can_shorten(self) -> bool {
        self.length() > SPANS[0]
    }
}

/// How long the next window is, in seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span(i64);

impl Default for Span {
    /// What a window is asked for at first.
    fn default() -> Self {
        Self(24 * HOUR)
    }
}

impl Span {
    /// A window was read whole, with so many pages.
    pub(super) fn learn(&mut self, window: Window, pages: u32) {
        let length = window.length();
        if pages > MANY_PAGES {
            self.shorten(length * PAGES / i64::from(pages));
        } else if pages * 4 <= MANY_PAGES && length >= self.0 {
            // After a night comes a morning.
            let most = if length < 24 * HOUR { 2 } else { 8 };
            self.0 = span_within(length * i64::from(MANY_PAGES / pages.max(1)).min(most));
        }
    }

    /// A window had too many pages: those back to `oldest`, newest first, are a full measure.
    pub(super) fn give_up(&mut self, window: Window, oldest: i64) {
        let length = window.length();
        let read = if oldest < window.until { window.until - oldest } else { length };
        self.shorten((read * PAGES / i64::from(MOST_PAGES)).min(length / 2));
    }

    /// A window broke off before it was read whole.
    pub(super) fn halve(&mut self, window: Window) {
        self.shorten(window.length() / 2);
    }

    fn shorten(&mut self, ideal: i64) {
        self.0 = span_within(ideal).min(self.0);
    }

    /// Where the window that begins here would end.
    pub(super) fn end_after(self, from: i64) -> i64 {
        if self.0 < HOUR { (from.div_euclid(self.0) + 1) * self.0 } else { from + self.0 }
    }

    /// Where the window that ends here would begin.
    pub(super) fn start_before(self, until: i64) -> i64 {
        if self.0 < HOUR { (until - 1).div_euclid(self.0) * self.0 } else { until - self.0 }
    }
}

/// The longest of [`SPANS`] that is not longer.
fn span_within(ideal: i64) -> i64 {
    SPANS.into_iter().rev().find(|span| *span <= ideal).unwrap_or(SPANS[0])
}

/// Hours since 1970.
pub(super) fn hour_of(second: i64) -> u32 {
    u32::try_from(second.div_euclid(HOUR)).unwrap_or(0)
}

pub(super) fn next_hour(second: i64) -> i64 {
    (second.div_euclid(HOUR) + 1) * HOUR
}

/// Where what is settled ends: a whole hour, at least [`SETTLES`] ago.
pub(super) fn edge(now: i64) -> i64 {
    (now - SETTLES).div_euclid(HOUR) * HOUR
}

/// Where figures begin that reach back so many seconds: at a whole hour.
pub(super) fn begin_of(window: i64, now: i64) -> i64 {
    (now - window).div_euclid(HOUR) * HOUR
}
