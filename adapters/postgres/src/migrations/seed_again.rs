//! Rows of a CSV file that ran before and has changed: those that are there already are told by their primary key.

use crate::provision::ident;
use sqlx::{AssertSqlSafe, PgConnection};

/// Where the rows go first; gone at the end of the transaction.
pub(super) const ROWS: &str = "pg_temp.fluxbase_rows_of_seed";

/// The table by its full name, the columns of its primary key, and those that nobody may update.
const TABLE: &str = "
    select pg_catalog.format('%I.%I', n.nspname, c.relname),
           array(select a.attname::pg_catalog.text
                   from pg_catalog.pg_index i, pg_catalog.unnest(i.indkey) with ordinality as key (number, place), pg_catalog.pg_attribute a
                  where i.indrelid operator(pg_catalog.=) c.oid and i.indisprimary and i.indimmediate and not i.indisexclusion
                    and key.place operator(pg_catalog.<=) i.indnkeyatts
                    and a.attrelid operator(pg_catalog.=) c.oid and a.attnum operator(pg_catalog.=) key.number
                  order by key.place),
           array(select a.attname::pg_catalog.text from pg_catalog.pg_attribute a
                  where a.attrelid operator(pg_catalog.=) c.oid and a.attidentity operator(pg_catalog.=) 'a')
      from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
     where c.oid operator(pg_catalog.=) pg_catalog.to_regclass($1)";

/// How a file's rows go into a table that has some.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// As in the first run: no row is there.
    Afresh,
    /// Into [`ROWS`], and from there by this statement.
    Merged(String),
    /// Not at all: nothing tells which of them are there already.
    Doubled,
}

/// Looks at a table, which is named as a statement has it, for rows of these columns.
pub(super) async fn manner(connection: &mut PgConnection, table: &str, columns: &[String]) -> Result<Manner, sqlx::Error> {
    let has_rows = format!("select exists (select from {table})");
    if !sqlx::query_scalar::<_, bool>(AssertSqlSafe(has_rows)).persistent(false).fetch_one(&mut *connection).await? {
        return Ok(Manner::Afresh);
    }
    let found: Option<(String, Vec<String>, Vec<String>)> =
        sqlx::query_as(TABLE).bind(table).persistent(false).fetch_optional(&mut *connection).await?;
    Ok(found.map_or(Manner::Doubled, |(full_name, key, fixed)| merged(&full_name, columns, &key, &fixed)))
}

fn merged(table: &str, columns: &[String], key: &[String], fixed: &[String]) -> Manner {
    if key.is_empty() || !key.iter().all(|column| columns.contains(column)) {
        return Manner::Doubled;
    }
    let list = |names: &[String]| names.iter().map(|name| ident(name)).collect::<Vec<_>>().join(", ");
    let others = columns.iter().filter(|column| !key.contains(column) && !fixed.contains(column));
    let set = others.map(|column| format!("{0} = excluded.{0}", ident(column))).collect::<Vec<_>>().join(", ");
    let action = if set.is_empty() { "nothing".to_owned() } else { format!("update set {set}") };
    let (columns, key) = (list(columns), list(key));
    Manner::Merged(format!("insert into {table} ({columns}) overriding system value select {columns} from {ROWS} on conflict ({key}) do {action}"))
}

/// Makes the table that the rows go into first: the columns as they are, without what binds them.
pub(super) fn make_rows(table: &str, columns: &str) -> String {
    format!("create temporary table {ROWS} on commit drop as select {columns} from {table} with no data")
}

#[cfg(test)]
mod tests {
    use super::{Manner, merged};

    #[test]
    fn rows_are_merged_by_the_whole_primary_key_or_not_at_all() {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let by = |columns: &[&str], key: &[&str], fixed: &[&str]| merged("public.t", &names(columns), &names(key), &names(fixed));
        let insert = |columns: &str, end: &str| {
            let from = format!("select {columns} from pg_temp.fluxbase_rows_of_seed");
            Manner::Merged(format!("insert into public.t ({columns}) overriding system value {from} on conflict {end}"))
        };
        let end = r#"("id") do update set "A, b" = excluded."A, b""#;
        assert_eq!(by(&["id", "A, b"], &["id"], &["id"]), insert(r#""id", "A, b""#, end));
        assert_eq!(by(&["a", "b"], &["b", "a"], &[]), insert(r#""a", "b""#, r#"("b", "a") do nothing"#));
        assert_eq!(by(&["a", "n"], &["a"], &["n"]), insert(r#""a", "n""#, r#"("a") do nothing"#), "nobody may update what is always generated");
        assert_eq!([by(&["a"], &[], &[]), by(&["a"], &["a", "b"], &[])], [Manner::Doubled, Manner::Doubled]);
    }
}
