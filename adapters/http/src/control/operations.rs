//! Operations.

use super::{Answer, Asking, Group};
use crate::{documents::OperationDocument, problem::Problem};
use domain::Failure;
use poem_openapi::{OpenApi, param::Path};
use ports::driving::{GetOperation, UseCase};
use std::sync::Arc;

pub(crate) struct Operations {
    pub(crate) get_operation: Arc<dyn UseCase<GetOperation>>,
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
        let id = id.parse().map_err(|_| asking.refused(Failure::not_found("operation", id.0.clone())))?;
        Ok(Answer(asking.run(&*self.get_operation, GetOperation { id }).await?.into()))
    }
}
