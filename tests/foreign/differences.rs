//! A schema of more than two hundred tables on a branch: edited, compared with its parent both ways, the scripts proved.

use crate::tryton;
use fluxbase_tests::{Answer, ENCRYPTION_KEY, ForeignCluster, Owner, ServerSettings, TestServer, eventually};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const EDITS: &str = include_str!("edits.sql");
/// What differs after them, by kind.
const CHANGED: [(&str, &str, &str); 24] = [
    ("table", "public.sale_sale", "changed"),
    ("table", "public.party_party", "changed"),
    ("table", "public.stock_move", "changed"),
    ("table", "public.sale_note", "added"),
    ("table", "public.sale_line_moves_recreated_rel", "removed"),
    ("table", "public.ir_annotation", "added"),
    ("table", "public.ir_note", "removed"),
    ("partition", "public.stock_log_2026", "added"),
    ("type", "public.sale_priority", "added"),
    ("domain", "public.mail", "added"),
    ("sequence", "public.sale_sale_id_seq", "changed"),
    ("index", "public.sale_sale_number", "added"),
    ("constraint", "public.country_country country_country_name", "added"),
    ("check_constraint", "public.sale_line quantity_known", "added"),
    ("fk_constraint", "public.sale_line sale_line_product_fkey", "changed"),
    ("statistics", "public.sale_states", "added"),
    ("view", "public.open_sales", "added"),
    ("materialized_view", "public.sales_of_party", "added"),
    ("trigger", "public.sale_sale note_sale", "added"),
    ("policy", "public.party_party known", "added"),
    ("row_security", "public.party_party", "added"),
    ("grant", "COLUMN public.sale_sale.comment", "added"),
    ("default_grant", "DEFAULT PRIVILEGES FOR TABLES IN SCHEMA public", "changed"),
    ("comment", "COLUMN public.sale_sale.channel", "added"),
];

#[tokio::test]
async fn tryton_is_edited_and_compared_on_postgresql_15() {
    compared(15).await;
}

#[tokio::test]
async fn tryton_is_edited_and_compared_on_postgresql_18() {
    compared(18).await;
}

async fn compared(major: u32) {
    let Some(cluster) = ForeignCluster::start(major).await else { return };
    let url = cluster.database(Owner::Plain, "tryton", &[]).await;
    if !tryton::fill(&url).await {
        return cluster.stop().await;
    }
    let main = cluster.superuser("tryton").await;
    let tables: i64 = sqlx::query_scalar("select count(*) from pg_tables where schemaname = 'public'").fetch_one(&main).await.unwrap();
    main.close().await;
    assert!(tables >= 250, "{tables}");
    let settings = ServerSettings::new().set("database.url", &url).set("security.encryption_key", ENCRYPTION_KEY);
    let mut server = settings.set("database.tools", cluster.tools()).start().await;

    let begun = Instant::now();
    let made = json!({"name": "edited", "data_clone_mode": "schema_only"});
    followed(&server, server.send(Method::POST, "admin/branches", &server.owner_key(), &made).await).await;
    println!("PostgreSQL {major}: {tables} tables are on the branch after {:.1?}", begun.elapsed());
    let equal = diff(&server, "edited", "main").await;
    assert_eq!((&equal["objects"], &equal["source_fingerprint"]), (&json!([]), &equal["target_fingerprint"]), "{equal}");

    let files = json!({"files": [{"name": "1_edits.sql", "sql": EDITS}]});
    followed(&server, server.send(Method::POST, "admin/branches/edited/migrate", &server.owner_key(), &files).await).await;
    let forth = diff(&server, "edited", "main").await;
    for (kind, identity, change) in CHANGED {
        let said = |object: &Value| object["kind"] == kind && object["identity"] == identity && object["change"] == change;
        assert!(forth["objects"].as_array().unwrap().iter().any(said), "{kind} {identity} {change}: {}", forth["objects"]);
    }
    assert!(
        forth["possible_renames"].as_array().unwrap().iter().any(|rename| rename["to"] == "public.ir_annotation"),
        "{}",
        forth["possible_renames"]
    );
    proved(&server, "edited", "main", &forth).await;
    let back = diff(&server, "main", "edited").await;
    assert_eq!((&back["summary"]["added"], &back["summary"]["removed"]), (&forth["summary"]["removed"], &forth["summary"]["added"]));
    proved(&server, "main", "edited", &back).await;
    server.stop().await;
    cluster.stop().await;
}

async fn diff(server: &TestServer, source: &str, target: &str) -> Value {
    let begun = Instant::now();
    let answer = server.get(&format!("admin/branches/{source}/diff?target={target}"), &server.owner_key()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let diff = answer.json();
    println!("{source} against {target}: {} after {:.1?}", diff["summary"], begun.elapsed());
    diff
}

/// The script, applied to a copy of the target, leaves nothing.
async fn proved(server: &TestServer, source: &str, target: &str, diff: &Value) {
    assert_eq!(diff["unscripted"], json!([]));
    let begun = Instant::now();
    let asked = server.send(Method::POST, &format!("admin/branches/{source}/diff"), &server.owner_key(), &json!({"target": target})).await;
    let result = followed(server, asked).await["result"].clone();
    assert_eq!(result["proved"], true, "{result}");
    assert_eq!(result["diff"]["script"], diff["script"]);
    let statements = diff["statements"].as_array().unwrap().len();
    println!("{source} against {target}: {statements} statements proved after {:.1?}", begun.elapsed());
}

/// The operation, once it has succeeded.
async fn followed(server: &TestServer, begun: Answer) -> Value {
    assert_eq!(begun.status, 202, "{begun:?}");
    let operation = begun.json()["operation"]["id"].as_str().unwrap().to_owned();
    let mut told = Value::Null;
    eventually("the operation ends", Duration::from_mins(3), async || {
        told = server.get(&format!("admin/operations/{operation}"), &server.owner_key()).await.json();
        told["status"] != "queued" && told["status"] != "running"
    })
    .await;
    assert_eq!(told["status"], "succeeded", "{told}");
    told
}
