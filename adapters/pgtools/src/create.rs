//! The step `create_database`: an empty database that looks like its parent's, bears its mark, and is closed to everybody but the builder.

use crate::{
    connect::{major, run},
    drop::{drop_by_name, mark_and_rename, taken},
    error::{from_sql, refused, sql_state},
    locale::Likeness,
    logins,
    quoting::ident,
    setting_value::setting_value,
    settings::{OWNER_ROLE, Settings},
};
use domain::branch::DatabaseName;
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
    let named = run(&mut *admin, mark_and_rename(&birth.comment, birth.provisional, birth.database.as_str())).await;
    if let Err(error) = named {
        let _ = run(&mut *admin, "rollback").await;
        let taken = sql_state(&error).as_deref() == Some("42P04");
        drop_by_name(&mut *admin, settings, &DatabaseName::existing(birth.provisional)).await?;
        return Err(if taken { birth.taken() } else { from_sql("naming the database", error) });
    }
    open_to_builder(admin, settings, birth.database).await
}

/// Nobody could connect so far. From here on only the builder may, and the admin as the owner.
pub(crate) async fn open_to_builder(admin: &mut PgConnection, settings: &Settings, database: &DatabaseName) -> Result<(), BuildError> {
    logins::ensure(&mut *admin, settings, database).await?;
    let name = ident(database.as_str());
    let open = format!(
        "begin; revoke all on database {name} from public; grant create, temporary on database {name} to {owner}; \
         grant connect on database {name} to {builder}; alter database {name} allow_connections true; commit",
        owner = ident(OWNER_ROLE),
        builder = settings.login_ident(LoginPurpose::Builder, database),
    );
    run(admin, open).await.map_err(|error| from_sql("closing the database to others", error))
}

/// `ALTER DATABASE .. SET` of the parent. One that this admin may not set is said, and left out: it would not change what the branch holds.
pub(crate) async fn carry_settings_over(admin: &mut PgConnection, database: &DatabaseName, settings: &[String]) -> Result<(), BuildError> {
    for (name, value) in settings.iter().filter_map(|setting| setting.split_once('=')) {
        let set = format!("alter database {} set {name} to {}", ident(database.as_str()), setting_value(name, value));
        match run(admin, set).await {
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
