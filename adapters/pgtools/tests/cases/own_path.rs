//! What functions name without a schema, and find by the database's own search path.

use super::{Admin, House, refusal};
use domain::DataCloneMode;

/// The database's own search path, and a function that needs it.
const SQL: &str = "create schema app; create table app.t (id int primary key); insert into app.t values (1), (2), (3);
    do $$ begin execute format('alter database %I set search_path = app, public', current_database()); end $$;
    create function app.counted() returns bigint language plpgsql as $$ begin return (select count(*) from t); end $$;
    create domain app.whole as int;
    create function app.doubled(int) returns int language plpgsql immutable as $$ begin return 2 * $1::whole; end $$;
    set search_path = app, public";

/// PostgreSQL 17 gives no such path to what fills views and builds indexes: there is no such parent from then on.
async fn gives_the_path(house: &House) -> bool {
    house.value::<i32>(&house.main, "select current_setting('server_version_num')::int").await < 170_000
}

#[tokio::test(flavor = "multi_thread")]
async fn materialised_views_are_filled_by_it() {
    let house = House::new(Admin::Plain, SQL).await;
    if !gives_the_path(&house).await {
        return;
    }
    super::execute(
        &mut house.look_into(&house.main).await,
        "create materialized view app.filled as select app.counted() as n; alter materialized view app.filled owner to dba",
    )
    .await;
    let report = house.build("filled", DataCloneMode::FullClone).await.unwrap();
    assert!(report.withheld.is_empty(), "{:?}", report.withheld);
    assert_eq!(house.value::<i64>(&house.target("filled").database, "select n from app.filled").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn indexes_are_built_by_it_where_they_cannot_be_without() {
    let house = House::new(Admin::Superuser, SQL).await;
    if !gives_the_path(&house).await {
        return;
    }
    let earth = "create extension cube schema public; create extension earthdistance schema public;
                 create table app.places (id int primary key, lat float8, lon float8); insert into app.places select n, n, n from generate_series(1, 9) n;
                 create index places_at on app.places using gist (ll_to_earth(lat, lon)); create index on app.t (app.doubled(id))";
    super::execute(&mut house.look_into(&house.main).await, earth).await;
    house.build("earth", DataCloneMode::FullClone).await.unwrap();
    let database = house.target("earth").database;
    assert_eq!(house.count(&database, "pg_index where indisvalid and indrelid in ('app.places'::regclass, 'app.t'::regclass)").await, 4);
    let known = "select pg_get_indexdef('app.places_at'::regclass)";
    assert_eq!(house.value::<String>(&database, known).await, house.value::<String>(&house.main, known).await);

    // What is found by no path is told, with the way out.
    super::execute(&mut house.look_into(&house.main).await, "create schema aside; alter domain app.whole set schema aside").await;
    let (code, message) = refusal(house.build("lost", DataCloneMode::FullClone).await);
    assert!(code == "definitions_refused" && message.contains("alter function .. set search_path"), "{message}");
}
