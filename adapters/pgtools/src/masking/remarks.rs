//! Tags in comments on what no mask stands on: views, types, whole tables.

use crate::error::from_sql;
use domain::{
    branch::{Withheld, WithheldRows},
    privacy::Remark,
    table::QualifiedName,
};
use ports::driven::BuildError;
use sqlx::PgConnection;

#[derive(sqlx::FromRow)]
struct Found {
    object: String,
    /// The relation that the comment is on, where it is on one as a whole.
    schema: Option<String>,
    name: Option<String>,
    comment: String,
}

/// What such comments ask for in vain. A whole table may say it where no row of it comes along.
pub(super) async fn misplaced(leader: &mut PgConnection, excluded: &[String], withheld: &[Withheld]) -> Result<Vec<Remark>, BuildError> {
    let found: Vec<Found> = sqlx::query_as(include_str!("sql/remarks.sql"))
        .bind(excluded)
        .fetch_all(leader)
        .await
        .map_err(|error| from_sql("reading comments", error))?;
    let stays_behind = |found: &Found| {
        let table = found.schema.as_ref().zip(found.name.as_ref()).map(|(schema, name)| QualifiedName::new(schema, name));
        table.is_some_and(|table| withheld.iter().any(|entry| entry.table == table && entry.rows == WithheldRows::All))
    };
    Ok(found.into_iter().filter(|found| !stays_behind(found)).filter_map(|found| Remark::of(found.object, &found.comment)).collect())
}
