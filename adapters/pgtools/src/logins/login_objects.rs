//! What people made as their branch's login itself, and not as the owner of its objects: given to that owner, so that the login can go.

use super::{connection_role::part_from_members, membership::let_builder_act_for};
use crate::{
    connect::run,
    contended,
    database::prepared_transactions::roll_back_of,
    error::{from_sql, sql_state},
    quoting::ident,
    settings::Settings,
};
use domain::branch::{DatabaseName, OWNER_ROLE};
use ports::driven::BuildError;
use serde::Deserialize;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

/// Drops the role. Whether it is gone: somebody may have used it in a way that only he can take back, and what it has prepared in a branch is ended, without a
/// superuser, by who may become it.
pub(crate) async fn drop_role(admin: &mut PgConnection, settings: &Settings, role: &str) -> Result<bool, BuildError> {
    let has_ended = roll_back_of(&mut *admin, settings, &[role]).await?;
    if has_ended && drop_unused(&mut *admin, role).await? {
        return Ok(true);
    }
    for (database, comment) in databases_with_its_things(admin, role).await? {
        let given = match comment.as_deref().and_then(owner_instance) {
            Some(instance) if instance == settings.instance => give_in_branch(admin, settings, role, &database).await,
            // A superuser alters nothing in a branch: its owner may have written what event triggers call.
            Some(_) => continue,
            None => give(settings.admin_at(&database).await, role).await,
        };
        if let Err(error) = given {
            tracing::warn!(%error, role, %database, "what a branch's login owns could not be given to the owner of branches");
        }
    }
    Ok(has_ended && drop_unused(admin, role).await?)
}

/// Drops the role, where nothing on the server depends on it but what it prepared in databases that are no branch's. Whether it is gone.
pub(crate) async fn try_drop(admin: &mut PgConnection, settings: &Settings, role: &str) -> Result<bool, BuildError> {
    Ok(roll_back_of(&mut *admin, settings, &[role]).await? && drop_unused(admin, role).await?)
}

async fn drop_unused(admin: &mut PgConnection, role: &str) -> Result<bool, BuildError> {
    match contended::run(admin, format!("drop role if exists {}", ident(role))).await {
        Ok(()) => Ok(true),
        Err(error) if sql_state(&error).as_deref() == Some("2BP01") => Ok(false),
        Err(error) => Err(from_sql(format!("dropping role '{role}'"), error)),
    }
}

/// The instance whose branch, or copy of the stock, a database with this comment is.
pub(crate) fn owner_instance(comment: &str) -> Option<Uuid> {
    #[derive(Deserialize)]
    struct Comment {
        fluxbase: Owned,
    }
    #[derive(Deserialize)]
    struct Owned {
        instance: Uuid,
    }
    serde_json::from_str::<Comment>(comment).ok().map(|comment| comment.fluxbase.instance)
}

/// Databases in which it owns something or was granted something, with their comments.
async fn databases_with_its_things(admin: &mut PgConnection, role: &str) -> Result<Vec<(DatabaseName, Option<String>)>, BuildError> {
    let found: Vec<(String, Option<String>)> = sqlx::query_as(
        "select d.datname::text, shobj_description(d.oid, 'pg_database') from pg_database d
          where d.datallowconn and d.datconnlimit <> -2
            and d.oid in (select s.dbid from pg_shdepend s where s.refclassid = 'pg_authid'::regclass
                                                             and s.refobjid = (select oid from pg_roles where rolname = $1))",
    )
    .bind(role)
    .fetch_all(admin)
    .await
    .map_err(|error| from_sql("looking for what the branch's login owns", error))?;
    Ok(found.into_iter().map(|(name, comment)| (DatabaseName::existing(name), comment)).collect())
}

/// Inside a branch only its builder acts: it is a member of the role meanwhile. It may be another branch's, in which somebody named the role in a grant: a member
/// for longer would come into the role's own branch, once that is let in again.
async fn give_in_branch(admin: &mut PgConnection, settings: &Settings, role: &str, database: &DatabaseName) -> Result<(), BuildError> {
    let_builder_act_for(admin, settings, role, database).await?;
    let given = give_as_builder(settings, role, database).await;
    contended::run(admin, part_from_members(role)).await.map_err(|error| from_sql("parting the builder from the branch's login", error))?;
    given
}

async fn give_as_builder(settings: &Settings, role: &str, database: &DatabaseName) -> Result<(), BuildError> {
    let mut inside = settings.builder_in(database).await?;
    run(&mut inside, "set role none").await.map_err(|error| from_sql("acting for the branch's login", error))?;
    give(Ok(inside), role).await
}

/// Gives what the role owns to the owner of branches; no object is dropped, only the role's grants are. The admin does not get them: a function that runs as its
/// owner (`SECURITY DEFINER`) would run as a superuser.
async fn give(inside: Result<PgConnection, BuildError>, role: &str) -> Result<(), BuildError> {
    let mut inside = inside?;
    let (role, owner) = (ident(role), ident(OWNER_ROLE));
    // Somebody's transaction may have a table of it; whoever takes a login away is not kept by that.
    let give = format!("set lock_timeout = '5s'; reassign owned by {role} to {owner}; drop owned by {role}");
    run(&mut inside, give).await.map_err(|error| from_sql("giving away what the branch's login owns", error))?;
    let _ = inside.close().await;
    Ok(())
}
