//! The partner's indirect resellers.

use super::person::random_id;

/// One indirect reseller.
pub(super) struct Reseller {
    pub(super) id: u128,
    pub(super) name: String,
    pub(super) mpn_id: String,
    /// Whether it signed the agreement, where Microsoft can tell.
    pub(super) signed: Option<bool>,
}

/// One for every four customers, a hundred at most, from a seed of their own.
pub(super) fn draw(customers: usize, seed: u64) -> Vec<Reseller> {
    let mut rng = fastrand::Rng::with_seed(seed ^ 0x4e5e);
    let draw = |place: usize| Reseller {
        id: random_id(&mut rng),
        name: format!("Reseller {} (simulated)", place + 1),
        mpn_id: (4_847_383 + place).to_string(),
        signed: match place {
            4 => None,
            _ => Some(place % 4 != 1),
        },
    };
    (0..customers.div_ceil(4).min(100)).map(draw).collect()
}
