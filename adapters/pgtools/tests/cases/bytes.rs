//! Databases without an encoding (`SQL_ASCII`), whose texts are whatever bytes somebody wrote.

use super::{Admin, House, refusal, ruled};
use domain::{DataCloneMode, branch::DatabaseName};

const OPTIONS: &str = "encoding 'SQL_ASCII' template template0 lc_collate 'C' lc_ctype 'C'";

/// In Latin-1, in UTF-8, and in neither.
const ROWS: &str = r"create table notes (id int primary key, note text, mail text, check (note <> ''));
    copy notes from program 'printf ''1\tcaf\351\tJos\351@raw.example\n2\tcaf\303\251\tx\n3\t\377\376\t\\N\n''' with (encoding 'SQL_ASCII');
    create index notes_note on notes (upper(note)); create materialized view seen as select note from notes";

/// The same bytes in what people wrote into definitions.
const DEFINED: &str = r"do $$ declare word text := convert_from('\x636166e9', 'SQL_ASCII'); begin
        execute format('comment on table notes is %L', word); execute format('create view said as select %L::text as word', word);
        execute format('create type mood as enum (%L)', word); execute format('alter table notes alter note set default %L', word);
        execute format('create table %I (id int)', word); end $$";

async fn bytes_of(house: &House, database: &DatabaseName, what: &str) -> String {
    house.value(database, &format!("select string_agg(encode(convert_to({what}, 'SQL_ASCII'), 'hex'), ' ' order by id) from notes")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_no_utf_8_come_over_byte_for_byte_and_masked() {
    let mut house = House::new_as(Admin::Superuser, OPTIONS, ROWS).await;
    house.build("bare", DataCloneMode::SchemaOnly).await.unwrap();
    house.build("full", DataCloneMode::FullClone).await.unwrap();
    assert_eq!(bytes_of(&house, &house.target("full").database, "note").await, "636166e9 636166c3a9 fffe");
    assert_eq!(bytes_of(&house, &house.target("full").database, "mail").await, bytes_of(&house, &house.main, "mail").await);

    for (mask, known) in
        [("email", "u\\_%@example.invalid"), ("keep_last(4)", "*%"), ("hash", "%"), ("text", "%"), ("name", "%"), ("redact", "redacted")]
    {
        ruled(&mut house, &[("public.notes.mail", mask)], &[]);
        let slug = format!("m-{}", &mask[..4]);
        house.build(&slug, DataCloneMode::FullClone).await.unwrap();
        let branch = house.target(&slug).database;
        assert_eq!(bytes_of(&house, &branch, "note").await, "636166e9 636166c3a9 fffe", "{mask}");
        assert_eq!(house.count(&branch, &format!("notes where mail like '{known}' and position('Jos' in mail) = 0")).await, 2, "{mask}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn definitions_that_are_no_utf_8_are_refused_by_name() {
    let house = House::new_as(Admin::Superuser, OPTIONS, &format!("{ROWS}; {DEFINED}")).await;
    for mode in [DataCloneMode::SchemaOnly, DataCloneMode::FullClone] {
        let (code, said) = refusal(house.build("refused", mode).await);
        assert_eq!(code, "definitions_refused", "{said}");
        for named in [
            "comment on table public.notes",
            "view public.said",
            "label of type public.mood",
            "default of column note of table public.notes",
            r#"table public."caf\351""#,
        ] {
            assert!(said.contains(named), "{named}: {said}");
        }
    }
}
