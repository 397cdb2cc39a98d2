//! Rows that extensions want to come along with a database (`pg_extension_config_dump`), as with `pg_dump`. They take the place of what CREATE EXTENSION put
//! there; of other tables of extensions a copy has what that makes.
//!
//! In a branch these tables are the admin's. No superuser writes rows, since what hangs on a table runs with the rights of whoever writes it: the owner of
//! branches is lent the right to, for a moment at which nothing of users runs.

use super::{
    leader::Table,
    pace::Pace,
    rows::{self, RAW, Share},
    sequences,
    server_load::Load,
    withholding::{Source, source_of},
};
use crate::{
    connect::run,
    definitions::never_copied::EXTENSIONS,
    error::{from_sql, retryable, sql_state},
    masking::Masks,
    meter::Meter,
    quoting::{ident, idents, relation},
    settings::Settings,
};
use domain::{
    branch::{DatabaseName, OWNER_ROLE, Withheld},
    table::QualifiedName,
};
use ports::driven::BuildError;
use sqlx::{Connection, PgConnection};
use std::collections::{BTreeSet, HashSet};

/// A table of an extension.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Marked {
    #[sqlx(flatten)]
    pub(crate) table: Table,
    extension: String,
    /// Which of its rows: what follows the table's name, or nothing.
    condition: String,
    /// Whether whoever reads the parent may read it.
    pub(crate) readable: bool,
}

/// A sequence of an extension.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct MarkedSequence {
    schema: String,
    name: String,
    extension: String,
    readable: bool,
}

/// What the owner of branches lacks to write a relation: a privilege, or something that cannot be lent.
#[derive(Debug, sqlx::FromRow)]
struct Lacking {
    relation: String,
    privilege: Option<String>,
}

impl Marked {
    /// The marked tables of a parent, those that others refer to first.
    pub(crate) async fn read(parent: &mut PgConnection) -> Result<Vec<Self>, BuildError> {
        let failed = |error| from_sql("reading which rows of extensions come along", error);
        let mut left: Vec<Self> =
            sqlx::query_as(include_str!("sql/of_extensions.sql")).bind(EXTENSIONS).fetch_all(&mut *parent).await.map_err(failed)?;
        if left.is_empty() {
            return Ok(left);
        }
        let tables: Vec<i64> = left.iter().map(|marked| marked.table.oid).collect();
        let mut keys: Vec<(i64, i64)> = sqlx::query_as(
            "select conrelid::int8, confrelid::int8 from pg_constraint
              where contype = 'f' and conrelid <> confrelid and conrelid::int8 = any($1) and confrelid::int8 = any($1)",
        )
        .bind(tables)
        .fetch_all(parent)
        .await
        .map_err(failed)?;
        let mut ordered = Vec::with_capacity(left.len());
        while !left.is_empty() {
            let next = left.iter().position(|marked| keys.iter().all(|(from, _)| *from != marked.table.oid)).unwrap_or_default();
            let marked = left.remove(next);
            keys.retain(|(from, to)| *from != marked.table.oid && *to != marked.table.oid);
            ordered.push(marked);
        }
        Ok(ordered)
    }

    fn stays_behind(&self, verb: &str) -> Withheld {
        Withheld::all_rows(self.table.qualified(), reason(&self.extension, verb))
    }
}

/// Rows and positions on their way.
pub(crate) struct Passage<'a> {
    pub(crate) settings: &'a Settings,
    /// The branch's.
    pub(crate) database: &'a DatabaseName,
    pub(crate) leader: &'a mut PgConnection,
    pub(crate) branch: &'a mut PgConnection,
}

impl Passage<'_> {
    /// Copies what comes along with rows. Tells what nobody may read or write.
    pub(crate) async fn copy(
        mut self,
        (tables, mut sequences): (&[Marked], Vec<MarkedSequence>),
        withheld: &[Withheld],
        masks: &Masks,
    ) -> Result<Vec<Withheld>, BuildError> {
        let mut wanted: Vec<(&Marked, Source)> = Vec::new();
        let mut told = Vec::new();
        for marked in tables {
            let own = withheld.iter().find(|entry| entry.table == marked.table.qualified());
            match source_of(&marked.table, &marked.condition, own, masks) {
                Some(source) if marked.readable => wanted.push((marked, source)),
                Some(_) => told.push(marked.stays_behind("read")),
                None => {}
            }
        }
        told.extend(sequences.iter().filter(|sequence| !sequence.readable).map(|sequence| sequence.stays_behind("read")));
        sequences.retain(|sequence| sequence.readable);
        if wanted.is_empty() && sequences.is_empty() {
            return Ok(told);
        }
        let mut admin = self.settings.admin_in(self.database).await?;
        let of_tables = wanted.iter().flat_map(|(marked, _)| ["select", "insert", "delete"].map(|word| (marked.table.quoted(), word)));
        let needed: Vec<_> = of_tables.chain(sequences.iter().map(|sequence| (sequence.quoted(), "update"))).collect();
        let lent = lend(&mut admin, &needed).await?;
        let barred: HashSet<String> = lacking(&mut admin, &needed).await?.into_iter().map(|lacking| lacking.relation).collect();
        let is_barred = |(marked, _): &(&Marked, Source)| barred.contains(&marked.table.quoted());
        told.extend(wanted.iter().filter(|table| is_barred(table)).map(|(marked, _)| marked.stays_behind("write")));
        told.extend(sequences.iter().filter(|sequence| barred.contains(&sequence.quoted())).map(|sequence| sequence.stays_behind("write")));
        wanted.retain(|table| !is_barred(table));
        sequences.retain(|sequence| !barred.contains(&sequence.quoted()));
        self.write(&wanted, &sequences).await?;
        for privilege in lent {
            run(&mut admin, format!("revoke {privilege} from {}", ident(OWNER_ROLE))).await.map_err(lending)?;
        }
        let _ = admin.close().await;
        Ok(told)
    }

    /// What the owner of a branch has for good: the right to make the foreign keys to tables of extensions that the parent has, and to see where marked sequences
    /// stand, which `pg_dump` asks for in any case. Gives those sequences.
    pub(crate) async fn let_refer(&mut self, excluded: &[String]) -> Result<Vec<MarkedSequence>, BuildError> {
        let referred: Vec<(String, String)> = sqlx::query_as(
            "with member as materialized (select objid from pg_depend where classid = 'pg_class'::regclass and deptype = 'e')
             select distinct n.nspname::text, r.relname::text
               from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace s on s.oid = c.relnamespace
               join pg_class r on r.oid = k.confrelid join pg_namespace n on n.oid = r.relnamespace
              where k.contype = 'f' and r.oid in (select objid from member) and c.oid not in (select objid from member) and s.nspname <> all($1)",
        )
        .bind(excluded)
        .fetch_all(&mut *self.leader)
        .await
        .map_err(|error| from_sql("reading foreign keys to tables of extensions", error))?;
        let sequences = self.sequences().await?;
        let keys = referred.iter().map(|(schema, name)| (relation(&QualifiedName::new(schema, name)), "references"));
        let needed: Vec<_> = keys.chain(sequences.iter().map(|sequence| (sequence.quoted(), "select"))).collect();
        if !needed.is_empty() {
            let mut admin = self.settings.admin_in(self.database).await?;
            lend(&mut admin, &needed).await?;
            let _ = admin.close().await;
        }
        Ok(sequences)
    }

    async fn sequences(&mut self) -> Result<Vec<MarkedSequence>, BuildError> {
        sqlx::query_as(
            "select n.nspname::text as schema, c.relname::text as name, e.extname::text as extension,
                    has_schema_privilege(n.oid, 'usage') and has_sequence_privilege(c.oid, 'select') as readable
               from pg_extension e, unnest(e.extconfig) marked join pg_class c on c.oid = marked and c.relkind = 'S'
               join pg_namespace n on n.oid = c.relnamespace
              where e.extname <> all($1) order by c.oid",
        )
        .bind(EXTENSIONS)
        .fetch_all(&mut *self.leader)
        .await
        .map_err(|error| from_sql("reading sequences of extensions", error))
    }

    /// All at once. Keys between these tables are there already.
    async fn write(&mut self, tables: &[(&Marked, Source)], of_extensions: &[MarkedSequence]) -> Result<(), BuildError> {
        let names: Vec<_> = of_extensions.iter().map(|sequence| QualifiedName::new(&sequence.schema, &sequence.name)).collect();
        let positions = sequences::positions(self.leader, &names).await?;
        let cleared = tables.iter().rev().map(|(marked, _)| format!("; delete from only {} {}", marked.table.quoted(), marked.condition));
        let begin: String = ["begin".to_owned()].into_iter().chain(cleared).collect();
        run(self.branch, begin).await.map_err(|error| from_sql("making place for rows of extensions", error))?;
        for (marked, source) in tables {
            self.copy_table(&marked.table, source).await?;
        }
        sequences::write(self.branch, &positions).await?;
        run(self.branch, "commit").await.map_err(|error| from_sql("copying rows of extensions", error))
    }

    async fn copy_table(&mut self, table: &Table, source: &Source) -> Result<(), BuildError> {
        let list = if table.columns.is_empty() { String::new() } else { format!(" ({})", idents(&table.columns)) };
        let (from, into) = (format!("copy {} to stdout with ({RAW})", source.sql), format!("copy {}{list} from stdin with ({RAW})", table.quoted()));
        let (unseen, load) = (Meter::new(0, "bytes"), Load::unknown());
        let (share, pace) = (Share::new(&unseen, 0), Pace::new(self.settings.clone_rate, &load));
        let (read, written) = rows::relay((&mut *self.leader, from), (&mut *self.branch, into), &share, &pace).await;
        let failed = |error| from_sql(format!("copying {}", table.qualified()), error);
        let (read, written) = (read.map_err(failed)?, written.map_err(|error| rows::unwritable(&table.qualified(), error))?);
        if read == written {
            return Ok(());
        }
        Err(retryable(format!("{}: {read} rows were read and {written} written", table.qualified())))
    }
}

impl MarkedSequence {
    fn quoted(&self) -> String {
        relation(&QualifiedName::new(&self.schema, &self.name))
    }

    fn stays_behind(&self, verb: &str) -> Withheld {
        Withheld::object("position of sequence", QualifiedName::new(&self.schema, &self.name), reason(&self.extension, verb))
    }
}

fn reason(extension: &str, verb: &str) -> String {
    format!("belongs to extension {extension}, and who copies may not {verb} it: the copy has what CREATE EXTENSION makes")
}

/// Lends the owner of branches what it lacks of these privileges on relations, as far as this admin may. Gives what was lent.
async fn lend(admin: &mut PgConnection, needed: &[(String, &str)]) -> Result<Vec<String>, BuildError> {
    let lacked: BTreeSet<String> = lacking(&mut *admin, needed).await?.into_iter().filter_map(|lacking| lacking.privilege).collect();
    let mut lent = Vec::new();
    for privilege in lacked {
        match run(&mut *admin, format!("grant {privilege} to {}", ident(OWNER_ROLE))).await {
            Err(error) if sql_state(&error).as_deref() == Some("42501") => {}
            outcome => {
                outcome.map_err(lending)?;
                lent.push(privilege);
            }
        }
    }
    Ok(lent)
}

async fn lacking(admin: &mut PgConnection, needed: &[(String, &str)]) -> Result<Vec<Lacking>, BuildError> {
    let (relations, words): (Vec<&str>, Vec<&str>) = needed.iter().map(|(relation, word)| (relation.as_str(), *word)).unzip();
    sqlx::query_as(include_str!("sql/lacking.sql")).bind(OWNER_ROLE).bind(relations).bind(words).fetch_all(admin).await.map_err(lending)
}

fn lending(error: sqlx::Error) -> BuildError {
    from_sql("letting the branch's owner use what extensions brought", error)
}
