//! The real binary, asked over the network as its users ask it.

mod starting;
