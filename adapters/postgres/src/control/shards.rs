//! A map cut into parts with a lock each, so that readers of different keys do not meet.

use std::{
    hash::{BuildHasher, Hash, RandomState},
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

const SHARDS: u64 = 16;

pub(super) struct Shards<T> {
    hasher: RandomState,
    shards: Vec<RwLock<T>>,
}

impl<T: Default> Default for Shards<T> {
    fn default() -> Self {
        Self { hasher: RandomState::new(), shards: (0..SHARDS).map(|_| RwLock::default()).collect() }
    }
}

impl<T> Shards<T> {
    pub(super) fn read(&self, key: &(impl Hash + ?Sized)) -> RwLockReadGuard<'_, T> {
        self.of(key).read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self, key: &(impl Hash + ?Sized)) -> RwLockWriteGuard<'_, T> {
        self.of(key).write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every part, one after the other.
    pub(super) fn each(&self) -> impl Iterator<Item = RwLockWriteGuard<'_, T>> {
        self.shards.iter().map(|shard| shard.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn of(&self, key: &(impl Hash + ?Sized)) -> &RwLock<T> {
        let place = self.hasher.hash_one(key) % SHARDS;
        &self.shards[usize::try_from(place).expect("less than SHARDS")]
    }
}
