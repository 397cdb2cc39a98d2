//! The stock: templates that nobody may connect to, copies of them that lie ready, and copies to try things on.

mod demand;
mod disk;
mod fresh;
mod log_disk;
mod mark;
mod origin;
mod policy;
mod reserved;
mod room;
mod shelf;
mod sweep;
mod take;
mod tend;
mod token;
mod trial;

pub(crate) use demand::{Demand, Wanted};
pub(crate) use fresh::CloneProbe;
pub(crate) use log_disk::explain;
pub(crate) use mark::Kind;
pub(crate) use origin::Origin;
pub(crate) use room::{make_room, take_room};
pub(crate) use sweep::{candidates, sweep};
pub(crate) use take::{Taken, take};
pub(crate) use tend::tend;
pub(crate) use token::{DEFINITIONS, change_token};
pub(crate) use trial::{copy, discard};
