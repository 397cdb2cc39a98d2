//! What the admin adds to a copy that is finished but for that: grants on what no branch owner owns, and event triggers, which come last of all. What the
//! owner had been lent to make its foreign servers, and its objects in schemas of extensions, is taken back.
//!
//! Nobody else is in the database yet. None of these statements runs code of users, and the admin comes back for none afterwards.

use super::{
    event_triggers::{self, EventTrigger},
    grants::{Change, GivenGrants},
    never_copied::EXTENSIONS,
};
use crate::{
    connect::run,
    error::{from_sql, refused, sql_state},
    quoting::{ident, printed_name},
    settings::Settings,
};
use domain::branch::{DatabaseName, OWNER_ROLE, Withheld};
use ports::driven::BuildError;
use sqlx::{Connection, PgConnection};
use std::collections::BTreeSet;

/// Why it is not everybody's.
const SHOWS_STATEMENTS: &str = "it shows the statements of the whole server to whoever acts as the role that ran them, which in all branches is one role: in a branch \
                                PUBLIC may not use it. Whom the parent names in a grant on it may";

/// What the parent has of it.
#[derive(Debug)]
pub(crate) struct ByAdmin {
    pub(crate) by_superuser: bool,
    pub(crate) grants: GivenGrants,
    pub(crate) triggers: Vec<EventTrigger>,
    /// Foreign data wrappers, quoted, that in the parent neither the owner of branches nor a plain owner may use.
    pub(crate) lent: Vec<String>,
    /// Schemas that an extension made and that hold objects of others; and whether the owner of branches may make some there in the parent, too.
    pub(crate) shared_schemas: Vec<(String, bool)>,
}

impl ByAdmin {
    /// Reads it.
    pub(crate) async fn read(parent: &mut PgConnection, excluded: &[String], by_superuser: bool) -> Result<Self, BuildError> {
        let lent = sqlx::query_scalar(
            "select quote_ident(w.fdwname) from pg_foreign_data_wrapper w
              where not exists (select from pg_roles r where r.rolname in ($1, current_user) and not r.rolsuper
                                   and has_foreign_data_wrapper_privilege(r.oid, w.oid, 'usage'))",
        )
        .bind(OWNER_ROLE)
        .fetch_all(&mut *parent)
        .await
        .map_err(|error| from_sql("reading who may use foreign data wrappers", error))?;
        let shared_schemas = sqlx::query_as(include_str!("sql/shared_schemas.sql"))
            .bind(excluded)
            .bind(OWNER_ROLE)
            .bind(EXTENSIONS)
            .fetch_all(&mut *parent)
            .await
            .map_err(|error| from_sql("reading schemas of extensions", error))?;
        let (grants, triggers) = (GivenGrants::read(parent).await?, EventTrigger::read(parent, excluded).await?);
        Ok(Self { by_superuser, grants, triggers, lent, shared_schemas })
    }

    /// Adds it, and tells what stays behind.
    pub(crate) async fn add(&self, settings: &Settings, database: &DatabaseName) -> Result<Vec<Withheld>, BuildError> {
        let mut withheld = event_triggers::withheld(&self.triggers, self.by_superuser);
        let triggers = event_triggers::statements(&self.triggers, self.by_superuser, &settings.admin.user);
        if self.grants.objects.is_empty() && triggers.is_empty() && self.lent.is_empty() && self.shared_schemas.is_empty() {
            return Ok(withheld);
        }
        let mut admin = settings.admin_in(database).await?;
        withheld.extend(self.grant(&mut admin).await?);
        for wrapper in &self.lent {
            match run(&mut admin, format!("revoke usage on foreign data wrapper {wrapper} from {}", ident(OWNER_ROLE))).await {
                // It was not ours to lend.
                Err(error) if !self.by_superuser && sql_state(&error).as_deref() == Some("42501") => {}
                // Its extension lacks it here.
                Err(error) if sql_state(&error).as_deref() == Some("42704") => {}
                outcome => outcome.map_err(|error| from_sql("taking foreign data wrappers back", error))?,
            }
        }
        // Whoever may make objects there may put them before the extension's own, and its functions may act as a superuser.
        for (schema, _) in self.shared_schemas.iter().filter(|(_, makes)| !makes) {
            match run(&mut admin, format!("revoke create on schema {} from {}", ident(schema), ident(OWNER_ROLE))).await {
                Err(error) if !self.by_superuser && sql_state(&error).as_deref() == Some("42501") => {}
                outcome => outcome.map_err(|error| from_sql("taking schemas of extensions back", error))?,
            }
        }
        if !triggers.is_empty() {
            run(&mut admin, format!("begin; {}; commit", triggers.join("; "))).await.map_err(|error| from_sql("making event triggers", error))?;
        }
        let _ = admin.close().await;
        Ok(withheld)
    }

    /// A superuser grants it all. Another admin grants what it may; PostgreSQL warns, or refuses, where it may not.
    async fn grant(&self, admin: &mut PgConnection) -> Result<Vec<Withheld>, BuildError> {
        for change in self.grants.lacking(admin).await? {
            match run(admin, change.statement).await {
                Err(error) if !self.by_superuser && sql_state(&error).as_deref() == Some("42501") => {}
                outcome => outcome.map_err(|error| from_sql("carrying over grants on what extensions brought", error))?,
            }
        }
        let lacking = self.grants.lacking(admin).await?;
        if self.by_superuser && !lacking.is_empty() {
            let statements: Vec<_> = lacking.into_iter().map(|change| change.statement).collect();
            return Err(refused("clone_differs", format!("grants of the parent did not take: {}", statements.join("; "))));
        }
        let told = |change: Change| {
            let reason = format!("only its owner or a superuser may: {}", change.statement);
            Withheld::object(format!("grant on {}", change.kind), printed_name(&change.object), reason)
        };
        let still: BTreeSet<String> = lacking.iter().map(|change| change.object.clone()).collect();
        let private = self.grants.kept_private().into_iter().filter(|(_, object)| !still.contains(*object));
        let private =
            private.map(|(kind, object)| Withheld::object(format!("grant on {kind}"), printed_name(object), SHOWS_STATEMENTS)).collect::<Vec<_>>();
        Ok(lacking.into_iter().map(told).chain(private).collect())
    }
}
