//! A branch's ledger held against the project's files.

use super::ports::BranchPorts;
use domain::{
    Failure, Fault, Slug,
    migration::{Coverage, InvalidMigrationFile, LedgerEntry, MigrationSet, Plan, plan},
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
    /// Whether the schema is another than after the last migration; `None` where nothing was recorded, or a file came half way since.
    pub(super) drift: Option<bool>,
}

impl MigrationView {
    /// Reads the ledger, the files and the schema's fingerprint.
    pub(super) async fn look(ports: &BranchPorts, place: &DatabasePlace, call: &[NamedText]) -> Result<Self, Failure> {
        let files = read(ports, call).await?;
        Self::of(ports, place, &files, call).await
    }

    /// The same, of files that were read already.
    pub(super) async fn of(ports: &BranchPorts, place: &DatabasePlace, files: &MigrationSet, call: &[NamedText]) -> Result<Self, Failure> {
        let ledger = ports.migrations.ledger(place).await?;
        let coverage = if call.is_empty() { Coverage::Whole } else { Coverage::From };
        let plan = plan(&files.files, coverage, &ledger, false);
        let drift = drift(ports, place, &ledger).await?;
        Ok(Self { ledger, plan, drift })
    }

    /// As callers are told of it.
    pub(super) fn told(self, branch: &Slug) -> MigrationOverview {
        MigrationOverview {
            branch: branch.clone(),
            applied: self.ledger,
            pending: self.plan.pending.into_iter().map(|file| file.name).collect(),
            refusals: self.plan.refusals.iter().map(|refusal| refusal.told(branch)).collect(),
            drift: self.drift,
        }
    }
}

async fn drift(ports: &BranchPorts, place: &DatabasePlace, ledger: &[LedgerEntry]) -> Result<Option<bool>, Failure> {
    let last = ledger.iter().filter(|entry| entry.is_applied()).max_by_key(|entry| (entry.applied_at, entry.version));
    let Some(recorded) = last.and_then(|entry| entry.fingerprint.as_deref()).filter(|_| !ledger.iter().any(LedgerEntry::came_half_way)) else {
        return Ok(None);
    };
    let present = ports.schemas.fingerprint(place).await?;
    Ok(Some(present.as_str() != recorded))
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
        | InvalidMigrationFile::NotUtf8 { name, .. } => name,
        InvalidMigrationFile::SameVersion { second, .. } => second,
    }
}

/// The refusal to migrate a project that has no migrations.
pub(super) fn no_migrations() -> Failure {
    let reason = "there are no migration files: send some, or put them where the server looks for them (migrations.dir)".to_owned();
    Failure::Conflict { code: "no_migrations", reason }
}
