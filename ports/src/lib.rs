//! The ports of the house: what is asked of Fluxbase (driving) and what Fluxbase asks of the world (driven).

pub mod driven;
pub mod driving;
