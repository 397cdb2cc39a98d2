//! Operators, groups, JSON paths, casts, order.

use super::{Alice, column};
use serde_json::json;

/// What alice sees, as PostgreSQL would count it: the same condition in SQL, by the owner.
async fn same_as_sql(alice: &Alice, pool: &sqlx::PgPool, query: &str, condition: &str) {
    let sql = format!(
        "select count(*) from tasks where id <= 24000 and ({condition}) and project_id in (select id from projects where owner_id = $1::uuid
         union select project_id from project_members where user_id = $1::uuid)"
    );
    let expected: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind("a11ce000-0000-4000-8000-000000000001").fetch_one(pool).await.unwrap();
    let found = alice.count(&format!("tasks?id=lte.24000&{query}")).await;
    assert_eq!(i64::try_from(found).unwrap(), expected, "{query}");
}

#[tokio::test]
async fn every_operator_means_what_it_means_in_sql() {
    let alice = Alice::new().await;
    let pool = alice.0.superuser().await;
    for (query, condition) in [
        ("priority=eq.3", "priority = 3"),
        ("priority=neq.3", "priority <> 3"),
        ("priority=gt.3", "priority > 3"),
        ("priority=gte.3", "priority >= 3"),
        ("priority=lt.3", "priority < 3"),
        ("priority=lte.3", "priority <= 3"),
        ("title=like.*the%20invoice", "title like '%the invoice'"),
        ("title=like.%25invoice", "title like '%invoice'"),
        ("title=ilike.WRITE*", "title ilike 'write%'"),
        ("title=like(any).{Write*,Test*}", "title like any (array['Write%', 'Test%'])"),
        ("title=like(all).{W*,*manual}", "title like all (array['W%', '%manual'])"),
        ("priority=eq(any).{1,2}", "priority = any (array[1, 2])"),
        ("title=match.%5EWrite", "title ~ '^Write'"),
        ("title=imatch.%5Ewrite", "title ~* '^write'"),
        ("status=in.(todo,done)", "status in ('todo', 'done')"),
        ("title=in.(%22Write%20the%20manual%22,%22a,b%22)", "title in ('Write the manual', 'a,b')"),
        ("assignee_id=is.null", "assignee_id is null"),
        ("assignee_id=not.is.null", "assignee_id is not null"),
        ("assignee_id=isdistinct.a11ce000-0000-4000-8000-000000000001", "assignee_id is distinct from 'a11ce000-0000-4000-8000-000000000001'"),
        ("labels=cs.{customer,urgent}", "labels @> '{customer,urgent}'"),
        ("labels=cd.{customer,urgent}", "labels <@ '{customer,urgent}'"),
        ("labels=ov.{urgent,nothing}", "labels && '{urgent,nothing}'"),
        ("details=cs.{\"source\":\"mail\"}", "details @> '{\"source\":\"mail\"}'"),
        ("search=fts.invoice", "search @@ to_tsquery('invoice')"),
        ("search=fts(english).invoice%26before", "search @@ to_tsquery('english', 'invoice&before')"),
        ("search=plfts(english).asks%20again", "search @@ plainto_tsquery('english', 'asks again')"),
        ("search=phfts(english).asks%20about", "search @@ phraseto_tsquery('english', 'asks about')"),
        ("search=wfts(english).invoice%20-part", "search @@ websearch_to_tsquery('english', 'invoice -part')"),
        ("due_on=gte.2026-01-01&due_on=lt.2026-02-01", "due_on >= '2026-01-01' and due_on < '2026-02-01'"),
        ("priority=not.in.(1,2)", "priority not in (1, 2)"),
        ("title=not.like.*manual", "title not like '%manual'"),
        ("or=(priority.eq.1,and(priority.gt.3,assignee_id.is.null))", "priority = 1 or (priority > 3 and assignee_id is null)"),
        ("and=(priority.gt.1,or(status.eq.todo,status.eq.done))", "priority > 1 and (status = 'todo' or status = 'done')"),
        ("not.or=(priority.eq.1,priority.eq.2)", "not (priority = 1 or priority = 2)"),
        ("or=(priority.not.eq.1,not.and(priority.gt.0,status.eq.todo))", "priority <> 1 or not (priority > 0 and status = 'todo')"),
        ("details->>source=eq.mail", "details ->> 'source' = 'mail'"),
        ("details->points=eq.5", "details -> 'points' = '5'"),
        ("details->checklist->0->>item=eq.look", "details -> 'checklist' -> 0 ->> 'item' = 'look'"),
        ("details->checklist->-1->>done=eq.false", "details -> 'checklist' -> -1 ->> 'done' = 'false'"),
        ("or=(details->>source.eq.mail,details->>source.eq.idea)", "details ->> 'source' in ('mail', 'idea')"),
        ("estimate=gt.04:00:00", "estimate > '04:00:00'"),
        ("title=eq.Write+the+manual", "title = 'Write the manual'"),
    ] {
        same_as_sql(&alice, &pool, query, condition).await;
    }
    assert!(alice.count("tasks?priority=eq.3").await > 100, "the demo has rows to compare");
}

#[tokio::test]
async fn ranges_have_their_operators() {
    let alice = Alice::new().await;
    let pool = alice.0.superuser().await;
    for sql in [
        "create table if not exists public.stays (id int primary key, during int4range)",
        "insert into public.stays values (1, '[1,5)'), (2, '[5,9)'), (3, '[20,30)') on conflict do nothing",
        "grant select on public.stays to authenticated",
    ] {
        sqlx::query(sql).execute(&pool).await.unwrap();
    }
    fluxbase_tests::eventually("the table is known", std::time::Duration::from_secs(10), async || {
        alice.get("stays?limit=0").await.status.is_success()
    })
    .await;
    for (query, expected) in [
        ("during=sl.[5,9)", vec![1]),
        ("during=sr.[5,9)", vec![3]),
        ("during=nxr.[5,9)", vec![1, 2]),
        ("during=nxl.[5,9)", vec![2, 3]),
        ("during=adj.[5,9)", vec![1]),
        ("during=ov.[4,6)", vec![1, 2]),
        ("during=cs.[21,22)", vec![3]),
        ("during=cd.[0,10)", vec![1, 2]),
    ] {
        let found = alice.rows(&format!("stays?select=id&order=id&{query}")).await;
        assert_eq!(column(&found, "id"), expected.iter().map(|id| json!(id)).collect::<Vec<_>>(), "{query}");
    }
}

#[tokio::test]
async fn columns_are_renamed_cast_and_taken_apart() {
    let alice = Alice::new().await;
    let found = alice
        .rows("tasks?id=eq.1&select=number::text,name:title,details->>source,points:details->points,first:details->checklist->0->>item,done:status::text")
        .await;
    let title = alice.rows("tasks?id=eq.1&select=title").await[0]["title"].clone();
    let status = alice.rows("tasks?id=eq.1&select=status").await[0]["status"].clone();
    let expected = json!({"number": "1000", "name": title, "source": found[0]["source"], "points": 1, "first": "look", "done": status});
    assert_eq!(found, [expected]);
    assert!(found[0]["source"].is_string());
    let everything = alice.rows("tasks?id=eq.1&select=*,again:id").await;
    assert_eq!((&everything[0]["id"], &everything[0]["again"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn order_is_kept_with_nulls_where_they_are_wanted() {
    let alice = Alice::new().await;
    let dates = |rows: &[serde_json::Value]| column(rows, "due_on");
    let first = alice.rows("tasks?select=due_on&order=due_on.desc.nullslast,id&limit=5").await;
    assert!(dates(&first).iter().all(serde_json::Value::is_string), "{first:?}");
    let first = alice.rows("tasks?select=due_on&order=due_on.asc.nullsfirst&limit=5").await;
    assert!(dates(&first).iter().all(serde_json::Value::is_null), "{first:?}");
    let ids = column(&alice.rows("tasks?select=id&order=priority.desc,id.asc&limit=3&priority=in.(4,5)").await, "id");
    let both = column(&alice.rows("tasks?select=id,priority&order=priority.desc,id&limit=3").await, "id");
    assert_eq!(ids, both);
    let by_path = alice.rows("tasks?select=details->points&order=details->points.desc&limit=1").await;
    assert_eq!(by_path, [json!({"points": 12})]);
    let related = alice.rows("tasks?select=id,projects(name)&order=projects(name).desc,id&limit=1").await;
    let names = alice.rows("projects?select=name&order=name.desc&limit=1").await;
    assert_eq!(related[0]["projects"]["name"], names[0]["name"]);
}
