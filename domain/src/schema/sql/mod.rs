//! Reading DDL as PostgreSQL itself writes it: quoting, splitting, tables, domains, types, grants.

mod domain;
mod grant;
mod names;
mod options;
mod scan;
mod table;
mod types;

pub(super) use domain::DomainText;
pub(super) use grant::{AclStatement, acl_statements};
pub use grant::{statements_of_grants, without_privileges};
pub(super) use names::{bare, ident};
pub(super) use options::{Options, RESTART, SequenceText};
pub(super) use scan::{find, find_words, split, statements};
pub(super) use table::{Column, TableText, usual_not_null};
pub(super) use types::{TypeText, composite};
