//! The login that makes and drops the databases of branches, where `branching.admin_database_url` names one of its own.

use super::{ServeError, database::connect_options, error::told};
use crate::config::Settings;
use postgres::wire::Target;
use sqlx::{ConnectOptions, Connection, PgConnection};

const KEY: &str = "branching.admin_database_url";

/// What tells one running server from every other, also from copies of itself.
const SERVER: &str = "select (select system_identifier::text from pg_control_system()), current_setting('port'), pg_postmaster_start_time()::text";

/// The login, once it has been seen to be on the same server and to have the rights: main's database as that login reaches it.
pub(super) async fn find(settings: &Settings, main: &Target) -> Result<Option<Target>, ServeError> {
    let Some(url) = &settings.branching.admin_database_url else { return Ok(None) };
    let named: Target = url.expose().parse().map_err(|error| ServeError::Setting(format!("{KEY}: {error}")))?;
    let admin = Target { user: named.user.clone(), password: named.password.clone(), ..main.clone() };
    let mut over_its_url = connect(&Target { database: main.database.clone(), ..named }, "over the address that it names").await?;
    let mut over_main = connect(&admin, "over the address of database.url").await?;
    if server(&mut over_its_url).await? != server(&mut over_main).await? {
        return Err(wrong("names another server than database.url: branches lie beside the database that they are cut from"));
    }
    let lacking = lacking(&mut over_main, &main.user).await?;
    for connection in [over_its_url, over_main] {
        let _ = connection.close().await;
    }
    if lacking.is_empty() {
        Ok(Some(admin))
    } else {
        Err(wrong(&format!("names a login that lacks rights; let a superuser run: {}", lacking.join("; "))))
    }
}

async fn connect(target: &Target, over: &str) -> Result<PgConnection, ServeError> {
    let connected = connect_options(target).connect().await;
    connected.map_err(|error| wrong(&format!("names a login that cannot connect to database '{}' {over}: {}", target.database, told(&error))))
}

async fn server(connection: &mut PgConnection) -> Result<(String, String, String), ServeError> {
    sqlx::query_as(SERVER).fetch_one(connection).await.map_err(ServeError::database)
}

/// The statements that would give it what it lacks.
async fn lacking(connection: &mut PgConnection, owner: &str) -> Result<Vec<String>, ServeError> {
    sqlx::query_scalar(
        "select format(lacking.sql, current_user, owner.rolname)
           from pg_roles own, pg_roles owner,
                lateral (values (not own.rolcreatedb, 'alter role %1$I createdb'),
                                (not own.rolcreaterole, 'alter role %1$I createrole'),
                                (not pg_has_role(own.oid, owner.oid, 'usage')
                                 -- From 16 on a member may be one that cannot become the role, and who cannot gives it nothing.
                                 or case when current_setting('server_version_num')::int >= 160000 then not pg_has_role(own.oid, owner.oid, 'SET') else false end,
                                 case when current_setting('server_version_num')::int >= 160000 then 'grant %2$I to %1$I with inherit true, set true'
                                      else 'grant %2$I to %1$I' end)) lacking (is_so, sql)
          where own.rolname = current_user and owner.rolname = $1 and not own.rolsuper and lacking.is_so",
    )
    .bind(owner)
    .fetch_all(connection)
    .await
    .map_err(ServeError::database)
}

fn wrong(what: &str) -> ServeError {
    ServeError::Setting(format!("{KEY} {what}"))
}
