//! The logins of a branch's database, on the server: made when they are let in; [`super::gone_logins`] takes them away.

use super::{
    locks::lock_logins,
    membership::{self, Use},
    own_settings::{self, set_in},
    past_policies, verifier,
};
use crate::{
    connect::{major, run},
    contended::again,
    error::from_sql,
    quoting::ident,
    setting_value::setting_value,
    settings::{Login, Settings},
};
use domain::branch::DatabaseName;
use ports::driven::{BuildError, DatabaseLogin, LoginPurpose, PRESENT};
use sqlx::{Connection, PgConnection};

impl Settings {
    /// The login of this purpose in a branch's database.
    pub(crate) fn login(&self, purpose: LoginPurpose, database: &DatabaseName) -> Login {
        let DatabaseLogin { name, password } = self.logins.of(purpose, database);
        Login { user: name, password: password.expose().to_owned().into() }
    }

    /// The name of that login, quoted.
    pub(crate) fn login_ident(&self, purpose: LoginPurpose, database: &DatabaseName) -> String {
        ident(&self.logins.of(purpose, database).name)
    }
}

/// What a login has from the instance's own one of its purpose.
#[derive(sqlx::FromRow)]
struct Image {
    inherits: bool,
    member_of: Vec<String>,
    settings: Vec<String>,
    /// Whether the login itself may read past policies now, as it may while its database is a parent that somebody copies.
    past_policies: bool,
    /// Whether the login itself is there already.
    there: bool,
    /// The databases that the login itself has settings for, `None` for all of them: who was in a session of it may have made some.
    set_in: Vec<Option<String>>,
}

/// Makes the database's logins of these purposes, or puts them right: whoever worked in it may have changed their passwords and settings. The further
/// statements are of the same transaction.
pub(crate) async fn make(
    admin: &mut PgConnection,
    settings: &Settings,
    database: &DatabaseName,
    purposes: &[LoginPurpose],
    further: &str,
) -> Result<(), sqlx::Error> {
    again!(&mut *admin, make_once(&mut *admin, settings, database, purposes, further))
}

async fn make_once(
    admin: &mut PgConnection,
    settings: &Settings,
    database: &DatabaseName,
    purposes: &[LoginPurpose],
    further: &str,
) -> Result<(), sqlx::Error> {
    let mut transaction = admin.begin().await?;
    let logins = making(&mut transaction, settings, database, purposes, true).await?;
    run(&mut transaction, format!("{logins}; {further}")).await?;
    transaction.commit().await
}

async fn making(
    transaction: &mut PgConnection,
    settings: &Settings,
    database: &DatabaseName,
    purposes: &[LoginPurpose],
    missing_too: bool,
) -> Result<String, sqlx::Error> {
    lock_logins(transaction, &settings.logins.of(LoginPurpose::Builder, database).name).await?;
    let server_major = major(transaction);
    let logins: Vec<_> = purposes.iter().map(|purpose| settings.logins.of(*purpose, database)).collect();
    let images = images(transaction, settings, purposes, &logins).await?;
    let replicas = replicas(&mut *transaction).await?;
    let mut made = Vec::new();
    let all = purposes.iter().zip(&logins).zip(&images);
    for ((purpose, login), image) in all.filter(|(_, image)| missing_too || image.there) {
        let past_policies = *purpose == LoginPurpose::Builder && image.past_policies;
        let lower = past_policies && past_policies::is_unused(transaction, &login.name).await?;
        let limit = settings.login_sessions.of(*purpose, replicas);
        made.push(statements(login, image, server_major, (lower, limit)));
    }
    Ok(made.join("; "))
}

/// Puts those of the database's logins right that are there; a dropped one does not come back by that. Their sessions go on.
pub(crate) async fn restore(admin: &mut PgConnection, settings: &Settings, database: &DatabaseName) -> Result<(), BuildError> {
    again!(&mut *admin, restore_once(&mut *admin, settings, database))
        .map_err(|error| from_sql(format!("putting the logins of '{database}' right"), error))
}

/// The same over a connection of its own.
pub(crate) async fn restore_at_once(settings: &Settings, database: &DatabaseName) -> Result<(), BuildError> {
    let mut admin = settings.admin().await?;
    restore(&mut admin, settings, database).await?;
    let _ = admin.close().await;
    Ok(())
}

async fn restore_once(admin: &mut PgConnection, settings: &Settings, database: &DatabaseName) -> Result<(), sqlx::Error> {
    let mut transaction = admin.begin().await?;
    let logins = making(&mut transaction, settings, database, &LoginPurpose::ALL, false).await?;
    run(&mut transaction, logins).await?;
    transaction.commit().await
}

/// How many replicas show that they live.
async fn replicas(connection: &mut PgConnection) -> Result<u32, sqlx::Error> {
    let count: i64 = sqlx::query_scalar(
        "select count(*) from pg_locks l cross join hashtextextended($1, 0) key
          where l.locktype = 'advisory' and l.granted and l.objsubid = 1
            and l.database = (select oid from pg_database where datname = current_database())
            and l.classid = ((key >> 32) & 4294967295)::oid and l.objid = (key & 4294967295)::oid",
    )
    .bind(PRESENT)
    .fetch_one(connection)
    .await?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// What each login is the image of.
async fn images(
    connection: &mut PgConnection,
    settings: &Settings,
    purposes: &[LoginPurpose],
    logins: &[DatabaseLogin],
) -> Result<Vec<Image>, sqlx::Error> {
    let of: Vec<&str> = purposes.iter().map(|purpose| settings.logins.image(*purpose)).collect();
    let names: Vec<&str> = logins.iter().map(|login| login.name.as_str()).collect();
    let images: Vec<Image> = sqlx::query_as(concat!(
        "select r.rolinherit as inherits, coalesce(r.rolconfig, '{}') as settings,
                coalesce(own.rolbypassrls, false) as past_policies, own.rolname is not null as there,
                array(",
        set_in!("own.oid"),
        ") as set_in,
                coalesce((select array_agg(distinct o.rolname::text) from pg_auth_members m join pg_roles o on o.oid = m.roleid where m.member = r.oid), '{}')
                    as member_of
           from unnest($1::text[], $2::text[]) with ordinality asked(image, login, place)
           join pg_roles r on r.rolname = asked.image left join pg_roles own on own.rolname = asked.login
          order by asked.place"
    ))
    .bind(of)
    .bind(names)
    .fetch_all(connection)
    .await?;
    if images.len() == logins.len() { Ok(images) } else { Err(sqlx::Error::RowNotFound) }
}

fn statements(login: &DatabaseLogin, image: &Image, server_major: u32, (lower, limit): (bool, u32)) -> String {
    let name = ident(&login.name);
    let verb = if image.there { "alter" } else { "create" };
    let inherit = if image.inherits { "inherit" } else { "noinherit" };
    let bypass = if lower { " nobypassrls" } else { "" };
    let mut statements =
        vec![format!("{verb} role {name} login {inherit}{bypass} connection limit {limit} password {}", verifier::of_key(&login.password))];
    statements.extend(own_settings::forget(&login.name, image.set_in.clone()));
    let grant = |role: &String| membership::grant(server_major, role, &name, Use { inherit: image.inherits, set: true });
    statements.extend(image.member_of.iter().map(grant));
    let set = |(setting, value): (&str, &str)| format!("alter role {name} set {} to {}", ident(setting), setting_value(setting, value));
    statements.extend(image.settings.iter().filter_map(|setting| setting.split_once('=')).map(set));
    statements.join("; ")
}

#[cfg(test)]
mod tests {
    use super::{Image, statements};
    use ports::driven::{DatabaseLogin, Secret};

    #[test]
    fn a_login_is_the_image_of_the_instances_own() {
        let login = DatabaseLogin { name: "x".to_owned(), password: Secret::new("correct horse") };
        let image = Image {
            inherits: false,
            member_of: vec!["anon".to_owned()],
            settings: vec!["search_path=public, \"a b\"".to_owned()],
            past_policies: false,
            there: true,
            set_in: vec![None, Some("d b".to_owned())],
        };
        let sql = statements(&login, &image, 16, (false, 48));
        assert!(sql.starts_with("alter role \"x\" login noinherit connection limit 48 password 'SCRAM-SHA-256$"), "{sql}");
        assert!(
            sql.contains(
                "; alter role \"x\" reset all; alter role \"x\" in database \"d b\" reset all; grant \"anon\" to \"x\" with inherit false, set true; "
            ),
            "{sql}"
        );
        assert!(sql.ends_with("alter role \"x\" set \"search_path\" to 'public', 'a b'"), "{sql}");
        assert!(!sql.contains("correct") && !sql.contains("bypassrls"));
    }
}
