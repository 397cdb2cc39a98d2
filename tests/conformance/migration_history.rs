//! Histories of migrations.

use crate::{
    values::{NOW, branch, two},
    worlds::World,
};
use domain::{BranchId, migration::MigrationVersion, page::PageRequest};
use ports::driven::{MigrationHistory, MigrationOutcome};
use std::time::Duration;

fn migrated(branch_id: BranchId, version: i64, outcome: MigrationOutcome, seconds: i64) -> MigrationHistory {
    MigrationHistory {
        branch_id,
        version: MigrationVersion::new(version),
        name: format!("{version}_x.sql"),
        outcome,
        duration: Duration::from_micros(1_234_567),
        who: "user:alice".to_owned(),
        at: NOW + time::Duration::seconds(seconds),
        detail: (outcome == MigrationOutcome::Failed).then(|| "line 3: it's \"wrong\"".to_owned()),
    }
}

pub(crate) async fn what_migrating_did_is_remembered_with_the_newest_first(world: &World) {
    let (one, other) = (branch("one", world.main.id), branch("other", world.main.id));
    world.add_branch(&one).await;
    world.add_branch(&other).await;
    let lines = [
        (1, MigrationOutcome::Applied),
        (20_260_131_120_000, MigrationOutcome::Failed),
        (3, MigrationOutcome::Baselined),
        (4, MigrationOutcome::Repaired),
    ];
    let lines: Vec<_> = (0..).zip(lines).map(|(at, (version, outcome))| migrated(one.id, version, outcome, at)).collect();
    let mut work = world.begin().await;
    for line in &lines {
        work.migrations().record(line).await.unwrap();
    }
    work.migrations().record(&migrated(other.id, 9, MigrationOutcome::Applied, 0)).await.unwrap();
    work.commit().await.unwrap();

    let mut work = world.begin().await;
    let first = work.migrations().list(one.id, &two(None)).await.unwrap();
    let second = work.migrations().list(one.id, &two(first.next_cursor)).await.unwrap();
    let listed: Vec<_> = first.items.into_iter().chain(second.items).collect();
    assert_eq!(listed, lines.into_iter().rev().collect::<Vec<_>>());
    assert_eq!(second.next_cursor, None);
    assert_eq!(work.migrations().list(other.id, &PageRequest::default()).await.unwrap().items.len(), 1);
}
