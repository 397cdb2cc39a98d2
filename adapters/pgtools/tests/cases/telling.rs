//! What is told while a build runs, and what is not.

use super::{Admin, House, Quiet, refusal};
use async_trait::async_trait;
use domain::{DataCloneMode, StepName};
use fluxbase_pgtools::{PgBranchBuilder, ToolProblem, Tools};
use ports::driven::{BranchBuilder, BuildError, BuildProgress};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::{Arc, Mutex},
};

#[derive(Default)]
struct Recorded(Mutex<Vec<(StepName, u64)>>);

#[async_trait]
impl BuildProgress for Recorded {
    async fn step(&self, step: StepName) -> Result<(), BuildError> {
        self.0.lock().unwrap().push((step, 0));
        Ok(())
    }

    async fn advance(&self, done: u64, total: u64, _: &'static str) -> Result<(), BuildError> {
        assert!(done <= total);
        self.0.lock().unwrap().last_mut().unwrap().1 = done;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_come_in_order_and_count_what_is_done() {
    let house = House::new(Admin::Superuser, "create table t (id int primary key); insert into t select generate_series(1, 1000)").await;
    let recorded = Arc::new(Recorded::default());
    house.builder().build(&house.request("told", DataCloneMode::FullClone), Arc::clone(&recorded) as Arc<dyn BuildProgress>).await.unwrap();
    let told = recorded.0.lock().unwrap().clone();
    let steps: Vec<_> = told.iter().map(|(step, _)| *step).collect();
    assert_eq!(steps, [StepName::CreateDatabase, StepName::CopyDefinitions, StepName::CopyRows, StepName::AddConstraints, StepName::Verify]);
    let bytes: i64 = house.value(&house.main, "select pg_table_size('t')").await;
    assert_eq!(told[2], (StepName::CopyRows, u64::try_from(bytes).unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn seeds_are_no_part_of_a_build() {
    let house = House::new(Admin::Superuser, "select 1").await;
    assert_eq!(refusal(house.build("seeds", DataCloneMode::SeedData).await).0, "seeds_unavailable");
    assert!(house.databases().await.is_empty());
}

/// A program that writes down its arguments and the size of what it was asked, and goes on as the real one.
fn eavesdropping(folder: &Path, real: &Path) -> std::path::PathBuf {
    let path = folder.join(real.file_name().unwrap());
    let script = format!("#!/bin/sh\nprintf '%s\\n' \"$@\" >> '{}/heard'\nexec '{}' \"$@\"\n", folder.display(), real.display());
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn no_password_is_in_the_arguments_of_a_program_or_in_debug_output() {
    // What only a superuser makes goes by pg_restore.
    let sql = "create table t (id int primary key); create function same(int, int) returns boolean language internal strict immutable as 'int4eq'";
    let house = House::new(Admin::Superuser, sql).await;
    let folder = tempfile::tempdir().unwrap();
    let mut settings = house.settings.clone();
    settings.tools = Tools {
        pg_dump: eavesdropping(folder.path(), &settings.tools.pg_dump),
        pg_restore: eavesdropping(folder.path(), &settings.tools.pg_restore),
    };
    let builder = PgBranchBuilder::new(settings);
    builder.build(&house.request("secret", DataCloneMode::FullClone), Arc::new(Quiet)).await.unwrap();
    let heard = fs::read_to_string(folder.path().join("heard")).unwrap();
    assert!(heard.contains("--schema-only") && heard.contains("--use-list"), "{heard}");
    for secret in [crate::cluster::PASSWORD, "builder secret"] {
        assert!(!heard.contains(secret) && !format!("{builder:?}").contains(secret));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_that_are_missing_or_of_another_version_are_named_before_anything_is_made() {
    let house = House::new(Admin::Superuser, "select 1").await;
    let mut settings = house.settings.clone();
    settings.tools.pg_dump = "no/such/pg_dump".into();
    let request = house.request("tools", DataCloneMode::SchemaOnly);
    let (code, message) = refusal(PgBranchBuilder::new(settings).build(&request, Arc::new(Quiet)).await);
    assert!(code == "tools_missing" && message.contains("no/such/pg_dump"), "{message}");
    assert!(house.databases().await.is_empty());
    let problems = house.settings.tools.problems(99).await;
    assert!(matches!(problems[..], [ToolProblem::WrongMajor { server: 99, .. }, ToolProblem::WrongMajor { .. }]), "{problems:?}");
}
