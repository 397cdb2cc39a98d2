//! Migrations and seeds in branch databases and on main, over the logins that they really run over.

#[allow(dead_code, reason = "the cluster is shared by tests that use different parts of it")]
mod cluster;
mod migrations_cases;
#[allow(dead_code, reason = "the rig is shared by tests that use different parts of it")]
mod provision_rig;
mod provision_server;
