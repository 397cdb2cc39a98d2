//! The schema diff against real servers: scripts turn the target into the source, and what they leave they say.

mod cases;
mod edits;
mod kept;
mod reading;
mod walk;
mod world;
