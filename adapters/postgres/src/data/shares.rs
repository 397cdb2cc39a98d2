//! How many connections one principal may use at a time: never all there are, whatever it asks.

use std::{
    collections::HashMap,
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use domain::Principal;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::wire::{Counted, WireError};

/// More names than this are looked through for those that nobody uses any more.
const MANY: usize = 1024;

/// What each principal has of the connections.
#[derive(Debug)]
pub(super) struct Shares {
    each: usize,
    /// How long a request waits for those of its own principal.
    patience: Duration,
    in_use: Mutex<HashMap<String, InUse>>,
}

/// One principal's share, while somebody uses it.
#[derive(Debug)]
struct InUse {
    permits: Weak<Semaphore>,
    waiting: Wanted,
}

/// Whether a request waits until another one of its own principal has ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted(Arc<AtomicUsize>);

impl Wanted {
    pub(super) fn is_wanted(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 0
    }
}

impl Shares {
    /// Three quarters of the connections, at least one, for each principal.
    pub(super) fn of(connections: NonZeroUsize, patience: Duration) -> Self {
        Self { each: (connections.get() - connections.get() / 4).min(Semaphore::MAX_PERMITS), patience, in_use: Mutex::default() }
    }

    /// The right to use one connection, for as long as the permit is kept.
    pub(super) async fn take(&self, principal: &Principal) -> Result<OwnedSemaphorePermit, WireError> {
        let (share, wanted) = self.of_principal(principal);
        if let Ok(permit) = share.clone().try_acquire_owned() {
            return Ok(permit);
        }
        let _waiting = Counted::add(&wanted.0);
        match timeout(self.patience, share.acquire_owned()).await {
            Ok(permit) => Ok(permit.expect("a share is never closed")),
            Err(_) => Err(WireError::PoolTimeout),
        }
    }

    /// Whether others of this principal's requests wait, now or later.
    pub(super) fn wanted(&self, principal: &Principal) -> Wanted {
        self.of_principal(principal).1
    }

    fn of_principal(&self, principal: &Principal) -> (Arc<Semaphore>, Wanted) {
        let key = principal.budget_key();
        let mut in_use = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = in_use.get(&key)
            && let Some(permits) = found.permits.upgrade()
        {
            return (permits, found.waiting.clone());
        }
        if in_use.len() >= MANY {
            in_use.retain(|_, share| share.permits.strong_count() > 0);
        }
        let (permits, waiting) = (Arc::new(Semaphore::new(self.each)), Wanted::default());
        in_use.insert(key, InUse { permits: Arc::downgrade(&permits), waiting: waiting.clone() });
        (permits, waiting)
    }
}

#[cfg(test)]
mod tests {
    use std::{num::NonZeroUsize, time::Duration};

    use domain::{
        Principal,
        access::{KeyId, PrincipalKind},
    };
    use uuid::Uuid;

    use super::{MANY, Shares};

    const PATIENCE: Duration = Duration::from_secs(10);

    fn key(number: usize) -> Principal {
        let id = KeyId::from_uuid(Uuid::from_u128(u128::try_from(number).unwrap()));
        Principal { kind: PrincipalKind::ApiKey(id), ..Principal::internal() }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_takes_all_and_what_is_given_back_is_there_again() {
        let shares = Shares::of(NonZeroUsize::new(4).unwrap(), PATIENCE);
        let mut taken = vec![shares.take(&key(1)).await.unwrap(), shares.take(&key(1)).await.unwrap(), shares.take(&key(1)).await.unwrap()];
        assert!(shares.take(&key(1)).await.is_err(), "that was all of its own");
        assert!(shares.take(&key(2)).await.is_ok(), "another's is not touched");
        taken.pop();
        assert!(shares.take(&key(1)).await.is_ok());
        assert!(Shares::of(NonZeroUsize::MIN, PATIENCE).take(&key(1)).await.is_ok(), "one is the least");
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_told_whether_somebody_waits() {
        let shares = Shares::of(NonZeroUsize::MIN, PATIENCE);
        let taken = shares.take(&key(1)).await.unwrap();
        let wanted = shares.wanted(&key(1));
        let again = key(1);
        let next = shares.take(&again);
        tokio::pin!(next);
        assert!(!wanted.is_wanted());
        assert!(futures_util::poll!(&mut next).is_pending() && wanted.is_wanted());
        assert!(!shares.wanted(&key(2)).is_wanted(), "of another nobody does");
        drop(taken);
        drop(next.await.unwrap());
        assert!(!wanted.is_wanted());
    }

    #[tokio::test]
    async fn those_who_are_gone_are_forgotten() {
        let shares = Shares::of(NonZeroUsize::MIN, PATIENCE);
        for number in 0..2 * MANY {
            drop(shares.take(&key(number)).await.unwrap());
        }
        assert!(shares.in_use.lock().unwrap().len() <= MANY);
    }
}
