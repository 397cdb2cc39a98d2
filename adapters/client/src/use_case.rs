//! The client as a driving port.

use crate::{client::HttpClient, route::RemoteCommand};
use async_trait::async_trait;
use domain::{Caller, Failure};
use ports::driving::UseCase;

/// The server decides who the caller is, by the client's credential. The request's id goes along.
#[async_trait]
impl<C: RemoteCommand> UseCase<C> for HttpClient {
    async fn run(&self, caller: &Caller, command: C) -> Result<C::Output, Failure> {
        match self.send_as(&command, Some(&caller.request_id)).await {
            Ok(answer) => Ok(answer.output),
            Err(failure) => Err(failure.into_failure(C::ACTION)),
        }
    }
}
