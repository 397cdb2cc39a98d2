//! Readings that still hold: a change token stands for a schema, in the database itself and in copies of it.

use domain::schema::{Fingerprint, SchemaSnapshot};
use hashlink::LruCache;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Whole readings are big; the two of a diff and those of a few others are kept.
const READINGS: usize = 8;
const FINGERPRINTS: usize = 4096;

/// What a reading is kept by: the token, and whether it was read as main's.
pub(super) type Key = (String, bool);

/// Readings and fingerprints that were made lately.
pub(super) struct Cache {
    readings: Mutex<LruCache<Key, Arc<SchemaSnapshot>>>,
    fingerprints: Mutex<LruCache<Key, Fingerprint>>,
}

impl Default for Cache {
    fn default() -> Self {
        Self { readings: Mutex::new(LruCache::new(READINGS)), fingerprints: Mutex::new(LruCache::new(FINGERPRINTS)) }
    }
}

impl Cache {
    pub(super) fn reading(&self, key: &Key) -> Option<Arc<SchemaSnapshot>> {
        locked(&self.readings).get(key).cloned()
    }

    pub(super) fn fingerprint(&self, key: &Key) -> Option<Fingerprint> {
        locked(&self.fingerprints).get(key).cloned()
    }

    pub(super) fn keep(&self, key: Key, reading: &Arc<SchemaSnapshot>) {
        locked(&self.fingerprints).insert(key.clone(), reading.fingerprint.clone());
        locked(&self.readings).insert(key, Arc::clone(reading));
    }
}

/// Nothing is left half done under these locks.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
