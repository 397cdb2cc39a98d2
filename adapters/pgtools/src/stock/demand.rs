//! What branches were lately cut from: told by whoever builds, heard by whoever tends the stock.

use super::origin::Origin;
use domain::{DataCloneMode, branch::DatabaseName};
use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

/// A parent, and what is copied of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Wanted {
    pub(crate) parent: DatabaseName,
    pub(crate) is_main: bool,
    pub(crate) mode: DataCloneMode,
}

impl From<&Origin> for Wanted {
    fn from(origin: &Origin) -> Self {
        Self { parent: origin.database.clone(), is_main: origin.is_main, mode: origin.mode }
    }
}

/// Kept in memory: what a crash makes it forget is asked for again. Once there is a template, its mark remembers.
#[derive(Debug, Default)]
pub(crate) struct Demand {
    /// With the server's time, in seconds since 1970.
    wanted: Mutex<HashMap<Wanted, i64>>,
    /// How many branches are being copied from their parents here.
    copying: AtomicUsize,
}

/// A branch is copied from its parent, and somebody waits for it, until this is dropped.
pub(crate) struct Copying<'a>(&'a Demand);

impl Drop for Copying<'_> {
    fn drop(&mut self) {
        self.0.copying.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Demand {
    /// Somebody waits for a copy of a parent.
    pub(crate) fn copy(&self) -> Copying<'_> {
        self.copying.fetch_add(1, Ordering::Relaxed);
        Copying(self)
    }

    /// Whether somebody waits for a copy: what is only kept for later is not made at the same time.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.copying.load(Ordering::Relaxed) > 0
    }

    /// Somebody made, or would have made, a branch of a template of this.
    pub(crate) fn note(&self, wanted: Wanted, at: i64) {
        let mut known = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        let last = known.entry(wanted).or_insert(at);
        *last = at.max(*last);
    }

    /// Everything that was noted, the latest first; it is forgotten here.
    pub(crate) fn take(&self) -> Vec<(Wanted, i64)> {
        let mut taken: Vec<_> = self.wanted.lock().unwrap_or_else(PoisonError::into_inner).drain().collect();
        taken.sort_by_key(|(_, at)| std::cmp::Reverse(*at));
        taken
    }
}
