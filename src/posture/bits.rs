//! Sets of people, one bit each.

/// A set of numbers below a bound that does not change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bits {
    words: Vec<u64>,
    bound: usize,
}

impl Bits {
    /// None of `bound`.
    pub fn none(bound: usize) -> Self {
        Self { words: vec![0; bound.div_ceil(64)], bound }
    }

    /// All of `bound`.
    pub fn all(bound: usize) -> Self {
        let mut bits = Self { words: vec![u64::MAX; bound.div_ceil(64)], bound };
        if let Some(last) = bits.words.last_mut()
            && !bound.is_multiple_of(64)
        {
            *last = (1 << (bound % 64)) - 1;
        }
        bits
    }

    /// What the numbers are below of.
    pub fn bound(&self) -> usize {
        self.bound
    }

    /// Adds a number below the bound.
    pub fn insert(&mut self, number: usize) {
        debug_assert!(number < self.bound);
        self.words[number / 64] |= 1 << (number % 64);
    }

    /// Whether the number is in it.
    pub fn contains(&self, number: usize) -> bool {
        self.words.get(number / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    /// Adds all of another of the same bound.
    pub fn add(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word |= other);
    }

    /// Keeps what another of the same bound has too.
    pub fn keep(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word &= other);
    }

    /// Takes out all of another of the same bound.
    pub fn remove(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word &= !other);
    }

    /// Whether none is in it.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// How many are in it.
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The same set without room for what is not in it, if it is empty. Nothing can be added then.
    pub fn compact(self) -> Self {
        if self.is_empty() { Self::none(0) } else { self }
    }

    /// Those in it, in order.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.words.iter().enumerate().flat_map(|(place, &word)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros() as usize;
                (rest != 0).then(|| {
                    rest &= rest - 1;
                    place * 64 + bit
                })
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn all_of_a_bound_is_exactly_that_many() {
        for bound in [0, 1, 63, 64, 65, 200] {
            assert_eq!(Bits::all(bound).iter().collect::<Vec<_>>(), (0..bound).collect::<Vec<_>>());
            assert_eq!(Bits::all(bound).count(), bound);
            assert!(Bits::none(bound).is_empty());
            let compact = Bits::none(bound).compact();
            assert!(compact.is_empty() && !compact.contains(bound) && !compact.contains(0));
            assert_eq!(Bits::all(bound).compact().count(), bound);
        }
    }

    proptest::proptest! {
        #[test]
        fn they_behave_as_sets(
            one in proptest::collection::btree_set(0_usize..150, 0..40),
            other in proptest::collection::btree_set(0_usize..150, 0..40),
        ) {
            let bits = |set: &BTreeSet<usize>| {
                let mut bits = Bits::none(150);
                set.iter().for_each(|&number| bits.insert(number));
                bits
            };
            let with = |change: fn(&mut Bits, &Bits)| {
                let mut result = bits(&one);
                change(&mut result, &bits(&other));
                result.iter().collect::<BTreeSet<_>>()
            };
            proptest::prop_assert_eq!(with(Bits::add), &one | &other);
            proptest::prop_assert_eq!(with(Bits::keep), &one & &other);
            proptest::prop_assert_eq!(with(Bits::remove), &one - &other);
        }
    }
}
