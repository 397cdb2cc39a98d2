//! Large objects, piece by piece: their catalogue is closed to all but superusers, their functions are not.

use crate::{connect::run, error::from_sql, meter::Meter};
use domain::branch::OWNER_ROLE;
use ports::driven::BuildError;
use sqlx::{Connection, PgConnection};
use std::collections::BTreeSet;

/// How much of one is read at once.
const PIECE: i32 = 256 * 1024;

/// How many are read and written by one statement, and how much of each at most: what is bigger goes by itself. All of them together lie in memory.
const AT_ONCE: usize = 200;
const SMALL: i32 = 16 * 1024;

/// Copies large objects under their own numbers, which is what rows refer to them by.
pub(crate) async fn copy(leader: &mut PgConnection, branch: &mut PgConnection, hidden: &BTreeSet<i64>, meter: &Meter) -> Result<(), BuildError> {
    try_copy(leader, branch, hidden, meter).await.map_err(|error| from_sql("copying large objects", error))
}

async fn try_copy(leader: &mut PgConnection, branch: &mut PgConnection, hidden: &BTreeSet<i64>, meter: &Meter) -> Result<(), sqlx::Error> {
    let mut ids: Vec<i64> = sqlx::query_scalar("select oid::int8 from pg_largeobject_metadata order by oid").fetch_all(&mut *leader).await?;
    ids.retain(|id| !hidden.contains(id));
    for some in ids.chunks(AT_ONCE) {
        let beginnings: Vec<(i64, Vec<u8>)> =
            sqlx::query_as("select id, lo_get(id::oid, 0, $2) from unnest($1::int8[]) id").bind(some).bind(SMALL + 1).fetch_all(&mut *leader).await?;
        let is_small = |(_, content): &(i64, Vec<u8>)| i32::try_from(content.len()).is_ok_and(|bytes| bytes <= SMALL);
        let (small, big): (Vec<_>, Vec<_>) = beginnings.into_iter().partition(is_small);
        let (small, contents): (Vec<i64>, Vec<Vec<u8>>) = small.into_iter().unzip();
        sqlx::query("select count(lo_from_bytea(id::oid, content)) from unnest($1::int8[], $2::bytea[]) small(id, content)")
            .bind(small)
            .bind(contents)
            .execute(&mut *branch)
            .await?;
        for (id, _) in big {
            by_pieces(leader, branch, id).await?;
        }
        describe(leader, branch, some).await?;
        meter.add(some.len() as u64);
    }
    Ok(())
}

async fn by_pieces(leader: &mut PgConnection, branch: &mut PgConnection, id: i64) -> Result<(), sqlx::Error> {
    let mut write = branch.begin().await?;
    sqlx::query("select lo_create($1::oid)").bind(id).execute(&mut *write).await?;
    let mut place = 0_i64;
    loop {
        let piece: Vec<u8> = sqlx::query_scalar("select lo_get($1::oid, $2, $3)").bind(id).bind(place).bind(PIECE).fetch_one(&mut *leader).await?;
        if piece.is_empty() {
            break;
        }
        sqlx::query("select lo_put($1::oid, $2, $3)").bind(id).bind(place).bind(&piece).execute(&mut *write).await?;
        place += i64::try_from(piece.len()).expect("a piece is small");
    }
    write.commit().await
}

/// Their comments, and who may do what with them.
async fn describe(leader: &mut PgConnection, branch: &mut PgConnection, ids: &[i64]) -> Result<(), sqlx::Error> {
    let statements: Vec<String> = sqlx::query_scalar(
        r#"select format('comment on large object %s is %L', oid, d) from pg_largeobject_metadata, obj_description(oid, 'pg_largeobject') d
          where oid = any($1::int8[]::oid[]) and d is not null
         union all
         select format('grant %s on large object %s to %s%s', lower(x.privilege_type collate "C"), o.oid,
                       case x.grantee when 0 then 'public' else quote_ident(r.rolname) end,
                       case when x.is_grantable then ' with grant option' end)
           from pg_largeobject_metadata o, aclexplode(o.lomacl) x left join pg_roles r on r.oid = x.grantee
          where o.oid = any($1::int8[]::oid[]) and x.grantee <> o.lomowner and (x.grantee = 0 or r.rolname <> $2)"#,
    )
    .bind(ids)
    .bind(OWNER_ROLE)
    .fetch_all(leader)
    .await?;
    for statement in statements {
        run(branch, statement).await?;
    }
    Ok(())
}
