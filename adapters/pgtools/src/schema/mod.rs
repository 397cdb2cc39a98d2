//! Schemas, read from a dump's table of contents and the catalogue, both by one snapshot.

pub(crate) mod archive;
mod assemble;
mod cache;
mod facts;
mod grants;
mod prove;
mod reader;
mod text;

pub use reader::PgSchemas;
