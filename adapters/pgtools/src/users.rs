//! Id-only rows of users in a branch that has no rows: what foreign keys of its future rows point at, and nothing about the people.

use crate::{
    connect::run,
    error::{from_sql, refused},
    quoting::{ident, literal},
};
use domain::user::UserId;
use ports::driven::BuildError;
use sqlx::PgConnection;

#[derive(sqlx::FromRow)]
struct Required {
    name: String,
    /// `pg_type.typcategory`, as text.
    category: String,
    data_type: String,
}

/// Writes a row for each user, where the branch has `auth.users`. Columns that take no NULL get a value that says nothing.
pub(crate) async fn write(branch: &mut PgConnection, users: &[UserId]) -> Result<(), BuildError> {
    let failed = |error| from_sql("writing id-only users", error);
    let has_table: bool = sqlx::query_scalar("select to_regclass('auth.users') is not null").fetch_one(&mut *branch).await.map_err(failed)?;
    if !has_table || users.is_empty() {
        return Ok(());
    }
    let required: Vec<Required> = sqlx::query_as(
        "select a.attname::text as name, t.typcategory::text as category, format_type(a.atttypid, a.atttypmod) as data_type
           from pg_attribute a join pg_type t on t.oid = a.atttypid
          where a.attrelid = 'auth.users'::regclass and a.attnum > 0 and not a.attisdropped and a.attname <> 'id'
            and a.attnotnull and not a.atthasdef and a.attidentity = '' and a.attgenerated = ''",
    )
    .fetch_all(&mut *branch)
    .await
    .map_err(failed)?;
    let names: Vec<_> = [ident("id")].into_iter().chain(required.iter().map(|column| ident(&column.name))).collect();
    for user in users {
        let mut values = vec![literal(&user.to_string())];
        for column in &required {
            values.push(placeholder(column, *user)?);
        }
        let insert = format!("insert into auth.users ({}) values ({}) on conflict do nothing", names.join(", "), values.join(", "));
        run(branch, insert).await.map_err(failed)?;
    }
    Ok(())
}

fn placeholder(column: &Required, user: UserId) -> Result<String, BuildError> {
    Ok(match (column.category.as_str(), column.data_type.as_str()) {
        ("S", _) if column.name == "email" => literal(&format!("{user}@withheld.invalid")),
        ("S", _) => "''".to_owned(),
        ("B", _) => "false".to_owned(),
        ("N", _) => "0".to_owned(),
        ("D", _) => "'epoch'".to_owned(),
        ("U", "uuid") => literal(&user.to_string()),
        ("U", "jsonb" | "json") | ("A", _) => "'{}'".to_owned(),
        (_, data_type) => {
            let message = format!("auth.users.{} takes no NULL, and there is no empty {data_type} to stand for it: clone as full_clone", column.name);
            return Err(refused("users_need_values", message));
        }
    })
}
