//! Indexes that `CREATE INDEX CONCURRENTLY` and `REINDEX .. CONCURRENTLY` left behind when they failed: invalid, kept up to date at every write, and in the way of the next try.

use crate::provision::ident;
use domain::migration::{IndexBuild, Reindex};
use sqlx::{AssertSqlSafe, PgConnection};

/// An index of a table.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(super) struct Index {
    schema: String,
    name: String,
    valid: bool,
}

impl Index {
    /// Whether it is the one that the statement builds.
    pub(super) fn is_of(&self, build: &IndexBuild) -> bool {
        build.name.as_ref() == Some(&self.name)
    }

    pub(super) fn is_valid(&self) -> bool {
        self.valid
    }
}

/// The table, as the statement names it.
fn table(build: &IndexBuild) -> String {
    match &build.schema {
        Some(schema) => format!("{}.{}", ident(schema), ident(&build.table)),
        None => ident(&build.table),
    }
}

/// The indexes of the table that the statement names, found as the statement would find it. None that somebody is building now.
pub(super) async fn of_table(connection: &mut PgConnection, build: &IndexBuild) -> Result<Vec<Index>, sqlx::Error> {
    sqlx::query_as(
        "select n.nspname::pg_catalog.text as schema, c.relname::pg_catalog.text as name, i.indisvalid as valid
           from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid operator(pg_catalog.=) i.indexrelid
           join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
          where i.indrelid operator(pg_catalog.=) pg_catalog.to_regclass($1)
            and not exists (select from pg_catalog.pg_stat_progress_create_index p where p.index_relid operator(pg_catalog.=) i.indexrelid)",
    )
    .bind(table(build))
    .persistent(false)
    .fetch_all(connection)
    .await
}

/// Whether there is an invalid index of the name that the statement gives, beside its table: `IF NOT EXISTS` makes nothing then, and says that all is well.
pub(super) async fn is_invalid(connection: &mut PgConnection, build: &IndexBuild) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "select exists (
             select from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid operator(pg_catalog.=) i.indexrelid
               join pg_catalog.pg_class t on t.relnamespace operator(pg_catalog.=) c.relnamespace
              where t.oid operator(pg_catalog.=) pg_catalog.to_regclass($1) and c.relname::pg_catalog.text operator(pg_catalog.=) $2 and not i.indisvalid)",
    )
    .bind(table(build))
    .bind(&build.name)
    .persistent(false)
    .fetch_one(connection)
    .await
}

/// What `REINDEX .. CONCURRENTLY` of an index, a table, a schema or the database builds beside the indexes there are, and what it leaves of those when it fails
/// after that. None that somebody is building now, nor what is not ours to drop.
pub(super) async fn copies(connection: &mut PgConnection, reindex: &Reindex) -> Result<Vec<Index>, sqlx::Error> {
    let (named, schema) = match reindex {
        Reindex::Relation { schema: Some(schema), name } => (Some(format!("{}.{}", ident(schema), ident(name))), None),
        Reindex::Relation { schema: None, name } => (Some(ident(name)), None),
        Reindex::Schema(schema) => (None, Some(schema.as_str())),
        Reindex::Database => (None, None),
    };
    sqlx::query_as(
        "with named as (
             select pg_catalog.to_regclass($1)::pg_catalog.oid as oid
             union select relid from pg_catalog.pg_partition_tree(pg_catalog.to_regclass($1))
             union select t.oid from pg_catalog.pg_class t join pg_catalog.pg_namespace s on s.oid operator(pg_catalog.=) t.relnamespace
                    where $1 is null and s.nspname::pg_catalog.text operator(pg_catalog.=) coalesce($2, s.nspname::pg_catalog.text)
                      and s.nspname::pg_catalog.text operator(pg_catalog.!~) '^pg_'
         )
         select n.nspname::pg_catalog.text as schema, c.relname::pg_catalog.text as name, i.indisvalid as valid
           from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid operator(pg_catalog.=) i.indexrelid
           join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
          where i.indrelid operator(pg_catalog.=) any (
                    select oid from named union select of.indrelid from pg_catalog.pg_index of join named on named.oid operator(pg_catalog.=) of.indexrelid)
            and c.relname::pg_catalog.text operator(pg_catalog.~) '_cc(new|old)[0-9]*$'
            and (pg_catalog.pg_has_role(c.relowner, 'usage') or pg_catalog.pg_has_role(n.nspowner, 'usage'))
            and not exists (select from pg_catalog.pg_stat_progress_create_index p where p.index_relid operator(pg_catalog.=) i.indexrelid)",
    )
    .bind(named)
    .bind(schema)
    .persistent(false)
    .fetch_all(connection)
    .await
}

/// Drops those that are invalid.
pub(super) async fn drop_invalid(connection: &mut PgConnection, indexes: &[Index]) -> Result<(), sqlx::Error> {
    for index in indexes.iter().filter(|index| !index.valid) {
        let name = format!("{}.{}", ident(&index.schema), ident(&index.name));
        sqlx::raw_sql(AssertSqlSafe(format!("drop index concurrently if exists {name}"))).execute(&mut *connection).await?;
        tracing::info!(index = %name, "dropped an index that an interrupted migration left invalid");
    }
    Ok(())
}
