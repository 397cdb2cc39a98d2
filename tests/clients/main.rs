//! MCP clients that other people make, asking the real binary.

mod contract;
mod entries;
mod inspector;
mod installation;
mod journey;
mod python;
mod schemas;
mod session;
