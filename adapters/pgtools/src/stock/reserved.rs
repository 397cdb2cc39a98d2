//! Room that copies under way will yet take: each says beforehand how big it will be, by locks of its own session, which are gone when that is.

use crate::{error::from_sql, settings::Settings};
use domain::branch::DatabaseName;
use ports::driven::BuildError;
use sqlx::PgConnection;

const MEGABYTE: u64 = 1024 * 1024;

/// Reserves room for what this session is about to make: it is settled, or its session ends.
pub(super) async fn reserve(admin: &mut PgConnection, settings: &Settings, bytes: u64) -> Result<(), BuildError> {
    let megabytes = i32::try_from(bytes.div_ceil(MEGABYTE)).unwrap_or(i32::MAX);
    sqlx::query("select pg_advisory_lock_shared(hashtext($1), $2)")
        .bind(room(settings))
        .bind(megabytes)
        .execute(admin)
        .await
        .map(drop)
        .map_err(reserving)
}

/// Says which database the room is for: what that takes already is not counted twice.
pub(super) async fn name(admin: &mut PgConnection, settings: &Settings, database: &DatabaseName) -> Result<(), BuildError> {
    sqlx::query("select pg_advisory_lock_shared(hashtext($1), hashtext($2))")
        .bind(taker(settings))
        .bind(database.as_str())
        .execute(admin)
        .await
        .map(drop)
        .map_err(reserving)
}

/// Lets go of what this session reserved: what was made is there, or will not be.
pub(super) async fn settle(admin: &mut PgConnection, settings: &Settings) -> Result<(), BuildError> {
    sqlx::query(
        "select pg_advisory_unlock_shared(own.class, (l.objid::int8 - case when l.objid::int8 > 2147483647 then 4294967296 else 0 end)::int4)
           from (values (hashtext($1)), (hashtext($2))) own(class)
           join pg_locks l on l.locktype = 'advisory' and l.objsubid = 2 and l.pid = pg_backend_pid() and l.classid::int8 = own.class::int8 & 4294967295",
    )
    .bind(room(settings))
    .bind(taker(settings))
    .execute(admin)
    .await
    .map(drop)
    .map_err(reserving)
}

/// How many bytes the copies of others will yet take.
pub(super) async fn by_others(admin: &mut PgConnection, settings: &Settings) -> Result<u64, BuildError> {
    let bytes: i64 = sqlx::query_scalar(
        "with held as materialized (
             select pid, max(objid::int8) filter (where classid::int8 = hashtext($1)::int8 & 4294967295) as megabytes,
                    max(objid::int8) filter (where classid::int8 = hashtext($2)::int8 & 4294967295) as database
               from pg_locks
              where locktype = 'advisory' and objsubid = 2 and granted and pid <> pg_backend_pid()
                and database = (select oid from pg_database where datname = current_database())
              group by pid
         )
         select coalesce(sum(greatest(h.megabytes * 1048576
                                      - coalesce((select pg_database_size(d.oid) from pg_database d
                                                   where hashtext(d.datname::text)::int8 & 4294967295 = h.database and d.datconnlimit <> -2 limit 1), 0), 0)), 0)::int8
           from held h where h.megabytes is not null",
    )
    .bind(room(settings))
    .bind(taker(settings))
    .fetch_one(admin)
    .await
    .map_err(reserving)?;
    Ok(u64::try_from(bytes).unwrap_or_default())
}

fn room(settings: &Settings) -> String {
    format!("fluxbase {} room", settings.instance)
}

fn taker(settings: &Settings) -> String {
    format!("fluxbase {} room of", settings.instance)
}

fn reserving(error: sqlx::Error) -> BuildError {
    from_sql("reserving room", error)
}
