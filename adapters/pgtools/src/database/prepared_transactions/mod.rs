//! What holds a database though nobody is connected to it, so that it cannot be dropped: transactions that were prepared and never ended.

mod in_the_way;
mod of_roles;
mod to_go;

pub(crate) use in_the_way::{InTheWay, roll_back_elsewhere, roll_back_shared};
pub(crate) use of_roles::roll_back_of;
pub(crate) use to_go::roll_back_prepared;

use super::tag::Mark;
use crate::{
    connect::{major, run},
    contended,
    error::from_sql,
    hex::hex,
    logins::{
        connection_role,
        membership::{Use, grant, is_whole_member, let_builder_act_for},
    },
    quoting::ident,
    settings::Settings,
};
use domain::branch::DatabaseName;
use ports::driven::{BuildError, LoginPurpose};
use sqlx::{Connection, PgConnection};
use std::collections::BTreeSet;

/// A transaction that was prepared: only its owner ends it, or a superuser, and only from within its database. What it is called by cannot be read elsewhere: it is
/// of that database's encoding.
#[derive(sqlx::FromRow)]
struct Prepared {
    transaction: String,
    /// None where the role is gone.
    owner: Option<String>,
}

/// Each as its owner, if there is one still, so that PostgreSQL asks whether it is theirs; nobody but a superuser may for a role that is gone. Gives how many.
async fn roll_back_by_admin(settings: &Settings, database: &DatabaseName, prepared: &[Prepared]) -> Result<usize, BuildError> {
    let mut inside = settings.admin_at(database).await?;
    // Somebody may have the roles for long, and others wait for what is done here.
    run(&mut inside, "set lock_timeout = '2s'").await.map_err(failed)?;
    let mut strangers = Vec::new();
    for owner in owners(prepared) {
        match let_admin_become(&mut inside, settings, owner).await {
            Ok(true) => strangers.push(owner),
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, owner, "the server's admin could not become who prepared a transaction"),
        }
    }
    let ended = end(&mut inside, database, prepared).await;
    for stranger in strangers {
        contended::run(&mut inside, format!("reset role; revoke {} from current_user", ident(stranger))).await.map_err(failed)?;
    }
    let _ = inside.close().await;
    ended
}

/// Lets the admin become it, where it may not yet, as a superuser always may. Tells whether it is a member by that for this only, and had not let itself be one before.
async fn let_admin_become(inside: &mut PgConnection, settings: &Settings, owner: &str) -> Result<bool, BuildError> {
    if is_whole_member(&mut *inside, &settings.admin.user, owner).await? {
        return Ok(false);
    }
    // From PostgreSQL 16 on a membership is its grantor's.
    let is_member: bool = sqlx::query_scalar(
        "select exists (select from pg_auth_members m join pg_roles me on me.oid = m.member join pg_roles role on role.oid = m.roleid
                         where me.rolname = current_user and role.rolname = $1 and ($2 < 16 or m.grantor = me.oid))",
    )
    .bind(owner)
    .bind(i64::from(major(inside)))
    .fetch_one(&mut *inside)
    .await
    .map_err(failed)?;
    let grant = grant(major(inside), owner, "current_user", Use::WHOLE);
    contended::run(inside, grant).await.map_err(failed)?;
    Ok(!is_member)
}

/// Whose they are, of roles that are there still.
fn owners(prepared: &[Prepared]) -> BTreeSet<&str> {
    prepared.iter().filter_map(|prepared| prepared.owner.as_deref()).collect()
}

/// The builder becomes a member of the login that people connect to its branch by, where that prepared one; never of another branch's.
async fn become_people(admin: &mut PgConnection, settings: &Settings, database: &DatabaseName, prepared: &[Prepared]) -> Result<(), BuildError> {
    let people = connection_role::prefix(settings.instance);
    if !owners(prepared).iter().any(|owner| owner.starts_with(&people)) {
        return Ok(());
    }
    let comment: Option<String> = sqlx::query_scalar("select shobj_description(oid, 'pg_database') from pg_database where datname = $1")
        .bind(database.as_str())
        .fetch_optional(&mut *admin)
        .await
        .map_err(failed)?
        .flatten();
    let mark = comment.as_deref().and_then(Mark::read).filter(|mark| mark.is_of(settings.instance));
    let own = mark.map(|mark| connection_role::name(settings.instance, mark.target(database.clone()).branch_id));
    match own {
        Some(login) if owners(prepared).contains(login.as_str()) => let_builder_act_for(admin, settings, &login, database).await,
        _ => Ok(()),
    }
}

async fn roll_back(settings: &Settings, purpose: LoginPurpose, database: &DatabaseName, prepared: &[Prepared]) -> Result<usize, BuildError> {
    let mut inside = settings.login_in(purpose, database).await?;
    let ended = end(&mut inside, database, prepared).await;
    let _ = inside.close().await;
    ended
}

/// Ends those that are there still, over a session of their database, and gives how many. One that cannot be ended, as one that is busy, keeps no other.
async fn end(inside: &mut PgConnection, database: &DatabaseName, prepared: &[Prepared]) -> Result<usize, BuildError> {
    let transactions: Vec<&str> = prepared.iter().map(|prepared| prepared.transaction.as_str()).collect();
    let found: Vec<(Vec<u8>, Option<String>)> = sqlx::query_as(
        "select convert_to(gid, getdatabaseencoding()), owner::text from pg_prepared_xacts where database = current_database() and transaction::text = any($1)",
    )
    .bind(transactions)
    .fetch_all(&mut *inside)
    .await
    .map_err(failed)?;
    let mut ended = 0;
    for (gid, owner) in found {
        match end_as(&mut *inside, &gid, owner.as_deref()).await {
            Ok(()) => ended += 1,
            Err(error) => {
                let gid = String::from_utf8_lossy(&gid);
                tracing::warn!(%error, %database, %gid, owner, "a prepared transaction could not be rolled back");
            }
        }
    }
    Ok(ended)
}

async fn end_as(inside: &mut PgConnection, gid: &[u8], owner: Option<&str>) -> Result<(), sqlx::Error> {
    let role = owner.map_or_else(|| "reset role".to_owned(), |owner| format!("set role {}", ident(owner)));
    run(&mut *inside, role).await?;
    run(inside, format!("rollback prepared {}", literal_of_bytes(gid))).await
}

/// A text of those bytes, whatever they mean in the database's encoding.
fn literal_of_bytes(bytes: &[u8]) -> String {
    let escape = |text: String, byte: &u8| text + "\\x" + &hex(&[*byte]);
    bytes.iter().fold("E'".to_owned(), escape) + "'"
}

fn failed(error: sqlx::Error) -> BuildError {
    from_sql("ending prepared transactions", error)
}
