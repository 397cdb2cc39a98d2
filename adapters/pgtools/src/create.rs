//! The step `create_database`: an empty database that looks like its parent's, bears its mark, and is closed to everybody but the builder.

use crate::{
    connect::run,
    drop::{drop_databases, foreign, major, mark_and_rename},
    error::{from_sql, refused, sql_state},
    locale::Likeness,
    logins,
    quoting::ident,
    setting_value::setting_value,
    settings::{OWNER_ROLE, Settings},
    tag::provisional_name,
};
use ports::driven::{BuildError, BuildRequest, LoginPurpose};
use sqlx::PgConnection;

/// Takes away what an earlier attempt left, and makes the database afresh.
pub(crate) async fn create_database(admin: &mut PgConnection, settings: &Settings, request: &BuildRequest) -> Result<(), BuildError> {
    check_tools(admin, settings).await?;
    drop_databases(&mut *admin, settings, &request.target).await?;
    let parent = Likeness::read(&mut *admin, &request.parent).await?;
    let provisional = provisional_name(settings.instance, request.target.branch_id);
    let create = parent.create_statement(&provisional);
    run(&mut *admin, create).await.map_err(|error| from_sql("creating the database", error))?;
    let named = run(&mut *admin, mark_and_rename(settings, &request.target, &provisional)).await;
    if let Err(error) = named {
        let _ = run(&mut *admin, "rollback").await;
        let taken = sql_state(&error).as_deref() == Some("42P04");
        drop_databases(&mut *admin, settings, &request.target).await?;
        return Err(if taken { foreign(&request.target) } else { from_sql("naming the database", error) });
    }
    logins::ensure(&mut *admin, settings, &request.target.database).await?;
    let open = opening(settings, request);
    run(&mut *admin, open).await.map_err(|error| from_sql("closing the database to others", error))?;
    carry_settings_over(admin, request, &parent.settings).await
}

/// Nobody could connect so far. From here on only the builder may, and the admin as the owner.
fn opening(settings: &Settings, request: &BuildRequest) -> String {
    let database = ident(request.target.database.as_str());
    format!(
        "begin; revoke all on database {database} from public; grant create, temporary on database {database} to {owner}; \
         grant connect on database {database} to {builder}; alter database {database} allow_connections true; commit",
        owner = ident(OWNER_ROLE),
        builder = settings.login_ident(LoginPurpose::Builder, &request.target.database),
    )
}

/// `ALTER DATABASE .. SET` of the parent. One that this admin may not set is said, and left out: it would not change what the branch holds.
async fn carry_settings_over(admin: &mut PgConnection, request: &BuildRequest, settings: &[String]) -> Result<(), BuildError> {
    for (name, value) in settings.iter().filter_map(|setting| setting.split_once('=')) {
        let set = format!("alter database {} set {name} to {}", ident(request.target.database.as_str()), setting_value(name, value));
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
