//! When branches were last used: known to every replica, whichever was asked, and not forgotten with what it had open.

use super::{Replica, cluster};
use domain::{Access, Branch, BranchId, Generation, Principal, branch::DatabaseName};
use fluxbase_postgres::{
    control::{PgBranchProbe, PgBranchUses},
    data::{Login, PgBranchDatabases, Settings},
    wire::Target,
};
use ports::driven::{
    BranchDatabases, BranchProbe, BranchRoute, DatabaseLogin, DatabaseLogins, LoginPurpose, NoLoginRestorer, OpenDatabase, OpenDatabases, Secret,
    SecurityContext,
};
use sqlx::PgPool;
use std::{num::NonZeroUsize, sync::Arc, time::Duration};
use time::OffsetDateTime;

/// Nobody connects here.
#[derive(Debug)]
struct SomeLogins;

impl DatabaseLogins for SomeLogins {
    fn of(&self, purpose: LoginPurpose, _: &DatabaseName) -> DatabaseLogin {
        DatabaseLogin { name: self.image(purpose).to_owned(), password: Secret::new("none") }
    }

    fn image(&self, _: LoginPurpose) -> &'static str {
        "nobody"
    }
}

/// What of a replica serves data.
struct Serving {
    databases: Arc<PgBranchDatabases>,
    uses: PgBranchUses,
    probe: PgBranchProbe,
}

impl Serving {
    fn over(pool: &PgPool) -> Self {
        let server: Target = format!("postgres://x@127.0.0.1:{}/x?sslmode=disable", cluster().port).parse().unwrap();
        let login = || Login { name: "nobody".to_owned(), password: None };
        let databases = Arc::new(PgBranchDatabases::new(Settings {
            server,
            main_user: login(),
            main_service: login(),
            logins: Arc::new(SomeLogins),
            restorer: Arc::new(NoLoginRestorer),
            main_database: DatabaseName::existing("nobodys"),
            main_service_role: "service_role".to_owned(),
            branch_service_role: "service_role".to_owned(),
            schemas: vec!["public".to_owned()],
            statement_timeout: Duration::from_secs(10),
            catalogue_timeout: Duration::from_secs(10),
            acquire_timeout: Duration::from_secs(10),
            max_connections: NonZeroUsize::new(4).unwrap(),
        }));
        let uses = || PgBranchUses::new(pool.clone(), Arc::clone(&databases));
        Self { uses: uses(), probe: PgBranchProbe::new(pool.clone(), uses()), databases }
    }

    /// Somebody asks for what is in the branch; no connection comes of that yet.
    async fn ask(&self, branch: &Branch, database: &str) {
        let route =
            BranchRoute { id: branch.id, slug: branch.slug.clone(), generation: Generation::FIRST, database: DatabaseName::existing(database) };
        let context = SecurityContext { route, principal: Arc::new(Principal::internal()), access: Access::Read };
        BranchDatabases::open(&*self.databases, &context).await.unwrap();
    }

    async fn last_used(&self, branch: BranchId) -> Option<OffsetDateTime> {
        self.probe.last_used(branch).await.unwrap()
    }
}

#[tokio::test]
async fn a_use_is_known_to_the_replica_that_was_asked_at_once_and_to_the_others_once_it_is_written_down() {
    let (replica, options) = Replica::first().await;
    let other = Replica::another(&options, false).await;
    let branch = replica.branch(1, "pr-1").await;
    let (here, there) = (Serving::over(&replica.pool), Serving::over(&other.pool));
    assert_eq!((here.last_used(branch.id).await, there.last_used(branch.id).await), (None, None));
    here.ask(&branch, "branch_g1").await;
    assert!(here.last_used(branch.id).await.is_some());
    assert_eq!(there.last_used(branch.id).await, None);
    here.uses.note().await.unwrap();
    let noted = there.last_used(branch.id).await.expect("it is written down");
    assert_eq!(here.last_used(branch.id).await, Some(noted));
    // What is only made ready is not used: there is nothing to write down. And an earlier use takes no later one's place.
    here.databases.warm_up(&OpenDatabase { branch: branch.id, database: DatabaseName::existing("branch_g2") }).await;
    here.uses.note().await.unwrap();
    assert_eq!(here.last_used(branch.id).await, Some(noted));
    there.ask(&branch, "branch_g1").await;
    sqlx::query("update branching.branch_uses set last_used_at = clock_timestamp() + interval '1 hour'").execute(&replica.pool).await.unwrap();
    there.uses.note().await.unwrap();
    assert!(here.last_used(branch.id).await.unwrap() > noted + Duration::from_mins(30));
}

#[tokio::test]
async fn a_use_outlives_the_database_that_is_let_go_of_and_a_control_plane_that_is_away() {
    let (replica, options) = Replica::first().await;
    let branch = replica.branch(1, "pr-1").await;
    let (here, there) = (Serving::over(&replica.pool), Serving::over(&Replica::another(&options, false).await.pool));
    here.ask(&branch, "branch_g1").await;
    here.databases.forget(&DatabaseName::existing("branch_g1")).await;
    replica.sql("alter table branching.branch_uses rename to away").await;
    here.uses.note().await.unwrap_err();
    replica.sql("alter table branching.away rename to branch_uses").await;
    assert_eq!(there.last_used(branch.id).await, None);
    here.uses.note().await.unwrap();
    assert!(there.last_used(branch.id).await.is_some());
    // A branch that nobody knows any more stops none of the others.
    let unknown = super::branch(2, "unknown", &replica.main().await);
    here.ask(&unknown, "unknown_g1").await;
    here.ask(&branch, "branch_g2").await;
    here.uses.note().await.unwrap();
    assert_eq!(there.last_used(unknown.id).await, None);
}
