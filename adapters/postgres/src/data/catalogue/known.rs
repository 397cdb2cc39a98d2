//! A catalogue with the change token it was read at.

use std::sync::Arc;

use domain::catalogue::Catalogue;

/// A catalogue with the change token it was read at.
#[derive(Debug)]
pub(in crate::data) struct KnownCatalogue {
    pub(in crate::data) token: String,
    pub(in crate::data) catalogue: Arc<Catalogue>,
}
