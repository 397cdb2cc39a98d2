//! What a script must leave: rows of tables that stay, and values of their columns where nobody was told of a loss.

use crate::world::World;
use domain::schema::{Hazard, Identity, Kind, SchemaDiff, SchemaSnapshot};

/// A table that both have, with the columns that both have.
struct Table {
    identity: Identity,
    columns: Vec<String>,
    /// Rows, then values of each column.
    counts: Vec<i64>,
}

/// How much there is in each table that stays.
pub(crate) struct Kept(Vec<Table>);

impl Kept {
    /// Counts before the script runs.
    pub(crate) async fn count(world: &World, database: &str, target: &SchemaSnapshot, source: &SchemaSnapshot) -> Self {
        let columns = |snapshot: &SchemaSnapshot, identity: &Identity| -> Option<Vec<String>> {
            let address = snapshot.map.find(identity)?.address?;
            let columns = snapshot.facts.columns.get(&address.object).map_or(&[][..], Vec::as_slice);
            Some(columns.iter().map(|column| column.name.clone()).collect())
        };
        let mut kept = Vec::new();
        for identity in target.map.objects().iter().map(|object| &object.identity).filter(|identity| identity.kind == Kind::Table) {
            let (Some(before), Some(after)) = (columns(target, identity), columns(source, identity)) else { continue };
            let columns: Vec<String> = before.into_iter().filter(|column| after.contains(column)).collect();
            let counts = world.numbers(database, &query(identity, &columns)).await;
            kept.push(Table { identity: identity.clone(), columns, counts });
        }
        Self(kept)
    }

    /// What is gone after the script ran, though nobody was told of it.
    pub(crate) async fn lost(&self, world: &World, database: &str, diff: &SchemaDiff) -> Option<String> {
        for table in self.0.iter().filter(|table| table.counts[0] > 0) {
            let name = table.identity.to_string();
            let told = diff.script.iter().any(|statement| statement.object == name && statement.hazards.contains(&Hazard::DataLoss));
            let exists = format!("select array[(to_regclass({}) is not null)::int::int8]", literal(&qualified(&table.identity)));
            if world.numbers(database, &exists).await == [0] {
                return Some(format!("{name} is gone with its rows"));
            }
            let counts = world.numbers(database, &query(&table.identity, &table.columns)).await;
            if counts[0] < table.counts[0] {
                return Some(format!("rows of {name} are gone: {} were, {} are", table.counts[0], counts[0]));
            }
            let column = table.columns.iter().enumerate().find(|(at, _)| counts[at + 1] < table.counts[at + 1]);
            if let Some((_, column)) = column.filter(|_| !told) {
                return Some(format!("values of column {column} of {name} are gone, and nothing was said of it"));
            }
        }
        None
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn qualified(table: &Identity) -> String {
    format!("{}.{}", quoted(table.schema.as_deref().unwrap_or_default()), quoted(&table.name))
}

fn query(table: &Identity, columns: &[String]) -> String {
    let counts: Vec<String> = columns.iter().map(|column| format!("count({})", quoted(column))).collect();
    format!("select array[{}] from only {}", [vec!["count(*)".to_owned()], counts].concat().join(", "), qualified(table))
}
