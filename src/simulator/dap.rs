//! Delegated administration as it once was: which customers let the partner in for good, since
//! when, and when somebody last went in.

use jiff::{SignedDuration, Timestamp};

use super::customers::Customer;

mod figures;

pub use figures::Dap;

const DAY: i64 = 24 * 3600;

/// What a customer granted, and what became of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Delegation {
    /// When it was granted, if it ever was.
    pub(super) started: Option<Timestamp>,
    /// When it was taken back, and by whom.
    pub(super) ended: Option<(Timestamp, Ending)>,
    /// When somebody of the partner last worked in the customer's tenant, by this delegation or by
    /// a newer kind.
    pub(super) used: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    ByPartner,
    ByMicrosoft,
}

impl Delegation {
    pub(super) fn is_enabled(&self) -> bool {
        self.started.is_some() && self.ended.is_none()
    }

    /// How long it has not been used, in the words of the figures; a boundary day belongs to the
    /// lower band.
    pub(super) fn band(&self, used: Option<Timestamp>, now: Timestamp) -> &'static str {
        let days = |days: i64| SignedDuration::from_secs(days * DAY);
        match (used, self.started) {
            (Some(used), _) => match now.duration_since(used) {
                age if age <= days(30) => "lt30",
                age if age <= days(60) => "30to60",
                age if age <= days(90) => "60to90",
                _ => "gt90",
            },
            (None, Some(started)) if now.duration_since(started) < days(90) => "new",
            (None, _) => "never",
        }
    }
}

/// Gives these customers their delegations as they stand at `now`, from a seed of their own. Of
/// every twenty, eleven have one.
pub(super) fn settle(customers: &mut [Customer], seed: u64, now: Timestamp) {
    let mut rng = fastrand::Rng::with_seed(seed ^ 0xda9);
    let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
    for customer in customers {
        customer.dap = draw(&mut rng, customer.serial, now);
    }
}

fn draw(rng: &mut fastrand::Rng, serial: usize, now: Timestamp) -> Delegation {
    let ago = |seconds: i64| Some(now - SignedDuration::from_secs(seconds));
    let mut between = |from: i64, to: i64| ago(rng.i64(from * DAY..to * DAY));
    let (started, used) = (between(800, 2900), between(0, 1));
    let old = Delegation { started, ended: None, used: None };
    let ended = |at, by| Delegation { ended: Option::map(at, |at| (at, by)), ..old };
    match serial % 20 {
        // On a boundary, to the second.
        1 if serial / 20 == 1 => Delegation { used: ago(30 * DAY), ..old },
        3 if serial / 20 == 1 => Delegation { used: ago(60 * DAY), ..old },
        11 if serial / 20 == 1 => Delegation { used: ago(90 * DAY), ..old },
        7 if serial / 20 == 1 => Delegation { started: ago(90 * DAY), ..old },
        // Somebody is there every day.
        0 => Delegation { used, ..old },
        1 | 9 => Delegation { used: between(2, 29), ..old },
        // Granted of late.
        16 => Delegation { started: between(40, 80), used: between(2, 29), ..old },
        14 => Delegation { started: between(1, 80), ..old },
        3 => Delegation { used: between(31, 60), ..old },
        11 => Delegation { used: between(61, 90), ..old },
        5 | 13 | 19 => Delegation { used: between(92, 700), ..old },
        7 => old,
        4 => ended(between(3, 85), Ending::ByPartner),
        10 => ended(between(120, 700), Ending::ByPartner),
        15 => ended(between(3, 85), Ending::ByMicrosoft),
        // Somebody works there by a newer kind of delegation.
        6 => Delegation { started: None, used: between(2, 29), ..old },
        _ => Delegation::default(),
    }
}

/// Takes so many delegations back, those first that were not used for longest. Returns the places
/// of the customers.
pub(super) fn remove(customers: &mut [Customer], count: usize, now: Timestamp) -> Vec<usize> {
    let places = first(customers, count, |dap| dap.is_enabled());
    for &place in &places {
        customers[place].dap.ended = Some((now, Ending::ByPartner));
    }
    places
}

/// So many customers grant one who have none, those first where nobody has ever been. Returns
/// their places.
pub(super) fn grant(customers: &mut [Customer], count: usize, now: Timestamp) -> Vec<usize> {
    let places = first(customers, count, |dap| !dap.is_enabled());
    for &place in &places {
        let dap = &mut customers[place].dap;
        (dap.started, dap.ended) = (Some(now), None);
    }
    places
}

/// Places of the first of those wanted: where nothing has happened for longest.
fn first(customers: &[Customer], count: usize, wanted: fn(&Delegation) -> bool) -> Vec<usize> {
    let all = customers.iter().enumerate().filter(|(_, customer)| wanted(&customer.dap));
    let mut places: Vec<_> = all.map(|(place, _)| place).collect();
    places
        .sort_by_key(|&place| (customers[place].dap.used.max(customers[place].dap.started), place));
    places.truncate(count);
    places
}
