//! Objects that Microsoft tells of one at a time only: at each reading a few are read, in turn.
//!
//! First those never read, then those that are said to have changed, then those read longest ago. One
//! that cannot be read keeps what was last known of it for a while, and then says why it is not known.

use std::future::Future;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinSet;

use super::source::Unread;
use crate::client::{FetchError, Tally};
use crate::clock::age;
use crate::wire::ObjectId;

/// What is known of each object that is wanted, each once and in the order of their ids. There are two of
/// them while one is gone on from, so it is kept compact: a map filled in order is half empty.
#[derive(Debug, Clone)]
pub struct Sweep<T>(Box<[(ObjectId, Known<T>)]>);

/// What is known of one object.
#[derive(Debug, Clone)]
struct Known<T> {
    what: Result<T, Unread>,
    /// When that was read; never, while it was not.
    read: Moment,
    /// When it was last asked for, and answered or refused for good.
    tried: Moment,
}

/// A moment to the millisecond, or never, in a third of what an optional one takes.
#[derive(Debug, Clone, Copy)]
struct Moment(i64);

impl Moment {
    const NEVER: Self = Self(i64::MIN);

    fn get(self) -> Option<Timestamp> {
        Timestamp::from_millisecond(self.0).ok()
    }
}

impl From<Timestamp> for Moment {
    fn from(at: Timestamp) -> Self {
        Self(at.as_millisecond())
    }
}

/// The bounds of one turn.
#[derive(Debug, Clone, Copy)]
pub struct Turn {
    /// Objects asked for in one reading, beside one that is known to answer.
    pub most: usize,
    /// Within this time each is read again.
    pub round: Duration,
}

/// Objects read at once, so that they do not take the sum of their waits.
const AT_ONCE: usize = 4;
/// So many failing in a row for what passes by itself are an outage; what was read until then is kept.
const OUTAGE: u32 = 4;
/// Clocks may differ by so much: whatever is said to have changed is read once more after this.
const SKEW: SignedDuration = SignedDuration::from_mins(10);
/// What was refused is asked for again after this.
const RETRY: Duration = Duration::from_secs(3600);

/// What is due is read in this order: first what was never read, then what has changed since, each time
/// what was read longest ago.
type Rank = (u8, Timestamp);

impl<T> Known<T> {
    /// Its place among what is due; `None` where it is not.
    fn rank(&self, changed: Option<Timestamp>, turn: Turn, now: Timestamp) -> Option<Rank> {
        let Some(tried) = self.tried.get() else { return Some((0, Timestamp::MIN)) };
        let wait = if self.what.is_ok() { turn.round } else { RETRY };
        match changed {
            Some(at) if at + SKEW > tried => Some((1, tried)),
            // What lies ahead was asked by a clock that has been set back since.
            _ if tried > now || age(now, tried) >= wait => Some((2, tried)),
            _ => None,
        }
    }
}

impl<T> Default for Sweep<T> {
    fn default() -> Self {
        Self(Box::default())
    }
}

impl<T> Sweep<T> {
    /// From what is known of each and when it was read.
    pub fn new(known: impl IntoIterator<Item = (ObjectId, Result<T, Unread>, Timestamp)>) -> Self {
        let known = known.into_iter().map(|(id, what, at)| {
            let read = if what.is_ok() { at.into() } else { Moment::NEVER };
            (id, Known { what, read, tried: at.into() })
        });
        Self::of_all(known.collect())
    }

    /// Of these in any order; of those that are there twice the first is kept.
    fn of_all(mut all: Vec<(ObjectId, Known<T>)>) -> Self {
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        all.dedup_by(|(later, _), (kept, _)| later == kept);
        Self(all.into())
    }

    fn place(&self, id: &ObjectId) -> Option<usize> {
        self.0.binary_search_by(|(known, _)| known.cmp(id)).ok()
    }

    fn known(&self, id: &ObjectId) -> Option<&Known<T>> {
        self.place(id).map(|place| &self.0[place].1)
    }

    fn known_mut(&mut self, id: &ObjectId) -> Option<&mut Known<T>> {
        self.place(id).map(|place| &mut self.0[place].1)
    }

    /// What is known of one; [`Unread::Pending`] of what was never wanted, too.
    pub fn of(&self, id: &ObjectId) -> Result<&T, Unread> {
        let known = self.known(id).ok_or(Unread::Pending)?;
        known.what.as_ref().map_err(|why| *why)
    }

    /// Whether this one was wanted.
    pub fn has(&self, id: &ObjectId) -> bool {
        self.place(id).is_some()
    }

    /// What is known of all, in the order of their ids.
    pub fn all(&self) -> impl Iterator<Item = (&ObjectId, Result<&T, Unread>)> {
        self.0.iter().map(|(id, known)| (id, known.what.as_ref().map_err(|why| *why)))
    }

    /// All that was read, with the time.
    pub fn read(&self) -> impl Iterator<Item = (&ObjectId, &T, Timestamp)> + Clone {
        self.0.iter().filter_map(|(id, it)| Some((id, it.what.as_ref().ok()?, it.read.get()?)))
    }

    /// Whether every object has been asked for once.
    pub fn is_whole(&self) -> bool {
        self.0.iter().all(|(_, it)| it.tried.get().is_some())
    }

    /// When the one was read that was read longest ago.
    pub fn oldest(&self) -> Option<Timestamp> {
        self.read().map(|(.., at)| at).min()
    }

    /// How many are known. Those that are refused are no bad rows: whoever counts them shows them as
    /// unknown.
    pub fn tally(&self) -> Tally {
        Tally { accepted: self.read().count() as u64, rejected: 0 }
    }
}

impl<T: Clone + Send + 'static> Sweep<T> {
    /// Goes on from `last`: forgets what is no longer wanted, and reads what is due with `read`.
    /// `wanted` says of each object when it is known to have changed last.
    ///
    /// Fails where nothing answers, not even what has answered before.
    pub async fn turn<F>(
        last: Option<&Self>,
        wanted: impl IntoIterator<Item = (ObjectId, Option<Timestamp>)>,
        turn: Turn,
        now: Timestamp,
        read: impl Fn(ObjectId) -> F,
    ) -> Result<Self, FetchError>
    where
        F: Future<Output = Result<T, FetchError>> + Send + 'static,
    {
        let (mut all, mut due) = (Vec::new(), Vec::new());
        for (id, changed) in wanted {
            let known = last.and_then(|last| last.known(&id)).cloned();
            let (read, tried) = (Moment::NEVER, Moment::NEVER);
            let known = known.unwrap_or(Known { what: Err(Unread::Pending), read, tried });
            due.extend(known.rank(changed, turn, now).map(|rank| (rank, id.clone())));
            all.push((id, known));
        }
        let mut sweep = Self::of_all(all);
        let mut due = sweep.first(due, turn, now).into_iter();
        let mut under_way = JoinSet::new();
        let (mut answered, mut passing, mut failure) = (0_usize, 0, None);
        let mut stumbled = Vec::new();
        loop {
            while under_way.len() < AT_ONCE
                && passing < OUTAGE
                && let Some(id) = due.next()
            {
                let reading = read(id.clone());
                under_way.spawn(async move { (id, reading.await) });
            }
            let Some(done) = under_way.join_next().await else { break };
            let (id, outcome) = done.map_err(|_| FetchError::Internal)?;
            match outcome {
                Ok(what) => {
                    (answered, passing) = (answered + 1, 0);
                    if let Some(known) = sweep.known_mut(&id) {
                        *known = Known { what: Ok(what), read: now.into(), tried: now.into() };
                    }
                }
                Err(error) if error.is_of_token() => return Err(error),
                Err(error) => {
                    if error.is_passing() {
                        passing += 1;
                        stumbled.push((id, error.clone()));
                    } else {
                        passing = 0;
                        sweep.refuse(&id, &error, turn, now);
                    }
                    failure.get_or_insert(error);
                }
            }
        }
        match failure {
            Some(error) if answered == 0 => Err(error),
            _ => {
                // Others were answered: Microsoft stumbles over these, and they keep nobody waiting.
                stumbled.iter().for_each(|(id, error)| sweep.refuse(id, error, turn, now));
                Ok(sweep)
            }
        }
    }

    /// What to ask for now of all that is due, and one more that is known to answer, so that silence is
    /// told from refusals.
    fn first(&self, mut due: Vec<(Rank, ObjectId)>, turn: Turn, now: Timestamp) -> Vec<ObjectId> {
        due.sort_unstable();
        // One that was named twice is asked for once.
        due.dedup();
        // Those never read begin elsewhere each minute, so that a few that always fail do not keep all
        // others from being asked for.
        let never = due.iter().take_while(|((rank, _), _)| *rank == 0).count();
        if never > 0 {
            let minute = now.as_second().unsigned_abs() / 60;
            due[..never].rotate_left(usize::try_from(minute).unwrap_or(0) % never);
        }
        due.truncate(turn.most);
        let due: Vec<_> = due.into_iter().map(|(_, id)| id).collect();
        let probe = self.read().min_by_key(|(.., at)| *at).map(|(id, ..)| id.clone());
        let probe = probe.filter(|id| !due.contains(id));
        probe.into_iter().chain(due).collect()
    }

    /// One is refused, or fails where others answer: what was known of it holds for two rounds.
    fn refuse(&mut self, id: &ObjectId, error: &FetchError, turn: Turn, now: Timestamp) {
        let Some(known) = self.known_mut(id) else { return };
        known.tried = now.into();
        let read = known.read.get();
        let holds = read.is_some_and(|read| age(now, read) < turn.round * 2);
        if !holds {
            let is_old = error.is_passing() && read.is_some();
            known.what = Err(if is_old { Unread::Stale } else { Unread::after(error) });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::client::{PartnerRefusal, Trail};

    const TURN: Turn = Turn { most: 3, round: Duration::from_secs(86_400) };

    fn id(name: &str) -> ObjectId {
        ObjectId::parse(name).unwrap()
    }

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_second(hours * 3600).unwrap()
    }

    /// One turn over these, of which `refuse` says who is refused; and who was asked for.
    fn turn(
        last: Option<&Sweep<i64>>,
        wanted: &[&str],
        hours: i64,
        refuse: fn(&str) -> Option<FetchError>,
    ) -> (Result<Sweep<i64>, FetchError>, Vec<String>) {
        let wanted: Vec<_> = wanted.iter().map(|name| (id(name), None)).collect();
        turn_of(last, wanted, hours, refuse)
    }

    fn turn_of(
        last: Option<&Sweep<i64>>,
        wanted: Vec<(ObjectId, Option<Timestamp>)>,
        hours: i64,
        refuse: fn(&str) -> Option<FetchError>,
    ) -> (Result<Sweep<i64>, FetchError>, Vec<String>) {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let note = Arc::clone(&asked);
        let read = move |id: ObjectId| {
            note.lock().unwrap().push(id.to_string());
            async move { refuse(&id.to_string()).map_or(Ok(hours), Err) }
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let sweep = runtime.block_on(Sweep::turn(last, wanted, TURN, at(hours), read));
        let mut asked = std::mem::take(&mut *asked.lock().unwrap());
        asked.sort();
        (sweep, asked)
    }

    fn nobody(_: &str) -> Option<FetchError> {
        None
    }

    fn role() -> FetchError {
        FetchError::Partner { refusal: PartnerRefusal::Role, trail: Trail::default() }
    }

    #[test]
    fn those_never_read_come_first_and_all_are_read_again_within_the_round() {
        let all = ["a", "b", "c", "d", "e"];
        let (first, asked) = turn(None, &all, 0, nobody);
        let first = first.unwrap();
        assert_eq!(asked, ["a", "b", "c"]);
        assert!(!first.is_whole());
        assert_eq!(first.of(&id("d")), Err(Unread::Pending));
        let (second, asked) = turn(Some(&first), &all, 1, nobody);
        let second = second.unwrap();
        assert_eq!(asked, ["a", "d", "e"], "and one that is known to answer");
        assert!(second.is_whole());
        let (third, asked) = turn(Some(&second), &all, 24, nobody);
        assert_eq!(asked, ["b", "c"], "a was read an hour later");
        assert_eq!(third.unwrap().oldest(), Some(at(1)));
    }

    #[test]
    fn what_changed_is_read_at_once_and_what_left_is_forgotten() {
        let (known, _) = turn(None, &["a", "b", "c"], 0, nobody);
        let changed = vec![(id("b"), None), (id("c"), Some(at(2)))];
        let (next, asked) = turn_of(Some(&known.unwrap()), changed, 3, nobody);
        assert_eq!(asked, ["b", "c"], "b to see whether anybody answers");
        let next = next.unwrap();
        assert_eq!(next.of(&id("c")), Ok(&3));
        assert_eq!(next.all().count(), 2);
        let ahead = vec![(id("b"), None), (id("c"), Some(at(3) - SignedDuration::from_mins(9)))];
        let (_, asked) = turn_of(Some(&next), ahead, 4, nobody);
        assert_eq!(asked, ["b", "c"], "our clock may have been ahead");
        let before = vec![(id("b"), None), (id("c"), Some(at(3) - SignedDuration::from_mins(10)))];
        let (_, asked) = turn_of(Some(&next), before, 4, nobody);
        assert_eq!(asked, ["b"]);
    }

    #[test]
    fn one_that_is_refused_keeps_what_was_known_for_two_rounds() {
        let b_is_refused = |name: &str| (name == "b").then(role);
        let (known, _) = turn(None, &["a", "b"], 0, nobody);
        let (known, _) = turn(Some(&known.unwrap()), &["a", "b"], 24, b_is_refused);
        let known = known.unwrap();
        assert_eq!(known.of(&id("b")), Ok(&0));
        let (known, _) = turn(Some(&known), &["a", "b"], 48, b_is_refused);
        let known = known.unwrap();
        assert_eq!(known.of(&id("b")), Err(Unread::Permission));
        assert_eq!(known.tally(), Tally { accepted: 1, rejected: 0 });
        let (_, asked) = turn(Some(&known), &["a", "b"], 48, nobody);
        assert_eq!(asked, ["a"], "a refusal is not asked about again at once");
    }

    #[test]
    fn what_a_clock_that_ran_ahead_asked_is_asked_again() {
        let (ahead, _) = turn(None, &["a", "b"], 9_000, nobody);
        let (mended, asked) = turn(Some(&ahead.unwrap()), &["a", "b"], 10, nobody);
        assert_eq!((mended.unwrap().oldest(), asked.len()), (Some(at(10)), 2));
    }

    #[test]
    fn where_nothing_answers_any_more_the_reading_has_failed() {
        let (known, _) = turn(None, &["a", "b"], 0, nobody);
        let (failed, _) = turn(Some(&known.unwrap()), &["a", "b", "c"], 1, |_| Some(role()));
        assert_eq!(failed.unwrap_err(), role());
        let (none, asked) = turn(None, &[], 1, |_| Some(role()));
        assert_eq!((none.unwrap().is_whole(), asked.len()), (true, 0), "nothing is wanted");
    }

    #[test]
    fn an_outage_ends_the_turn_and_keeps_what_was_read_before() {
        let down =
            |name: &str| (name > "a").then(|| FetchError::Timeout { correlation: String::new() });
        let (known, _) = turn(None, &["a", "b", "c"], 0, down);
        let known = known.unwrap();
        assert_eq!(known.of(&id("a")), Ok(&0));
        assert_eq!(known.of(&id("b")), Err(Unread::SourceFailed));
        assert!(known.is_whole(), "those over which Microsoft stumbles keep nobody waiting");
        let all_down = |_: &str| Some(FetchError::Timeout { correlation: String::new() });
        assert!(turn(Some(&known), &["a", "b", "c"], 2, all_down).0.is_err());
        let (later, asked) = turn(Some(&known), &["a", "b", "c"], 1, nobody);
        assert_eq!((asked.len(), later.unwrap().of(&id("b"))), (3, Ok(&1)), "an hour later");
        let (old, _) = turn(None, &["a", "b", "c"], 0, nobody);
        let (old, _) = turn(Some(&old.unwrap()), &["a", "b", "c"], 48, down);
        assert_eq!(old.unwrap().of(&id("b")), Err(Unread::Stale));
    }

    #[test]
    fn a_few_that_always_fail_do_not_keep_the_others_from_being_asked_for() {
        let sick =
            |name: &str| (name < "e").then(|| FetchError::Timeout { correlation: String::new() });
        let all = ["a", "b", "c", "d", "e", "f", "g"];
        assert!(turn(None, &all, 0, sick).0.is_err(), "nobody has answered yet");
        // 60 minutes later it begins with the fifth of seven.
        let (some, _) = turn(None, &all, 1, sick);
        let (all_others, _) = turn(Some(&some.unwrap()), &all, 2, sick);
        let others = all_others.unwrap();
        assert!(["e", "f", "g"].iter().all(|name| others.of(&id(name)).is_ok()), "{others:?}");
    }
}
