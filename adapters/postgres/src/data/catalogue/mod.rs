//! The schema catalogue of one database: read in one query, kept until the database's definitions change.

mod cache;
mod known;
mod rows;
mod source;

pub(super) use cache::CatalogueCache;
pub(super) use known::KnownCatalogue;
pub(super) use source::CatalogueSource;
