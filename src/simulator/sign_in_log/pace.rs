//! Which row of the log is from when: the same number each day, more by day than by night.

/// Microsoft counts time in ten-millionths of a second.
pub(in crate::simulator) const SECOND: i64 = 10_000_000;
pub(super) const HOUR: i64 = 3600 * SECOND;
const DAY_HOURS: i64 = 24;

/// How much of a day has gone by before each of its hours, and after the last.
const GONE: [u64; 25] = {
    let weights = [2, 1, 1, 1, 1, 2, 4, 7, 10, 11, 11, 10, 8, 10, 11, 10, 9, 7, 5, 4, 4, 3, 3, 2];
    let mut gone = [0; 25];
    let mut hour = 0;
    while hour < 24 {
        gone[hour + 1] = gone[hour] + weights[hour];
        hour += 1;
    }
    gone
};

/// Every this many rows of an hour there are three of one and the same moment, which end at
/// [`TWINS_AT`]. The last of them is shown twice.
const BLOCK: u64 = 128;
const TWINS_AT: u64 = 5;

/// So many rows a day, numbered since 1970.
pub(super) struct Pace {
    daily: u64,
    seed: u64,
}

/// The rows of one hour.
#[derive(Clone, Copy)]
pub(super) struct Hour {
    /// Hours since 1970.
    pub(super) number: i64,
    pub(super) first: u64,
    pub(super) rows: u64,
}

impl Pace {
    pub(super) fn new(daily: usize, seed: u64) -> Self {
        Self { daily: daily as u64, seed }
    }

    /// Nothing is from before 1970.
    pub(super) fn hour(&self, number: i64) -> Hour {
        let number = number.max(0);
        let first = self.before(number);
        Hour { number, first, rows: self.before(number + 1) - first }
    }

    /// The hour that a row is from. There must be rows.
    pub(super) fn hour_of(&self, serial: u64) -> Hour {
        let (day, place) = (serial / self.daily, serial % self.daily);
        let mut of_day = 0;
        while self.daily * GONE[of_day + 1] / GONE[24] <= place {
            of_day += 1;
        }
        self.hour(day as i64 * DAY_HOURS + of_day as i64)
    }

    /// How many rows there are before an hour.
    fn before(&self, hour: i64) -> u64 {
        let (day, of_day) = (hour / DAY_HOURS, hour % DAY_HOURS);
        day as u64 * self.daily + self.daily * GONE[of_day as usize] / GONE[24]
    }

    /// When a row of this hour is from.
    pub(super) fn tick(&self, hour: &Hour, serial: u64) -> i64 {
        let mut place = serial - hour.first;
        let twins = place - place % BLOCK + TWINS_AT;
        if place + 2 >= twins && place <= twins && twins < hour.rows {
            place = twins;
        }
        let jitter = mix(self.seed, hour.first + place, 0x7e3) % HOUR as u64;
        hour.number * HOUR + ((place * HOUR as u64 + jitter) / hour.rows) as i64
    }

    /// Whether a row is shown twice: after itself, and after the next older one.
    pub(super) fn is_doubled(&self, hour: &Hour, serial: u64) -> bool {
        (hour.first..hour.first + hour.rows).contains(&serial)
            && (serial - hour.first) % BLOCK == TWINS_AT
    }

    /// The first row that is from then or later.
    pub(super) fn first_since(&self, tick: i64) -> u64 {
        if self.daily == 0 || tick < 0 {
            return 0;
        }
        let hour = self.hour(tick / HOUR);
        let (mut low, mut high) = (hour.first, hour.first + hour.rows);
        while low < high {
            let middle = u64::midpoint(low, high);
            if self.tick(&hour, middle) < tick {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

/// A number that is drawn for a row: the same whenever it is asked for.
pub(super) fn mix(seed: u64, serial: u64, salt: u64) -> u64 {
    let mut bits = seed.wrapping_add(salt << 32) ^ serial.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_in_order_and_every_day_has_as_many() {
        for daily in [1, 5, 1000, 1_000_000] {
            let pace = Pace::new(daily, 7);
            let day = 20_000;
            let rows = |hour| pace.hour(day * 24 + hour).rows;
            assert_eq!((0..24).map(rows).sum::<u64>(), daily as u64);
            let first = pace.hour(day * 24).first;
            let mut last = 0;
            for serial in first..first + (daily as u64).min(5000) {
                let hour = pace.hour_of(serial);
                let tick = pace.tick(&hour, serial);
                assert_eq!(tick / HOUR, hour.number);
                assert!(tick >= last, "{serial}");
                assert!(pace.first_since(tick) <= serial && pace.first_since(tick + 1) > serial);
                last = tick;
            }
        }
    }

    #[test]
    fn an_empty_log_has_no_rows_at_any_time() {
        let pace = Pace::new(0, 7);
        assert_eq!((pace.first_since(20_000 * 24 * HOUR), pace.hour(480_000).rows), (0, 0));
    }

    #[test]
    fn twins_are_of_one_moment() {
        let pace = Pace::new(10_000, 7);
        let hour = pace.hour(20_000 * 24 + 9);
        let twins = hour.first + 128 + 5;
        assert!(pace.is_doubled(&hour, twins) && !pace.is_doubled(&hour, twins - 1));
        let ticks = [0, 1, 2, 3].map(|back| pace.tick(&hour, twins - back));
        assert!(ticks[0] == ticks[1] && ticks[1] == ticks[2] && ticks[2] > ticks[3]);
    }
}
