//! Rows and what goes with them, out of the snapshot of a parent into a branch.

pub(crate) mod copy_turn;
pub(crate) mod give_way;
pub(crate) mod large_objects;
pub(crate) mod leader;
pub(crate) mod lock_holders;
pub(crate) mod of_extensions;
mod pace;
pub(crate) mod rows;
pub(crate) mod sequences;
pub(crate) mod server_load;
pub(crate) mod streams;
pub(crate) mod undelayed;
pub(crate) mod users;
pub(crate) mod withholding;
