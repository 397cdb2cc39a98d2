//! The parent, held still: its definitions as one snapshot has them, and a leader whose snapshot is proved to have the same.

use crate::{
    child::ChildError,
    connect::run,
    definitions::Definitions,
    dump,
    empty::{Extension, extensions},
    error::{from_sql, refused, retryable},
    inventory::Inventory,
    leader::{Leader, NotYet, back_off},
    left_out::control_schemas,
    settings::Settings,
    stock::change_token,
};
use ports::driven::{BuildError, BuildRequest};
use sqlx::Connection;

/// A parent whose definitions change without pause is given up on in the end, and the caller told why.
const ATTEMPTS: u32 = 12;

/// A parent's definitions.
pub(crate) struct Parent {
    pub(crate) definitions: Definitions,
    pub(crate) extensions: Vec<Extension>,
    pub(crate) inventory: Inventory,
    /// Schemas that are not copied.
    pub(crate) excluded: Vec<String>,
    /// The change token, as the leader's snapshot sees it.
    pub(crate) token: String,
}

/// Dumps first and locks after: once the leader holds its locks, a waiting ALTER TABLE queues before every newcomer, `pg_dump` too. That both saw the
/// same definitions is proved by comparing them, and tried again where they did not.
pub(crate) async fn capture(settings: &Settings, request: &BuildRequest) -> Result<(Parent, Leader), BuildError> {
    let mut reasons: Vec<String> = Vec::new();
    for attempt in 0..ATTEMPTS {
        match try_capture(settings, request).await {
            Ok(captured) => return Ok(captured),
            Err(NotYet::Failed(error)) => return Err(error),
            Err(NotYet::Moved(reason)) => {
                tracing::debug!(attempt, reason, "the parent moved while it was being captured");
                if reasons.last() != Some(&reason) {
                    reasons.push(reason);
                }
            }
        }
        back_off(attempt).await;
    }
    Err(retryable(format!("the parent's definitions keep changing: {}", reasons.join("; "))))
}

async fn try_capture(settings: &Settings, request: &BuildRequest) -> Result<(Parent, Leader), NotYet> {
    let reading = |error| from_sql("reading the parent's definitions", error);
    let mut first = settings.reader_in(&request.parent, request.parent_is_main).await?;
    run(&mut first, "begin isolation level repeatable read read only").await.map_err(reading)?;
    let snapshot: String = sqlx::query_scalar("select pg_export_snapshot()").fetch_one(&mut first).await.map_err(reading)?;
    let excluded = control_schemas(&mut first, request.parent_is_main).await?;
    let extensions = extensions(&mut first).await?;
    let token = change_token(&mut first).await?;
    let parent = (&request.parent, request.parent_is_main);
    let dump = dump::definitions(settings, parent, &snapshot, &excluded, &["--no-owner", "--no-privileges"]);
    // By one snapshot, and so at the same time.
    let (inventory, archive) = tokio::join!(Inventory::read(&mut first, &excluded), dump);
    let (inventory, archive) = (inventory?, archive.map_err(dump_failed)?);
    let _ = first.close().await;

    let schemas: Vec<_> = extensions.iter().filter_map(Extension::needs_schema).collect();
    let definitions = Definitions::open(settings, archive, &schemas).await?;
    let mut leader = Leader::begin(settings, request, &excluded).await?;
    let token_now = change_token(&mut leader.connection).await?;
    // Not every change is of something that a copy has.
    if token_now != token {
        let now = Inventory::read(&mut leader.connection, &excluded).await?;
        let changed = inventory.changes(&now);
        if !changed.is_empty() {
            return Err(NotYet::Moved(format!("changed meanwhile: {}", changed.summary())));
        }
    }
    Ok((Parent { definitions, extensions, inventory, excluded, token: token_now }, leader))
}

/// A dump fails for what goes away or is locked under its hands; what it may never do does not get better by trying.
fn dump_failed(error: ChildError) -> NotYet {
    match error {
        ChildError::NotRun(cause) => NotYet::Failed(retryable(format!("pg_dump could not be run: {cause}"))),
        ChildError::Failed(said) if said.contains("permission denied") => {
            NotYet::Failed(refused("insufficient_privilege", format!("dumping the parent's definitions: {said}")))
        }
        ChildError::Failed(said) if said.contains("version mismatch") || said.contains("No matching") => {
            NotYet::Failed(refused("clone_refused", format!("dumping the parent's definitions: {said}")))
        }
        ChildError::Failed(said) => NotYet::Moved(said),
    }
}
