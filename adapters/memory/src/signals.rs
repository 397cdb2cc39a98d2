//! The bell that wakes workers.

use async_trait::async_trait;
use ports::driven::OperationSignals;
use std::{sync::Arc, time::Duration};
use tokio::{sync::Notify, time::timeout};

/// Rings when a unit of work that added or gave back an operation is committed.
#[derive(Clone, Debug, Default)]
pub struct MemoryOperationSignals(Arc<Notify>);

impl MemoryOperationSignals {
    /// Wakes who waits now, and one who comes next: it may have looked for work just before there was any.
    pub(crate) fn ring(&self) {
        self.0.notify_waiters();
        self.0.notify_one();
    }
}

#[async_trait]
impl OperationSignals for MemoryOperationSignals {
    async fn wait(&self, at_most: Duration) {
        // Woken or not, the worker looks for work.
        let _ = timeout(at_most, self.0.notified()).await;
    }
}
