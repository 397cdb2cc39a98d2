//! Rows of extensions: those that they mark come along, as with `pg_dump`, and whatever points at any of theirs stays what it is.

use super::{Admin, House, Quiet, refusal, withheld_of};
use domain::{
    DataCloneMode,
    branch::{DatabaseName, WithheldRows},
    privacy::{MaskRule, PrivacyRules},
    table::QualifiedName,
};
use fluxbase_pgtools::PgSchemas;
use ports::driven::{BranchBuilder, BuildReport, DatabasePlace, Readings, SchemaReader};
use std::sync::Arc;

const SQL: &str = "
create schema places; create extension places schema places;
create table shapes (id int primary key, known int not null references places.known, kind int references places.kinds);
insert into places.known values (900, 'of our own');
insert into places.config (of, kept) values ('shapes', '1 day'), ('shapes', null);
insert into places.steps values (1, 900, 2), (2, 1, null);
update places.versions set value = '1.1';
insert into shapes values (1, 1, 1), (2, 900, null), (3, 900, 1);
";

/// What is in them, in one text.
const ROWS: &str = "select concat_ws(' / ', (select string_agg(k::text, ' ' order by id) from places.known k),
    (select string_agg(concat_ws(',', id, of, kept, doubled), ' ' order by id) from places.config),
    (select string_agg(s::text, ' ' order by id) from places.steps s), (select string_agg(v::text, ' ') from places.versions v),
    (select string_agg(s::text, ' ' order by id) from shapes s), (select concat(last_value, is_called) from places.config_id_seq))";

async fn rows(house: &House, database: &DatabaseName) -> String {
    house.value(database, ROWS).await
}

async fn clone(house: &House) -> (BuildReport, DatabaseName) {
    let report = house.build("places", DataCloneMode::FullClone).await.unwrap();
    (report, house.target("places").database)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_extensions_mark_comes_along_with_what_points_at_it() {
    for admin in [Admin::Superuser, Admin::Plain] {
        let house = House::new(admin, SQL).await;
        let (report, branch) = clone(&house).await;
        assert!(report.withheld.is_empty(), "{:?}", report.withheld);
        assert_eq!(rows(&house, &branch).await, rows(&house, &house.main).await);
        // What was lent for that is taken back.
        let rights =
            "pg_class c where relnamespace = 'places'::regnamespace and has_table_privilege('fluxbase_branch_owner', oid, 'insert, update, delete')
                       and relkind in ('r', 'S')";
        assert_eq!(house.count(&branch, rights).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_without_rows_has_what_the_extension_makes() {
    let house = House::new(Admin::Superuser, SQL).await;
    house.build("bare", DataCloneMode::SchemaOnly).await.unwrap();
    assert_eq!(rows(&house, &house.target("bare").database).await, "(1,one) (2,two) / (version,1.0) / 1f");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_extensions_are_excluded_and_masked_as_others_are() {
    let mut house = House::new(Admin::Superuser, SQL).await;
    house.settings.excluded_tables.push(QualifiedName::new("places", "config"));
    let rule = MaskRule { column: "places.known.name".parse().unwrap(), mask: "text".parse().unwrap() };
    house.settings.masking.rules = PrivacyRules::new(vec![rule], vec!["*.*.*".parse().unwrap()]).unwrap();
    let (report, branch) = clone(&house).await;
    assert_eq!(withheld_of(&report, "places", "config").unwrap().rows, WithheldRows::All);
    assert_eq!(withheld_of(&report, "places", "steps").unwrap().nulled_columns, ["config"]);
    let pairs = "places.steps where config is null";
    assert_eq!((house.count(&branch, "places.config").await, house.count(&branch, pairs).await), (0, 2));
    assert_eq!(house.count(&branch, "places.known where id = 900 and length(name) = 10 and name <> 'of our own'").await, 1);
    assert_eq!(house.count(&branch, "shapes").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_branchs_owner_may_not_read_is_told_to_its_child() {
    let house = House::new(Admin::Superuser, SQL).await;
    let (_, parent) = clone(&house).await;
    let mut request = house.request("child", DataCloneMode::FullClone);
    (request.parent, request.parent_is_main) = (parent.clone(), false);
    let child = request.target.database.clone();
    let (code, message) = refusal(house.builder().build(&request, Arc::new(Quiet)).await);
    assert!(code == "definitions_refused" && message.contains("shapes_known_fkey"), "{message}");
    super::execute(&mut house.look_into(&parent).await, "grant select on all tables in schema places to fluxbase_branch_owner").await;
    let report = house.builder().build(&request, Arc::new(Quiet)).await.unwrap();
    assert!(report.withheld.is_empty(), "{:?}", report.withheld);
    assert_eq!(rows(&house, &child).await, rows(&house, &house.main).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extension_older_than_the_servers_package_is_named_with_the_way_out() {
    let house = House::new(Admin::Superuser, "create extension places; create extension citext").await;
    house.on_main("update pg_extension set extversion = '0.8.5' where extname = 'places'").await;
    let (code, message) = refusal(house.build("older", DataCloneMode::SchemaOnly).await);
    assert_eq!(code, "extension_unavailable", "{message}");
    assert!(
        message.contains("'places' in version 0.8.5")
            && message.contains("versions only (1.0)")
            && message.contains("versions only (1.0)")
            && message.contains("alter extension \"places\" update"),
        "{message}"
    );
    house.on_main("update pg_extension set extversion = '1.0' where extname = 'places'").await;
    house.build("newer", DataCloneMode::SchemaOnly).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_of_others_in_a_schema_that_an_extension_made_come_along() {
    let sql = "create schema places; create extension places schema places; create schema other;
               create table place_data.of_users (id serial primary key, name text); create index by_name on place_data.of_users (name);
               create function place_data.twice(int) returns int language sql as 'select 2 * $1'; create type place_data.mood as enum ('glad');
               create view place_data.seen as select name from place_data.of_users; grant usage on schema place_data to anon;
               grant select on place_data.seen to anon; insert into place_data.of_users (name) values ('a'), ('b');
               alter table place_data.of_users enable row level security; create policy p on place_data.of_users using (true)";
    let house = House::new(Admin::Superuser, sql).await;
    for (slug, mode, count) in [("bare", DataCloneMode::SchemaOnly, 0), ("full", DataCloneMode::FullClone, 2)] {
        let report = house.build(slug, mode).await.unwrap();
        assert!(report.withheld.is_empty(), "{:?}", report.withheld);
        let branch = house.target(slug).database;
        assert_eq!(house.count(&branch, "place_data.of_users").await, count);
        let schemas = PgSchemas::new(house.settings.clone(), Vec::new());
        let places = [(&house.main, true), (&branch, false)].map(|(database, is_main)| DatabasePlace { database: database.clone(), is_main });
        assert!(matches!(schemas.both(&places[0], &places[1]).await.unwrap(), Readings::Equal(_)));
        let may = "select concat_ws(' ', has_schema_privilege('fluxbase_branch_owner', 'place_data', 'usage'),
                       has_schema_privilege('fluxbase_branch_owner', 'place_data', 'create'), has_table_privilege('anon', 'place_data.seen', 'select'))";
        assert_eq!(house.value::<String>(&branch, may).await, "t f t", "to make others there was lent");
    }
}
