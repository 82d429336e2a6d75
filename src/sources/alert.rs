//! The shape of an alert about fraud, which two APIs spell differently and mean alike.

use jiff::Timestamp;

use crate::wire::ObjectId;

/// An alert Microsoft raised on the use of Azure in a customer's tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Microsoft's id. The two APIs are not said to share it.
    pub id: ObjectId,
    /// Microsoft's word for the kind, in camel case, such as `usageAnomalyDetection`.
    pub alert_type: Box<str>,
    /// What Microsoft calls it for people.
    pub display_name: Box<str>,
    /// How grave Microsoft takes it to be.
    pub severity: Severity,
    /// Where the answer stands. Whatever else is filled in, this decides.
    pub status: Status,
    /// Whether it was raised to try the way out, and counts nowhere.
    pub is_test: bool,
    /// When Microsoft noticed.
    pub detected: Timestamp,
    /// When somebody first answered: the first change away from `active`, else the resolution;
    /// `None` while it is active, and where Microsoft does not say.
    pub answered: Option<Timestamp>,
    /// What was found, once resolved.
    pub resolution: Option<Resolution>,
    /// The customer's tenant.
    pub customer: Option<ObjectId>,
    /// The customer's Azure subscription.
    pub subscription: Option<ObjectId>,
    /// The first of the resources concerned, as Azure names them; may be empty, and then the whole
    /// subscription is to be looked at.
    pub resources: Vec<Box<str>>,
}

/// How grave an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// For information.
    Informational,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
    /// In a word unknown to us.
    Unknown,
}

impl Severity {
    /// All of them, in the order of the label's values.
    pub const ALL: [Self; 5] =
        [Self::Informational, Self::Low, Self::Medium, Self::High, Self::Unknown];

    /// Of Microsoft's word, whatever its casing.
    pub fn of(word: &str) -> Self {
        let is_it = |it: &Self| it.as_str().eq_ignore_ascii_case(word.trim());
        Self::ALL.into_iter().find(is_it).unwrap_or(Self::Unknown)
    }

    /// The value of the label `severity`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Unknown => "unknown",
        }
    }
}

/// Where the answer to an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Nobody has answered.
    Active,
    /// Somebody looks into it.
    Investigating,
    /// Done.
    Resolved,
}

impl Status {
    /// Those that are open, in the order of the label's values.
    pub const OPEN: [Self; 2] = [Self::Active, Self::Investigating];

    /// Of Microsoft's word, whatever its casing. A word unknown to us is not taken for an answer.
    pub fn of(word: &str) -> Self {
        match word.trim() {
            word if word.eq_ignore_ascii_case("resolved") => Self::Resolved,
            word if word.eq_ignore_ascii_case("investigating") => Self::Investigating,
            _ => Self::Active,
        }
    }

    /// The value of the label `status`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Investigating => "investigating",
            Self::Resolved => "resolved",
        }
    }
}

/// What was found about an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// The use was the customer's own.
    Legitimate,
    /// Put aside.
    Ignore,
    /// It was fraud.
    Fraud,
    /// In a word unknown to us, or in none.
    Unknown,
}

impl Resolution {
    /// All of them, in the order of the label's values.
    pub const ALL: [Self; 4] = [Self::Legitimate, Self::Ignore, Self::Fraud, Self::Unknown];

    /// Of Microsoft's word, whatever its casing.
    pub fn of(word: &str) -> Self {
        let is_it = |it: &Self| it.as_str().eq_ignore_ascii_case(word.trim());
        Self::ALL.into_iter().find(is_it).unwrap_or(Self::Unknown)
    }

    /// The value of the label `resolution`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Legitimate => "legitimate",
            Self::Ignore => "ignore",
            Self::Fraud => "fraud",
            Self::Unknown => "unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_compared_regardless_of_case_and_unknown_ones_calm_nobody() {
        assert_eq!(Severity::of("High"), Severity::High);
        assert_eq!(Severity::of("critical"), Severity::Unknown);
        assert_eq!(Status::of("RESOLVED"), Status::Resolved);
        assert_eq!(Status::of("unknownFutureValue"), Status::Active);
        assert_eq!(Resolution::of("Fraud"), Resolution::Fraud);
        assert_eq!(Resolution::of("None"), Resolution::Unknown);
    }
}
