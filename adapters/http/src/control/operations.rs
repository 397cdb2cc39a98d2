//! Operations.

use super::{Answer, Asking, Begun, Group, events::OperationEvents, life_cycle::Nothing};
use crate::{body::JsonBody, credentials::Shown, documents::OperationDocument, problem::Problem};
use domain::{Failure, OperationId};
use poem_openapi::{
    OpenApi,
    param::{Header, Path},
};
use ports::driving::{CancelOperation, FollowOperation, GetOperation, UseCase};
use std::sync::Arc;

pub(crate) struct Operations {
    pub(crate) get: Arc<dyn UseCase<GetOperation>>,
    pub(crate) follow: Arc<dyn UseCase<FollowOperation>>,
    pub(crate) cancel: Arc<dyn UseCase<CancelOperation>>,
}

#[OpenApi(prefix_path = "/api/v1/admin/operations", tag = "Group::Branches")]
impl Operations {
    /// See how an operation is getting on
    ///
    /// Needs one of the scopes `read:branches` and `admin:branches`.
    #[oai(path = "/:id", method = "get", operation_id = "get_operation")]
    async fn get_operation(
        &self,
        asking: Asking,
        /// The operation's id.
        id: Path<String>,
    ) -> Result<Answer<200, OperationDocument>, Problem> {
        let id = operation_id(&asking, &id)?;
        Ok(Answer(asking.run(&*self.get, GetOperation { id }).await?.into()))
    }

    /// Follow an operation
    ///
    /// Server-sent events: the whole operation at once, and again whenever it changed. The last event has the id `final`, and the stream ends; an
    /// `EventSource` that comes back with that id gets 204 and stays away. A stream that ends before (a restart, or ten minutes have passed) is to be
    /// asked for again. When the credential is good no more, or its user may see the branch no more, an event named `refused` says so with `code` and
    /// `detail`, and the stream ends. Needs one of the scopes `read:branches` and `admin:branches`.
    #[oai(path = "/:id/events", method = "get", operation_id = "follow_operation")]
    async fn follow_operation(
        &self,
        asking: Asking,
        /// The operation's id.
        id: Path<String>,
        /// The id of the last event that was received.
        #[oai(name = "Last-Event-ID")]
        last_event_id: Header<Option<String>>,
        shown: Shown,
    ) -> Result<OperationEvents, Problem> {
        let id = operation_id(&asking, &id)?;
        if last_event_id.0.as_deref() == Some(OperationEvents::FINAL) {
            return Ok(OperationEvents::all_told());
        }
        Ok(OperationEvents::of(asking.run(&*self.follow, FollowOperation { id }).await?, shown))
    }

    /// Call an operation off
    ///
    /// What it had made is taken away. Past its switch it can no longer be called off. Needs one of the scopes `write:branches` and `admin:branches`.
    #[oai(path = "/:id/cancel", method = "post", operation_id = "cancel_operation")]
    async fn cancel_operation(
        &self,
        asking: Asking,
        /// The operation's id.
        id: Path<String>,
        _body: JsonBody<Nothing>,
    ) -> Result<Begun<OperationDocument>, Problem> {
        let id = operation_id(&asking, &id)?;
        Ok(Begun(asking.run(&*self.cancel, CancelOperation { id }).await?.into()))
    }
}

/// An operation's id; what is none belongs to no operation.
fn operation_id(asking: &Asking, raw: &str) -> Result<OperationId, Problem> {
    raw.parse().map_err(|_| asking.refused(Failure::not_found("operation", raw)))
}
