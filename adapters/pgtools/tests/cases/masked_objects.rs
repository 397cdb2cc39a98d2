//! Large objects of withheld rows and masked columns stay behind.

use super::{Admin, House, withheld_of};
use domain::DataCloneMode;

#[tokio::test(flavor = "multi_thread")]
async fn large_objects_of_withheld_rows_and_masked_columns_stay_behind() {
    let sql = "
        create table t (id int primary key, scan oid, face oid);
        create table gone (id int primary key, content oid);
        create table child (gone int not null references gone, attached oid);
        insert into t values (1, lo_from_bytea(101, 'kept'), lo_from_bytea(102, 'masked'));
        insert into gone values (1, lo_from_bytea(103, 'withheld')), (2, 101);
        insert into child values (1, lo_from_bytea(104, 'left out'));
        select lo_from_bytea(105, 'nobody points at it');
        comment on column t.face is '@pii null'";
    let mut house = House::new(Admin::Superuser, sql).await;
    house.settings.excluded_tables.push(domain::table::QualifiedName::new("public", "gone"));
    let report = house.build("objects", DataCloneMode::FullClone).await.unwrap();
    let told = withheld_of(&report, "pg_catalog", "pg_largeobject").unwrap().in_words();
    assert_eq!(told, "large objects pg_catalog.pg_largeobject: 3 of them stayed behind: values that are withheld or masked bear their numbers");
    let found = "select string_agg(oid::text, ' ' order by oid) from pg_largeobject_metadata";
    assert_eq!(house.value::<String>(&house.target("objects").database, found).await, "101 105");
}

#[tokio::test(flavor = "multi_thread")]
async fn large_objects_whose_numbers_are_kept_as_texts_and_whole_numbers_stay_behind_too() {
    let sql = "
        create domain place as bigint;
        create table t (id int primary key, letter text, photo place, price numeric, plain text);
        create table gone (id int generated always as identity (start 106), content varchar(20), amount int, of_t int references t);
        create table docs (content text, pages bigint);
        insert into t values (1, lo_from_bytea(101, 'masked'), lo_from_bytea(102, 'masked')::int8, lo_from_bytea(103, 'masked')::int8, lo_from_bytea(107, 'kept')),
                             (2, '99999999999', 4294967297, 1.5, 'no number'), (101, 'no number', null, 'NaN', null);
        insert into gone (content, amount, of_t) values (lo_from_bytea(104, 'withheld'), 105, 101);
        insert into docs values (lo_from_bytea(105, 'kept'), 101), (null, 7);
        select lo_from_bytea(106, 'bears the number of a row');
        comment on column t.letter is '@pii null'; comment on column t.photo is '@pii null'; comment on column t.price is '@pii null'";
    let mut house = House::new(Admin::Superuser, sql).await;
    house.settings.excluded_tables.push(domain::table::QualifiedName::new("public", "gone"));
    house.build("numbers", DataCloneMode::FullClone).await.unwrap();
    let found = "select string_agg(oid::text, ' ' order by oid) from pg_largeobject_metadata";
    assert_eq!(house.value::<String>(&house.target("numbers").database, found).await, "105 106 107");
}

#[tokio::test(flavor = "multi_thread")]
async fn large_objects_whose_numbers_lie_in_arrays_json_and_rows_stay_behind_too() {
    let sql = "
        create type page as (number int, content oid);
        create table t (id int primary key, scans oid[], facts jsonb, shown oid[], drawn page, mixed jsonb);
        create table gone (object int, scans text[], facts json);
        insert into t values (1, array[lo_from_bytea(101, 'masked'), lo_from_bytea(107, 'masked, and shown')],
            jsonb_build_object('scan', lo_from_bytea(102, 'masked')::int8, 'big', 99999999999999), array[107::oid], row(1, lo_from_bytea(103, 'masked'))::page,
            jsonb_build_array(102, 7));
        insert into gone values (1, array[lo_from_bytea(104, 'withheld')::text], json_build_object('scan', lo_from_bytea(105, 'withheld')::text));
        select lo_from_bytea(106, 'nobody names it');
        comment on column t.scans is '@pii null'; comment on column t.facts is '@pii'; comment on column t.drawn is '@pii'";
    let mut house = House::new(Admin::Superuser, sql).await;
    house.settings.excluded_tables.push(domain::table::QualifiedName::new("public", "gone"));
    house.build("collections", DataCloneMode::FullClone).await.unwrap();
    let found = "select string_agg(oid::text, ' ' order by oid) from pg_largeobject_metadata";
    assert_eq!(house.value::<String>(&house.target("collections").database, found).await, "106 107");
}
