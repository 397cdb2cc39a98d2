//! [`PgBranchLogins`]: logins by which people connect to branches, as roles of the server.

use super::{
    connection_role::{self, Sessions, cut_off},
    locks::lock_connection_role,
    login_objects::drop_role,
    reclaim::reclaim,
};
use crate::{
    connect::run,
    contended::again,
    database::{
        admission,
        drop::{Found, expect_ours, find},
        footing::{self, expect},
        tag::Mark,
    },
    error::from_sql,
    quoting::ident,
    settings::Settings,
};
use async_trait::async_trait;
use domain::BranchId;
use ports::driven::{BranchLogin, BranchLogins, BuildError, DatabaseTag, Footing, Secret, SecretBox};
use rand::distr::{Alphanumeric, SampleString};
use sqlx::{Connection, PgConnection};
use std::{fmt, sync::Arc, time::Duration};
use time::OffsetDateTime;

/// 238 random bits.
const PASSWORD_LENGTH: usize = 40;

/// Where people reach the server, and how many of them at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entrance {
    /// A host name or address; the folder of its Unix socket, where it has only that.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Sessions of one branch's login at most.
    pub sessions: u32,
}

/// Makes, changes and takes away the logins of branches on one server.
pub struct PgBranchLogins {
    settings: Settings,
    secrets: Arc<dyn SecretBox>,
    entrance: Entrance,
}

impl fmt::Debug for PgBranchLogins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgBranchLogins").field("entrance", &self.entrance).finish_non_exhaustive()
    }
}

impl PgBranchLogins {
    /// Logins for the branches that these settings build.
    pub fn new(settings: Settings, secrets: Arc<dyn SecretBox>, entrance: Entrance) -> Self {
        Self { settings, secrets, entrance }
    }

    fn role(&self, branch: BranchId) -> String {
        connection_role::name(self.settings.instance, branch)
    }

    async fn login(&self, admin: &mut PgConnection, serving: &DatabaseTag, rotated_at: OffsetDateTime) -> Result<BranchLogin, BuildError> {
        let user = self.role(serving.branch_id);
        let other_databases = self.other_databases(admin, &user, serving.branch_id).await?;
        let Entrance { host, port, .. } = self.entrance.clone();
        Ok(BranchLogin { user, host, port, database: serving.database.clone(), rotated_at, other_databases })
    }

    /// The password that was issued.
    async fn issued(&self, admin: &mut PgConnection, branch: BranchId) -> Result<Option<Secret>, BuildError> {
        let sealed: Option<Vec<u8>> = sqlx::query_scalar("select sealed_password from branching.connections where branch_id = $1")
            .bind(branch.as_uuid())
            .fetch_optional(admin)
            .await
            .map_err(failed)?;
        let Some(sealed) = sealed else { return Ok(None) };
        let password = self.secrets.open(&purpose(branch), &sealed);
        if password.is_none() {
            tracing::warn!(branch.id = %branch, "the password of a branch's login was sealed with another key; a new one has to be issued");
        }
        Ok(password)
    }

    /// Makes the role, or gives it this password, and lets it in; tells since when.
    async fn set_password(
        &self,
        admin: &mut PgConnection,
        serving: &DatabaseTag,
        password: &Secret,
        footing: Footing,
    ) -> Result<OffsetDateTime, BuildError> {
        let (settings, role) = (&self.settings, self.role(serving.branch_id));
        let mut transaction = admin.begin().await.map_err(failed)?;
        lock_connection_role(&mut transaction, settings, serving.branch_id).await?;
        expect_ours(&mut transaction, settings, serving).await?;
        connection_role::make(&mut transaction, &role, password, self.entrance.sessions).await?;
        let_in(&mut transaction, &role, serving).await?;
        let sealed = self.secrets.seal(&purpose(serving.branch_id), password);
        let rotated_at = keep(&mut transaction, serving.branch_id, &role, &sealed).await?;
        run(&mut transaction, expect(footing)).await.map_err(|error| footing::failed("keeping the branch's login", error))?;
        transaction.commit().await.map_err(failed)?;
        Ok(rotated_at)
    }

    /// Lets a login that was issued into another database.
    async fn let_issued_in(&self, admin: &mut PgConnection, target: &DatabaseTag, footing: Footing) -> Result<(), BuildError> {
        let (settings, role) = (&self.settings, self.role(target.branch_id));
        let mut transaction = admin.begin().await.map_err(failed)?;
        lock_connection_role(&mut transaction, settings, target.branch_id).await?;
        if let Some(password) = self.issued(&mut transaction, target.branch_id).await? {
            expect_ours(&mut transaction, settings, target).await?;
            // As it was issued: whoever was in a session of it may have changed its password and its settings.
            connection_role::make(&mut transaction, &role, &password, self.entrance.sessions).await?;
            let_in(&mut transaction, &role, target).await?;
            run(&mut transaction, expect(footing)).await.map_err(|error| footing::failed("letting the branch's login in", error))?;
        }
        transaction.commit().await.map_err(failed)
    }

    /// Closes a database to the login. Tells whether the database is there, and whether it was open.
    async fn close(&self, admin: &mut PgConnection, replaced: &DatabaseTag, footing: Footing) -> Result<(bool, bool), BuildError> {
        let (settings, role) = (&self.settings, self.role(replaced.branch_id));
        let mut transaction = admin.begin().await.map_err(failed)?;
        lock_connection_role(&mut transaction, settings, replaced.branch_id).await?;
        let there = find(&mut transaction, settings, replaced).await? == Found::Ours;
        let was_open = there && connection_role::is_there(&mut transaction, &role).await?;
        if was_open {
            let revoke = format!("revoke connect on database {} from {}; {}", ident(replaced.database.as_str()), ident(&role), expect(footing));
            run(&mut transaction, revoke).await.map_err(|error| footing::failed("closing what was replaced to the branch's login", error))?;
        }
        transaction.commit().await.map_err(failed)?;
        Ok((there, was_open))
    }

    /// Takes from the login all by which it comes in, and forgets the password at once: nobody lets the login in by it again. Tells whether the role is there.
    async fn lock_out(&self, admin: &mut PgConnection, branch: BranchId) -> Result<bool, BuildError> {
        let mut transaction = admin.begin().await.map_err(failed)?;
        lock_connection_role(&mut transaction, &self.settings, branch).await?;
        let role = self.role(branch);
        let there = connection_role::is_there(&mut transaction, &role).await?;
        if there {
            connection_role::lock_out(&mut transaction, &role).await?;
        }
        sqlx::query("delete from branching.connections where branch_id = $1")
            .bind(branch.as_uuid())
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        Ok(there)
    }

    /// Where else the role may connect; databases of its own branch apart.
    async fn other_databases(&self, admin: &mut PgConnection, role: &str, branch: BranchId) -> Result<Vec<String>, BuildError> {
        let open: Vec<(String, Option<String>)> = sqlx::query_as(
            "select datname::text, shobj_description(oid, 'pg_database') from pg_database
              where datallowconn and datconnlimit <> -2 and has_database_privilege($1, oid, 'CONNECT') order by 1",
        )
        .bind(role)
        .fetch_all(admin)
        .await
        .map_err(|error| from_sql("looking which databases are open", error))?;
        let is_own =
            |comment: &Option<String>| comment.as_deref().and_then(Mark::read).is_some_and(|mark| mark.is_of_branch(self.settings.instance, branch));
        Ok(open.into_iter().filter(|(_, comment)| !is_own(comment)).map(|(name, _)| name).collect())
    }

    /// Ends sessions that were begun with an earlier password and were still proving it when others were ended: PostgreSQL gives them a while for that.
    fn watch_for_latecomers(&self, role: String, before: OffsetDateTime, patience: Duration) {
        let settings = self.settings.clone();
        tokio::spawn(async move {
            let (mut waited, mut pause) = (Duration::ZERO, Duration::from_secs(1));
            while waited <= patience {
                tokio::time::sleep(pause).await;
                waited += pause;
                pause *= 2;
                let looked = async { cut_off(&mut settings.admin().await?, &[&role], Sessions::BegunBefore(before)).await };
                if let Err(error) = looked.await {
                    tracing::warn!(%error, role, "could not look for sessions that were begun with an earlier password");
                }
            }
        });
    }
}

#[async_trait]
impl BranchLogins for PgBranchLogins {
    #[tracing::instrument(name = "branch.issue_login", skip_all, fields(branch.id = %serving.branch_id))]
    async fn issue(&self, serving: &DatabaseTag, footing: Footing) -> Result<(BranchLogin, Secret), BuildError> {
        let settings = &self.settings;
        settings.check_name(serving)?;
        let role = self.role(serving.branch_id);
        let password = Secret::new(Alphanumeric.sample_string(&mut rand::rng(), PASSWORD_LENGTH));
        let mut admin = settings.admin().await?;
        let rotated_at = again!(&mut admin, self.set_password(&mut admin, serving, &password, footing))?;

        // Nobody knows the new password yet: whoever is there came by an earlier one.
        let (now, patience): (OffsetDateTime, i32) =
            sqlx::query_as("select clock_timestamp(), setting::integer from pg_settings where name = 'authentication_timeout'")
                .fetch_one(&mut admin)
                .await
                .map_err(failed)?;
        cut_off(&mut admin, &[&role], Sessions::All).await?;
        self.watch_for_latecomers(role, now, Duration::from_secs(patience.unsigned_abs().into()));
        let login = self.login(&mut admin, serving, rotated_at).await?;
        let _ = admin.close().await;
        Ok((login, password))
    }

    async fn find(&self, serving: &DatabaseTag) -> Result<Option<BranchLogin>, BuildError> {
        let mut admin = self.settings.admin().await?;
        let rotated_at: Option<OffsetDateTime> = sqlx::query_scalar(
            "select c.rotated_at from branching.connections c join pg_roles r on r.rolname = c.role where c.branch_id = $1 and r.rolcanlogin",
        )
        .bind(serving.branch_id.as_uuid())
        .fetch_optional(&mut admin)
        .await
        .map_err(failed)?;
        let Some(rotated_at) = rotated_at else { return Ok(None) };
        let login = self.login(&mut admin, serving, rotated_at).await?;
        let _ = admin.close().await;
        Ok(Some(login))
    }

    async fn admit(&self, target: &DatabaseTag, footing: Footing) -> Result<(), BuildError> {
        self.settings.check_name(target)?;
        let mut admin = self.settings.admin().await?;
        again!(&mut admin, self.let_issued_in(&mut admin, target, footing))?;
        let _ = admin.close().await;
        Ok(())
    }

    async fn see_off(&self, replaced: &DatabaseTag, footing: Footing) -> Result<(), BuildError> {
        let settings = &self.settings;
        settings.check_name(replaced)?;
        let mut admin = settings.admin().await?;
        let (there, was_open) = again!(&mut admin, self.close(&mut admin, replaced, footing))?;
        if there {
            admission::see_off(&mut admin, settings, replaced, (was_open, footing)).await?;
        }
        let _ = admin.close().await;
        Ok(())
    }

    #[tracing::instrument(name = "branch.reclaim_logins", skip_all, fields(branch.id = %serving.branch_id))]
    async fn reclaim(&self, serving: &DatabaseTag) -> Result<(), BuildError> {
        self.settings.check_name(serving)?;
        let mut admin = self.settings.admin().await?;
        reclaim(&mut admin, &self.settings, &serving.database).await?;
        let _ = admin.close().await;
        Ok(())
    }

    #[tracing::instrument(name = "branch.revoke_login", skip_all, fields(branch.id = %branch))]
    async fn revoke(&self, branch: BranchId) -> Result<(), BuildError> {
        let role = self.role(branch);
        let mut admin = self.settings.admin().await?;
        let there = again!(&mut admin, self.lock_out(&mut admin, branch))?;
        if there {
            cut_off(&mut admin, &[&role], Sessions::OfLockedOut).await?;
            if !drop_role(&mut admin, &self.settings, &role).await? {
                tracing::warn!(role, "a branch's login is locked out but could not be dropped: something on the server still depends on it");
            }
        }
        let _ = admin.close().await;
        Ok(())
    }
}

fn failed(error: sqlx::Error) -> BuildError {
    from_sql("keeping the branch's login", error)
}

fn purpose(branch: BranchId) -> String {
    format!("branch_login:{branch}")
}

async fn let_in(admin: &mut PgConnection, role: &str, target: &DatabaseTag) -> Result<(), BuildError> {
    let grant = format!("grant connect on database {} to {}", ident(target.database.as_str()), ident(role));
    run(admin, grant).await.map_err(|error| from_sql("letting the branch's login in", error))
}

/// Gives the time that goes with the password.
async fn keep(admin: &mut PgConnection, branch: BranchId, role: &str, sealed: &[u8]) -> Result<OffsetDateTime, BuildError> {
    sqlx::query_scalar(
        "insert into branching.connections (branch_id, role, sealed_password, rotated_at) values ($1, $2, $3, clock_timestamp())
         on conflict (branch_id) do update set role = excluded.role, sealed_password = excluded.sealed_password, rotated_at = excluded.rotated_at
         returning rotated_at",
    )
    .bind(branch.as_uuid())
    .bind(role)
    .bind(sealed)
    .fetch_one(admin)
    .await
    .map_err(failed)
}
