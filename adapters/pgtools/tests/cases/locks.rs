//! Parents with more tables than the server has room for the locks of.

use super::{Admin, House};
use crate::cluster::strict_cluster;
use domain::DataCloneMode;

/// A table and what keeps its long texts has three locks of whoever makes it; the server has room for some thousand in all.
#[tokio::test(flavor = "multi_thread")]
async fn many_tables_come_along_on_a_server_with_few_locks() {
    let sql = "do $do$ begin
                   for n in 1 .. 400 loop
                       execute format('create table t%s (id int primary key, note text)', n);
                       execute format('insert into t%s values (%1$s, %1$L)', n);
                       execute format('comment on table t%s is %1$L', n);
                       execute format('grant select on t%s to anon', n);
                       if n % 50 = 0 then commit; end if;
                   end loop;
               end $do$";
    let house = House::new_in(strict_cluster(), Admin::Plain, "", sql).await;
    let report = house.build("many", DataCloneMode::FullClone).await.unwrap();
    assert_eq!(report.rows, 400);
    let database = house.target("many").database;
    assert_eq!(house.count(&database, "pg_index where indrelid::regclass::text ~ '^t[0-9]+$' and indisprimary").await, 400);
    house.build("empty", DataCloneMode::SchemaOnly).await.unwrap();
    // What was full for us was full for everybody else on the server.
    let log = house.cluster.log();
    let refused: Vec<_> = log.lines().filter(|line| line.contains("out of shared memory")).collect();
    assert!(!log.is_empty() && refused.is_empty(), "{refused:?}");
}
