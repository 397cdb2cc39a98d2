//! The change token: a text that is another one after any change of what a copy of a database would hold.

use crate::{
    error::from_sql,
    quoting::{literal, relation},
    settings::{LEDGER_SCHEMA, SEED_LOG},
};
use domain::{branch::OWNER_ROLE, table::QualifiedName};
use ports::driven::BuildError;
use sqlx::{AssertSqlSafe, PgConnection};
use std::{fmt::Write, sync::LazyLock};

/// A catalogue, what tells its rows apart, and which of them count: none of temporary objects, and of what PostgreSQL itself brought only what bears grants.
type Catalogue = (&'static str, &'static str, &'static str);

/// What belongs to an extension or depends on one is written in `pg_depend` and nowhere else. Columns below 1 are PostgreSQL's own, and as they ever were.
const CATALOGUES: &[Catalogue] = &[
    ("pg_namespace", "oid", "oid not in (select oid from temporary)"),
    ("pg_class", "oid", "(oid >= 16384 or relacl is not null) and relnamespace not in (select oid from temporary)"),
    ("pg_attribute", COLUMN, "attrelid >= 16384 and attnum > 0 and attrelid not in (select oid from rel)"),
    ("pg_attribute", COLUMN, "attrelid < 16384 and attacl is not null"),
    ("pg_attrdef", "oid", "adrelid >= 16384 and adrelid not in (select oid from rel)"),
    ("pg_index", "indexrelid", "indexrelid >= 16384 and indexrelid not in (select oid from rel)"),
    ("pg_inherits", "(inhrelid::int8 << 16) | inhseqno", "inhrelid >= 16384 and inhrelid not in (select oid from rel)"),
    ("pg_partitioned_table", "partrelid", "partrelid >= 16384 and partrelid not in (select oid from rel)"),
    ("pg_sequence", "seqrelid", "seqrelid >= 16384 and seqrelid not in (select oid from rel)"),
    ("pg_foreign_table", "ftrelid", "ftrelid >= 16384 and ftrelid not in (select oid from rel)"),
    ("pg_constraint", "oid", "oid >= 16384 and connamespace not in (select oid from temporary)"),
    ("pg_trigger", "oid", "tgrelid >= 16384 and tgrelid not in (select oid from rel)"),
    ("pg_rewrite", "oid", "ev_class >= 16384 and ev_class not in (select oid from rel)"),
    ("pg_policy", "oid", "polrelid >= 16384 and polrelid not in (select oid from rel)"),
    ("pg_statistic_ext", "oid", "stxrelid >= 16384 and stxrelid not in (select oid from rel)"),
    ("pg_type", "oid", "(oid >= 16384 or typacl is not null) and typnamespace not in (select oid from temporary)"),
    ("pg_enum", "oid", "enumtypid >= 16384 and enumtypid not in (select oid from kind)"),
    ("pg_range", "rngtypid", "rngtypid >= 16384 and rngtypid not in (select oid from kind)"),
    ("pg_proc", "oid", "(oid >= 16384 or proacl is not null) and pronamespace not in (select oid from temporary)"),
    ("pg_aggregate", "aggfnoid::oid", "aggfnoid::oid >= 16384 and aggfnoid::oid not in (select oid from routine)"),
    ("pg_operator", "oid", OF_THE_DATABASE),
    ("pg_opclass", "oid", OF_THE_DATABASE),
    ("pg_opfamily", "oid", OF_THE_DATABASE),
    ("pg_amop", "oid", OF_THE_DATABASE),
    ("pg_amproc", "oid", OF_THE_DATABASE),
    ("pg_cast", "oid", OF_THE_DATABASE),
    ("pg_collation", "oid", OF_THE_DATABASE),
    ("pg_conversion", "oid", OF_THE_DATABASE),
    ("pg_ts_config", "oid", OF_THE_DATABASE),
    ("pg_ts_config_map", "(mapcfg::int8 << 24) | (maptokentype << 8) | mapseqno", "mapcfg >= 16384"),
    ("pg_ts_dict", "oid", OF_THE_DATABASE),
    ("pg_ts_parser", "oid", OF_THE_DATABASE),
    ("pg_ts_template", "oid", OF_THE_DATABASE),
    ("pg_language", "oid", "oid >= 16384 or lanacl is not null"),
    ("pg_am", "oid", OF_THE_DATABASE),
    ("pg_transform", "oid", "true"),
    ("pg_extension", "oid", OF_THE_DATABASE),
    ("pg_foreign_data_wrapper", "oid", "true"),
    ("pg_foreign_server", "oid", "true"),
    ("pg_event_trigger", "oid", "true"),
    ("pg_default_acl", "oid", "true"),
    ("pg_seclabel", "(objoid::int8 << 16) | objsubid", "true"),
    (
        "pg_depend",
        "hashint8extended((classid::int8 << 32) | objid::int8, refobjid::int8)",
        "refclassid = 'pg_extension'::regclass and deptype in ('e', 'x')",
    ),
    ("pg_description", "(objoid::int8 << 16) | objsubid", "objoid >= 16384 or classoid = 'pg_namespace'::regclass"),
];

const COLUMN: &str = "(attrelid::int8 << 16) | attnum";

/// PostgreSQL's own have lower numbers.
const OF_THE_DATABASE: &str = "oid >= 16384";

/// The transaction that wrote a row, as a number. `xid` has no cast to one but by way of its text, which takes several times as long as its distance to a
/// moment of this statement's. (Where that moment wraps, once in 2³¹ transactions, every number is another one: copies are made anew.) What was written before
/// there were transactions has none; it can go, and not come.
const WRITER: &str = "(select now from clock) - nullif(age(xmin), 2147483647)";

/// A text for what a copy of a database has beside rows, as an expression: of each catalogue how many rows it has, and a digest of which they are and who wrote
/// them. ANALYZE and VACUUM do not change it, and a copy by TEMPLATE has the same. So is what else decides whether something stays behind: what the owner of
/// branches may read of the server, and which owners policies bind.
///
/// It is read while somebody waits for a branch or a diff: each big catalogue once or twice, in whatever order it lies.
pub(crate) static DEFINITIONS: LazyLock<String> = LazyLock::new(|| {
    let mut sql = String::from(
        "(with clock as materialized (select age('3'::xid)::int8 + 3 as now),
         temporary as materialized (select oid from pg_namespace where nspname like 'pg\\_temp\\_%' or nspname like 'pg\\_toast\\_temp\\_%'),
         rel as materialized (select oid from pg_class where relnamespace in (select oid from temporary)),
         routine as materialized (select oid from pg_proc where pronamespace in (select oid from temporary)),
         kind as materialized (select oid from pg_type where typnamespace in (select oid from temporary)),
         owner as materialized (select relowner as oid from pg_class
             where oid >= 16384 and relkind in ('r', 'p', 'v', 'm') and relnamespace not in (select oid from temporary)
             union select proowner from pg_proc where prosecdef and oid >= 16384)
         select md5(concat_ws(','",
    );
    for (catalogue, key, counts) in CATALOGUES {
        let _ = write!(sql, ",\n(select concat(count(*), ' ', bit_xor(hashint8extended(({key})::int8, {WRITER}))) from {catalogue} where {counts})");
    }
    let owner = literal(OWNER_ROLE);
    let _ = write!(
        sql,
        ",\n(select string_agg(pg_has_role(o.oid, r.oid, 'usage')::text, ' ' order by r.rolname) from pg_roles o, pg_roles r
              where o.rolname = {owner} and r.rolname in ('pg_read_server_files', 'pg_execute_server_program')),
          (select string_agg(concat_ws(' ', o.oid, r.rolsuper or r.rolbypassrls,
                                       (select string_agg(t.oid::text, ' ' order by t.oid) from owner t where pg_has_role(o.oid, t.oid, 'usage'))),
                             ',' order by o.oid)
             from owner o join pg_roles r on r.oid = o.oid))))"
    );
    sql
});

/// [`DEFINITIONS`], and the tables whose rows come along whatever is asked for: the ledger's. (The log of seeds in it is about rows.) Without parameters there is
/// one plan for as long as the connection lives.
static STATEMENT: LazyLock<String> = LazyLock::new(|| {
    let (definitions, ledger, seeds) = (DEFINITIONS.as_str(), literal(LEDGER_SCHEMA), literal(SEED_LOG));
    format!(
        "select {definitions} as definitions,
                (select coalesce(array_agg(c.relname::text order by c.relname), '{{}}') from pg_class c join pg_namespace n on n.oid = c.relnamespace
                  where n.nspname = {ledger} and c.relkind = 'r' and c.relname <> {seeds}) as ledger"
    )
});

/// The change token of the database that the connection is to, by its snapshot.
pub(crate) async fn change_token(connection: &mut PgConnection) -> Result<String, BuildError> {
    let failed = |error| from_sql("reading the change token", error);
    let (definitions, tables): (String, Vec<String>) =
        sqlx::query_as(AssertSqlSafe(STATEMENT.as_str())).fetch_one(&mut *connection).await.map_err(failed)?;
    if tables.is_empty() {
        return Ok(definitions);
    }
    let rows: Vec<_> = tables
        .iter()
        .map(|table| {
            format!(
                "select md5(string_agg(concat(xmin, ctid), ',' order by ctid)) as sum from only {}",
                relation(&QualifiedName::new(LEDGER_SCHEMA, table))
            )
        })
        .collect();
    let sql = format!("select coalesce(md5(string_agg(sum, ',' order by sum)), '') from ({}) sums", rows.join(" union all "));
    let rows: String = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *connection).await.map_err(failed)?;
    Ok(format!("{definitions}-{rows}"))
}

#[cfg(test)]
mod tests {
    use super::STATEMENT;

    /// No catalogue of the database tells of them.
    #[test]
    fn the_statement_knows_the_roles_by_which_something_stays_behind() {
        for role in ["pg_read_server_files", "pg_execute_server_program"] {
            assert!(STATEMENT.contains(role) && include_str!("../definitions/sql/barred.sql").contains(role), "{role}");
        }
    }
}
