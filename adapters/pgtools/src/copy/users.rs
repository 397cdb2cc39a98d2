//! Id-only rows of users in a branch that has no rows: what foreign keys of its future rows point at, and nothing about the people.

use crate::{
    connect::run,
    error::{from_sql, refused},
    quoting::{ident, literal},
};
use domain::user::UserId;
use ports::driven::BuildError;
use sqlx::{AssertSqlSafe, PgConnection};

#[derive(sqlx::FromRow)]
struct Required {
    name: String,
    /// `pg_type.typcategory`, as text.
    category: String,
    data_type: String,
}

/// What would run on the way of a row into `auth.users`, or keep it out. Before the triggers and policies of a copy are there it is nothing.
#[derive(sqlx::FromRow)]
struct Guards {
    there: bool,
    forced: bool,
    /// As an ALTER TABLE says it, and how each is put back.
    lifted: Vec<String>,
    put_back: Vec<String>,
}

/// Each trigger and rule is put back as it was.
const GUARDS: &str =
    "with users as (select oid, relforcerowsecurity and relrowsecurity as forced from pg_class where oid = to_regclass('auth.users')),
    mode(letter, word) as (values ('O', 'enable'), ('A', 'enable always'), ('R', 'enable replica')),
    guard(off, again) as (
        select format('disable trigger %I', t.tgname), format('%s trigger %I', m.word, t.tgname)
          from users u join pg_trigger t on t.tgrelid = u.oid and not t.tgisinternal join mode m on m.letter = t.tgenabled::text
        union all
        select format('disable rule %I', r.rulename), format('%s rule %I', m.word, r.rulename)
          from users u join pg_rewrite r on r.ev_class = u.oid and r.ev_type <> '1' join mode m on m.letter = r.ev_enabled::text
        union all
        select 'no force row level security', 'force row level security' from users where forced)
    select exists (select from users) as there, coalesce((select forced from users), false) as forced,
           coalesce((select array_agg(off) from guard), '{}') as lifted, coalesce((select array_agg(again) from guard), '{}') as put_back";

/// Writes a row for each user, where the branch has `auth.users`. Columns that take no NULL get a value that says nothing.
///
/// Nobody's code hears of it, and no policy keeps it out: the row is the same whether it comes before the triggers and policies or after them.
pub(crate) async fn write(branch: &mut PgConnection, users: &[UserId]) -> Result<(), BuildError> {
    let failed = |error| from_sql("writing id-only users", error);
    let guards: Guards = sqlx::query_as(GUARDS).fetch_one(&mut *branch).await.map_err(failed)?;
    if !guards.there || users.is_empty() {
        return Ok(());
    }
    let inserts = inserts(branch, users).await?;
    if guards.lifted.is_empty() {
        return run(branch, inserts).await.map_err(failed);
    }
    // Users who have a row already are no reason to lock the table. With `FORCE ROW LEVEL SECURITY` the owner cannot see which have.
    if !guards.forced && are_there(branch, users).await? {
        return Ok(());
    }
    // A deferred constraint would still have to be checked at the end of the transaction, and until then PostgreSQL lets no trigger be enabled again. The timeout
    // keeps readers of the table from queueing for long behind this ALTER TABLE.
    let (lifted, put_back) = (guards.lifted.join(", "), guards.put_back.join(", "));
    let sql = format!(
        "begin; set local lock_timeout = '3s'; set constraints all immediate; alter table only auth.users {lifted}; {inserts}; \
         alter table only auth.users {put_back}; commit"
    );
    run(branch, sql).await.map_err(failed)
}

async fn are_there(branch: &mut PgConnection, users: &[UserId]) -> Result<bool, BuildError> {
    let ids: Vec<_> = users.iter().map(|user| literal(&user.to_string())).collect();
    let sql = format!("select count(*) = {} from auth.users where id in ({})", ids.len(), ids.join(", "));
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(branch).await.map_err(|error| from_sql("looking for id-only users", error))
}

async fn inserts(branch: &mut PgConnection, users: &[UserId]) -> Result<String, BuildError> {
    let required: Vec<Required> = sqlx::query_as(
        "select a.attname::text as name, t.typcategory::text as category, format_type(a.atttypid, a.atttypmod) as data_type
           from pg_attribute a join pg_type t on t.oid = a.atttypid
          where a.attrelid = 'auth.users'::regclass and a.attnum > 0 and not a.attisdropped and a.attname <> 'id'
            and a.attnotnull and not a.atthasdef and a.attidentity = '' and a.attgenerated = ''",
    )
    .fetch_all(branch)
    .await
    .map_err(|error| from_sql("reading what auth.users requires", error))?;
    let names: Vec<_> = [ident("id")].into_iter().chain(required.iter().map(|column| ident(&column.name))).collect();
    let names = names.join(", ");
    let mut inserts = Vec::new();
    for user in users {
        let mut values = vec![literal(&user.to_string())];
        for column in &required {
            values.push(placeholder(column, *user)?);
        }
        inserts.push(format!("insert into auth.users ({names}) values ({}) on conflict do nothing", values.join(", ")));
    }
    Ok(inserts.join("; "))
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
