//! The schema catalogue of one database: read in one query, kept until the database's definitions change.

mod cache;
mod rows;
mod source;

pub(super) use cache::{CatalogueCache, KnownCatalogue};
pub(super) use source::CatalogueSource;
