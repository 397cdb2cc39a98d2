//! The driving ports over HTTP: what the command line and the tests call.
//!
//! [`HttpClient::send`] carries out a command at a server and gives what came of it, beside the document as the server wrote it; what goes wrong is a
//! [`RemoteFailure`], which keeps status, code and hint. [`HttpClient`] is a [`ports::driving::UseCase`] for the same commands.
//!
//! The program installs rustls' default provider before it makes a client.

mod access;
mod branches;
mod client;
mod credential;
mod diffs;
mod document;
mod events;
mod failure;
mod keys;
mod migrations;
mod problem;
mod route;
mod sessions;
mod use_case;
mod users;

pub use client::{Answer, HttpClient, InvalidClient};
pub use credential::{Credential, InvalidCredential};
pub use diffs::{CompareBranches, DiffText};
pub use events::OperationEvents;
pub use failure::RemoteFailure;
pub use problem::Problem;
pub use route::{RemoteCommand, Route};

#[cfg(test)]
mod testing;
