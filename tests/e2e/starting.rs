//! Starting, stopping, crashing and starting again.

use fluxbase_tests::{ServerSettings, TestServer};

#[tokio::test]
async fn a_second_start_keeps_rows_and_keys() {
    let mut server = TestServer::start().await;
    let before = server.get("tables/projects?select=id&order=id", server.key("alice")).await.rows();
    assert!(!before.is_empty());
    server.restart().await;
    let after = server.get("tables/projects?select=id&order=id", server.key("alice")).await.rows();
    assert_eq!(before, after);
    server.stop().await;
}
