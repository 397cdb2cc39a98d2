//! Whether the server lives and answers. No credential is asked for.

use super::{Answer, Group};
use crate::problem::Problem;
use async_trait::async_trait;
use http::StatusCode;
use poem_openapi::{Object, OpenApi};
use std::{sync::Arc, time::Duration};

/// Whether requests can be answered now.
#[async_trait]
pub trait Readiness: Send + Sync {
    /// `Err` says for people what is not there.
    async fn ready(&self) -> Result<(), String>;
}

pub(crate) struct Health {
    pub(crate) readiness: Arc<dyn Readiness>,
}

/// How the server is.
#[derive(Object)]
#[oai(rename = "Health")]
pub(crate) struct HealthDocument {
    /// `ok`.
    status: String,
}

impl HealthDocument {
    fn ok() -> Answer<200, Self> {
        Answer(Self { status: "ok".to_owned() })
    }
}

#[OpenApi(tag = "Group::Health")]
impl Health {
    /// Whether the server lives
    #[expect(clippy::unused_async, reason = "poem-openapi takes async functions only")]
    #[oai(path = "/healthz", method = "get", operation_id = "healthz")]
    async fn healthz(&self) -> Answer<200, HealthDocument> {
        HealthDocument::ok()
    }

    /// Whether requests can be answered now
    #[oai(path = "/readyz", method = "get", operation_id = "readyz")]
    async fn readyz(&self) -> Result<Answer<200, HealthDocument>, Problem> {
        match self.readiness.ready().await {
            Ok(()) => Ok(HealthDocument::ok()),
            Err(reason) => Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", reason).retry_after(Duration::from_secs(1))),
        }
    }
}
