//! What a message is answered with.

use crate::guard::Problem;
use bytes::Bytes;
use http::StatusCode;
use poem::Response;

/// What a message is answered with.
#[derive(Debug)]
pub(crate) enum Answered {
    /// Nothing: it was a notification.
    Nothing,
    /// A message.
    Message(StatusCode, Bytes),
    /// The HTTP request was at fault.
    Problem(Problem),
}

impl From<Problem> for Answered {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<Answered> for Response {
    fn from(answered: Answered) -> Self {
        match answered {
            Answered::Nothing => Self::builder().status(StatusCode::ACCEPTED).finish(),
            Answered::Message(status, body) => Self::builder().status(status).content_type("application/json").body(body),
            Answered::Problem(problem) => problem.into(),
        }
    }
}
