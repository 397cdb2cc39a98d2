//! The step `create_database`: an empty database that looks like its parent's, bears its mark, and is closed to everybody but the builder.

use super::{
    drop::{drop_by_name, mark_and_rename, taken},
    locale::Likeness,
};
use crate::{
    connect::{major, run},
    contended,
    definitions::event_triggers,
    error::{from_sql, refused, sql_state},
    logins::database_logins,
    quoting::ident,
    setting_value::setting_value,
    settings::Settings,
};
use domain::branch::{DatabaseName, OWNER_ROLE};
use ports::driven::{BuildError, LoginPurpose};
use sqlx::PgConnection;

/// What a database is called while it is made, and what it is from then on.
pub(crate) struct Birth<'a> {
    pub(crate) provisional: &'a str,
    pub(crate) database: &'a DatabaseName,
    /// Its mark.
    pub(crate) comment: String,
}

impl Birth<'_> {
    /// The refusal to take the place of a database that is not ours.
    pub(crate) fn taken(&self) -> BuildError {
        taken(self.database)
    }
}

/// Makes the branch's database afresh; what an earlier attempt left is gone by now.
pub(crate) async fn create_database(admin: &mut PgConnection, settings: &Settings, parent: &Likeness, birth: &Birth<'_>) -> Result<(), BuildError> {
    check_tools(admin, settings).await?;
    make(&mut *admin, settings, birth, parent.create_statement(birth.provisional)).await
}

/// Makes a database by this statement, gives it its mark and its name at once, and lets its builder in.
pub(crate) async fn make(admin: &mut PgConnection, settings: &Settings, birth: &Birth<'_>, create: String) -> Result<(), BuildError> {
    run(&mut *admin, create).await.map_err(|error| from_sql("creating the database", error))?;
    if let Err(error) = name_and_open(&mut *admin, settings, birth, birth.provisional).await {
        let taken = sql_state(&error).as_deref() == Some("42P04");
        drop_by_name(&mut *admin, settings, &DatabaseName::existing(birth.provisional)).await?;
        return Err(if taken { birth.taken() } else { from_sql("naming the database", error) });
    }
    Ok(())
}

/// Gives a database its mark, its name and its builder, all at once. Nobody could connect so far; from here on only the builder may, and the admin as the
/// owner. The other logins are made when they are let in.
pub(crate) async fn name_and_open(admin: &mut PgConnection, settings: &Settings, birth: &Birth<'_>, old: &str) -> Result<(), sqlx::Error> {
    let open = format!(
        "{rename}; revoke all on database {name} from public; grant create, temporary on database {name} to {owner}; \
         grant connect on database {name} to {login}; alter database {name} allow_connections true",
        rename = mark_and_rename(&birth.comment, old, birth.database.as_str()),
        name = ident(birth.database.as_str()),
        owner = ident(OWNER_ROLE),
        login = settings.login_ident(LoginPurpose::Builder, birth.database),
    );
    database_logins::make(admin, settings, birth.database, &[LoginPurpose::Builder], &open).await
}

/// Gives a database what PostgreSQL keeps outside of it, and no copy has by itself.
pub(crate) async fn liken(admin: &mut PgConnection, database: &DatabaseName, parent: &Likeness) -> Result<(), BuildError> {
    carry_settings_over(&mut *admin, database, parent).await?;
    event_triggers::spare_superusers(admin, database).await
}

/// Settings that name tablespaces: a branch lies in none of its parent's, and who made something in it would be refused for one that is not his.
const OF_TABLESPACES: [&str; 2] = ["default_tablespace", "temp_tablespaces"];

/// The parent's connection limit, and its `ALTER DATABASE .. SET`. A setting that this admin may not make is said, and left out: it would not change what
/// the branch holds.
async fn carry_settings_over(admin: &mut PgConnection, database: &DatabaseName, parent: &Likeness) -> Result<(), BuildError> {
    if parent.connection_limit >= 0 {
        let limit = format!("alter database {} connection limit {}", ident(database.as_str()), parent.connection_limit);
        contended::run(&mut *admin, limit).await.map_err(|error| from_sql("carrying the connection limit over", error))?;
    }
    let settings = parent.settings.iter().filter_map(|setting| setting.split_once('='));
    for (name, value) in settings.filter(|(name, _)| !OF_TABLESPACES.contains(name)) {
        let set = format!("alter database {} set {} to {}", ident(database.as_str()), ident(name), setting_value(name, value));
        match contended::run(&mut *admin, set).await {
            Ok(()) => {}
            Err(error) if sql_state(&error).as_deref() == Some("42501") => {
                tracing::warn!(setting = name, "a setting of the parent's database may not be made by this login, and is left out");
            }
            Err(error) => return Err(from_sql(format!("carrying the setting '{name}' over"), error)),
        }
    }
    Ok(())
}

/// Refuses early, with one clear message, when the programs do not fit the server.
async fn check_tools(admin: &PgConnection, settings: &Settings) -> Result<(), BuildError> {
    let problems = settings.tools.problems(major(admin)).await;
    if problems.is_empty() {
        return Ok(());
    }
    let text: Vec<_> = problems.iter().map(ToString::to_string).collect();
    Err(refused("tools_missing", text.join("; ")))
}
