//! The script that turns one schema into another: what is taken away, changed in place, made, and in which order.

mod ahead;
mod aside;
mod attached;
mod begun;
mod casting;
mod column;
mod decided;
mod default_grants;
mod domains;
mod emit;
mod fate;
mod grants;
mod graph;
mod inheritance;
mod left;
mod made;
mod names;
mod partitions;
mod persistence;
mod plan;
mod removal;
mod routine;
mod statement;
mod table;
mod table_text;
mod taken_over;
#[cfg(test)]
mod tests;
mod text;
mod types;
mod usual_names;
mod view;
mod volatility;
mod widening;

pub use statement::{Hazard, ScriptStatement};
pub use text::script_text;
pub(crate) use text::{in_one_transaction, write_script};

use super::{SchemaSnapshot, Unscripted};

/// The script that turns the target into the source, and what it leaves undone.
pub(super) fn write(target: &SchemaSnapshot, source: &SchemaSnapshot) -> (Vec<ScriptStatement>, Vec<Unscripted>) {
    let Some((target, renames)) = attached::renamed(target, source) else { return emit::emit(&plan::plan(target, source)) };
    let (mut script, unscripted) = emit::emit(&plan::plan(&target, source));
    let first = script.iter().take_while(|statement| !statement.in_transaction).count();
    script.splice(first..first, renames);
    (script, unscripted)
}
