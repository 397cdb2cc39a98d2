//! Databases of branches, as a set of tags.

use async_trait::async_trait;
use domain::{StepName, branch::DatabaseName};
use ports::driven::{BranchBuilder, BuildError, BuildProgress, BuildReport, BuildRequest, DatabaseTag};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Makes databases that hold nothing, and fails where it is told to.
#[derive(Clone, Debug, Default)]
pub struct MemoryBranchBuilder(Arc<Mutex<World>>);

/// How a step fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failing {
    /// The next time only; a later try may work out.
    Once,
    /// Every time, and it says that trying again would not help.
    ForGood,
}

#[derive(Debug, Default)]
struct World {
    databases: BTreeMap<String, Database>,
    failing: Vec<(StepName, Failing)>,
}

#[derive(Clone, Debug)]
struct Database {
    tag: DatabaseTag,
    whole: bool,
    admitted: bool,
}

impl MemoryBranchBuilder {
    /// The steps of a build, in order.
    const STEPS: [StepName; 5] =
        [StepName::CreateDatabase, StepName::CopyDefinitions, StepName::CopyRows, StepName::AddConstraints, StepName::Verify];

    /// A server without a branch's database.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets a step fail after it has begun: what a build made until then is left lying about.
    pub fn fail(&self, step: StepName, how: Failing) {
        self.world().failing.push((step, how));
    }

    /// Lets every step work again.
    pub fn heal(&self) {
        self.world().failing.clear();
    }

    /// Puts a database there that was not built here: whose it is says its tag.
    pub fn place(&self, tag: DatabaseTag) {
        self.world().databases.insert(tag.database.as_str().to_owned(), Database { tag, whole: true, admitted: true });
    }

    /// The databases that are there, half built ones too.
    pub fn databases(&self) -> Vec<DatabaseTag> {
        self.world().databases.values().map(|database| database.tag.clone()).collect()
    }

    /// Whether a database is there, was built to the end, and lets user traffic in.
    pub fn is_open(&self, name: &DatabaseName) -> bool {
        self.world().databases.get(name.as_str()).is_some_and(|database| database.whole && database.admitted)
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl World {
    /// Fails where it was told to.
    fn reach(&mut self, step: StepName) -> Result<(), BuildError> {
        let Some(at) = self.failing.iter().position(|(failing, _)| *failing == step) else { return Ok(()) };
        match self.failing[at].1 {
            Failing::Once => {
                self.failing.remove(at);
                Err(BuildError::Retryable { message: format!("{step} did not work out"), source: None })
            }
            Failing::ForGood => Err(BuildError::Refused { code: "told_to_fail", message: format!("{step} cannot be done") }),
        }
    }

    /// The database of this very tag; `None` where there is none. One of that name with another tag is somebody else's.
    fn own(&mut self, tag: &DatabaseTag) -> Result<Option<&mut Database>, BuildError> {
        match self.databases.get_mut(tag.database.as_str()) {
            Some(database) if database.tag != *tag => Err(BuildError::Refused {
                code: BuildError::NOT_OURS,
                message: format!("database {} belongs to another branch or generation", tag.database),
            }),
            found => Ok(found),
        }
    }
}

#[async_trait]
impl BranchBuilder for MemoryBranchBuilder {
    async fn build(&self, request: &BuildRequest, progress: Arc<dyn BuildProgress>) -> Result<BuildReport, BuildError> {
        for step in Self::STEPS {
            progress.step(step).await?;
            let mut world = self.world();
            if step == StepName::CreateDatabase {
                world.own(&request.target)?;
                if !request.parent_is_main && !world.databases.get(request.parent.as_str()).is_some_and(|parent| parent.whole) {
                    return Err(BuildError::Refused { code: "no_parent", message: format!("there is no database {}", request.parent) });
                }
                let fresh = Database { tag: request.target.clone(), whole: false, admitted: false };
                world.databases.insert(request.target.database.as_str().to_owned(), fresh);
            }
            world.reach(step)?;
        }
        if let Some(database) = self.world().own(&request.target)? {
            database.whole = true;
        }
        Ok(BuildReport::default())
    }

    async fn admit(&self, target: &DatabaseTag) -> Result<(), BuildError> {
        let mut world = self.world();
        world.reach(StepName::Admit)?;
        match world.own(target)? {
            Some(database) if database.whole => {
                database.admitted = true;
                Ok(())
            }
            _ => Err(BuildError::Refused { code: "not_built", message: format!("database {} was not built to the end", target.database) }),
        }
    }

    async fn shut_out(&self, target: &DatabaseTag) -> Result<(), BuildError> {
        let mut world = self.world();
        world.reach(StepName::ShutOut)?;
        if let Some(database) = world.own(target)? {
            database.admitted = false;
        }
        Ok(())
    }

    async fn drop_database(&self, target: &DatabaseTag, progress: Arc<dyn BuildProgress>) -> Result<(), BuildError> {
        progress.still_mine().await?;
        let mut world = self.world();
        world.reach(StepName::DropDatabase)?;
        if world.own(target)?.is_some() {
            world.databases.remove(target.database.as_str());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Failing, MemoryBranchBuilder};
    use async_trait::async_trait;
    use domain::{BranchId, DataCloneMode, Generation, StepName, branch::DatabaseName};
    use ports::driven::{BranchBuilder, BuildError, BuildProgress, BuildRequest, DatabaseTag};
    use std::sync::{Arc, Mutex};
    use uuid::Uuid;

    /// Writes the steps down, and stops at one.
    #[derive(Default)]
    struct Told {
        steps: Mutex<Vec<StepName>>,
        stop_at: Option<StepName>,
    }

    #[async_trait]
    impl BuildProgress for Told {
        async fn step(&self, step: StepName) -> Result<(), BuildError> {
            self.steps.lock().unwrap().push(step);
            if self.stop_at == Some(step) { Err(BuildError::Stopped) } else { Ok(()) }
        }

        async fn advance(&self, _done: u64, _total: u64, _unit: &'static str) -> Result<(), BuildError> {
            Ok(())
        }
    }

    fn tag(database: &str, branch: u128) -> DatabaseTag {
        DatabaseTag {
            database: DatabaseName::existing(database),
            branch_id: BranchId::from_uuid(Uuid::from_u128(branch)),
            generation: Generation::FIRST,
        }
    }

    fn request(target: DatabaseTag) -> BuildRequest {
        let parent = DatabaseName::existing("main");
        BuildRequest { target, parent, parent_is_main: true, clone_mode: DataCloneMode::SchemaOnly, max_age: None, users: Vec::new() }
    }

    #[tokio::test]
    async fn a_database_is_open_once_it_was_built_and_admitted() {
        let builder = MemoryBranchBuilder::new();
        let told = Arc::new(Told::default());
        let target = tag("b_g1", 1);
        assert!(builder.admit(&target).await.is_err());
        builder.build(&request(target.clone()), Arc::clone(&told) as _).await.unwrap();
        assert_eq!(*told.steps.lock().unwrap(), MemoryBranchBuilder::STEPS);
        assert!(!builder.is_open(&target.database));
        for _twice in 0..2 {
            builder.admit(&target).await.unwrap();
            assert!(builder.is_open(&target.database));
        }
        for _twice in 0..2 {
            builder.shut_out(&target).await.unwrap();
            assert!(!builder.is_open(&target.database));
        }
        for _twice in 0..2 {
            builder.drop_database(&target, Arc::new(Told::default())).await.unwrap();
            assert_eq!(builder.databases(), []);
        }
        builder.shut_out(&target).await.unwrap();
    }

    #[tokio::test]
    async fn somebody_elses_database_is_left_alone() {
        let builder = MemoryBranchBuilder::new();
        builder.build(&request(tag("b_g1", 1)), Arc::new(Told::default())).await.unwrap();
        let foreign = tag("b_g1", 2);
        assert!(builder.build(&request(foreign.clone()), Arc::new(Told::default())).await.is_err());
        for refused in
            [builder.admit(&foreign).await, builder.shut_out(&foreign).await, builder.drop_database(&foreign, Arc::new(Told::default())).await]
        {
            assert!(matches!(refused, Err(BuildError::Refused { code: BuildError::NOT_OURS, .. })), "{refused:?}");
        }
        assert_eq!(builder.databases(), [tag("b_g1", 1)]);
    }

    #[tokio::test]
    async fn a_build_fails_where_it_is_told_to_and_a_later_one_starts_afresh() {
        let builder = MemoryBranchBuilder::new();
        let target = tag("b_g1", 1);
        builder.fail(StepName::CopyRows, Failing::Once);
        let failed = builder.build(&request(target.clone()), Arc::new(Told::default())).await.unwrap_err();
        assert!(matches!(failed, BuildError::Retryable { .. }));
        assert_eq!(builder.databases(), std::slice::from_ref(&target), "half built");
        assert!(builder.admit(&target).await.is_err());
        builder.build(&request(target.clone()), Arc::new(Told::default())).await.unwrap();
        builder.admit(&target).await.unwrap();

        builder.fail(StepName::DropDatabase, Failing::ForGood);
        for _again in 0..2 {
            assert!(matches!(builder.drop_database(&target, Arc::new(Told::default())).await, Err(BuildError::Refused { .. })));
        }
    }

    #[tokio::test]
    async fn a_build_ends_when_its_claim_is_lost() {
        let builder = MemoryBranchBuilder::new();
        let told = Arc::new(Told { stop_at: Some(StepName::CopyRows), ..Told::default() });
        let stopped = builder.build(&request(tag("b_g1", 1)), Arc::clone(&told) as _).await.unwrap_err();
        assert!(matches!(stopped, BuildError::Stopped));
        assert_eq!(told.steps.lock().unwrap().last(), Some(&StepName::CopyRows));
        assert!(builder.admit(&tag("b_g1", 1)).await.is_err());
    }
}
