//! Who may connect to a branch's database, and when.

use super::{Admin, House, connect, try_connect};
use domain::DataCloneMode;
use ports::driven::BranchBuilder;

async fn doors_open_and_close(admin: Admin, user: &str) {
    let house = House::new(admin, "create table t (id int)").await;
    let (builder, target) = (house.builder(), house.target("door"));
    let name = target.database.as_str();
    house.build("door", DataCloneMode::SchemaOnly).await.unwrap();
    assert!(try_connect(user, "user", name).await.is_err());
    builder.admit(&target).await.unwrap();
    builder.admit(&target).await.unwrap();
    let mut inside = connect(user, "user", name).await;
    let mut elsewhere = connect(user, "user", house.main.as_str()).await;
    builder.shut_out(&target).await.unwrap();
    assert!(super::try_execute(&mut inside, "select 1").await.is_err(), "cut off");
    super::execute(&mut elsewhere, "select 1").await;
    assert!(try_connect(user, "user", name).await.is_err());
    builder.admit(&target).await.unwrap();
    let _inside = connect(user, "user", name).await;
    builder.drop_database(&target).await.unwrap();
    assert!(house.databases().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_superuser_opens_and_closes() {
    doors_open_and_close(Admin::Superuser, "test_user").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_admin_opens_and_closes() {
    doors_open_and_close(Admin::Plain, "dba_user").await;
}
