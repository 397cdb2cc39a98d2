//! How a difference of schemas is written where it is not JSON: the script, which is a migration as it is, and what people should know besides.

mod hazard;
mod remarks;
mod script;
#[cfg(test)]
mod testing;

pub use remarks::remarks;
pub use script::{script, script_with_remarks};
