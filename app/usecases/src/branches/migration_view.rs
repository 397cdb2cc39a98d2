//! A branch's ledger held against the project's files.

use super::ports::BranchPorts;
use domain::{
    Failure, Fault, Slug,
    migration::{Coverage, InvalidMigrationFile, LedgerEntry, MigrationSet, Plan, SchemaMark, plan},
    operation::NamedText,
};
use ports::{
    driven::{DatabasePlace, MigrationRunner},
    driving::MigrationOverview,
};

/// What a ledger and files say of each other.
pub(super) struct MigrationView {
    /// The ledger, the oldest version first.
    pub(super) ledger: Vec<LedgerEntry>,
    /// What is pending, and what stands in the way.
    pub(super) plan: Plan,
    /// Whether there are any files to hold it against.
    pub(super) files: bool,
}

impl MigrationView {
    /// Reads the ledger and the files.
    pub(super) async fn look(ports: &BranchPorts, place: &DatabasePlace, call: &[NamedText], whole: bool) -> Result<Self, Failure> {
        let files = read(ports, call).await?;
        Self::of(ports, place, &files, Coverage::of_request(call, whole)).await
    }

    /// The same, of files that were read already.
    pub(super) async fn of(ports: &BranchPorts, place: &DatabasePlace, files: &MigrationSet, coverage: Coverage) -> Result<Self, Failure> {
        let ledger = ports.migrations.ledger(place).await?;
        let plan = plan(&files.files, coverage, &ledger, false);
        Ok(Self { ledger, plan, files: !files.files.is_empty() })
    }

    /// What the schema is after the last migration, where that is known.
    pub(super) fn mark(&self) -> Option<SchemaMark> {
        SchemaMark::of_ledger(&self.ledger)
    }

    /// As callers are told of it, with whether the schema is another than after the last migration, however long that takes to tell.
    pub(super) async fn told(self, ports: &BranchPorts, place: &DatabasePlace, branch: &Slug) -> Result<MigrationOverview, Failure> {
        let drift = match self.mark() {
            Some(mark) => mark.differs_from(&ports.schemas.fingerprint(place).await?),
            None => None,
        };
        // Without any file it is not each of the applied ones that is missing.
        let refusals =
            if self.files { self.plan.refusals.iter().map(|refusal| refusal.told(branch)).collect() } else { vec![no_migrations().to_string()] };
        Ok(MigrationOverview {
            branch: branch.clone(),
            applied: self.ledger,
            pending: self.plan.pending.into_iter().map(|file| file.name).collect(),
            refusals,
            drift,
        })
    }

    /// What a ledger alone says.
    #[cfg(test)]
    pub(super) fn of_ledger(ledger: Vec<LedgerEntry>) -> Self {
        Self { plan: plan(&[], Coverage::From, &ledger, false), ledger, files: false }
    }
}

/// The files of a request, or the project's where it brings none.
pub(super) async fn read(ports: &BranchPorts, call: &[NamedText]) -> Result<MigrationSet, Failure> {
    if call.is_empty() { read_project(ports).await } else { read_call(&*ports.migrations, call) }
}

/// The files of the server's `migrations.dir`.
async fn read_project(ports: &BranchPorts) -> Result<MigrationSet, Failure> {
    let files = ports.migration_files.read().await?;
    MigrationSet::read(files.iter().map(|file| (file.name.as_str(), file.bytes.as_slice())), |text| ports.migrations.checksum(text)).map_err(
        |faults| {
            let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
            Failure::Conflict { code: "migrations_invalid", reason: format!("migrations.dir: {}", faults.join("; ")) }
        },
    )
}

/// The files that came with a request, each fault at its place.
pub(super) fn read_call(runner: &dyn MigrationRunner, files: &[NamedText]) -> Result<MigrationSet, Failure> {
    let named = files.iter().map(|file| (file.name.as_str(), file.text.as_bytes()));
    MigrationSet::read(named, |text| runner.checksum(text)).map_err(|faults| {
        let place = |fault: &InvalidMigrationFile| {
            let name = name_of(fault);
            let at = files.iter().rposition(|file| file.name == name).unwrap_or_default();
            Fault::new(format!("/files/{at}"), fault.to_string())
        };
        Failure::Invalid(faults.iter().map(place).collect())
    })
}

fn name_of(fault: &InvalidMigrationFile) -> &str {
    match fault {
        InvalidMigrationFile::NotSql { name }
        | InvalidMigrationFile::NotAName { name }
        | InvalidMigrationFile::NoVersion { name }
        | InvalidMigrationFile::VersionTooLong { name }
        | InvalidMigrationFile::Empty { name }
        | InvalidMigrationFile::Nul { name }
        | InvalidMigrationFile::Unseen { name, .. }
        | InvalidMigrationFile::NotUtf8 { name, .. } => name,
        InvalidMigrationFile::SameVersion { second, .. } => second,
    }
}

/// The refusal to migrate a project that has no migrations.
pub(super) fn no_migrations() -> Failure {
    let reason = "there are no migration files: send some, or put them where the server looks for them (migrations.dir)".to_owned();
    Failure::Conflict { code: "no_migrations", reason }
}
