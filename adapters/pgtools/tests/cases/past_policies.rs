//! What a role without power reads in the parent, under policies, nobody reads past them in a branch.

use super::{Admin, House, Quiet, execute, try_execute};
use domain::{DataCloneMode, branch::Withheld, schema::SchemaDiff};
use fluxbase_pgtools::PgSchemas;
use ports::driven::{BranchBuilder, BuildReport, BuildSource, DatabasePlace, Readings, SchemaReader, Stock};
use std::sync::Arc;

/// PostgREST's recipe: views belong to a role that owns no tables, so that policies hold for who reads them.
const SQL: &str = "create role views_owner; grant usage, create on schema public to views_owner;
    create table orders (id int primary key, owner text not null, item text); insert into orders values (1, 'a', 'hers'), (2, 'b', 'his');
    alter table orders enable row level security; create policy own on orders using (owner = current_setting('app.who', true));
    create table forced (like orders); insert into forced table orders;
    alter table forced enable row level security, force row level security; create policy own on forced using (owner = current_setting('app.who', true));
    create table narrow (like orders); alter table narrow enable row level security, force row level security;
    create policy own on narrow using (true); create policy kept on narrow as restrictive to views_owner using (false);
    create table plain (id int); insert into plain values (1); grant select on orders, forced, narrow, plain to views_owner;
    create function of_trigger() returns trigger security definer language plpgsql as 'begin return new; end'; alter function of_trigger() owner to views_owner;
    set role views_owner;
    create view my_orders as select id, item from orders; create view \"Narrow\" as select id from narrow;
    create view mine as select * from forced; create view plainly as select * from plain;
    create view invoking with (security_invoker = on) as select * from orders;
    create materialized view kept_orders as select item from orders;
    create function orders_of() returns setof orders security definer language sql as 'select * from public.orders';
    create function invoked() returns setof orders language sql as 'select * from public.orders';
    reset role;
    create view above as select * from my_orders; create view all_orders as select * from orders; create view seldom as select id from orders;
    create view above_invoking as select id from invoking;
    alter view seldom owner to views_owner;
    create function reads() returns bigint security definer language plpgsql as 'begin return (select count(*) from public.my_orders); end';
    create function past() returns bigint security definer language sql as 'select count(*) from public.orders';
    grant select on my_orders, \"Narrow\", mine, plainly, invoking, kept_orders, above, all_orders, above_invoking, orders to authenticated;
    grant select (item) on my_orders to anon; grant usage on schema public to authenticated";

const LEFT: [&str; 6] = [
    "grant on materialized view public.kept_orders: in the parent it reads public.orders",
    "grant on routine public.orders_of(): in the parent it reads public.orders",
    "grant on routine public.reads(): in the parent it reads public.orders",
    "grant on view public.\"Narrow\": in the parent it reads public.narrow",
    "grant on view public.above: in the parent it reads public.orders",
    "grant on view public.my_orders: in the parent it reads public.orders by the rights of a role that the policies there bind",
];

fn told(report: &BuildReport) -> Vec<String> {
    report.withheld.iter().map(Withheld::in_words).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_policies_bind_in_the_parent_is_nobodys_to_use_past_them_in_a_branch() {
    let house = House::new(Admin::Superuser, SQL).await;
    let builder = house.builder();
    for (slug, mode) in [("bare", DataCloneMode::SchemaOnly), ("full", DataCloneMode::FullClone)] {
        let told = told(&builder.build(&house.request(slug, mode), Arc::new(Quiet)).await.unwrap());
        assert!(LEFT.iter().all(|line| told.iter().any(|found| found.starts_with(line))) && told.len() == LEFT.len(), "{told:#?}");
    }
    let branch = house.target("full").database;
    let mut user = house.look_into(&branch).await;
    execute(&mut user, "set role authenticated; set app.who = 'a'").await;
    for refused in ["my_orders", "above", "kept_orders", "\"Narrow\"", "orders_of()", "reads()"] {
        let refusal = try_execute(&mut user, &format!("select * from public.{refused}")).await.unwrap_err();
        assert_eq!(refusal.as_database_error().unwrap().code().as_deref(), Some("42501"), "{refused}: {refusal}");
    }
    // By their policies: one row. What passes them in the parent passes them here.
    let counts = "select concat_ws(' ', (select count(*) from public.mine), (select count(*) from public.invoking), (select count(*) from public.invoked()),
        (select count(*) from public.above_invoking), (select count(*) from public.plainly), (select count(*) from public.all_orders), public.past())";
    let found: String = sqlx::query_scalar(counts).fetch_one(&mut user).await.unwrap();
    assert_eq!(found, "1 1 1 1 1 2 2");

    let schemas = PgSchemas::new(house.settings.clone(), Vec::new());
    let places = [(&house.main, true), (&branch, false)].map(|(database, is_main)| DatabasePlace { database: database.clone(), is_main });
    if let Readings::Unequal { target, source } = schemas.both(&places[0], &places[1]).await.unwrap() {
        panic!("a branch is the same, in its own way: {:#?}", SchemaDiff::between(&target, &source).objects);
    }

    // Who reads is asked anew when roles change, of which no definition tells.
    builder.tend().await.unwrap();
    house.on_main("alter role views_owner bypassrls").await;
    let report = builder.build(&house.request("again", DataCloneMode::SchemaOnly), Arc::new(Quiet)).await.unwrap();
    assert_eq!((told(&report), report.source), (Vec::new(), BuildSource::Parent));
    assert!(house.value::<bool>(&house.target("again").database, "select has_table_privilege('authenticated', 'public.my_orders', 'select')").await);
    assert!(matches!(schemas.both(&places[0], &places[1]).await.unwrap(), Readings::Unequal { .. }));
    house.on_main("alter role views_owner nobypassrls").await;
}

/// A table with rules that act on another, and what leads to it.
const RULES: &str = "create role rules_owner; grant usage, create on schema public to rules_owner;
    create table orders (id int, owner text not null default 'b', note text); insert into orders values (1, 'a', 'hers'), (2, 'b', 'his');
    alter table orders enable row level security; create policy own on orders using (owner = current_setting('app.who', true));
    grant all on orders to rules_owner; set role rules_owner;
    create table kept (id int, note text); insert into kept values (1, 'x');
    create rule ordered as on insert to kept do also insert into public.orders values (new.id, 'b', new.note);
    create rule noted as on update to kept do also update public.orders set note = new.note;
    create view above as select * from kept; create materialized view counted as select count(*) from kept;
    create view bare as select 1 as id; create rule emptied as on delete to bare do instead delete from orders;
    create function writes() returns void security definer language sql as 'insert into public.kept values (3)';
    create function reads() returns bigint security definer language sql as 'select count(*) from public.kept';
    create table noted_here (id int); create table beside (id int);
    create rule beside as on insert to noted_here do also insert into beside values (new.id);
    reset role;
    grant all on kept to authenticated; grant select (id), insert (id), update (id) on kept to anon; grant insert on noted_here to anon;
    grant select, insert, update, delete on above to authenticated; grant select, delete on bare to authenticated; grant select on counted to anon";

#[tokio::test(flavor = "multi_thread")]
async fn of_a_table_with_rules_only_what_they_act_on_is_nobodys() {
    let house = House::new(Admin::Superuser, RULES).await;
    let report = house.build("ruled", DataCloneMode::FullClone).await.unwrap();
    let left = [
        "grant of delete on view public.bare: in the parent its rules on delete read or change public.orders by the rights of a role",
        "grant of insert and update on table public.kept: in the parent its rules on insert and update read or change public.orders",
        "grant of insert and update on view public.above: in the parent its rules on insert and update read or change public.orders",
        "grant on routine public.writes(): in the parent it reads public.orders",
    ];
    let told = told(&report);
    assert!(left.iter().all(|line| told.iter().any(|found| found.starts_with(line))) && told.len() == left.len(), "{told:#?}");

    let branch = house.target("ruled").database;
    let mut user = house.look_into(&branch).await;
    execute(&mut user, "set role authenticated; set app.who = 'a'").await;
    for refused in
        ["insert into kept values (4, 'y')", "update kept set note = 'y'", "insert into above values (4, 'y')", "delete from bare", "select writes()"]
    {
        let refusal = try_execute(&mut user, refused).await.unwrap_err();
        assert_eq!(refusal.as_database_error().unwrap().code().as_deref(), Some("42501"), "{refused}: {refusal}");
    }
    execute(&mut user, "select * from kept; select * from above; select * from bare; select reads(); delete from above; set role anon; insert into noted_here values (1)").await;
    execute(&mut user, "select id from kept; select * from counted").await;
    assert_eq!(house.count(&branch, "orders where note in ('hers', 'his')").await, 2);

    let schemas = PgSchemas::new(house.settings.clone(), Vec::new());
    let places = [(&house.main, true), (&branch, false)].map(|(database, is_main)| DatabasePlace { database: database.clone(), is_main });
    if let Readings::Unequal { target, source } = schemas.both(&places[0], &places[1]).await.unwrap() {
        panic!("a branch is the same, in its own way: {:#?}", SchemaDiff::between(&target, &source).objects);
    }
}
