use super::{HttpClient, InvalidClient, is_loopback};
use crate::{
    Credential, RemoteFailure,
    testing::{Answers, client, client_at},
};
use domain::{Caller, Failure, Principal, access::Door, page::PageRequest};
use ports::driving::{GetBranch, ListUsers, UseCase};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use tokio::net::TcpListener;

const PATIENCE: Duration = Duration::from_secs(20);

fn users() -> ListUsers {
    ListUsers { page: PageRequest::default() }
}

#[tokio::test]
async fn each_credential_goes_in_its_header_and_the_request_id_along() {
    for (text, header, value) in
        [("fb_pk_1", "x-api-key", "fb_pk_1"), ("sb_service_1", "x-service-key", "sb_service_1"), ("a.b.c", "authorization", "Bearer a.b.c")]
    {
        let server = Answers::with(200, json!({ "items": [] })).await;
        let client = client_at(server.url.clone(), Some(Credential::from_text(text).unwrap()), PATIENCE);
        let caller = Caller { principal: Arc::new(Principal::internal()), request_id: "mine-1".into(), door: Door::Internal, peer: None };
        client.run(&caller, users()).await.unwrap();
        let asked = server.only_request();
        assert_eq!((asked.header(header), asked.header("x-request-id")), (Some(value), Some("mine-1")));
    }
}

#[tokio::test]
async fn a_refusal_keeps_status_code_hint_and_faults() {
    let problem = json!({
        "type": "about:blank", "status": 422, "code": "invalid", "detail": "/name: is too long", "hint": "shorten it",
        "errors": [{ "pointer": "/name", "message": "is too long" }],
    });
    let server = Answers::with(422, problem).await;
    let RemoteFailure::Refused(problem) = client(&server).send(&users()).await.unwrap_err() else { panic!("not a refusal") };
    assert_eq!((problem.status, problem.code.as_str(), problem.hint.as_deref()), (422, "invalid", Some("shorten it")));
    assert_eq!((problem.errors[0].pointer.as_str(), problem.request_id.as_deref()), ("/name", Some("r-1")));
}

#[tokio::test]
async fn as_a_use_case_a_refusal_is_the_failure_that_it_was() {
    let server = Answers::with(404, json!({ "code": "not_found", "detail": "branch 'pr-1' was not found" })).await;
    let caller = Caller { principal: Arc::new(Principal::internal()), request_id: "r".into(), door: Door::Internal, peer: None };
    let failure = client(&server).run(&caller, GetBranch { branch: "pr-1".to_owned() }).await.unwrap_err();
    assert!(matches!(&failure, Failure::NotFound { what: "branch", name } if name == "pr-1"), "{failure:?}");
}

#[tokio::test]
async fn nobody_there_is_told_with_the_url() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let failure = client_at(url.parse().unwrap(), None, PATIENCE).send(&users()).await.unwrap_err();
    assert!(matches!(failure, RemoteFailure::Unreachable { .. }), "{failure:?}");
    assert!(failure.to_string().contains(&url) && failure.hint().unwrap().contains("`fluxbase`"), "{failure}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_not_waited_for_for_ever() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap()).parse().unwrap();
    let failure = client_at(url, None, Duration::from_millis(50)).send(&users()).await.unwrap_err();
    assert!(matches!(failure, RemoteFailure::TimedOut { .. }), "{failure:?}");
}

#[tokio::test]
async fn an_answer_cut_short_is_a_broken_connection() {
    let server = Answers::raw("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{\"items\"".to_owned()).await;
    let failure = client(&server).send(&users()).await.unwrap_err();
    assert!(matches!(failure, RemoteFailure::Broken { .. }), "{failure:?}");
}

#[tokio::test]
async fn what_is_no_fluxbase_is_told_apart_and_no_redirect_is_followed() {
    for (answer, told) in [
        ("HTTP/1.1 404 Not Found\r\ncontent-length: 5\r\n\r\nnginx", "404 Not Found"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>", "cannot be read"),
        ("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n", "points to http://127.0.0.1:1/"),
    ] {
        let server = Answers::raw(answer.to_owned()).await;
        let failure = client(&server).send(&users()).await.unwrap_err();
        assert!(matches!(&failure, RemoteFailure::NotFluxbase { found, .. } if found.contains(told)), "{failure}");
        server.only_request();
    }
}

#[tokio::test]
async fn a_base_url_may_have_a_path_of_its_own() {
    let server = Answers::with(200, json!({ "items": [] })).await;
    for base in ["/db", "/db/"] {
        let client = client_at(server.url.join(base).unwrap(), None, PATIENCE);
        assert_eq!(client.base_url(), server.url.join("/db").unwrap().as_str());
    }
    client_at(server.url.join("/db/").unwrap(), None, PATIENCE).send(&users()).await.unwrap();
    assert_eq!(server.only_request().target, "GET /db/api/v1/admin/users?limit=100");
}

#[test]
fn what_is_no_base_url_is_refused_without_showing_a_password() {
    for url in ["ftp://example.com", "http://bob:hunter2@example.com", "https://example.com/?key=hunter2", "https://example.com/#hunter2"] {
        let refused = HttpClient::new(url.parse().unwrap(), None).unwrap_err();
        assert!(matches!(&refused, InvalidClient::Url { .. }) && !refused.to_string().contains("hunter2"), "{refused}");
    }
}

#[test]
fn what_is_on_this_machine_is_known_to_be() {
    for (url, expected) in [
        ("http://127.0.0.1:8080", true),
        ("http://127.9.9.9", true),
        ("http://[::1]:1", true),
        ("http://localhost", true),
        ("http://pr-1.localhost", true),
        ("http://localhost.example.com", false),
        ("http://10.0.0.1", false),
    ] {
        assert_eq!(is_loopback(&url.parse().unwrap()), expected, "{url}");
    }
}

#[tokio::test]
async fn the_branch_goes_along_with_every_request() {
    let server = Answers::with(200, json!({ "items": [] })).await;
    client(&server).on_branch(Some("pr-1".parse().unwrap())).send(&users()).await.unwrap();
    assert_eq!(server.only_request().header("x-fluxbase-branch"), Some("pr-1"));
}
