//! Letting go of databases that serve no more: of their connections here, before they are closed on the server.

use crate::routing::DatabaseNames;
use domain::branch::DatabaseName;
use ports::driven::{BranchDirectory, OpenDatabases};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::time::Instant;

/// How often it is looked which databases serve no more.
const LOOK: Duration = Duration::from_secs(1);

/// What every replica does for itself: whichever of them switched or deleted a branch, each has its own connections.
pub struct RetireDatabases {
    directory: Arc<dyn BranchDirectory>,
    open: Arc<dyn OpenDatabases>,
    names: DatabaseNames,
    /// How long requests that began before may take to end.
    grace: Duration,
}

impl RetireDatabases {
    /// Over what this replica has open.
    pub fn new(directory: Arc<dyn BranchDirectory>, open: Arc<dyn OpenDatabases>, names: DatabaseNames, grace: Duration) -> Self {
        Self { directory, open, names, grace }
    }

    /// Looks again and again, until dropped.
    pub async fn work(&self) {
        let mut retired = HashMap::new();
        loop {
            self.round(&mut retired).await;
            tokio::time::sleep(LOOK).await;
        }
    }

    /// One look: what has served nobody for long enough is let go of.
    async fn round(&self, retired: &mut HashMap<DatabaseName, Instant>) {
        let open = self.open.open();
        retired.retain(|name, _| open.iter().any(|database| database.database == *name));
        for database in open {
            let Ok(branch) = self.directory.find_by_id(database.branch).await else { continue };
            let route = branch.as_deref().and_then(|branch| self.names.route(branch));
            if route.is_some_and(|route| route.database == database.database) {
                retired.remove(&database.database);
                continue;
            }
            let since = *retired.entry(database.database.clone()).or_insert_with(Instant::now);
            if since.elapsed() >= self.grace {
                self.open.forget(&database.database).await;
                retired.remove(&database.database);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RetireDatabases;
    use crate::{routing::DatabaseNames, testing::branch};
    use domain::{BranchId, branch::DatabaseName};
    use ports::driven::{MockBranchDirectory, MockOpenDatabases, OpenDatabase};
    use std::{collections::HashMap, sync::Arc, time::Duration};
    use uuid::Uuid;

    #[tokio::test]
    async fn what_serves_stays_and_what_does_not_goes() {
        let gone = BranchId::from_uuid(Uuid::from_u128(9));
        let here = branch("pr-1", None);
        let (mut directory, mut open) = (MockBranchDirectory::new(), MockOpenDatabases::new());
        let id = here.id;
        directory.expect_find_by_id().returning(move |asked| Ok((asked == id).then(|| Arc::new(here.clone()))));
        let database = |branch, name: &str| OpenDatabase { branch, database: DatabaseName::existing(name) };
        open.expect_open().returning(move || vec![database(id, "b_pr-1_g1"), database(id, "b_pr-1_g0"), database(gone, "b_gone_g1")]);
        open.expect_forget().times(2).withf(|name| name.as_str() != "b_pr-1_g1").returning(|_| ());
        let names = DatabaseNames { main: DatabaseName::existing("main"), prefix: "b_".to_owned() };
        RetireDatabases::new(Arc::new(directory), Arc::new(open), names, Duration::ZERO).round(&mut HashMap::new()).await;
    }
}
