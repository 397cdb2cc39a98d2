//! How a difference of schemas is written where it is not JSON: with what people should know besides.

mod hazard;
mod remarks;
mod script;
#[cfg(test)]
mod testing;

pub use remarks::remarks;
pub use script::script_with_remarks;
