//! Put a branch's ledger of migrations right: repair one row, or take files as applied.

use super::{
    lookup::{check_owner, find_locked},
    migration_view::{MigrationView, no_migrations, read},
    ports::BranchPorts,
};
use crate::{fingerprints, trail};
use async_trait::async_trait;
use domain::{
    Action, Branch, Caller, Failure, Slug,
    branch::AccessLevel,
    migration::{Coverage, LedgerEntry, MigrationFile, MigrationSet, MigrationVersion, RepairAction, SchemaMark, last_applied},
};
use ports::{
    driven::{DatabasePlace, MigrationHistory, MigrationOutcome, Repair, UnitOfWork},
    driving::{BaselineMigrations, MigrationOverview, RepairMigration, UseCase},
};
use std::{collections::HashSet, time::Duration};

/// How long a ledger may take to be reached and written: who else is at work on the database is waited for.
const LEDGER_PATIENCE: Duration = Duration::from_mins(1);

/// See [`RepairMigration`], [`BaselineMigrations`].
pub struct LedgerUseCase {
    ports: BranchPorts,
}

impl LedgerUseCase {
    /// Over the control plane and the ledgers.
    pub fn new(ports: BranchPorts) -> Self {
        Self { ports }
    }

    /// Locked meanwhile: nobody migrates the branch, nor leads it to another database.
    async fn hold(&self, caller: &Caller, reference: &str) -> Result<Held, Failure> {
        let mut work = self.ports.control_plane.begin().await?;
        let branch = find_locked(&mut *work, caller, reference, AccessLevel::Read).await?;
        check_owner(&branch, &caller.principal)?;
        branch.check_idle()?;
        work.may_stand_still(LEDGER_PATIENCE).await?;
        let place = self.ports.names.place(&branch)?;
        Ok(Held { work, branch, place })
    }

    /// Tells what was done, and what the branch has and lacks now: of files that were read before anything was done.
    async fn tell(&self, caller: &Caller, done: Done, held: Held, files: &MigrationSet, coverage: Coverage) -> Result<MigrationOverview, Failure> {
        let Held { mut work, branch, place } = held;
        let (actor, now) = (trail::actor(caller), self.ports.clock.now());
        if !done.migrations.is_empty() {
            let names = done.migrations.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(", ");
            let detail = Some(done.how.map_or_else(|| names.clone(), |how| format!("{names}: {how}")));
            work.activity().record(&trail::activity(branch.id, actor.clone(), done.told, detail, now)).await?;
        }
        for (version, name) in done.migrations {
            let (branch_id, outcome, who) = (branch.id, done.outcome, actor.clone());
            let detail = done.how.map(|how| how.to_string());
            work.migrations().record(&MigrationHistory { branch_id, version, name, outcome, duration: Duration::ZERO, who, at: now, detail }).await?;
        }
        let row = trail::done(caller, done.action, Some(branch.slug.clone()), Some(branch.slug.to_string()), now);
        work.audit().record(&row).await?;
        work.commit().await?;
        // Reading a schema takes its time, and nobody waits for that.
        if let Some(version) = done.marks {
            fingerprints::record(&*self.ports.schemas, &*self.ports.migrations, &place, version).await;
        }
        let overview = async { MigrationView::of(&self.ports, &place, files, coverage).await?.told(&self.ports, &place, &branch.slug).await };
        overview.await.map_err(|error: Failure| {
            tracing::warn!(%error, branch = %branch.slug, "a ledger was put right and could not be read after that");
            done_unread(&branch.slug)
        })
    }
}

/// Whoever tried again would do it twice.
fn done_unread(branch: &Slug) -> Failure {
    let reason = format!("it is done; what branch '{branch}' has now could not be read: look with fluxbase migrations list --branch {branch}");
    Failure::Conflict { code: "done_unread", reason }
}

/// A branch that nothing else is done to meanwhile.
struct Held {
    work: Box<dyn UnitOfWork>,
    branch: Branch,
    place: DatabasePlace,
}

/// What was done to a ledger.
struct Done {
    action: Action,
    /// The line of history.
    told: &'static str,
    outcome: MigrationOutcome,
    how: Option<RepairAction>,
    /// The version that the schema as it is now is that of.
    marks: Option<MigrationVersion>,
    migrations: Vec<(MigrationVersion, String)>,
}

#[async_trait]
impl UseCase<RepairMigration> for LedgerUseCase {
    async fn run(&self, caller: &Caller, command: RepairMigration) -> Result<MigrationOverview, Failure> {
        let RepairMigration { branch, version, repair, files, whole } = command;
        let held = self.hold(caller, &branch).await?;
        let ledger = self.ports.migrations.ledger(&held.place).await?;
        let entry = ledger.iter().find(|entry| entry.version == version).cloned();
        let name = entry.ok_or_else(|| Failure::not_found("migration", version.to_string()))?.name;
        if repair == RepairAction::AcceptDrift {
            check_last(&ledger, version, &held.branch.slug)?;
        }
        let set = read(&self.ports, &files).await?;
        let change = match repair {
            RepairAction::Accept => Some(Repair::Accept(of_version(&set.files, version)?.checksum)),
            RepairAction::Forget => Some(Repair::Forget),
            RepairAction::Done => Some(Repair::StatementDone),
            RepairAction::NotDone => Some(Repair::StatementNotDone),
            RepairAction::Applied => Some(Repair::Applied),
            RepairAction::AcceptDrift => {
                let present = self.ports.schemas.fingerprint(&held.place).await?;
                self.ports.migrations.record_fingerprint(&held.place, version, present.as_str()).await?;
                None
            }
        };
        if let Some(change) = change {
            self.ports.migrations.repair(&held.place, version, &change, &trail::actor(caller)).await?;
        }
        let done = Done {
            action: Action::RepairMigration,
            told: "migration_repaired",
            outcome: MigrationOutcome::Repaired,
            how: Some(repair),
            // What had drifted before goes on to be told.
            marks: (repair == RepairAction::Applied && !SchemaMark::last_of(ledger.iter()).is_some_and(|mark| mark.is_drifted())).then_some(version),
            migrations: vec![(version, name)],
        };
        self.tell(caller, done, held, &set, Coverage::of_request(&files, whole)).await
    }
}

#[async_trait]
impl UseCase<BaselineMigrations> for LedgerUseCase {
    async fn run(&self, caller: &Caller, command: BaselineMigrations) -> Result<MigrationOverview, Failure> {
        let BaselineMigrations { branch, up_to, files, whole } = command;
        let held = self.hold(caller, &branch).await?;
        let set = read(&self.ports, &files).await?;
        let mut taken = set.files.clone();
        if taken.is_empty() {
            return Err(no_migrations());
        }
        if let Some(last) = up_to {
            of_version(&taken, last)?;
            taken.retain(|file| file.version <= last);
        }
        let known: HashSet<_> = self.ports.migrations.ledger(&held.place).await?.into_iter().map(|entry| entry.version).collect();
        taken.retain(|file| !known.contains(&file.version));
        let last = taken.last().map(|file| file.version);
        if last.is_some() {
            self.ports.migrations.baseline(&held.place, &taken, &trail::actor(caller)).await?;
        }
        let done = Done {
            action: Action::BaselineMigrations,
            told: "migrations_baselined",
            outcome: MigrationOutcome::Baselined,
            how: None,
            marks: last,
            migrations: taken.into_iter().map(|file| (file.version, file.name)).collect(),
        };
        self.tell(caller, done, held, &set, Coverage::of_request(&files, whole)).await
    }
}

/// Drift is told by the file that was applied last, and of no other.
fn check_last(ledger: &[LedgerEntry], version: MigrationVersion, branch: &Slug) -> Result<(), Failure> {
    if ledger.iter().any(LedgerEntry::came_half_way) {
        let reason = "a file came half way: what it did is told from drift only when it has ended";
        return Err(Failure::Conflict { code: "repair_misfit", reason: reason.to_owned() });
    }
    match last_applied(ledger) {
        Some(last) if last.version != version => {
            let way = RepairAction::AcceptDrift.command(last.version, branch);
            let reason = format!("drift is told by the file that was applied last, which is '{}': {way}", last.name);
            Err(Failure::Conflict { code: "repair_misfit", reason })
        }
        Some(_) => Ok(()),
        None => {
            Err(Failure::Conflict { code: "repair_misfit", reason: "no file was applied here, so that nothing drifts from what one left".to_owned() })
        }
    }
}

fn of_version(files: &[MigrationFile], version: MigrationVersion) -> Result<&MigrationFile, Failure> {
    files.iter().find(|file| file.version == version).ok_or_else(|| Failure::not_found("migration file of version", version.to_string()))
}

#[cfg(test)]
mod tests {
    use super::LedgerUseCase;
    use crate::{
        branches::BranchPorts,
        testing::{FakeWork, branch, branch_ports, caller, main_branch, work_with},
    };
    use domain::{
        Branch, BranchState, Generation, OperationId, Scope,
        migration::{Checksum, LedgerEntry, LedgerState, MigrationVersion, RepairAction},
        operation::NamedText,
    };
    use ports::{
        driven::{MigrationError, MigrationOutcome, MockMigrationRunner, Repair},
        driving::{BaselineMigrations, RepairMigration, UseCase},
    };
    use std::{sync::Arc, time::Duration};
    use time::OffsetDateTime;
    use uuid::Uuid;

    fn entry(version: i64, sum: u8) -> LedgerEntry {
        LedgerEntry {
            version: MigrationVersion::new(version),
            name: format!("{version}_x.sql"),
            checksum: Checksum([sum; 32]),
            statements: 1,
            state: LedgerState::Applied,
            duration: Duration::ZERO,
            who: "fluxbase".to_owned(),
            fingerprint: None,
            applied_at: OffsetDateTime::UNIX_EPOCH,
        }
    }

    fn runner(ledger: &[LedgerEntry]) -> MockMigrationRunner {
        let (mut runner, ledger) = (MockMigrationRunner::new(), ledger.to_vec());
        runner.expect_checksum().returning(|_| Checksum([7; 32]));
        runner.expect_ledger().returning(move |_| Ok(ledger.clone()));
        runner
    }

    /// Ports over `pr-1`, whose history is told what is expected.
    fn ports(runner: MockMigrationRunner, lines: &'static [(i64, MigrationOutcome)]) -> BranchPorts {
        let mut work = work_with(Some(branch("pr-1", Some(1))));
        work.migrations.expect_record().times(lines.len()).withf(|line| lines.contains(&(line.version.number(), line.outcome))).returning(|_| Ok(()));
        work.activity.expect_record().once().returning(|_| Ok(()));
        work.audit.expect_record().once().returning(|_| Ok(()));
        over(work, runner)
    }

    fn over(work: FakeWork, runner: MockMigrationRunner) -> BranchPorts {
        BranchPorts { migrations: Arc::new(runner), ..branch_ports(work) }
    }

    fn files(names: &[&str]) -> Vec<NamedText> {
        names.iter().map(|name| NamedText { name: (*name).to_owned(), text: "select 1".to_owned() }).collect()
    }

    fn repair(version: i64, repair: RepairAction, names: &[&str]) -> RepairMigration {
        RepairMigration { branch: "pr-1".to_owned(), version: MigrationVersion::new(version), repair, files: files(names), whole: false }
    }

    #[tokio::test]
    async fn the_text_that_is_accepted_is_the_one_that_the_file_has() {
        let mut runner = runner(&[entry(1, 0)]);
        runner
            .expect_repair()
            .once()
            .withf(|_, _, change, who| *change == Repair::Accept(Checksum([7; 32])) && who == "user:00000000-0000-0000-0000-000000000001")
            .returning(|_, _, _, _| Ok(()));
        let use_case = LedgerUseCase::new(ports(runner, &[(1, MigrationOutcome::Repaired)]));
        let alice = caller(Some(1), [Scope::WriteBranches]);
        let overview = use_case.run(&alice, repair(1, RepairAction::Accept, &["1_a.sql"])).await.unwrap();
        assert_eq!(overview.branch.as_str(), "pr-1");
    }

    #[tokio::test]
    async fn files_are_read_before_anything_is_done_and_what_is_done_is_said_to_be() {
        let alice = caller(Some(1), [Scope::WriteBranches]);
        let use_case = LedgerUseCase::new(over(work_with(Some(branch("pr-1", Some(1)))), runner(&[entry(1, 7)])));
        assert_eq!(use_case.run(&alice, repair(1, RepairAction::Forget, &["nameless.sql"])).await.unwrap_err().code(), "invalid");

        let (mut runner, mut looks) = (MockMigrationRunner::new(), 0);
        runner.expect_checksum().returning(|_| Checksum([7; 32]));
        runner.expect_ledger().returning(move |_| {
            looks += 1;
            if looks == 1 { Ok(vec![entry(1, 7)]) } else { Err(MigrationError::Retryable { message: "gone".to_owned(), source: None }) }
        });
        runner.expect_repair().once().returning(|_, _, _, _| Ok(()));
        let use_case = LedgerUseCase::new(ports(runner, &[(1, MigrationOutcome::Repaired)]));
        let told = use_case.run(&alice, repair(1, RepairAction::Forget, &["1_a.sql"])).await.unwrap_err();
        assert!(told.code() == "done_unread" && told.to_string().starts_with("it is done; "), "{told}");
    }

    #[tokio::test]
    async fn what_neither_ledger_nor_files_know_is_not_found() {
        let alice = caller(Some(1), [Scope::WriteBranches]);
        for (command, what) in [
            (repair(2, RepairAction::Forget, &[]), "migration '2'"),
            (repair(1, RepairAction::Accept, &["2_b.sql"]), "migration file of version '1'"),
        ] {
            let use_case = LedgerUseCase::new(over(work_with(Some(branch("pr-1", Some(1)))), runner(&[entry(1, 0)])));
            let refused = use_case.run(&alice, command).await.unwrap_err();
            assert!(refused.code() == "not_found" && refused.to_string().starts_with(what), "{refused}");
        }
    }

    #[tokio::test]
    async fn nothing_is_touched_while_an_operation_is_at_work_nor_for_who_does_not_own_it() {
        let operation = OperationId::from_uuid(Uuid::nil());
        let busy = Branch { state: BranchState::Migrating { operation, generation: Generation::FIRST }, ..branch("pr-1", Some(1)) };
        for (branch, code) in [(busy, "operation_running"), (main_branch(), "branch_access_denied")] {
            let use_case = LedgerUseCase::new(over(work_with(Some(branch)), MockMigrationRunner::new()));
            let refused = use_case.run(&caller(Some(1), [Scope::WriteBranches]), repair(1, RepairAction::Forget, &[])).await.unwrap_err();
            assert_eq!(refused.code(), code);
        }
    }

    #[tokio::test]
    async fn what_a_file_did_before_it_failed_is_not_called_drift() {
        for (done, expected) in [(0, Some(true)), (1, None)] {
            let applied = LedgerEntry { fingerprint: Some("before".to_owned()), ..entry(1, 7) };
            let failed = LedgerEntry { state: LedgerState::Failed { done, message: "no".to_owned() }, ..entry(2, 7) };
            let mut runner = runner(&[applied, failed]);
            runner.expect_repair().once().returning(|_, _, _, _| Ok(()));
            let mut schemas = ports::driven::MockSchemaReader::new();
            schemas.expect_fingerprint().returning(|_| Ok(domain::schema::Fingerprint::from_text("after".to_owned())));
            let ports = BranchPorts { schemas: Arc::new(schemas), ..ports(runner, &[(1, MigrationOutcome::Repaired)]) };
            let alice = caller(Some(1), [Scope::WriteBranches]);
            let overview = LedgerUseCase::new(ports).run(&alice, repair(1, RepairAction::Accept, &["1_x.sql", "2_x.sql"])).await.unwrap();
            assert_eq!(overview.drift, expected);
        }
    }

    #[tokio::test]
    async fn a_baseline_takes_what_the_ledger_lacks_up_to_a_version() {
        let mut runner = runner(&[entry(1, 7)]);
        runner.expect_baseline().once().withf(|_, files, _| files.iter().map(|file| file.version.number()).eq([2])).returning(|_, _, _| Ok(1));
        let mut schemas = ports::driven::MockSchemaReader::new();
        schemas.expect_fingerprint().returning(|_| Ok(domain::schema::Fingerprint::from_text("ab".to_owned())));
        runner.expect_record_fingerprint().once().withf(|_, version, print| version.number() == 2 && print == "ab").returning(|_, _, _| Ok(()));
        let ports = BranchPorts { schemas: Arc::new(schemas), ..ports(runner, &[(2, MigrationOutcome::Baselined)]) };
        let command = BaselineMigrations {
            branch: "pr-1".to_owned(),
            up_to: Some(MigrationVersion::new(2)),
            files: files(&["1_a.sql", "2_b.sql", "3_c.sql"]),
            whole: false,
        };
        let overview = LedgerUseCase::new(ports).run(&caller(Some(1), [Scope::WriteBranches]), command).await.unwrap();
        // The mocked ledger does not learn.
        assert_eq!(overview.pending, ["2_b.sql", "3_c.sql"]);
    }
}
