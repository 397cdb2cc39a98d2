//! Membership of roles in roles, as each version of the server has it.

use crate::{
    connect::{major, run},
    error::from_sql,
    quoting::ident,
    settings::Settings,
};
use domain::branch::DatabaseName;
use ports::driven::{BuildError, LoginPurpose};
use sqlx::PgConnection;

/// Whether a member has the role's rights without becoming it, and whether it may become it.
pub(crate) struct Use {
    pub(crate) inherit: bool,
    pub(crate) set: bool,
}

impl Use {
    /// Both.
    pub(crate) const WHOLE: Self = Self { inherit: true, set: true };
}

/// The statement that makes a member; `member` is quoted where it is a name. Before PostgreSQL 16 a membership does not say what it is good for.
pub(crate) fn grant(server_major: u32, role: &str, member: &str, Use { inherit, set }: Use) -> String {
    let options = if server_major >= 16 { format!(" with inherit {inherit}, set {set}") } else { String::new() };
    format!("grant {} to {member}{options}", ident(role))
}

/// Lets an admin that is no superuser end the role's sessions and give away what it owns. One that made it may from PostgreSQL 16 on administer it, but
/// not act for it until it grants itself so. Tells whether there was anything to grant.
pub(crate) async fn may_act_for(admin: &mut PgConnection, role: &str) -> Result<bool, BuildError> {
    let failed = |error| from_sql(format!("taking leave to act for '{role}'"), error);
    let lacking: Option<bool> = sqlx::query_scalar("select not pg_has_role(oid, 'usage') from pg_roles where rolname = $1")
        .bind(role)
        .fetch_optional(&mut *admin)
        .await
        .map_err(failed)?;
    if lacking != Some(true) {
        return Ok(false);
    }
    let grant = grant(major(admin), role, "current_user", Use { inherit: true, set: false });
    run(admin, grant).await.map(|()| true).map_err(failed)
}

/// Lets the builder of a database act for a login that people connect to branches by, until it is parted from it: by who let it, or by the next password.
pub(crate) async fn let_builder_act_for(
    admin: &mut PgConnection,
    settings: &Settings,
    role: &str,
    database: &DatabaseName,
) -> Result<(), BuildError> {
    let grant = grant(major(admin), role, &settings.login_ident(LoginPurpose::Builder, database), Use::WHOLE);
    run(admin, grant).await.map_err(|error| from_sql("letting the builder act for the branch's login", error))
}
