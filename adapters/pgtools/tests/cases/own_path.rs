//! What functions name without a schema, and find by the database's own search path.

use super::{Admin, House};
use domain::DataCloneMode;

/// The database's own search path, and a function that needs it.
const SQL: &str = "create schema app; create table app.t (id int primary key); insert into app.t values (1), (2), (3);
    do $$ begin execute format('alter database %I set search_path = app, public', current_database()); end $$;
    create function app.counted() returns bigint language plpgsql as $$ begin return (select count(*) from t); end $$;
    set search_path = app, public";

/// PostgreSQL 17 gives no such path to what fills views: there is no such parent from then on.
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
