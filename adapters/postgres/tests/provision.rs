//! Preparing a database, over a superuser's login.

#[allow(dead_code, reason = "the cluster is shared by tests that use different parts of it")]
mod cluster;
mod provision_cases;
mod provision_rig;
