//! Templates, spares and trials: the quick way gives what the slow way gives, and nothing that is not proved.

use super::{Admin, House, Quiet, execute, refusal, some_user, try_connect};
use domain::{DataCloneMode, OperationId, branch::DatabaseName};
use fluxbase_pgtools::PgBranchBuilder;
use ports::driven::{BranchBuilder, BuildReport, BuildRequest, BuildSource, DatabaseTag, LoginPurpose, Stock, TrialCopies, TrialSource};
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

const SQL: &str = "create function free() returns int language sql as 'select 1'; create table t (id int primary key); insert into t select generate_series(1, 100);
    create schema fluxbase_migrations; create table fluxbase_migrations.ledger (name text); insert into fluxbase_migrations.ledger values ('one')";

impl House {
    /// Builds with a builder that remembers what it built before.
    async fn take(&self, builder: &PgBranchBuilder, slug: &str, change: impl FnOnce(BuildRequest) -> BuildRequest) -> BuildReport {
        let request = change(self.request(slug, DataCloneMode::SchemaOnly));
        builder.build(&request, Arc::new(Quiet)).await.unwrap()
    }

    /// Databases of the stock: of one kind, or all.
    async fn stock(&self, kind: &str) -> Vec<String> {
        let pattern = format!(r"fluxbase\_{kind}\_{}\_%", &self.settings.instance.simple().to_string()[..8]);
        sqlx::query_scalar("select datname::text from pg_database where datname like $1 order by 1")
            .bind(pattern)
            .fetch_all(&mut self.look_into(&self.main).await)
            .await
            .unwrap()
    }

    async fn counts(&self) -> (usize, usize) {
        (self.stock("template").await.len(), self.stock("spare").await.len())
    }

    pub(super) async fn on_main(&self, sql: &str) {
        execute(&mut self.look_into(&self.main).await, sql).await;
    }
}

fn full(max_age: Option<Duration>) -> impl FnOnce(BuildRequest) -> BuildRequest {
    move |request| BuildRequest { clone_mode: DataCloneMode::FullClone, max_age, ..request }
}

fn plain(request: BuildRequest) -> BuildRequest {
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_from_the_stock_dumps_as_its_parent_does() {
    let house = House::new(Admin::Superuser, super::equality::RICH).await;
    house.on_main(&format!("alter database {} set app.greeting = 'hello'", house.main)).await;
    let builder = house.builder();
    let first = house.take(&builder, "one", plain).await;
    assert_eq!(first.source, BuildSource::Parent);
    builder.tend().await.unwrap();
    assert_eq!(house.counts().await, (1, 1));
    let closed = format!(
        "pg_database where datname = any('{{{},{}}}')
                  and (datallowconn or exists (select from aclexplode(datacl) x where x.privilege_type = 'CONNECT' and x.grantee <> datdba))",
        house.stock("template").await.join(","),
        house.stock("spare").await.join(",")
    );
    assert_eq!(house.count(&house.main, &closed).await, 0, "nobody may connect");

    let parent = super::equality::dump(&house, &house.main, true);
    for (slug, source) in [("two", BuildSource::Spare), ("three", BuildSource::Template)] {
        let report = house.take(&builder, slug, |request| BuildRequest { users: vec![some_user()], ..request }).await;
        assert_eq!(report, BuildReport { source, ..first.clone() });
        let database = house.target(slug).database;
        super::equality::assert_equal(&parent, &super::equality::dump(&house, &database, true));
        assert_eq!(house.count(&database, "fluxbase_migrations.ledger").await, 2);
        let set = format!("pg_db_role_setting s join pg_database d on d.oid = s.setdatabase where d.datname = '{database}'");
        assert_eq!(house.count(&house.main, &set).await, 1);
        builder.admit(&house.target(slug)).await.unwrap();
        let login = ports::driven::DatabaseLogins::of(house.settings.logins.as_ref(), ports::driven::LoginPurpose::User, &database);
        try_connect(&login.name, login.password.expose(), database.as_str()).await.unwrap();
    }
    assert_eq!(house.counts().await, (1, 0));
    builder.tend().await.unwrap();
    assert_eq!(house.counts().await, (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn definitions_are_never_older_than_the_request() {
    let house = House::new(Admin::Superuser, SQL).await;
    let builder = house.builder();
    house.take(&builder, "first", plain).await;
    let changes = [
        "alter table t add later int",
        "comment on column t.id is 'which'",
        "alter table t alter id set statistics 5",
        "create trigger tr before insert on t for each row execute function suppress_redundant_updates_trigger()",
        "alter table t disable trigger tr",
        "create policy p on t using (true)",
        "grant select on t to anon",
        "alter default privileges grant select on tables to anon",
        "create sequence s; alter sequence s increment 5",
        "create type mood as enum ('glad')",
        "alter type mood add value 'sad'",
        "create extension citext",
        "alter extension citext add function free()",
        "alter extension citext drop function free()",
        "alter function free() depends on extension citext",
        "revoke execute on function pg_catalog.pg_sleep(float8) from public",
        "grant execute on function pg_catalog.pg_sleep(float8) to anon",
        "grant select (relname) on pg_catalog.pg_class to anon",
        "grant select on pg_catalog.pg_file_settings to service_role",
        "revoke usage on language plpgsql from public",
        "revoke usage on type pg_catalog.int4range from public",
        "insert into fluxbase_migrations.ledger values ('two')",
        "update fluxbase_migrations.ledger set name = 'three' where name = 'two'",
        "drop table t",
    ];
    for (number, change) in changes.into_iter().enumerate() {
        builder.tend().await.unwrap();
        assert_eq!(house.counts().await, (1, 1), "{change}");
        house.on_main(change).await;
        let report = house.take(&builder, &format!("c-{number}"), plain).await;
        assert_eq!(report.source, BuildSource::Parent, "{change}");
    }
    builder.tend().await.unwrap();
    for passing in ["create temporary table passing (id int)", "analyze fluxbase_migrations.ledger", "vacuum fluxbase_migrations.ledger"] {
        house.on_main(passing).await;
    }
    let report = house.take(&builder, "same", plain).await;
    assert_eq!(report.source, BuildSource::Spare, "what is not copied does not count");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_come_from_the_stock_only_where_their_age_is_allowed() {
    let house = House::new(Admin::Superuser, SQL).await;
    let builder = house.builder();
    let hour = Some(Duration::from_hours(1));
    let first = house.take(&builder, "plain", full(None)).await;
    assert_eq!(first.source, BuildSource::Parent);
    builder.tend().await.unwrap();
    assert_eq!(house.counts().await, (0, 0), "nobody would take a copy that is older than the request");
    assert_eq!(house.take(&builder, "first", full(hour)).await.source, BuildSource::Parent);
    builder.tend().await.unwrap();
    house.on_main("insert into t values (101)").await;
    let kept = house.take(&builder, "kept", full(hour)).await;
    assert_eq!((kept.source, kept.rows), (BuildSource::Spare, 101));
    assert!(kept.data_as_of.is_some() && kept.data_as_of >= first.data_as_of.map(|at| at - Duration::from_secs(1)));
    assert_eq!(house.count(&house.target("kept").database, "t").await, 100);
    let copied = house.take(&builder, "copied", full(hour)).await;
    assert_eq!((copied.source, copied.data_as_of), (BuildSource::Template, kept.data_as_of));
    let young = house.take(&builder, "young", full(Some(Duration::ZERO))).await;
    assert!(young.source == BuildSource::Parent && young.data_as_of > kept.data_as_of);
    assert_eq!(house.count(&house.target("young").database, "t").await, 101);
    let without_rows = house.take(&builder, "without", plain).await;
    assert_eq!((without_rows.source, without_rows.data_as_of), (BuildSource::Parent, None));
    house.on_main("alter table t add later int").await;
    assert_eq!(house.take(&builder, "changed", full(hour)).await.source, BuildSource::Parent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spare_goes_to_one_of_many_that_ask_at_once() {
    let house = House::new(Admin::Superuser, SQL).await;
    let builder = house.builder();
    house.take(&builder, "first", plain).await;
    builder.tend().await.unwrap();
    let other = house.builder();
    let (one, two, three) = tokio::join!(house.take(&builder, "o-1", plain), house.take(&other, "o-2", plain), house.take(&builder, "o-3", plain));
    let mut sources = [one, two, three].map(|report| report.source.name());
    sources.sort_unstable();
    assert_eq!(sources, ["spare", "template", "template"]);
    for slug in ["o-1", "o-2", "o-3"] {
        let database = house.target(slug).database;
        assert_eq!(house.count(&database, "pg_tables where tablename = 't'").await, 1);
    }
    let (one, other) = tokio::join!(builder.tend(), other.tend());
    one.and(other).unwrap();
    assert_eq!(house.counts().await, (1, 1), "one keeper at a time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_admin_keeps_a_stock_and_a_branch_can_be_the_parent() {
    let house = House::new(Admin::Plain, SQL).await;
    let builder = house.builder();
    house.take(&builder, "first", plain).await;
    builder.tend().await.unwrap();
    assert_eq!(house.take(&builder, "parent", |request| BuildRequest { users: vec![some_user()], ..request }).await.source, BuildSource::Spare);
    let parent = house.target("parent").database;
    let below = |request: BuildRequest| BuildRequest { parent: parent.clone(), parent_is_main: false, ..request };
    assert_eq!(house.take(&builder, "below-1", below).await.source, BuildSource::Parent);
    builder.tend().await.unwrap();
    assert_eq!(house.take(&builder, "below-2", below).await.source, BuildSource::Spare);
    builder.drop_database(&house.target("parent"), Arc::new(Quiet)).await.unwrap();
    builder.tend().await.unwrap();
    assert_eq!(house.counts().await, (1, 1), "a parent that is gone needs no template");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_locks_a_branchs_ledger_does_not_hold_up_the_stock() {
    let house = House::new(Admin::Superuser, SQL).await;
    let builder = house.builder();
    house.take(&builder, "parent", plain).await;
    let parent = house.target("parent").database;
    house.take(&builder, "child", |request| BuildRequest { parent: parent.clone(), parent_is_main: false, ..request }).await;
    builder.tend().await.unwrap();
    let before = house.counts().await;
    assert_eq!(before.0, 2, "main and the branch have a template each");
    let mut locking = house.look_into(&parent).await;
    execute(&mut locking, "begin; lock table fluxbase_migrations.ledger").await;
    tokio::time::timeout(Duration::from_secs(30), builder.tend()).await.expect("nobody waits for it").unwrap();
    assert_eq!(house.counts().await, before, "what could not be looked at stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_proved_is_taken_and_only_what_is_ours_is_dropped() {
    let house = House::new(Admin::Superuser, SQL).await;
    let builder = house.builder();
    house.take(&builder, "first", plain).await;
    builder.tend().await.unwrap();
    // A crash before the proof leaves exactly this.
    for name in [house.stock("template").await, house.stock("spare").await].concat() {
        let unproved = format!(
            "do $$ begin execute format('comment on database {name} is %L', replace((select shobj_description(oid, 'pg_database') from pg_database
                where datname = '{name}'), '\"verified\":true', '\"verified\":false')); end $$"
        );
        house.on_main(&unproved).await;
    }
    let eight = &house.settings.instance.simple().to_string()[..8];
    let foreign = format!("fluxbase_template_{eight}_mine");
    house.on_main(&format!("create database {foreign}")).await;
    assert_eq!(house.take(&builder, "second", plain).await.source, BuildSource::Parent);
    let unproved = house.stock("template").await;
    builder.tend().await.unwrap();
    let now = house.stock("template").await;
    assert!(now.contains(&foreign) && now.len() == 2 && now != unproved, "{now:?}");
    assert_eq!(house.take(&builder, "third", plain).await.source, BuildSource::Spare);
    let report = builder.sweep(Vec::new(), &["first", "second", "third"].map(|slug| house.target(slug)), &[]).await.unwrap();
    assert!(report.dropped.is_empty() && report.reported.len() == 1 && report.reported[0].contains(&foreign), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keeper_stopped_at_any_moment_leaves_nothing_that_the_next_does_not_put_right() {
    let house = House::new(Admin::Superuser, SQL).await;
    let request = house.request("first", DataCloneMode::SchemaOnly);
    let mut done = 0;
    for round in 0..14_u64 {
        let builder = house.builder();
        builder.build(&request, Arc::new(Quiet)).await.unwrap();
        done += u32::from(tokio::time::timeout(Duration::from_millis(10 + round * 60), builder.tend()).await.is_ok());
        house.on_main(&format!("create table n_{round} ()")).await;
    }
    assert!(done < 14);
    let builder = house.builder();
    builder.build(&request, Arc::new(Quiet)).await.unwrap();
    // What lies there is of a schema that has changed since. An interrupted statement holds the keeper's lock until it ends.
    let outdated = house.stock("spare").await;
    while house.counts().await != (1, 1) || house.stock("spare").await == outdated {
        builder.tend().await.unwrap();
    }
    assert_eq!(house.take(&builder, "second", plain).await.source, BuildSource::Spare);
    assert_eq!(house.databases().await.len(), 2, "and nothing half made");
}

fn logins_of(house: &House, tags: &[DatabaseTag]) -> Vec<String> {
    let of = |tag: &DatabaseTag| ports::driven::LoginPurpose::ALL.map(|purpose| house.settings.logins.of(purpose, &tag.database).name);
    tags.iter().flat_map(of).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn bounds_hold_and_zero_is_off() {
    let house = House::new(Admin::Superuser, SQL).await;
    let with = |change: &dyn Fn(&mut fluxbase_pgtools::StockSettings)| {
        let mut settings = house.settings.clone();
        change(&mut settings.stock);
        PgBranchBuilder::new(settings)
    };
    let one = with(&|stock| (stock.max_templates, stock.spares) = (1, 2));
    house.take(&one, "a", plain).await;
    house.take(&one, "b", |request| BuildRequest { parent: house.target("a").database, parent_is_main: false, ..request }).await;
    one.tend().await.unwrap();
    assert_eq!(house.counts().await, (1, 2));
    let small = with(&|stock| stock.max_bytes = 12 * 1024 * 1024);
    small.tend().await.unwrap();
    assert_eq!(house.counts().await, (1, 1), "bytes are counted when something is made");
    let off = with(&|stock| stock.max_templates = 0);
    off.tend().await.unwrap();
    assert_eq!(house.counts().await, (0, 0));
    house.take(&off, "c", plain).await;
    off.tend().await.unwrap();
    assert_eq!(house.counts().await, (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stock_goes_before_a_branch_is_refused_for_want_of_room() {
    let house = House::new(Admin::Superuser, SQL).await;
    let builder = house.builder();
    house.take(&builder, "a", plain).await;
    builder.tend().await.unwrap();
    assert_eq!(house.counts().await, (1, 1));
    let mut settings = house.settings.clone();
    let used: i64 = house.value(&house.main, "select pg_database_size(current_database())").await;
    // Room for three databases; the branch, the template and the spare are three.
    settings.stock.disk_budget = u64::try_from(used).unwrap() * 7 / 2;
    let tight = PgBranchBuilder::new(settings.clone());
    house.take(&tight, "b", full(None)).await;
    assert_eq!(house.counts().await, (1, 0));
    house.take(&tight, "c", full(None)).await;
    assert_eq!(house.counts().await, (0, 0));
    let (code, message) = refusal(tight.build(&house.request("d", DataCloneMode::FullClone), Arc::new(Quiet)).await);
    assert!(code == "no_room" && message.contains("disk_budget"), "{message}");
    assert_eq!(house.databases().await.len(), 3, "nothing was begun");
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_of_templates_and_trials_are_made_only_where_there_is_room() {
    let house = House::new(Admin::Superuser, SQL).await;
    let builder = house.builder();
    house.take(&builder, "a", plain).await;
    house.take(&builder, "b", plain).await;
    builder.tend().await.unwrap();
    assert_eq!(house.counts().await, (1, 1));
    let used: i64 = house.value(&house.main, "select pg_database_size(current_database())").await;
    let mut settings = house.settings.clone();
    // Room for four databases: two branches, the template and the spare.
    settings.stock.disk_budget = u64::try_from(used).unwrap() * 9 / 2;
    let tight = PgBranchBuilder::new(settings);
    assert_eq!(house.take(&tight, "c", plain).await.source, BuildSource::Spare);
    assert_eq!(house.take(&tight, "d", plain).await.source, BuildSource::Parent, "the template has to go first");
    assert_eq!(house.counts().await, (0, 0));
    let operation = OperationId::from_uuid(Uuid::from_u128(0xfeed));
    for rows in [true, false] {
        let source = TrialSource { database: house.main.clone(), is_main: true, rows };
        assert_eq!(refusal(tight.copy(operation, &source, Arc::new(Quiet)).await).0, "no_room");
    }
    assert_eq!(house.stock("trial").await, [""; 0], "nothing was begun");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_is_a_copy_that_only_its_builder_may_enter() {
    let house = House::new(Admin::Superuser, SQL).await;
    let builder = house.builder();
    let operation = OperationId::from_uuid(Uuid::from_u128(0xbeef));
    let source = |rows| TrialSource { database: house.main.clone(), is_main: true, rows };
    for rows in [false, true] {
        let trial = builder.copy(operation, &source(rows), Arc::new(Quiet)).await.unwrap();
        assert_eq!(house.stock("trial").await, [trial.as_str()]);
        assert_eq!(house.count(&trial, "t").await, if rows { 100 } else { 0 });
        let login = |purpose| house.settings.logins.of(purpose, &trial);
        let (inside, outside) = (login(ports::driven::LoginPurpose::Builder), login(ports::driven::LoginPurpose::User));
        try_connect(&inside.name, inside.password.expose(), trial.as_str()).await.unwrap();
        assert!(try_connect(&outside.name, outside.password.expose(), trial.as_str()).await.is_err());
    }
    house.take(&builder, "first", plain).await;
    builder.tend().await.unwrap();
    let trial = builder.copy(operation, &source(false), Arc::new(Quiet)).await.unwrap();
    assert_eq!(house.counts().await, (1, 0), "a spare is as good");
    assert_eq!(house.count(&trial, "t").await, 0);
    builder.discard(operation, Arc::new(Quiet)).await.unwrap();
    builder.discard(operation, Arc::new(Quiet)).await.unwrap();
    assert_eq!(house.stock("trial").await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_takes_what_is_dead_and_ours_and_reports_the_rest() {
    let mut house = House::new(Admin::Superuser, SQL).await;
    let eight = house.settings.instance.simple().to_string()[..8].to_owned();
    let images = ["user", "service", "builder"].map(|purpose| format!("fluxbase_{eight}_{purpose}"));
    for image in &images {
        house.on_main(&format!("create role {image} nologin in role fluxbase_branch_owner")).await;
    }
    let [user, service, builder] = images;
    house.settings.logins = Arc::new(auth::DerivedDatabaseLogins::new([1; 32], user, service, builder));
    let builder = house.builder();
    for slug in ["alive", "dead"] {
        house.take(&builder, slug, plain).await;
    }
    let (alive, dead) = (house.target("alive"), house.target("dead"));
    let half_made = |id: u128| format!("fluxbase_build_{eight}_{}", Uuid::from_u128(id).simple());
    let begun = OperationId::from_uuid(Uuid::from_u128(5));
    let unmarked = format!("{}unmarked_g1", house.settings.database_prefix);
    for name in [half_made(4), half_made(5), unmarked.clone()] {
        house.on_main(&format!("create database {name:?}")).await;
    }
    let short = |tag: &DatabaseTag| tag.branch_id.to_string()[..8].to_owned();
    // Test ids are small numbers: the first eight digits of all of them are the same.
    assert_eq!(short(&alive), short(&dead));
    let roles = [format!("fluxbase_{eight}_b_{}", short(&alive)), format!("fluxbase_{eight}_b_0dead000"), format!("fluxbase_{eight}_boss")];
    for role in &roles {
        house.on_main(&format!("create role {role:?}")).await;
    }
    let ended = OperationId::from_uuid(Uuid::from_u128(6));
    let trial = builder.copy(ended, &TrialSource { database: house.main.clone(), is_main: true, rows: false }, Arc::new(Quiet)).await.unwrap();
    let long_ago = format!(
        "do $$ begin execute format('comment on database {trial} is %L', regexp_replace((select shobj_description(oid, 'pg_database') from pg_database
            where datname = '{trial}'), '\"made_at\":\\d+', '\"made_at\":1')); end $$"
    );
    // A crash between the drop of a database and that of its logins leaves exactly this.
    let ghost = house.target("ghost");
    for login in logins_of(&house, std::slice::from_ref(&ghost)) {
        house.on_main(&format!("create role {login} login")).await;
    }
    // And one while a parent whose policies hold for its owner is read, this.
    let passing = house.settings.logins.of(LoginPurpose::Builder, &alive.database).name;
    house.on_main(&format!("alter role {passing} bypassrls")).await;
    let candidates = builder.candidates().await.unwrap();
    assert_eq!(candidates, [alive.clone(), dead.clone()]);

    let report = builder.sweep(candidates.clone(), std::slice::from_ref(&alive), &[begun]).await.unwrap();
    let mut expected = [vec![dead.database.to_string(), half_made(4), roles[1].clone()], logins_of(&house, &[ghost])].concat();
    expected.sort();
    let mut dropped = report.dropped.clone();
    dropped.sort();
    assert_eq!(dropped, expected);
    assert!(report.reported.len() == 1 && report.reported[0].contains(&unmarked), "{report:?}");
    assert_eq!(house.count(&house.main, &format!("pg_roles where rolname = '{passing}' and not rolbypassrls")).await, 1);
    let here = |name: &str| format!("pg_database where datname = '{name}'");
    for kept in [alive.database.as_str(), trial.as_str(), &half_made(5), &unmarked] {
        assert_eq!(house.count(&house.main, &here(kept)).await, 1, "{kept}");
    }
    assert_eq!(house.count(&house.main, &format!("pg_roles where rolname in ('{}', '{}')", roles[0], roles[2])).await, 2);
    assert_eq!(house.count(&house.main, &format!("pg_roles where rolname = any ('{{{}}}')", logins_of(&house, &[dead]).join(","))).await, 0);

    house.on_main(&long_ago).await;
    let report = builder.sweep(Vec::new(), std::slice::from_ref(&alive), &[]).await.unwrap();
    assert_eq!(report.dropped, [half_made(5), trial.to_string()]);
    let nobodys = DatabaseName::existing(half_made(5));
    assert_eq!(house.count(&house.main, &here(nobodys.as_str())).await, 0);
    for role in [&roles[0], &roles[2]] {
        house.on_main(&format!("drop role {role:?}")).await;
    }
}
