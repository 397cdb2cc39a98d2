//! The real binary, asked over the network as its users ask it.

mod attacks;
mod audit;
mod branch_commands;
mod branch_doors;
mod command_line;
mod database_url;
mod disconnect;
mod door;
mod injection;
mod keys;
mod large;
mod metrics;
mod mixed;
mod postgrest;
mod project;
mod raw;
mod refusals;
mod sessions;
mod starting;
mod visibility;
mod ways_out;
