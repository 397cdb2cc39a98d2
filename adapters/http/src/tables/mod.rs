//! Rows of tables over REST, by the habits of PostgREST.
//!
//! These routes are plain endpoints: a generated handler would parse the query string twice and box more futures. `describe` tells the OpenAPI
//! document about them.

mod accept;
mod answer;
mod change;
mod describe;
mod insert;
mod pages;
mod path;
mod prefer;
mod range;
mod read;
#[cfg(test)]
mod tests;

pub(crate) use describe::TableRoutes;

use crate::{
    credentials::{caller, refused},
    edge::request_id,
    mentions::mentions,
    problem::Problem,
    query_string,
};
use domain::{
    Action, Caller, Failure, Fault,
    branch::BranchMentions,
    table::{
        TableName,
        grammar::{QueryParams, TableQuery},
    },
};
use http::{Method, StatusCode, header};
use poem::{Body, Request, Response};
use ports::{
    driven::CursorSeal,
    driving::{Authenticator, Command, DeleteRecord, InsertRecord, QueryTable, UnreadRequests, UpdateRecord, UseCase},
};
use prefer::Preferences;
use std::sync::Arc;

/// Where the routes begin.
pub(crate) const PREFIX: &str = "/api/v1/tables/";

/// The methods that a table has.
const METHODS: &str = "GET, HEAD, POST, PATCH, DELETE";

/// The SQLSTATE of a write to a view that takes none. A table's methods depend on what it is, so that this is a 405.
const NOT_IN_STATE: &str = "55000";

/// The SQLSTATE of a read that writes, which is a 405 as well.
const READ_ONLY: &str = "25006";

/// The endpoint of all tables.
pub(crate) struct Tables {
    pub(crate) authenticator: Arc<dyn Authenticator>,
    pub(crate) cursors: Arc<dyn CursorSeal>,
    pub(crate) unread: Arc<dyn UnreadRequests>,
    pub(crate) query_table: Arc<dyn UseCase<QueryTable>>,
    pub(crate) insert_record: Arc<dyn UseCase<InsertRecord>>,
    pub(crate) update_record: Arc<dyn UseCase<UpdateRecord>>,
    pub(crate) delete_record: Arc<dyn UseCase<DeleteRecord>>,
    pub(crate) max_body_bytes: usize,
    pub(crate) branch_domain: Option<String>,
}

/// What is asked, whatever the method.
struct Ask {
    caller: Caller,
    branch: BranchMentions,
    table: TableName,
    query: TableQuery,
    prefer: Preferences,
    /// Whether a use case was asked.
    is_put: bool,
}

impl Tables {
    /// Answers a request whose path begins with [`PREFIX`].
    pub(crate) async fn answer(&self, mut request: Request) -> Result<Response, Problem> {
        // What no table has is refused before anything else is looked at, as on every other route.
        let verb = Verb::of(request.method())?;
        let caller = caller(&*self.authenticator, &request, request_id(&request)).await?;
        // Who may not do it at all need not send the rows: what stands around the use cases refuses none as well as many.
        let body = if caller.principal.authorize(verb.action()).is_ok() { request.take_body() } else { Body::from("[]") };
        let mut ask = match self.ask(&request, caller.clone()) {
            Ok(ask) => ask,
            Err(problem) => return Err(self.unread(problem, verb, &caller).await),
        };
        let answer = match verb {
            Verb::Read => self.read(&mut ask, &request).await,
            Verb::Insert => self.insert(&mut ask, &request, body).await,
            Verb::Update => self.update(&mut ask, &request, body).await,
            Verb::Delete => self.delete(&mut ask, &request).await,
        };
        match answer {
            Err(problem) if !ask.is_put => Err(self.unread(problem, verb, &caller).await),
            answer => answer,
        }
    }

    /// What a request is told that no use case saw: the guards are told of it here, and have the first word.
    async fn unread(&self, problem: Problem, verb: Verb, caller: &Caller) -> Problem {
        match self.unread.admit(caller, verb.action(), problem.code()).await {
            Ok(()) => problem,
            Err(failure) => refused(failure, caller),
        }
    }

    fn ask(&self, request: &Request, caller: Caller) -> Result<Ask, Problem> {
        let table = path::table(request)?;
        let pairs = query_string::pairs(request.uri().query())?;
        let mut query = QueryParams::parse(pairs.into_iter()).map_err(bad_query)?;
        let prefer = Preferences::read(request.headers())?;
        let branch = mentions(request, query.branch.take().as_deref(), self.branch_domain.as_deref()).map_err(|failure| refused(failure, &caller))?;
        Ok(Ask { caller, branch, table, query, prefer, is_put: false })
    }
}

/// What a method does to rows.
#[derive(Clone, Copy)]
enum Verb {
    Read,
    Insert,
    Update,
    Delete,
}

impl Verb {
    fn of(method: &Method) -> Result<Self, Problem> {
        match *method {
            Method::GET | Method::HEAD => Ok(Self::Read),
            Method::POST => Ok(Self::Insert),
            Method::PATCH => Ok(Self::Update),
            Method::DELETE => Ok(Self::Delete),
            Method::PUT => Err(not_allowed(
                "not_supported",
                "PUT of a single row is not supported yet; POST with 'Prefer: resolution=merge-duplicates' does the same",
            )),
            _ => Err(not_allowed("method_not_allowed", "a table does not have that method")),
        }
    }

    const fn action(self) -> Action {
        match self {
            Self::Read => Action::QueryTable,
            Self::Insert => Action::InsertRecord,
            Self::Update => Action::UpdateRecord,
            Self::Delete => Action::DeleteRecord,
        }
    }
}

impl Ask {
    /// Asks a use case. From here on it is for what stands around it to count the request and to write down what becomes of it.
    async fn put<C: Command>(&mut self, use_case: &dyn UseCase<C>, command: C, request: &Request) -> Result<C::Output, Problem> {
        self.is_put = true;
        use_case.run(&self.caller, command).await.map_err(|failure| self.refused(failure, request))
    }

    /// The problem for a failure. Faults of the query string are 400, as in PostgREST; those of the body 422.
    fn refused(&self, failure: Failure, request: &Request) -> Problem {
        refused_of(failure, &self.caller, request)
    }

    /// Whether the query string says which part of the rows is meant, as reads may.
    const fn names_a_page(&self) -> bool {
        self.query.limit.is_some() || self.query.offset > 0 || self.query.cursor.is_some()
    }
}

fn refused_of(failure: Failure, caller: &Caller, request: &Request) -> Problem {
    match failure {
        Failure::Database(sql) if sql.sqlstate == NOT_IN_STATE && *request.method() != Method::GET && *request.method() != Method::HEAD => {
            refused(Failure::Database(sql), caller).status_instead(StatusCode::METHOD_NOT_ALLOWED).header(header::ALLOW, all_but(request.method()))
        }
        Failure::Database(sql) if sql.sqlstate == READ_ONLY => {
            refused(Failure::Database(sql), caller).header(header::ALLOW, all_but(request.method()))
        }
        Failure::Invalid(faults) if faults.iter().any(|fault| in_query(fault, request)) => bad_query(faults.into_iter().map(of_parameter).collect()),
        // Where `columns` names what is written, a column that is not there is its fault and not the body's.
        Failure::Invalid(faults) if names_columns(request) && faults.iter().all(is_of_data) => {
            bad_query(faults.into_iter().map(|fault| Fault::new("/columns", fault.message)).collect())
        }
        other => refused(other, caller),
    }
}

/// The methods that are left where a table turns out not to have this one.
fn all_but(method: &Method) -> String {
    METHODS.split(", ").filter(|other| *other != method.as_str()).collect::<Vec<_>>().join(", ")
}

fn in_query(fault: &Fault, request: &Request) -> bool {
    if !matches!(*request.method(), Method::POST | Method::PATCH) {
        return true;
    }
    let step = fault.pointer.split('/').nth(1).unwrap_or_default().replace("~1", "/").replace("~0", "~");
    let reserved = ["filter", "select", "order", "columns", "on_conflict"].contains(&step.as_str());
    reserved || query_string::pairs(request.uri().query()).is_ok_and(|pairs| pairs.iter().any(|(name, _)| *name == step))
}

fn names_columns(request: &Request) -> bool {
    query_string::pairs(request.uri().query()).is_ok_and(|pairs| pairs.iter().any(|(name, _)| name == "columns"))
}

fn is_of_data(fault: &Fault) -> bool {
    fault.pointer.starts_with("/data/")
}

/// A filter's fault lies at its parameter here: `/age` for what commands call `/filter/age`.
fn of_parameter(fault: Fault) -> Fault {
    match fault.pointer.strip_prefix("/filter").filter(|rest| rest.starts_with('/')) {
        Some(parameter) => Fault::new(parameter, fault.message),
        None => fault,
    }
}

fn bad_query(faults: Vec<Fault>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "invalid", Failure::Invalid(faults.clone()).to_string()).errors(faults)
}

fn not_allowed(code: &'static str, detail: &str) -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, code, detail).header(header::ALLOW, METHODS)
}

fn bad_request(code: &'static str, detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, code, detail)
}
