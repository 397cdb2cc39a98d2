//! Branches of live databases, on a real PostgreSQL.

mod cases;
mod cluster;
