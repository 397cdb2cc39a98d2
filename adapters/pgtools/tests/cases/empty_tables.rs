//! Tables of which there is nothing to copy, and those that only look like it.

use super::{Admin, House, Quiet};
use domain::DataCloneMode;
use ports::driven::BranchBuilder;
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread")]
async fn only_tables_without_a_page_are_passed_over() {
    let sql = "create table never (id int primary key);
               create table emptied (id int); insert into emptied select generate_series(1, 1000); delete from emptied;
               create unlogged table unlogged (id int); insert into unlogged values (7);
               create table whole (id int) partition by range (id);
               create table part partition of whole for values from (0) to (10);
               create table part_2 partition of whole for values from (10) to (20); insert into whole values (15);
               create table heir (note text) inherits (never); insert into heir values (1, 'of its own')";
    let house = House::new(Admin::Superuser, sql).await;
    let report = house.builder().build(&house.request("empty", DataCloneMode::FullClone), Arc::new(Quiet)).await.unwrap();
    assert_eq!(report.rows, 3);
    let counted =
        "select format('%s %s %s %s %s %s', (select count(*) from only never), (select count(*) from emptied), (select count(*) from unlogged),
                                 (select count(*) from part), (select count(*) from part_2), (select count(*) from heir))";
    assert_eq!(house.value::<String>(&house.target("empty").database, counted).await, "0 0 1 0 1 1");
}
