//! Id-only rows of users: nobody's code runs for them, whichever way the branch comes about.

use super::{Admin, House, Quiet, execute, some_user};
use domain::{DataCloneMode, UserId};
use ports::driven::{BranchBuilder, BranchUsers, BuildRequest, BuildSource, Stock};
use std::sync::Arc;
use uuid::Uuid;

/// What is usual on `auth.users`: each new user gets a profile. Inserted by id alone, the profile's name would be missing; inserted by the builder, `profiles`
/// would not even be found.
const SQL: &str = "create schema auth; create table orgs (id int primary key);
    create table auth.users (id uuid primary key, email text, org int references orgs deferrable initially deferred);
    create table profiles (id uuid primary key references auth.users, name text not null);
    create function greet() returns trigger language plpgsql as
        $$ begin insert into profiles (id, name) values (new.id, new.email); return new; end $$;
    create trigger greets after insert on auth.users for each row execute function greet();
    create trigger \"Greets always\" after insert on auth.users for each row execute function greet();
    create trigger greets_replicas before insert on auth.users for each row execute function greet();
    create trigger greets_nobody before insert on auth.users for each row execute function greet();
    create constraint trigger greets_late after insert on auth.users deferrable initially deferred for each row execute function greet();
    alter table auth.users enable always trigger \"Greets always\", enable replica trigger greets_replicas, disable trigger greets_nobody;
    create rule forgets as on insert to auth.users do instead nothing;
    alter table auth.users enable row level security, force row level security";

const GUARDS: &str = "select concat_ws(' ', (select string_agg(tgname || tgenabled::text, ',' order by tgname) from pg_trigger
        where tgrelid = 'auth.users'::regclass and not tgisinternal),
    (select string_agg(rulename || ev_enabled::text, ',') from pg_rewrite where ev_class = 'auth.users'::regclass), relrowsecurity, relforcerowsecurity)
    from pg_class where oid = 'auth.users'::regclass";

#[tokio::test(flavor = "multi_thread")]
async fn id_only_users_run_nobodys_code_whichever_way_a_branch_comes_about() {
    let house = House::new(Admin::Superuser, SQL).await;
    let builder = house.builder();
    let request = |slug: &str| BuildRequest { users: vec![some_user()], ..house.request(slug, DataCloneMode::SchemaOnly) };
    let guards: String = house.value(&house.main, GUARDS).await;
    let later = UserId::from_uuid(Uuid::from_u128(0xB0B));
    for (slug, source) in [("one", BuildSource::Parent), ("two", BuildSource::Spare), ("three", BuildSource::Template)] {
        let report = builder.build(&request(slug), Arc::new(Quiet)).await.unwrap();
        assert_eq!(report.source, source);
        let target = house.target(slug);
        assert_eq!(house.count(&target.database, "auth.users").await, 1, "{slug}");
        for _ in 0..2 {
            builder.introduce(&target, later).await.unwrap();
        }
        assert_eq!(house.count(&target.database, "auth.users").await, 2, "{slug}");
        assert_eq!(house.count(&target.database, "profiles").await, 0, "{slug}");
        assert_eq!(house.value::<String>(&target.database, GUARDS).await, guards, "{slug}");
        if source == BuildSource::Parent {
            builder.tend().await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_is_there_is_brought_once_more_without_a_lock() {
    let sql = "create schema auth; create table auth.users (id uuid primary key);
               create trigger tr before insert on auth.users for each row execute function suppress_redundant_updates_trigger()";
    let house = House::new(Admin::Superuser, sql).await;
    let request = BuildRequest { users: vec![some_user()], ..house.request("held", DataCloneMode::SchemaOnly) };
    let builder = house.builder();
    builder.build(&request, Arc::new(Quiet)).await.unwrap();
    let mut writer = house.look_into(&request.target.database).await;
    execute(&mut writer, "begin; delete from auth.users where false").await;
    builder.introduce(&request.target, some_user()).await.unwrap();
    let other = UserId::from_uuid(Uuid::from_u128(0xB0B));
    assert!(builder.introduce(&request.target, other).await.is_err(), "a lock is not waited for without end");
    execute(&mut writer, "commit").await;
    builder.introduce(&request.target, other).await.unwrap();
    assert_eq!(house.count(&request.target.database, "auth.users").await, 2);
}

/// A table that its owner keeps locked is not waited for by one session more with each request of somebody new.
#[tokio::test(flavor = "multi_thread")]
async fn who_locks_the_users_of_a_branch_is_not_waited_for_without_end() {
    let house = House::new(Admin::Superuser, "create schema auth; create table auth.users (id uuid primary key)").await;
    let request = BuildRequest { users: vec![some_user()], ..house.request("locked", DataCloneMode::SchemaOnly) };
    let builder = house.builder();
    builder.build(&request, Arc::new(Quiet)).await.unwrap();
    let target = house.target("locked");
    let mut holder = house.look_into(&target.database).await;
    execute(&mut holder, "begin").await;
    execute(&mut holder, "lock table auth.users in access exclusive mode").await;
    let later = UserId::from_uuid(Uuid::from_u128(0xB0B));
    let refused = builder.introduce(&target, later).await.unwrap_err();
    assert!(refused.to_string().contains("lock timeout"), "{refused}");
    // One that is not waited for any more does not go on waiting.
    let given_up = tokio::time::timeout(std::time::Duration::from_millis(500), builder.introduce(&target, later)).await;
    assert!(given_up.is_err());
    let waiting = "pg_stat_activity where wait_event_type = 'Lock' and query like '%auth.users%' and pid <> pg_backend_pid()";
    let gone = async { while house.count(&target.database, waiting).await > 0 {} };
    tokio::time::timeout(std::time::Duration::from_secs(20), gone).await.expect("the server sees that nobody waits for it");
    execute(&mut holder, "rollback").await;
    builder.introduce(&target, later).await.unwrap();
}
