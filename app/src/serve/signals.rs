//! SIGTERM and SIGINT.

use std::io;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// How often the process was asked to stop.
pub(super) struct Stop(watch::Receiver<u32>);

impl Stop {
    /// From now on signals are counted instead of ending the process.
    pub(super) fn listen() -> io::Result<Self> {
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let (count, counted) = watch::channel(0);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                count.send_modify(|count| *count += 1);
            }
        });
        Ok(Self(counted))
    }

    /// The first signal came.
    pub(super) async fn asked(&self) {
        self.at_least(1).await;
    }

    /// A second one came.
    pub(super) async fn insisted(&self) {
        self.at_least(2).await;
    }

    async fn at_least(&self, times: u32) {
        let mut counted = self.0.clone();
        if counted.wait_for(|count| *count >= times).await.is_err() {
            // The counting task lives as long as the runtime.
            std::future::pending::<()>().await;
        }
    }
}
