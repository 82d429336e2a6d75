//! How much time is left, in bands.

use jiff::Timestamp;

/// The time that is left until an end. A boundary belongs to the lower band.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Band {
    /// At most a day, or none at all.
    Day,
    /// More than a day, at most a week.
    Week,
    /// More than a week, at most two.
    Fortnight,
    /// More than 14 days, at most 30.
    Month,
    /// More than 30 days, at most 60.
    TwoMonths,
}

impl Band {
    /// All of them, in the order of the label's values.
    pub const ALL: [Self; 5] =
        [Self::Day, Self::Week, Self::Fortnight, Self::Month, Self::TwoMonths];

    /// The value of the label `ends_in`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "lt1d",
            Self::Week => "1to7d",
            Self::Fortnight => "7to14d",
            Self::Month => "14to30d",
            Self::TwoMonths => "30to60d",
        }
    }

    fn days(self) -> i64 {
        match self {
            Self::Day => 1,
            Self::Week => 7,
            Self::Fortnight => 14,
            Self::Month => 30,
            Self::TwoMonths => 60,
        }
    }
}

/// The time that is left until `end`; `None` for more than 60 days.
pub fn left(now: Timestamp, end: Timestamp) -> Option<Band> {
    let seconds = end.as_second() - now.as_second();
    Band::ALL.into_iter().find(|band| seconds <= band.days() * 86_400)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boundary_belongs_to_the_lower_band_and_what_has_ended_to_the_first() {
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let band =
            |seconds: i64| left(now, Timestamp::from_second(1_700_000_000 + seconds).unwrap());
        let day = 86_400;
        assert_eq!(band(-day), Some(Band::Day));
        for (days, at, after) in [
            (1, Some(Band::Day), Some(Band::Week)),
            (7, Some(Band::Week), Some(Band::Fortnight)),
            (14, Some(Band::Fortnight), Some(Band::Month)),
            (30, Some(Band::Month), Some(Band::TwoMonths)),
            (60, Some(Band::TwoMonths), None),
        ] {
            assert_eq!((band(days * day), band(days * day + 1)), (at, after), "{days} days");
        }
    }
}
