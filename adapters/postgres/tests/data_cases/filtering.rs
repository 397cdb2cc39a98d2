//! Every operator, JSON path, order and limit.

use serde_json::json;

use super::{Who::Service, World};

#[tokio::test]
async fn every_operator_finds_what_it_should() {
    let world = World::new("operators").await;
    for (table, filter, ids) in [
        ("projects", "name=eq.Apollo", json!([1])),
        ("projects", "name=eq.Cygnus \"quoted\"", json!([3])),
        ("projects", "id=neq.1", json!([2, 3])),
        ("projects", "id=gt.1", json!([2, 3])),
        ("projects", "id=gte.2", json!([2, 3])),
        ("projects", "id=lt.2", json!([1])),
        ("projects", "budget=lte.20", json!([2])),
        ("projects", "name=like.A*o", json!([1])),
        ("projects", "name=ilike.*OR*", json!([2])),
        ("projects", "name=match.^[AB]", json!([1, 2])),
        ("projects", "name=imatch.^a", json!([1])),
        ("projects", "id=in.(1,3)", json!([1, 3])),
        ("projects", "id=in.()", json!([])),
        ("projects", "id=not.in.()", json!([1, 2, 3])),
        ("projects", "name=in.(\"Cygnus \\\"quoted\\\"\",\"x,y\")", json!([3])),
        ("projects", "budget=is.null", json!([3])),
        ("projects", "budget=is.not_null", json!([1, 2])),
        ("projects", "reviewer_id=isdistinct.bob", json!([2, 3])),
        ("projects", "labels=cs.{blue}", json!([1, 2])),
        ("projects", "labels=cd.{blue,green}", json!([2, 3])),
        ("projects", "labels=ov.{red,green}", json!([1])),
        ("projects", "labels=eq.{blue}", json!([2])),
        ("projects", "period=cs.[2024-01-05,2024-01-06)", json!([1])),
        ("projects", "period=ov.[2024-01-20,2024-02-02)", json!([1, 2])),
        ("projects", "period=sl.[2024-02-15,2024-04-01)", json!([1])),
        ("projects", "period=sr.[2023-01-01,2024-01-01)", json!([1, 2])),
        ("projects", "period=nxr.[2023-01-01,2024-02-01)", json!([1])),
        ("projects", "period=nxl.[2024-02-01,2024-02-02)", json!([2])),
        ("projects", "period=adj.[2024-03-01,2024-04-01)", json!([2])),
        ("projects", "data=cs.{\"ok\": true}", json!([1])),
        ("projects", "data->a->>b=eq.deep", json!([1])),
        ("projects", "data->n=gt.5", json!([2])),
        ("projects", "data->a->n->1=eq.2", json!([1])),
        ("projects", "data->a->n->>-1=eq.2", json!([1])),
        ("projects", "data->>a=is.null", json!([3])),
        ("projects", "labels->0=eq.\"red\"", json!([1])),
        ("projects", "name=like(any).{A*,B*}", json!([1, 2])),
        ("projects", "name=ilike(all).{*o*,*s}", json!([2])),
        ("projects", "id=eq(any).{1,2}", json!([1, 2])),
        ("projects", "id=gt(all).{1,2}", json!([3])),
        ("projects", "created_at=gte.2024-01-01T00:00:00Z", json!([1, 2, 3])),
        ("projects", "or=(id.eq.1,and(id.gt.1,budget.is.null))", json!([1, 3])),
        ("projects", "not.or=(id.eq.1,id.eq.2)", json!([3])),
        ("projects", "id=gt.1&id=lt.3", json!([2])),
        ("tasks", "done=is.true", json!([1, 4, 5])),
        ("tasks", "done=is.false", json!([2])),
        ("tasks", "done=is.unknown", json!([3])),
        ("tasks", "done=not.is.true", json!([2, 3])),
        ("tasks", "words=fts.cat", json!([1, 5])),
        ("tasks", "words=fts(english).fat & cat".split('&').next().unwrap(), json!([1])),
        ("tasks", "words=fts(english).fat §cat", json!([1])),
        ("tasks", "words=plfts(english).The Fat Cats", json!([1])),
        ("tasks", "words=phfts(english).brown fox", json!([2])),
        ("tasks", "words=wfts(english).cat -secret", json!([1])),
        ("tasks", "body=fts(english).impossible", json!([4])),
        ("tasks", "body=plfts.quick fox", json!([2])),
        ("tasks", "raw->k=eq.1", json!([1])),
        ("tasks", "raw->>k=in.(1,2)", json!([1])),
        ("tasks", "title=eq.write", json!([1])),
        ("measures", "at=gte.2025-01-01", json!([])),
    ] {
        if table == "measures" {
            assert_eq!(world.read(Service, table, &format!("select=value&{filter}")).await, json!([{"value": 2}]));
            continue;
        }
        let rows = world.read(Service, table, &format!("select=id&order=id&{filter}")).await;
        let found: Vec<_> = rows.as_array().unwrap().iter().map(|row| row["id"].clone()).collect();
        assert_eq!(serde_json::Value::from(found), ids, "{table}?{filter}");
    }
}

#[tokio::test]
async fn user_types_are_compared_by_their_own_operators() {
    let world = World::new("types").await;
    for (filter, found) in [
        ("email=eq.ALICE@EXAMPLE.COM", json!([{"id": "alice"}])),
        ("email=in.(ALICE@example.com)", json!([{"id": "alice"}])),
        ("mood=gt.ok", json!([{"id": "alice"}])),
        ("mood=in.(sad,happy)", json!([{"id": "alice"}, {"id": "bob"}])),
        ("home->>city=eq.Graz", json!([{"id": "alice"}])),
        ("name=eq.Bob", json!([{"id": "bob"}])),
    ] {
        assert_eq!(world.read(Service, "users", &format!("select=id&order=id&{filter}")).await, found, "{filter}");
    }
}

#[tokio::test]
async fn a_select_list_shows_what_it_names() {
    let world = World::new("select_list").await;
    let list = "select=number:id,name,budget::text,data->a->>b,first:data->a->n->0::int4,labels->0,home:data->x";
    assert_eq!(
        world.read(Service, "projects", &format!("{list}&id=eq.1")).await,
        json!([{"number": 1, "name": "Apollo", "budget": "100.50", "b": "deep", "first": 1, "labels": "red", "home": null}])
    );
    let all = world.read(Service, "projects", "id=eq.2").await;
    let columns = ["id", "name", "owner_id", "reviewer_id", "budget", "period", "data", "labels", "created_at", "upper_name"];
    assert_eq!(all[0].as_object().unwrap().len(), columns.len());
    assert_eq!((&all[0]["period"], &all[0]["data"]["n"], &all[0]["upper_name"]), (&json!("[2024-02-01,2024-03-01)"), &json!(10), &json!("BOREALIS")));
    assert_eq!(world.read(Service, "task_counts", "select=n&project_id=eq.1").await, json!([{"n": 3}]));
}

#[tokio::test]
async fn orders_and_limits() {
    let world = World::new("orders").await;
    let ids = |rows: serde_json::Value| rows.as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect::<Vec<_>>();
    for (text, found) in [
        ("order=budget.desc", vec![3, 1, 2]),
        ("order=budget.desc.nullslast", vec![1, 2, 3]),
        ("order=budget.asc.nullsfirst", vec![3, 2, 1]),
        ("order=data->n.desc.nullslast", vec![2, 1, 3]),
        ("order=data->a->>b,id", vec![1, 2, 3]),
        ("order=owner_id.desc,id.desc", vec![3, 2, 1]),
        ("order=id&limit=2", vec![1, 2]),
        ("order=id&limit=2&offset=2", vec![3]),
        ("order=id&limit=0", vec![]),
        ("order=id&offset=99", vec![]),
        ("order=id&offset=9223372036854775807", vec![]),
    ] {
        assert_eq!(ids(world.read(Service, "projects", &format!("select=id&{text}")).await), found, "{text}");
    }
}

#[tokio::test]
async fn what_postgresql_refuses_keeps_its_sqlstate() {
    let world = World::new("refusals").await;
    for (text, sqlstate) in [
        ("id=eq.x", "22P02"),
        ("id=eq.99999999999", "22003"),
        ("id=like.1*", "42883"),
        ("name=is.true", "42804"),
        ("name=match.(", "2201B"),
        ("name=fts(nope).a", "42704"),
        ("select=name::int4", "22P02"),
    ] {
        assert_eq!(world.sqlstate(Service, "projects", text).await, sqlstate, "{text}");
    }
}
