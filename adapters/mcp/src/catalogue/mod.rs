//! Tables as models see them: compact, and with foreign text marked down to what it is.

mod detail;
mod summary;

pub(crate) use detail::TableDetail;
pub(crate) use summary::TableSummaries;
