//! How many connections one principal may use at a time: never all there are, whatever it asks.

use std::{
    collections::HashMap,
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use domain::Principal;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::wire::WireError;

/// More names than this are looked through for those that nobody uses any more.
const MANY: usize = 1024;

/// What each principal has of the connections.
#[derive(Debug)]
pub(super) struct Shares {
    each: usize,
    /// How long a request waits for those of its own principal.
    patience: Duration,
    in_use: Mutex<HashMap<String, Weak<Semaphore>>>,
}

impl Shares {
    /// Three quarters of the connections, at least one, for each principal.
    pub(super) fn of(connections: NonZeroUsize, patience: Duration) -> Self {
        Self { each: (connections.get() - connections.get() / 4).min(Semaphore::MAX_PERMITS), patience, in_use: Mutex::default() }
    }

    /// The right to use one connection, for as long as the permit is kept.
    pub(super) async fn take(&self, principal: &Principal) -> Result<OwnedSemaphorePermit, WireError> {
        let share = self.of_principal(principal);
        match timeout(self.patience, share.acquire_owned()).await {
            Ok(permit) => Ok(permit.expect("a share is never closed")),
            Err(_) => Err(WireError::PoolTimeout),
        }
    }

    fn of_principal(&self, principal: &Principal) -> Arc<Semaphore> {
        let key = principal.budget_key();
        let mut in_use = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = in_use.get(&key).and_then(Weak::upgrade) {
            return share;
        }
        if in_use.len() >= MANY {
            in_use.retain(|_, share| share.strong_count() > 0);
        }
        let share = Arc::new(Semaphore::new(self.each));
        in_use.insert(key, Arc::downgrade(&share));
        share
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

    #[tokio::test]
    async fn those_who_are_gone_are_forgotten() {
        let shares = Shares::of(NonZeroUsize::MIN, PATIENCE);
        for number in 0..2 * MANY {
            drop(shares.take(&key(number)).await.unwrap());
        }
        assert!(shares.in_use.lock().unwrap().len() <= MANY);
    }
}
