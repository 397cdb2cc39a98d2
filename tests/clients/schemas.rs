//! The Inspector's strict look at the schemas of tools.

use crate::{inspector::Inspector, session::Endpoint};
use fluxbase_tests::TestServer;

const LIST_STRICTLY: [&str; 3] = ["--method", "tools/list", "--strict"];

#[tokio::test]
async fn it_finds_no_fault_in_ours_in_either_era() {
    let server = TestServer::shared().await;
    let Some(inspector) = Inspector::find().await else { return };
    for era in ["legacy", "modern"] {
        let mut arguments = Inspector::target(&Endpoint::of(server, server.key("alice")), era);
        arguments.extend(LIST_STRICTLY.map(str::to_owned));
        let output = inspector.run(&arguments).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{era}: {}: {said}", output.status);
        assert!(String::from_utf8_lossy(&output.stdout).contains("query_table"), "{era}: {output:?}");
    }
}

/// Else its silence on ours would say nothing.
#[tokio::test]
async fn it_finds_those_of_a_server_that_has_some() {
    let Some(inspector) = Inspector::find().await else { return };
    let node = inspector.node().display().to_string();
    let server = include_str!("faulty_server.mjs");
    let arguments = [LIST_STRICTLY.as_slice(), &[&node, "--input-type=module", "--eval", server]].concat();
    let output = inspector.run(&arguments).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("1 error, 1 warning across 1 tool"), "{}: {said}", output.status);
    assert_eq!(output.status.code(), Some(6), "{said}");
}
