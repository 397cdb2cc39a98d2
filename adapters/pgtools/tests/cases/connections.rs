//! The logins that people connect to branches by.

use super::{Admin, House, Quiet, connect, execute, refusal, try_connect, try_connect_to, try_execute};
use crate::cluster::{self, Cluster, cluster};
use auth::XChaChaSecretBox;
use domain::{BranchId, DataCloneMode, Generation, branch::DatabaseName};
use fluxbase_pgtools::{Entrance, PgBranchLogins};
use ports::driven::{BranchBuilder, BranchLogin, BranchLogins, BuildRequest, DatabaseTag, Footing, LoginPurpose, Secret, SecretBox};
use sqlx::PgConnection;
use std::sync::Arc;
use uuid::Uuid;

const TABLE: &str = include_str!("../../../../migrations/control/009_connections.sql");
pub(super) const BOTH: [Admin; 2] = [Admin::Superuser, Admin::Plain];

/// A house with branches that are there for people to connect to.
pub(super) struct Street {
    pub(super) house: House,
    pub(super) logins: PgBranchLogins,
    pub(super) branch: DatabaseTag,
}

impl Street {
    pub(super) async fn new(admin: Admin) -> Self {
        Self::new_in(cluster(), admin).await
    }

    /// The same on that server.
    pub(super) async fn new_in(cluster: &'static Cluster, admin: Admin) -> Self {
        Self::of(House::new_in(cluster, admin, "", "create table t (id int); insert into t values (1)").await).await
    }

    /// The same in this house, which has a table `t`.
    pub(super) async fn of(house: House) -> Self {
        let mut own = try_connect_to(house.cluster, &house.settings.admin.user, cluster::PASSWORD, house.main.as_str()).await.unwrap();
        execute(&mut own, &format!("create schema branching; {TABLE}")).await;
        execute(&mut house.look_into(&house.main).await, &format!("revoke connect on database {} from public", house.main)).await;
        let secrets: Arc<dyn SecretBox> = Arc::new(XChaChaSecretBox::from_base64(&XChaChaSecretBox::generate_key()).unwrap());
        let entrance = Entrance { host: "db.example.com".to_owned(), port: 6432, sessions: 5 };
        let logins = PgBranchLogins::new(house.settings.clone(), secrets, entrance);
        let branch = tag(&house, "mine", 1);
        let street = Self { house, logins, branch };
        street.open(&street.branch).await;
        street
    }

    /// Builds and opens a generation.
    pub(super) async fn open(&self, target: &DatabaseTag) {
        let request = BuildRequest { target: target.clone(), ..self.house.request("unused", DataCloneMode::FullClone) };
        self.house.builder().build(&request, Arc::new(Quiet)).await.unwrap();
        self.house.builder().admit(target).await.unwrap();
    }

    pub(super) async fn issue(&self) -> (String, Secret) {
        let (login, password) = self.logins.issue(&self.branch, Footing::default()).await.unwrap();
        (login.user, password)
    }

    /// What deleting the branch does.
    pub(super) async fn delete(&self, target: &DatabaseTag) {
        self.house.builder().shut_out(target).await.unwrap();
        self.house.builder().drop_database(target, Arc::new(Quiet)).await.unwrap();
        self.logins.revoke(target.branch_id).await.unwrap();
    }

    pub(super) async fn roles(&self) -> i64 {
        let own = format!("fluxbase_{}_b_", &self.house.settings.instance.simple().to_string()[..8]);
        self.house.count(&self.house.main, &format!("pg_roles where starts_with(rolname, '{own}')")).await
    }
}

/// Ids of branches differ in their first digits.
pub(super) fn tag(house: &House, slug: &str, generation: u32) -> DatabaseTag {
    let number = slug.bytes().fold(7_u32, |number, byte| number.wrapping_mul(31).wrapping_add(byte.into()));
    let generation = Generation::new(generation).unwrap();
    let database = DatabaseName::of_generation(&house.settings.database_prefix, &slug.parse().unwrap(), generation);
    DatabaseTag { database, branch_id: BranchId::from_uuid(Uuid::from_u128(u128::from(number) << 96)), generation }
}

pub(super) async fn session(user: &str, password: &Secret, database: &DatabaseName) -> Result<PgConnection, sqlx::Error> {
    try_connect(user, password.expose(), database.as_str()).await
}

/// The same on the server that the house is on, to its branch.
pub(super) async fn session_of(street: &Street, user: &str, password: &Secret) -> PgConnection {
    try_connect_to(street.house.cluster, user, password.expose(), street.branch.database.as_str()).await.unwrap()
}

/// Waits until the server has ended it.
pub(super) async fn is_ended(session: &mut PgConnection) -> bool {
    for _ in 0..100 {
        if try_execute(session, "select pg_sleep(0.05)").await.is_err() {
            return true;
        }
    }
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_owns_its_branch_and_comes_to_no_other_database_of_ours() {
    for admin in BOTH {
        let street = Street::new(admin).await;
        assert!(street.logins.find(&street.branch).await.unwrap().is_none());
        let neighbour = tag(&street.house, "theirs", 1);
        street.open(&neighbour).await;
        let (login, password) = street.logins.issue(&street.branch, Footing::default()).await.unwrap();
        assert_eq!((login.host.as_str(), login.port, &login.database), ("db.example.com", 6432, &street.branch.database));
        assert_eq!(password.expose().len(), 40);
        let mut inside = session(&login.user, &password, &street.branch.database).await.unwrap();
        execute(&mut inside, "insert into t values (2); alter table t add column name text; create schema mine; create table mine.own (id int)")
            .await;
        let mine = "pg_class where relname = 'own' and relowner = 'fluxbase_branch_owner'::regrole";
        assert_eq!(street.house.count(&street.branch.database, mine).await, 1, "what it makes belongs to the owner of the branch");

        for other in [&neighbour.database, &street.house.main] {
            assert!(session(&login.user, &password, other).await.is_err(), "came to {other}");
        }
        assert!(login.other_databases.iter().any(|name| name == "postgres"), "{:?}", login.other_databases);
        assert!(!login.other_databases.contains(&street.house.main.to_string()));
        let ours = |name: &String| name.starts_with(&street.house.settings.database_prefix);
        assert!(!login.other_databases.iter().any(ours), "{:?}", login.other_databases);
        // Other tests make databases meanwhile.
        let found = street.logins.find(&street.branch).await.unwrap().unwrap();
        assert_eq!(BranchLogin { other_databases: login.other_databases.clone(), ..found }, login);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_has_no_power_over_the_server() {
    for admin in BOTH {
        let street = Street::new(admin).await;
        let neighbour = tag(&street.house, "theirs", 1);
        street.open(&neighbour).await;
        let (user, password) = street.issue().await;
        let builder = street.house.settings.logins.of(LoginPurpose::Builder, &street.branch.database).name;
        let main = &street.house.main;
        let attempts = [
            "copy t from program 'id'".to_owned(),
            "copy t to program 'cat'".to_owned(),
            "copy t from '/etc/passwd'".to_owned(),
            "copy t to '/tmp/t'".to_owned(),
            "select pg_read_file('postgresql.conf')".to_owned(),
            "select pg_ls_dir('.')".to_owned(),
            "select lo_import('/etc/passwd')".to_owned(),
            "load 'auto_explain'".to_owned(),
            "create extension file_fdw".to_owned(),
            "create function c(int) returns int language c as 'x', 'y'".to_owned(),
            "create database another".to_owned(),
            format!("create database another template {main}"),
            format!("drop database {}", neighbour.database),
            format!("alter database {} rename to x", street.branch.database),
            "create role another".to_owned(),
            "create role another superuser login".to_owned(),
            format!("alter role {user} createdb"),
            format!("alter role {user} superuser"),
            format!("alter role {user} connection limit -1"),
            format!("alter role {builder} password 'taken'"),
            "alter role fluxbase_branch_owner login".to_owned(),
            format!("grant {user} to authenticated"),
            format!("grant {user} to {builder}"),
            format!("grant fluxbase_branch_owner to {user} with admin option"),
            "grant fluxbase_branch_owner to authenticated".to_owned(),
            format!("set role {builder}"),
            "set role postgres".to_owned(),
            "set role dba".to_owned(),
            "set role service_role".to_owned(),
            "set role authenticated".to_owned(),
            "set session authorization postgres".to_owned(),
            "set session_preload_libraries = 'auto_explain'".to_owned(),
            "set session_replication_role = 'replica'".to_owned(),
            "alter system set log_statement = 'none'".to_owned(),
            "create tablespace there location '/tmp'".to_owned(),
            "create event trigger e on ddl_command_start execute function f()".to_owned(),
            "create publication p for all tables".to_owned(),
            "select pg_create_logical_replication_slot('slot', 'test_decoding')".to_owned(),
            "select pg_reload_conf()".to_owned(),
            "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'postgres'".to_owned(),
            "select * from pg_authid".to_owned(),
        ];
        let mut watcher = connect("postgres", cluster::PASSWORD, street.branch.database.as_str()).await;
        let mut inside = session(&user, &password, &street.branch.database).await.unwrap();
        execute(&mut inside, "create function f() returns event_trigger language plpgsql as 'begin end'").await;
        for attempt in &attempts {
            for role in ["fluxbase_branch_owner", "none"] {
                execute(&mut inside, &format!("set role {role}")).await;
                let refused = try_execute(&mut inside, attempt).await.err().unwrap_or_else(|| panic!("as {role}: {attempt}"));
                let code = refused.as_database_error().and_then(sqlx::error::DatabaseError::code).unwrap_or_default().into_owned();
                assert!(code == "42501" || code == "0P000", "as {role}: {attempt}: {refused}");
            }
        }
        // PostgreSQL warns where it does not refuse; what matters is what came of it.
        for database in [&neighbour.database, main] {
            let _ = try_execute(&mut inside, &format!("grant connect on database {database} to {user}, public")).await;
            assert!(session(&user, &password, database).await.is_err(), "came to {database}");
        }
        let _ = try_execute(&mut inside, "drop owned by fluxbase_branch_owner").await;
        let owners = "pg_database d cross join aclexplode(datacl) a where a.grantee = 'fluxbase_branch_owner'::regrole and privilege_type = 'CREATE'";
        let of_neighbour = format!("{owners} and datname = '{}'", neighbour.database);
        assert_eq!(street.house.count(main, &of_neighbour).await, 1);
        execute(&mut watcher, "select 1").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_the_old_one_and_who_came_by_it() {
    for admin in BOTH {
        let street = Street::new(admin).await;
        let (user, first) = street.issue().await;
        let database = &street.branch.database;
        let mut inside = session(&user, &first, database).await.unwrap();
        execute(
            &mut inside,
            &format!("set role none; alter role {user} set role = 'none'; alter role {user} in database {database} set work_mem = '1MB'"),
        )
        .await;
        let (again, second) = street.issue().await;
        assert_eq!(again, user);
        assert!(is_ended(&mut inside).await);
        assert!(session(&user, &first, database).await.is_err());
        let mut inside = session(&user, &second, database).await.unwrap();
        let (role, memory): (String, String) =
            sqlx::query_as("select current_user::text, current_setting('work_mem')").fetch_one(&mut inside).await.unwrap();
        assert_eq!((role.as_str(), memory.as_str()), ("fluxbase_branch_owner", "4MB"), "what it had set for itself is gone");

        let mut crowd = Vec::new();
        while let Ok(session) = session(&user, &second, database).await {
            crowd.push(session);
        }
        assert_eq!(crowd.len(), 4, "so many at once, and no more");
        execute(&mut inside, &format!("set role none; alter role {user} password 'taken'")).await;
        let (_, third) = street.issue().await;
        assert!(is_ended(&mut inside).await);
        assert!(try_connect(&user, "taken", database.as_str()).await.is_err());
        assert!(session(&user, &third, database).await.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_is_kept_sealed_and_told_to_nobody() {
    let street = Street::new(Admin::Superuser).await;
    let mut admin = street.house.look_into(&street.house.main).await;
    execute(&mut admin, &format!("alter database {} set log_statement = 'all'", street.house.main)).await;
    let (user, password) = street.issue().await;
    let words = password.expose();
    let sealed: Vec<u8> = street.house.value(&street.house.main, "select sealed_password from branching.connections").await;
    assert!(!sealed.windows(words.len()).any(|window| window == words.as_bytes()));
    let verifier: String = street.house.value(&street.house.main, &format!("select rolpassword from pg_authid where rolname = '{user}'")).await;
    assert!(verifier.starts_with("SCRAM-SHA-256$"));
    let log: String = street.house.value(&street.house.main, "select pg_read_file(current_setting('data_directory') || '/../log')").await;
    assert!(log.contains(&user) && !log.contains(words), "the server's log");
    assert!(!format!("{:?} {password:?}", street.logins).contains(words));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_goes_along_with_its_branch_through_a_reset() {
    for admin in BOTH {
        let street = Street::new(admin).await;
        let next = tag(&street.house, "mine", 2);
        street.open(&next).await;
        street.logins.admit(&next, Footing::default()).await.unwrap();
        assert_eq!(street.roles().await, 0, "what was never issued is not there");

        let (user, password) = street.issue().await;
        let mut before = session(&user, &password, &street.branch.database).await.unwrap();
        execute(&mut before, &format!("set role none; alter role {user} password 'taken'; create table own (id int); select lo_create(0)")).await;
        assert!(session(&user, &password, &next.database).await.is_err(), "what does not serve yet is not open");
        street.logins.admit(&next, Footing::default()).await.unwrap();
        street.logins.admit(&next, Footing::default()).await.unwrap();
        session(&user, &password, &next.database).await.expect("the password that was issued is good again");
        street.house.builder().shut_out(&street.branch).await.unwrap();
        assert!(is_ended(&mut before).await);
        assert!(session(&user, &password, &street.branch.database).await.is_err());

        // Undone: the old one opens again, the new one goes.
        street.house.builder().admit(&street.branch).await.unwrap();
        assert!(session(&user, &password, &street.branch.database).await.is_err());
        street.logins.admit(&street.branch, Footing::default()).await.unwrap();
        session(&user, &password, &street.branch.database).await.unwrap();
        street.house.builder().shut_out(&next).await.unwrap();
        street.house.builder().drop_database(&next, Arc::new(Quiet)).await.unwrap();
        session(&user, &password, &street.branch.database).await.unwrap();
        let found = street.logins.find(&street.branch).await.unwrap().unwrap();
        assert!(!found.other_databases.contains(&next.database.to_string()));
        street.delete(&street.branch).await;
        assert_eq!(street.roles().await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_the_login_alone_is_told_with_the_way_out() {
    let street = Street::new(Admin::Superuser).await;
    let (user, password) = street.issue().await;
    let mut inside = session(&user, &password, &street.branch.database).await.unwrap();
    execute(&mut inside, "set role none; create table own (id int)").await;
    let house = &street.house;
    let request = house.request("below", DataCloneMode::SchemaOnly);
    let below = BuildRequest { parent: street.branch.database.clone(), parent_is_main: false, ..request };
    let (code, message) = refusal(house.builder().build(&below, Arc::new(Quiet)).await);
    assert!(code == "insufficient_privilege" && message.contains("reassign owned by current_user to fluxbase_branch_owner"), "{message}");
    execute(&mut inside, "reassign owned by current_user to fluxbase_branch_owner").await;
    house.builder().build(&below, Arc::new(Quiet)).await.unwrap();
}
