//! A branch's database as a whole: made, marked, let people into, and dropped.

pub(crate) mod admission;
pub(crate) mod create;
pub(crate) mod drop;
pub(crate) mod footing;
pub(crate) mod locale;
pub(crate) mod prepared_transactions;
pub(crate) mod tag;
