//! What crashes left under our names: found by name and mark, dropped where both are proved to be ours and nobody needs it, reported otherwise.

use super::{
    mark::{Kind, StockMark},
    shelf::{Shelf, drop_marked},
};
use crate::{
    claim::Claim,
    connect::APPLICATION,
    contended::again,
    database::{
        drop::{drop_by_name, drop_databases},
        tag::{Mark, provisional_prefix},
    },
    error::{from_sql, refused},
    logins::{
        connection_role::{self, Sessions, cut_off},
        gone_logins,
        login_objects::try_drop,
        names::{self, is_hex},
        past_policies,
    },
    settings::Settings,
};
use domain::{BranchId, OperationId, branch::DatabaseName};
use ports::driven::{BuildError, DatabaseTag, LoginPurpose, SweepReport};
use sqlx::PgConnection;
use std::collections::HashSet;
use uuid::Uuid;

/// A trial of an operation that is not known to run may be of one that has just begun.
const TRIAL_GRACE: i64 = 600;

/// In seconds: a reading of a schema that says nothing for so long is nobody's any more.
const LONGEST_PAUSE: f64 = 600.0;

/// The databases of generations on the server, by their marks.
pub(crate) async fn candidates(settings: &Settings) -> Result<Vec<DatabaseTag>, BuildError> {
    let mut admin = settings.admin().await?;
    let found = generations(&mut admin, settings).await?;
    Ok(found.into_iter().filter_map(|(database, mark)| mark.map(|mark| mark.target(database))).collect())
}

/// Databases under the prefix of branches; with this instance's mark where they bear one.
async fn generations(admin: &mut PgConnection, settings: &Settings) -> Result<Vec<(DatabaseName, Option<Mark>)>, BuildError> {
    let rows: Vec<(String, Option<String>)> = sqlx::query_as(
        "select datname::text, shobj_description(oid, 'pg_database') from pg_database where starts_with(datname, $1) and datname <> $2 order by 1",
    )
    .bind(&settings.database_prefix)
    .bind(settings.metadata_database.as_str())
    .fetch_all(admin)
    .await
    .map_err(|error| from_sql("looking through branch databases", error))?;
    let mark = |comment: Option<String>| comment.as_deref().and_then(Mark::read).filter(|mark| mark.is_of(settings.instance));
    Ok(rows.into_iter().map(|(name, comment)| (DatabaseName::existing(name), mark(comment))).collect())
}

/// Drops what is dead; reports what only looks like ours.
pub(crate) async fn sweep(
    settings: &Settings,
    candidates: Vec<DatabaseTag>,
    live: &[DatabaseTag],
    running: &[OperationId],
) -> Result<SweepReport, BuildError> {
    let mut sweep = Sweep { settings, live, running, admin: settings.admin().await?, report: SweepReport::default() };
    sweep.generations(candidates).await?;
    sweep.provisional().await?;
    sweep.stock().await?;
    sweep.roles().await?;
    sweep.readers().await?;
    Ok(sweep.report)
}

struct Sweep<'a> {
    settings: &'a Settings,
    live: &'a [DatabaseTag],
    running: &'a [OperationId],
    admin: PgConnection,
    report: SweepReport,
}

impl Sweep<'_> {
    /// Sessions that read a schema, where their process was frozen meanwhile: they would keep a snapshot, and `pg_dump` its locks, for ever. Those of builds
    /// have longer names, and successors.
    async fn readers(&mut self) -> Result<(), BuildError> {
        sqlx::query(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity
              where application_name = $1 and state like 'idle in transaction%' and pg_has_role(usesysid, 'usage')
                and state_change < clock_timestamp() - make_interval(secs => $2)",
        )
        .bind(APPLICATION)
        .bind(LONGEST_PAUSE)
        .execute(&mut self.admin)
        .await
        .map(drop)
        .map_err(|error| from_sql("ending what reads schemas for nobody", error))
    }

    fn is_live(&self, branch: BranchId) -> bool {
        self.live.iter().any(|tag| tag.branch_id == branch)
    }

    /// Each under its branch's claim: whoever is at work on the branch is not disturbed, and comes to it later.
    async fn generations(&mut self, candidates: Vec<DatabaseTag>) -> Result<(), BuildError> {
        for candidate in candidates.into_iter().filter(|candidate| !self.live.contains(candidate)) {
            self.settings.check_name(&candidate)?;
            let Some(mut hold) = Claim::try_take(self.settings, &candidate.branch_id.to_string()).await? else { continue };
            let gone = drop_databases(hold.admin(), self.settings, &candidate).await;
            hold.release().await;
            self.note(candidate.database.as_str(), gone);
        }
        for (database, mark) in generations(&mut self.admin, self.settings).await? {
            if mark.is_none() && self.live.iter().all(|tag| tag.database != database) {
                self.report.reported.push(format!("database {database}: it has a branch's name and not this instance's mark"));
            }
        }
        Ok(())
    }

    /// A name under which databases are created proves whose it is; whoever creates holds a claim meanwhile.
    async fn provisional(&mut self) -> Result<(), BuildError> {
        let prefix = provisional_prefix(self.settings.instance);
        let names: Vec<String> = sqlx::query_scalar("select datname::text from pg_database where starts_with(datname, $1) order by 1")
            .bind(&prefix)
            .fetch_all(&mut self.admin)
            .await
            .map_err(|error| from_sql("looking for half-made databases", error))?;
        for name in names {
            let Ok(id) = Uuid::parse_str(&name[prefix.len()..]) else {
                self.report.reported.push(format!("database {name}: it looks half made, but not by Fluxbase"));
                continue;
            };
            if self.is_live(BranchId::from_uuid(id)) || self.running.contains(&OperationId::from_uuid(id)) {
                continue;
            }
            let Some(mut hold) = Claim::try_take(self.settings, &id.to_string()).await? else { continue };
            let gone = drop_by_name(hold.admin(), self.settings, &DatabaseName::existing(&name)).await;
            hold.release().await;
            self.note(&name, gone);
        }
        Ok(())
    }

    /// Templates and spares are their keeper's; here go the trials of operations that have ended.
    async fn stock(&mut self) -> Result<(), BuildError> {
        let stored = Shelf::read(&mut self.admin, self.settings, &Kind::ALL).await?;
        for name in &stored.foreign {
            self.report.reported.push(format!("database {name}: it has a name of the stock and not this instance's mark"));
        }
        let ended = |mark: &&StockMark| {
            mark.kind == Kind::Trial
                && !self.running.contains(&OperationId::from_uuid(mark.id))
                && stored.now().saturating_sub(mark.made_at) > TRIAL_GRACE
        };
        for mark in stored.items.iter().chain(&stored.waste).filter(ended).cloned().collect::<Vec<_>>() {
            let Some(mut hold) = Claim::try_take(self.settings, &mark.id.to_string()).await? else { continue };
            let gone = drop_marked(hold.admin(), self.settings, &mark).await;
            hold.release().await;
            self.note(mark.database().as_str(), gone);
        }
        Ok(())
    }

    /// The logins of databases that are gone, and of branches that are. Roles are read first: each is made after its database, and goes after it.
    async fn roles(&mut self) -> Result<(), BuildError> {
        let failed = |error| from_sql("looking through logins", error);
        let ours = names::prefix(self.settings.instance);
        let of_branches = connection_role::prefix(self.settings.instance);
        let images: Vec<_> = LoginPurpose::ALL
            .map(|purpose| format!("{}_", self.settings.logins.image(purpose)))
            .into_iter()
            // A name that does not tell the instance proves nothing.
            .filter(|image| image.starts_with(&ours))
            .collect();
        let prefixes: Vec<_> = images.iter().cloned().chain([of_branches.clone()]).collect();
        let roles: Vec<String> = sqlx::query_scalar(
            "select rolname::text from pg_roles where exists (select from unnest($1::text[]) prefix where starts_with(rolname, prefix)) order by 1",
        )
        .bind(prefixes)
        .fetch_all(&mut self.admin)
        .await
        .map_err(failed)?;
        if roles.is_empty() {
            return Ok(());
        }
        for prefix in &images {
            past_policies::sweep(&mut self.admin, prefix).await?;
        }
        let databases: Vec<String> = sqlx::query_scalar("select datname::text from pg_database").fetch_all(&mut self.admin).await.map_err(failed)?;
        let needed: HashSet<String> = databases
            .iter()
            .map(|name| DatabaseName::existing(name.as_str()))
            .chain(self.live.iter().map(|tag| tag.database.clone()))
            .flat_map(|database| LoginPurpose::ALL.map(|purpose| self.settings.logins.of(purpose, &database).name))
            .collect();
        let branches = self.branches_with_databases().await?;
        for role in roles {
            let is_needed = match role.strip_prefix(&of_branches) {
                Some(short) => branches.contains(short) || !is_hex(short, 8),
                None => needed.contains(&role) || !images.iter().any(|image| role.strip_prefix(image).is_some_and(|rest| is_hex(rest, 12))),
            };
            if !is_needed {
                let gone = self.drop_role(&role).await;
                self.note(&role, gone);
            }
        }
        Ok(())
    }

    /// By the first eight digits of their ids.
    async fn branches_with_databases(&mut self) -> Result<HashSet<String>, BuildError> {
        let found = generations(&mut self.admin, self.settings).await?;
        let marked = found.into_iter().filter_map(|(database, mark)| mark.map(|mark| mark.target(database).branch_id));
        Ok(marked.chain(self.live.iter().map(|tag| tag.branch_id)).map(BranchId::short).collect())
    }

    /// As whoever dropped its database or its branch was about to. Not with what it owns: that was in its database, and whatever else it may own is somebody's to
    /// look at.
    async fn drop_role(&mut self, role: &str) -> Result<(), BuildError> {
        let is_peoples = role.starts_with(&connection_role::prefix(self.settings.instance));
        let is_gone = if is_peoples { self.revoke(role).await? } else { self.forget(role).await? };
        if is_gone { Ok(()) } else { Err(refused("role_in_use", "something on the server still depends on it")) }
    }

    async fn revoke(&mut self, role: &str) -> Result<bool, BuildError> {
        if connection_role::is_there(&mut self.admin, role).await? {
            again!(&mut self.admin, connection_role::lock_out(&mut self.admin, role))?;
            cut_off(&mut self.admin, &[role], Sessions::OfLockedOut).await?;
        }
        try_drop(&mut self.admin, self.settings, role).await
    }

    /// Its builder's name ends like its own.
    async fn forget(&mut self, login: &str) -> Result<bool, BuildError> {
        let (_, of_database) = login.rsplit_once('_').unwrap_or_default();
        let builder = format!("{}_{of_database}", self.settings.logins.image(LoginPurpose::Builder));
        gone_logins::take_away(&mut self.admin, self.settings, &[login], &builder).await
    }

    fn note(&mut self, name: &str, outcome: Result<(), BuildError>) {
        match outcome {
            Ok(()) => self.report.dropped.push(name.to_owned()),
            Err(error) => self.report.reported.push(format!("{name}: {error}")),
        }
    }
}
