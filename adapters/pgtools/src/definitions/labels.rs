//! Security labels. A label is its provider's: where that is not there, or will not have it, the label stays behind, and is told.

use super::left_behind::LeftBehind;
use crate::{connect::run, error::from_sql, quoting::printed_name};
use domain::branch::Withheld;
use ports::driven::BuildError;
use sqlx::PgConnection;

/// A label on an object of the database.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Label {
    kind: String,
    object: String,
    provider: String,
    statement: String,
}

impl Label {
    /// Those on what a clone has. Names are printed in full.
    pub(crate) async fn read(connection: &mut PgConnection, excluded: &[String], left: &LeftBehind) -> Result<Vec<Self>, BuildError> {
        let (classes, objects) = left.keys();
        sqlx::query_as(
            "select l.objtype as kind, l.objname as object, l.provider,
                    format('security label for %I on %s %s is %L', l.provider, l.objtype, l.objname, l.label) as statement
               from pg_seclabels l left join pg_namespace n on n.oid = coalesce(l.objnamespace, case l.objtype when 'schema' then l.objoid end)
              where l.objtype not in ('database', 'role', 'tablespace', 'event trigger', 'publication', 'subscription')
                and (n.nspname is null or (n.nspname <> all($1) and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'))
                and not exists (select from unnest($2::int8[], $3::int8[]) gone (class, object)
                                 where gone.class::oid = l.classoid and gone.object::oid = l.objoid)
              order by l.objtype, l.objname, l.provider",
        )
        .bind(excluded)
        .bind(classes)
        .bind(objects)
        .fetch_all(connection)
        .await
        .map_err(|error| from_sql("reading security labels", error))
    }
}

/// Writes them, as the owner of branches. What an extension labelled itself is there already.
pub(crate) async fn carry_over(branch: &mut PgConnection, wanted: &[Label]) -> Result<Vec<Withheld>, BuildError> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let present = Label::read(branch, &[], &LeftBehind::default()).await?;
    let mut withheld = Vec::new();
    for label in wanted.iter().filter(|label| !present.contains(label)) {
        match run(branch, label.statement.as_str()).await {
            Ok(()) => {}
            Err(sqlx::Error::Database(error)) => {
                let kind = format!("security label of {} on {}", label.provider, label.kind);
                withheld.push(Withheld::object(kind, printed_name(&label.object), error.message()));
            }
            Err(error) => return Err(from_sql("carrying security labels over", error)),
        }
    }
    Ok(withheld)
}
