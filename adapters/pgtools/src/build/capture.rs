//! The parent, held still: its definitions as one snapshot has them, and a leader whose snapshot is proved to have the same.

use crate::{
    child::ChildError,
    connect::run,
    copy::{
        leader::{Leader, NotYet, back_off},
        lock_holders,
    },
    definitions::{
        Definitions,
        by_admin::ByAdmin,
        dump,
        empty::{Extension, extensions},
        encoding,
        inventory::Inventory,
        labels::Label,
        left_behind::LeftBehind,
        needs_superuser::Privileged,
        never_copied::control_schemas,
        past_policies::PastPolicies,
        uncopied::is_superuser,
    },
    error::{denied, from_sql, refused, retryable},
    settings::Settings,
    stock::change_token,
};
use domain::branch::Withheld;
use ports::driven::{BuildError, BuildRequest};
use sqlx::{Connection, PgConnection};
use std::pin::Pin;

/// A parent whose definitions change without pause is given up on in the end, and the caller told why.
const ATTEMPTS: u32 = 12;

/// A parent's definitions.
pub(crate) struct Parent {
    pub(crate) definitions: Definitions,
    pub(crate) extensions: Vec<Extension>,
    pub(crate) inventory: Inventory,
    pub(crate) by_admin: ByAdmin,
    pub(crate) labels: Vec<Label>,
    /// What of the definitions stays behind.
    pub(crate) withheld: Vec<Withheld>,
    pub(crate) left: LeftBehind,
    /// Schemas that are not copied.
    pub(crate) excluded: Vec<String>,
    /// The change token, as the leader's snapshot sees it.
    pub(crate) token: String,
}

/// Dumps first and locks after: once the leader holds its locks, a waiting ALTER TABLE queues before every newcomer, `pg_dump` too. That both saw the
/// same definitions is proved by comparing them, and tried again where they did not. The database to fill is `made` meanwhile: nothing of the parent is
/// locked before it is there.
pub(crate) async fn capture(
    settings: &Settings,
    (request, name): (&BuildRequest, &str),
    made: impl Future<Output = Result<(), BuildError>> + Send,
) -> Result<(Parent, Leader), BuildError> {
    let mut reasons: Vec<String> = Vec::new();
    let mut holders = None;
    let mut made: Made<'_> = Some(Box::pin(made));
    for attempt in 0..ATTEMPTS {
        match try_capture(settings, (request, name), &mut made).await {
            Ok(captured) => return Ok(captured),
            Err(NotYet::Failed(error)) => return Err(error),
            Err(NotYet::Moved(reason)) => {
                tracing::debug!(attempt, reason, "the parent moved while it was being captured");
                holders = None;
                if reasons.last() != Some(&reason) {
                    reasons.push(reason);
                }
            }
            Err(NotYet::Held(held)) => {
                tracing::debug!(attempt, held, "the parent is held while it is to be captured");
                holders = Some(held);
            }
        }
        back_off(attempt).await;
    }
    Err(retryable(match holders {
        Some(held) => format!(
            "the parent cannot be read, for somebody holds it exclusively: {held}. It is tried again once that has ended (COMMIT or ROLLBACK there, ROLLBACK \
             PREPARED, or pg_terminate_backend)"
        ),
        None => format!("the parent's definitions keep changing: {}", reasons.join("; ")),
    }))
}

/// What is still to be waited for.
type Made<'a> = Option<Pin<Box<dyn Future<Output = Result<(), BuildError>> + Send + 'a>>>;

async fn try_capture(settings: &Settings, (request, name): (&BuildRequest, &str), made: &mut Made<'_>) -> Result<(Parent, Leader), NotYet> {
    let reading = |error| from_sql("reading the parent's definitions", error);
    let mut first = settings.reader_in(&request.parent, request.parent_is_main, name).await?;
    run(&mut first, "begin isolation level repeatable read read only").await.map_err(reading)?;
    let snapshot = dump::Snapshot::of(&mut first).await.map_err(reading)?;
    let excluded = control_schemas(&mut first, request.parent_is_main).await?;
    let extensions = extensions(&mut first).await?;
    let parent = (&request.parent, request.parent_is_main, name);
    let dump = dump::definitions(settings, parent, &snapshot, &excluded, &["--no-owner", "--no-privileges"]);
    let made = async {
        match made.take() {
            Some(made) => made.await,
            None => Ok(()),
        }
    };
    // By one snapshot, and so at the same time.
    let (read, archive, made) = tokio::join!(Catalogue::read(&mut first, settings, &excluded), dump, made);
    made?;
    // Before the dump's own failure: what needs a superuser may be why.
    let Catalogue { token, inventory, privileged, past_policies, by_admin, labels, mut left } = read?;
    let archive = match archive {
        Err(error) if waited_in_vain(&error) => return Err(NotYet::Held(lock_holders::told(&mut first).await)),
        archive => archive.map_err(|error| dump_failed(error, request.parent_is_main))?,
    };
    let _ = first.close().await;

    let schemas: Vec<_> = extensions.iter().filter_map(Extension::needs_schema).collect();
    let definitions = Definitions::open(archive, &schemas, &privileged, &left)?;
    let mut leader = Leader::begin(settings, (request, name), &excluded).await?;
    let token_now = change_token(&mut leader.connection).await?;
    // Not every change is of something that a copy has.
    if token_now != token {
        let now = Inventory::read(&mut leader.connection, &excluded, &left).await?;
        let changed = inventory.changes(&now);
        if !changed.is_empty() {
            return Err(NotYet::Moved(format!("changed meanwhile: {}", changed.summary())));
        }
    }
    let mut inventory = inventory.keeping(privileged.kept());
    let unusable = past_policies.withhold(&mut inventory.grants);
    let withheld = [std::mem::take(&mut left.withheld), privileged.withheld, unusable].concat();
    Ok((Parent { definitions, extensions, inventory, by_admin, labels, withheld, left, excluded, token: token_now }, leader))
}

/// What is read of the parent while it is dumped, by the same snapshot.
struct Catalogue {
    token: String,
    inventory: Inventory,
    privileged: Privileged,
    past_policies: PastPolicies,
    by_admin: ByAdmin,
    labels: Vec<Label>,
    left: LeftBehind,
}

impl Catalogue {
    async fn read(parent: &mut PgConnection, settings: &Settings, excluded: &[String]) -> Result<Self, BuildError> {
        encoding::check(&mut *parent, excluded).await?;
        let by_superuser = is_superuser(&mut *parent, &settings.admin.user).await?;
        let left = LeftBehind::read(&mut *parent, excluded, &settings.admin.user).await?;
        left.check()?;
        Ok(Self {
            token: change_token(&mut *parent).await?,
            privileged: Privileged::read(parent, excluded, &left, by_superuser).await?,
            past_policies: PastPolicies::read(parent, excluded).await?,
            inventory: Inventory::read(parent, excluded, &left).await?,
            by_admin: ByAdmin::read(parent, excluded, by_superuser).await?,
            labels: Label::read(parent, excluded, &left).await?,
            left,
        })
    }
}

/// Whether a dump waited for a lock for as long as it may.
fn waited_in_vain(error: &ChildError) -> bool {
    matches!(error, ChildError::Failed(said) if ["statement timeout", "lock timeout"].iter().any(|cause| said.contains(cause)))
}

/// A dump fails for what goes away under its hands; what it may never do does not get better by trying.
fn dump_failed(error: ChildError, is_main: bool) -> NotYet {
    match error {
        ChildError::NotRun(cause) => NotYet::Failed(retryable(format!("pg_dump could not be run: {cause}"))),
        ChildError::Failed(said) if said.contains("permission denied") => NotYet::Failed(denied("dumping the parent's definitions", &said, is_main)),
        ChildError::Failed(said) if said.contains("version mismatch") || said.contains("No matching") => {
            NotYet::Failed(refused("clone_refused", format!("dumping the parent's definitions: {said}")))
        }
        ChildError::Failed(said) => NotYet::Moved(said),
    }
}
