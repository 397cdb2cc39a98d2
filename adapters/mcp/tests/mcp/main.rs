//! The transport as clients see it, over mocks of the house.

mod branch_answers;
mod branches;
mod catalogue;
mod definitions;
mod eras;
mod house;
mod queries;
mod transport;
mod writes;
