//! Answers of the metadata database, remembered for less than a second and forgotten as soon as they change.

use super::shards::Shards;
use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use ports::driven::StoreError;
use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::Hash,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

/// No answer is older, whether or not anybody told of a change. The rest of the second is for what happens between asking and answering.
const GOOD_FOR: Duration = Duration::from_millis(900);
/// Answers in use are asked for again from this age on, while they are still good: nobody waits for them.
const RENEWED_FROM: Duration = Duration::from_millis(450);
/// Answers kept in each part at most.
const PART: usize = 1024;

/// Where answers come from.
pub(super) trait Source: Send + Sync + 'static {
    type Key: Clone + Eq + Hash + Send + Sync + 'static;
    type Value: Send + Sync + 'static;

    fn load(&self, key: &Self::Key) -> impl Future<Output = Result<Option<Self::Value>, StoreError>> + Send;
}

/// A cache of a source's answers, that there is nothing among them.
pub(super) struct Cache<S: Source>(Arc<Core<S>>);

struct Core<S: Source> {
    source: S,
    parts: Shards<Part<S>>,
}

struct Part<S: Source> {
    answers: HashMap<S::Key, Answer<S::Value>>,
    /// Questions under way. Only what is still here when its answer comes is remembered: a change that is heard of meanwhile takes it out.
    flights: HashMap<S::Key, Flight<S::Value>>,
    flown: u64,
}

impl<S: Source> Default for Part<S> {
    fn default() -> Self {
        Self { answers: HashMap::new(), flights: HashMap::new(), flown: 0 }
    }
}

struct Answer<V> {
    value: Option<Arc<V>>,
    asked_at: Instant,
    renewing: AtomicBool,
}

struct Flight<V> {
    number: u64,
    asked_at: Instant,
    landing: Landing<V>,
}

type Landing<V> = Shared<BoxFuture<'static, Result<Option<Arc<V>>, Arc<StoreError>>>>;

enum Found<V> {
    Good(Option<Arc<V>>),
    Ageing(Option<Arc<V>>),
    Nothing,
}

impl<S: Source> Cache<S> {
    pub(super) fn new(source: S) -> Self {
        Self(Arc::new(Core { source, parts: Shards::default() }))
    }

    /// The answer for a key. However many ask at once, the source is asked once.
    pub(super) async fn get<Q>(&self, key: &Q) -> Result<Option<Arc<S::Value>>, StoreError>
    where
        S::Key: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = S::Key> + Sync + ?Sized,
    {
        match self.look(key) {
            Found::Good(value) => Ok(value),
            Found::Ageing(value) => {
                drop(self.ask(key.to_owned()));
                Ok(value)
            }
            Found::Nothing => self.ask(key.to_owned()).await.map_err(|shared| again(&shared)),
        }
    }

    /// Forgets the answers that a change may have made untrue: those for which `changed` says so, and all that said "nothing there".
    pub(super) fn forget(&self, changed: impl Fn(&S::Value) -> bool) {
        for mut part in self.0.parts.each() {
            part.flights.clear();
            part.answers.retain(|_, answer| answer.value.as_deref().is_some_and(|value| !changed(value)));
        }
    }

    fn look<Q>(&self, key: &Q) -> Found<S::Value>
    where
        S::Key: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let part = self.0.parts.read(key);
        let Some(answer) = part.answers.get(key) else { return Found::Nothing };
        let age = answer.asked_at.elapsed();
        if age >= GOOD_FOR {
            Found::Nothing
        } else if age >= RENEWED_FROM && !answer.renewing.swap(true, Ordering::Relaxed) {
            Found::Ageing(answer.value.clone())
        } else {
            Found::Good(answer.value.clone())
        }
    }

    /// Asks the source, or joins those who did a moment ago. The question runs to its end though nobody may wait for it any more.
    fn ask(&self, key: S::Key) -> Landing<S::Value> {
        let mut part = self.0.parts.write(&key);
        if let Some(flight) = part.flights.get(&key)
            && flight.asked_at.elapsed() < GOOD_FOR
        {
            return flight.landing.clone();
        }
        let asked_at = Instant::now();
        part.flown += 1;
        let number = part.flown;
        let landing = Arc::clone(&self.0).fly(key.clone(), number, asked_at).boxed().shared();
        part.flights.insert(key, Flight { number, asked_at, landing: landing.clone() });
        drop(part);
        tokio::spawn(landing.clone());
        landing
    }
}

impl<S: Source> Core<S> {
    async fn fly(self: Arc<Self>, key: S::Key, number: u64, asked_at: Instant) -> Result<Option<Arc<S::Value>>, Arc<StoreError>> {
        let loaded = self.source.load(&key).await.map(|value| value.map(Arc::new)).map_err(Arc::new);
        let mut part = self.parts.write(&key);
        if part.flights.get(&key).is_some_and(|flight| flight.number == number) {
            part.flights.remove(&key);
            if let Ok(value) = &loaded {
                part.remember(key, Answer { value: value.clone(), asked_at, renewing: AtomicBool::new(false) });
            }
        }
        loaded
    }
}

impl<S: Source> Part<S> {
    fn remember(&mut self, key: S::Key, answer: Answer<S::Value>) {
        if self.answers.len() >= PART && !self.answers.contains_key(&key) {
            self.answers.retain(|_, kept| kept.asked_at.elapsed() < GOOD_FOR);
            if self.answers.len() >= PART
                && let Some(any) = self.answers.keys().next().cloned()
            {
                self.answers.remove(&any);
            }
        }
        self.answers.insert(key, answer);
    }
}

/// The same failure for each of those who waited.
fn again(shared: &Arc<StoreError>) -> StoreError {
    match shared.as_ref() {
        StoreError::Unavailable(_) => StoreError::Unavailable(Arc::clone(shared).into()),
        StoreError::Corrupt { table, row, .. } => StoreError::Corrupt { table, row: row.clone(), source: Arc::clone(shared).into() },
        _ => StoreError::Unexpected(Arc::clone(shared).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Cache, GOOD_FOR, RENEWED_FROM, Source};
    use ports::driven::StoreError;
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };
    use tokio::{sync::Semaphore, time::advance};

    /// Answers with how often it was asked, as soon as it is let.
    struct Counter {
        asked: Arc<AtomicU32>,
        gate: Arc<Semaphore>,
    }

    impl Source for Counter {
        type Key = String;
        type Value = u32;

        async fn load(&self, key: &String) -> Result<Option<u32>, StoreError> {
            let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
            self.gate.acquire().await.unwrap().forget();
            match key.as_str() {
                "nothing" => Ok(None),
                "broken" => Err(StoreError::Unavailable("it is".into())),
                _ => Ok(Some(number)),
            }
        }
    }

    fn cache(permits: usize) -> (Arc<Cache<Counter>>, Arc<AtomicU32>, Arc<Semaphore>) {
        let (asked, gate) = (Arc::default(), Arc::new(Semaphore::new(permits)));
        (Arc::new(Cache::new(Counter { asked: Arc::clone(&asked), gate: Arc::clone(&gate) })), asked, gate)
    }

    async fn get(cache: &Cache<Counter>, key: &str) -> Option<u32> {
        cache.get(key).await.unwrap().map(|value| *value)
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_good_for_less_than_a_second() {
        let (cache, asked, _) = cache(100);
        for _ in 0..10 {
            assert_eq!(get(&cache, "a").await, Some(1));
            assert_eq!(get(&cache, "nothing").await, None);
        }
        assert_eq!(asked.load(Ordering::SeqCst), 2);
        advance(GOOD_FOR).await;
        assert_eq!(get(&cache, "a").await, Some(3));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_in_use_is_renewed_and_nobody_waits_for_it() {
        let (cache, asked, gate) = cache(1);
        assert_eq!(get(&cache, "a").await, Some(1));
        advance(RENEWED_FROM).await;
        // The source is shut: whoever waited for it would wait for ever.
        for _ in 0..10 {
            assert_eq!(get(&cache, "a").await, Some(1));
            tokio::task::yield_now().await;
        }
        assert_eq!(asked.load(Ordering::SeqCst), 2);
        gate.add_permits(1);
        while get(&cache, "a").await == Some(1) {
            tokio::task::yield_now().await;
        }
        advance(GOOD_FOR.checked_sub(RENEWED_FROM).unwrap()).await;
        assert_eq!(get(&cache, "a").await, Some(2));
    }

    #[tokio::test]
    async fn however_many_ask_the_source_is_asked_once() {
        let (cache, asked, gate) = cache(0);
        let askers: Vec<_> = (0..50)
            .map(|_| {
                tokio::spawn({
                    let cache = Arc::clone(&cache);
                    async move { get(&cache, "a").await }
                })
            })
            .collect();
        while asked.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        gate.add_permits(1);
        for asker in askers {
            assert_eq!(asker.await.unwrap(), Some(1));
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn what_was_asked_before_a_change_is_not_remembered_and_not_joined_after_it() {
        let (cache, asked, gate) = cache(0);
        let before = tokio::spawn({
            let cache = Arc::clone(&cache);
            async move { get(&cache, "a").await }
        });
        while asked.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        cache.forget(|_| true);
        let after = tokio::spawn({
            let cache = Arc::clone(&cache);
            async move { get(&cache, "a").await }
        });
        while asked.load(Ordering::SeqCst) == 1 {
            tokio::task::yield_now().await;
        }
        gate.add_permits(2);
        assert_eq!((before.await.unwrap(), after.await.unwrap()), (Some(1), Some(2)));
        assert_eq!(get(&cache, "a").await, Some(2));
    }

    #[tokio::test]
    async fn a_change_takes_what_it_touches_and_every_nothing() {
        let (cache, asked, _) = cache(100);
        get(&cache, "a").await;
        get(&cache, "b").await;
        get(&cache, "nothing").await;
        cache.forget(|value| *value == 1);
        assert_eq!(get(&cache, "b").await, Some(2));
        assert_eq!(asked.load(Ordering::SeqCst), 3);
        get(&cache, "a").await;
        get(&cache, "nothing").await;
        assert_eq!(asked.load(Ordering::SeqCst), 5);
    }

    #[tokio::test]
    async fn a_failure_is_everybodys_and_nobody_remembers_it() {
        let (cache, asked, gate) = cache(0);
        let (one, two, ()) = tokio::join!(cache.get("broken"), cache.get("broken"), async { gate.add_permits(2) });
        assert!(matches!(one, Err(StoreError::Unavailable(_))) && matches!(two, Err(StoreError::Unavailable(_))));
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        assert!(cache.get("broken").await.is_err());
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn what_nobody_knows_does_not_fill_the_memory() {
        let (cache, ..) = cache(super::PART * 40);
        for number in 0..super::PART * 32 {
            cache.get(number.to_string().as_str()).await.unwrap();
        }
        assert!(cache.0.parts.each().all(|part| part.answers.len() <= super::PART && part.flights.is_empty()));
    }
}
