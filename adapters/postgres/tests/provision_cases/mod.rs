//! The cases, by what they are about.

mod auth_schema;
mod demo;
mod logins;
mod pooler;
mod signals_and_grants;
mod starting;
