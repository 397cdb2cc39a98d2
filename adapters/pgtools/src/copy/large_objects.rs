//! Large objects, piece by piece: their catalogue is closed to all but superusers, their functions are not.

use crate::{connect::run, error::from_sql, meter::Meter};
use domain::branch::OWNER_ROLE;
use ports::driven::BuildError;
use sqlx::{Connection, PgConnection};
use std::collections::BTreeSet;

/// How much of one is read at once.
const PIECE: i32 = 256 * 1024;

/// Copies large objects under their own numbers, which is what rows refer to them by.
pub(crate) async fn copy(leader: &mut PgConnection, branch: &mut PgConnection, hidden: &BTreeSet<i64>, meter: &Meter) -> Result<(), BuildError> {
    let failed = |error| from_sql("copying large objects", error);
    let ids: Vec<i64> =
        sqlx::query_scalar("select oid::int8 from pg_largeobject_metadata order by oid").fetch_all(&mut *leader).await.map_err(failed)?;
    for id in ids.iter().filter(|id| !hidden.contains(id)) {
        let mut write = branch.begin().await.map_err(failed)?;
        sqlx::query("select lo_create($1::oid)").bind(id).execute(&mut *write).await.map_err(failed)?;
        let mut place = 0_i64;
        loop {
            let piece: Vec<u8> = sqlx::query_scalar("select lo_get($1::oid, $2, $3)")
                .bind(id)
                .bind(place)
                .bind(PIECE)
                .fetch_one(&mut *leader)
                .await
                .map_err(failed)?;
            if piece.is_empty() {
                break;
            }
            sqlx::query("select lo_put($1::oid, $2, $3)").bind(id).bind(place).bind(&piece).execute(&mut *write).await.map_err(failed)?;
            place += i64::try_from(piece.len()).expect("a piece is small");
        }
        write.commit().await.map_err(failed)?;
        describe(leader, branch, *id).await.map_err(failed)?;
        meter.add(1);
    }
    Ok(())
}

/// Its comment, and who may do what with it.
async fn describe(leader: &mut PgConnection, branch: &mut PgConnection, id: i64) -> Result<(), sqlx::Error> {
    let statements: Vec<String> = sqlx::query_scalar(
        r#"select format('comment on large object %s is %L', oid, d) from pg_largeobject_metadata, obj_description(oid, 'pg_largeobject') d
          where oid = $1::oid and d is not null
         union all
         select format('grant %s on large object %s to %s%s', lower(x.privilege_type collate "C"), o.oid,
                       case x.grantee when 0 then 'public' else quote_ident(r.rolname) end,
                       case when x.is_grantable then ' with grant option' end)
           from pg_largeobject_metadata o, aclexplode(o.lomacl) x left join pg_roles r on r.oid = x.grantee
          where o.oid = $1::oid and x.grantee <> o.lomowner and (x.grantee = 0 or r.rolname <> $2)"#,
    )
    .bind(id)
    .bind(OWNER_ROLE)
    .fetch_all(leader)
    .await?;
    for statement in statements {
        run(branch, statement).await?;
    }
    Ok(())
}
