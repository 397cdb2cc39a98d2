//! What is written for changes that databases in tests cannot show: what rows would lose, and what is said of statements.

use super::Hazard::{self, DataLoss, ExclusiveLock, LongScan, MayFail, TableRewrite};
use crate::schema::{Address, ColumnFact, Facts, Fingerprint, Identity, InvalidIndex, Kind, Node, Object, ObjectMap, SchemaDiff, SchemaSnapshot};

fn snapshot(name: &str, objects: Vec<Object>) -> SchemaSnapshot {
    SchemaSnapshot { map: ObjectMap::new(objects), facts: Facts::default(), fingerprint: Fingerprint::from_text(name) }
}

fn table(column: &str) -> Object {
    let identity = Identity::new(Kind::Table, Some("p"), "t");
    Object::new(identity, format!("CREATE TABLE p.t (\n    {column}\n);\n"), Some("DROP TABLE p.t;\n".to_owned()), None, Vec::new())
}

fn domain(base: &str) -> Object {
    let identity = Identity::new(Kind::Domain, Some("p"), "d");
    Object::new(identity, format!("CREATE DOMAIN p.d AS {base};\n"), Some("DROP DOMAIN p.d;\n".to_owned()), None, Vec::new())
}

/// The one statement that turns the one into the other, and its hazards.
fn one(before: Vec<Object>, after: Vec<Object>) -> (String, Vec<Hazard>) {
    let diff = SchemaDiff::between(&snapshot("a", before), &snapshot("b", after));
    let [statement] = &diff.script[..] else { panic!("{:?}", diff.script) };
    (statement.sql.clone(), statement.hazards.clone())
}

#[test]
fn a_narrower_type_cuts_nothing_off_in_silence() {
    let column = |before: &str, after: &str| one(vec![table(&format!("c {before}"))], vec![table(&format!("c {after}"))]);
    let refused = vec![TableRewrite, ExclusiveLock, MayFail];
    let alter = "ALTER TABLE p.t ALTER COLUMN c TYPE";
    let expected = (format!("{alter} character varying(20)"), refused.clone());
    assert_eq!(column("character varying(50)", "character varying(20)"), expected);
    assert_eq!(column("text", "character(5)"), (format!("{alter} character(5)"), refused.clone()));
    assert_eq!(column("bit varying(9)", "bit varying(5)"), (format!("{alter} bit varying(5)"), refused.clone()));
    let lossy = vec![DataLoss, TableRewrite, ExclusiveLock, MayFail];
    assert_eq!(column("numeric(10,2)", "numeric(10,0)"), (format!("{alter} numeric(10,0)"), lossy.clone()));
    assert_eq!(column("timestamp with time zone", "date"), (format!("{alter} date"), lossy.clone()));
    assert_eq!(column("text", "numeric(4,1)"), (format!("{alter} numeric(4,1) USING c::numeric"), lossy));
    assert_eq!(column("text", "text COLLATE \"C\""), (format!("{alter} text COLLATE \"C\""), vec![ExclusiveLock]));

    let of_domain = |base: &str, column: &str| vec![domain(base), table(&format!("c {column}"))];
    let (old, new) = (of_domain("character varying(5)", "text"), of_domain("character varying(5)", "p.d"));
    assert_eq!(one(old, new), (format!("{alter} p.d"), refused));
}

#[test]
fn what_may_be_lost_or_refused_is_told() {
    let added = |domain: Object| {
        let before = vec![domain.clone(), table("a integer")];
        one(before, vec![domain, table("a integer,\n    c p.d")]).1
    };
    assert_eq!(added(domain("integer NOT NULL")), [TableRewrite, ExclusiveLock, MayFail]);
    assert_eq!(added(domain("integer NOT NULL DEFAULT 1")), [TableRewrite, ExclusiveLock]);
    assert_eq!(added(domain("integer")), [ExclusiveLock]);
    let sequence = |options: &str| {
        let text = format!("CREATE SEQUENCE p.s\n    START WITH 1\n    INCREMENT BY 1\n    NO MINVALUE\n    {options};");
        vec![Object::new(Identity::new(Kind::Sequence, Some("p"), "s"), text, None, None, Vec::new())]
    };
    let altered = |before: &str, after: &str| one(sequence(before), sequence(after)).1;
    assert_eq!(altered("NO MAXVALUE\n    CACHE 1", "MAXVALUE 9\n    CACHE 1"), [ExclusiveLock, MayFail]);
    assert_eq!(altered("NO MAXVALUE\n    CACHE 1", "NO MAXVALUE\n    CACHE 5"), [ExclusiveLock]);
    let turned = sequence("NO MAXVALUE")[0].definition.replace("INCREMENT BY 1", "INCREMENT BY -1");
    let turned = vec![Object::new(Identity::new(Kind::Sequence, Some("p"), "s"), turned, None, None, Vec::new())];
    assert_eq!(one(sequence("NO MAXVALUE"), turned).1, [DataLoss, ExclusiveLock]);
}

#[test]
fn rows_of_extensions_and_of_materialised_views_are_not_forgotten() {
    let address = |object: u32| Some(Address { class: 3079, object });
    let extension = |name: &str, at: u32| {
        let text = format!("CREATE EXTENSION IF NOT EXISTS {name} WITH SCHEMA public VERSION '1';");
        Object::new(Identity::new(Kind::Extension, None, name), text, Some(format!("DROP EXTENSION {name};")), address(at), Vec::new())
    };
    let facts = Facts { with_tables: vec![1], ..Facts::default() };
    let dropped = |name: &str, at: u32| {
        let target = SchemaSnapshot { facts: facts.clone(), ..snapshot("a", vec![extension(name, at)]) };
        SchemaDiff::between(&target, &snapshot("b", Vec::new())).hazards
    };
    assert_eq!((dropped("postgis", 1), dropped("unaccent", 2)), (vec![DataLoss, ExclusiveLock], Vec::new()));

    let view = |text: &str| {
        let definition = format!("CREATE MATERIALIZED VIEW p.m AS\n SELECT {text} AS a\n  WITH NO DATA;");
        let drop = Some("DROP MATERIALIZED VIEW p.m;".to_owned());
        vec![Object::new(Identity::new(Kind::MaterializedView, Some("p"), "m"), definition, drop, address(3), Vec::new())]
    };
    let target = SchemaSnapshot { facts: Facts { populated: vec![3], ..Facts::default() }, ..snapshot("a", view("1")) };
    let script = SchemaDiff::between(&target, &snapshot("b", view("2"))).script;
    assert_eq!(script.last().map(|statement| statement.sql.as_str()), Some("REFRESH MATERIALIZED VIEW p.m"));
}

/// A table, and what stands on it or is said of it.
fn with(column: &str, others: Vec<(Kind, &str, &str)>) -> Vec<Object> {
    let object = |(kind, name, definition): (Kind, &str, &str)| {
        Object::new(Identity::new(kind, Some("p"), name), definition.to_owned(), Some("DROP ..".to_owned()), None, vec![0])
    };
    std::iter::once(table(column)).chain(others.into_iter().map(object)).collect()
}

#[test]
fn what_is_said_of_a_statement_holds() {
    let added = |column: &str| one(vec![table("a integer")], vec![table(&format!("a integer,\n    c {column}"))]).1;
    assert_eq!(added("timestamp with time zone DEFAULT now() NOT NULL"), [ExclusiveLock]);
    assert_eq!(added("uuid DEFAULT gen_random_uuid()"), [TableRewrite, ExclusiveLock]);
    let made = |kind: Kind, definition: &str| one(with("a integer", vec![]), with("a integer", vec![(kind, "t x", definition)])).1;
    assert_eq!(made(Kind::Index, "CREATE UNIQUE INDEX x ON p.t USING btree (a);"), [LongScan, ExclusiveLock, MayFail]);
    assert_eq!(made(Kind::Index, "CREATE INDEX x ON p.t USING btree (a);"), [LongScan, ExclusiveLock]);
    let key = "ALTER TABLE ONLY p.t\n    ADD CONSTRAINT x FOREIGN KEY (a) REFERENCES p.u(a)";
    assert_eq!(made(Kind::FkConstraint, &format!("{key};")), [LongScan, ExclusiveLock, MayFail]);
    assert_eq!(made(Kind::FkConstraint, &format!("{key} NOT ENFORCED;")), [ExclusiveLock]);
    let identity = "ALTER TABLE p.t ALTER COLUMN a ADD GENERATED ALWAYS AS IDENTITY (\n    SEQUENCE NAME p.s\n    START WITH 1\n    CACHE 1\n);";
    assert_eq!(made(Kind::Sequence, identity), [ExclusiveLock]);
}

#[test]
fn a_new_column_has_its_identity_or_its_default_from_the_beginning() {
    let identity = "ALTER TABLE p.t ALTER COLUMN c ADD GENERATED ALWAYS AS IDENTITY (\n    SEQUENCE NAME p.s\n    START WITH 1\n    CACHE 1\n);";
    let after = with("a integer,\n    c bigint NOT NULL", vec![(Kind::Sequence, "s", identity)]);
    let options = "SEQUENCE NAME p.s\n    START WITH 1\n    CACHE 1\n)";
    let expected = format!("ALTER TABLE p.t ADD COLUMN c bigint GENERATED ALWAYS AS IDENTITY (\n    {options} NOT NULL");
    assert_eq!(one(with("a integer", vec![]), after), (expected, vec![TableRewrite, ExclusiveLock]));

    let serial = vec![
        (Kind::Sequence, "s", "CREATE SEQUENCE p.s\n    START WITH 1\n    CACHE 1;"),
        (Kind::SequenceOwnedBy, "s", "ALTER SEQUENCE p.s OWNED BY p.t.c;"),
        (Kind::Default, "t c", "ALTER TABLE ONLY p.t ALTER COLUMN c SET DEFAULT nextval('p.s'::regclass);"),
    ];
    let diff = SchemaDiff::between(&snapshot("a", with("a integer", vec![])), &snapshot("b", with("a integer,\n    c bigint NOT NULL", serial)));
    let script: Vec<&str> = diff.script.iter().map(|statement| statement.sql.as_str()).collect();
    let expected = [
        "CREATE SEQUENCE p.s\n    START WITH 1\n    CACHE 1",
        "ALTER TABLE p.t ADD COLUMN c bigint DEFAULT nextval('p.s'::regclass) NOT NULL",
        "ALTER SEQUENCE p.s OWNED BY p.t.c",
    ];
    assert_eq!(script, expected);
}

#[test]
fn a_table_asks_for_no_identity_by_an_index_that_is_gone() {
    let index = "CREATE UNIQUE INDEX x ON p.t USING btree (a);\n\nALTER TABLE ONLY p.t REPLICA IDENTITY USING INDEX x;";
    let before = with("a integer NOT NULL", vec![(Kind::Index, "x", index)]);
    let script = |after: Vec<Object>| -> Vec<String> {
        SchemaDiff::between(&snapshot("a", before.clone()), &snapshot("b", after)).script.into_iter().map(|statement| statement.sql).collect()
    };
    assert_eq!(script(with("a integer NOT NULL", vec![])), ["DROP ..", "ALTER TABLE ONLY p.t REPLICA IDENTITY DEFAULT"]);
    // What the source says instead is not undone.
    let full = |mut object: Object| {
        object.definition.push_str("ALTER TABLE ONLY p.t REPLICA IDENTITY FULL;\n");
        Object::new(object.identity, object.definition, object.drop, None, Vec::new())
    };
    let said = script(vec![full(table("a integer NOT NULL"))]);
    assert!(said.contains(&"ALTER TABLE ONLY p.t REPLICA IDENTITY FULL".to_owned()) && said.len() == 2, "{said:?}");
    assert_eq!(script(Vec::new()), ["DROP ..", "DROP TABLE p.t"]);
}

#[test]
fn what_no_diff_speaks_of_is_not_in_the_way_in_silence() {
    let at = |object: u32| Address { class: 1, object };
    let text = |column: &str| format!("CREATE TABLE p.t (\n    {column}\n);\n");
    let of = |column: &str| vec![Object::new(Identity::new(Kind::Table, Some("p"), "t"), text(column), None, Some(at(7)), Vec::new())];
    let fact = ColumnFact { number: 2, name: "b".to_owned(), type_name: "integer".to_owned(), type_storage: "PLAIN".to_owned(), inherited: false };
    let published = vec![(Node { address: at(7), column: 2 }, "pub".to_owned())];
    let facts = Facts { columns: [(7, vec![fact])].into(), published, ..Facts::default() };
    let target = SchemaSnapshot { facts, ..snapshot("a", of("a integer,\n    b integer")) };
    for changed in ["a integer", "a integer,\n    b bigint"] {
        let diff = SchemaDiff::between(&target, &snapshot("b", of(changed)));
        assert!(diff.script.is_empty() && diff.unscripted[0].reason.starts_with("publication pub tells by column b of table p.t"), "{diff:?}");
    }
    let other = SchemaDiff::between(&target, &snapshot("b", of("a bigint,\n    b integer")));
    assert_eq!((other.script.len(), other.unscripted.len()), (1, 0));

    let with_index = |is_being_built| {
        let index = InvalidIndex { schema: "p".to_owned(), name: "x".to_owned(), is_being_built };
        let facts = Facts { invalid_indexes: vec![index], ..Facts::default() };
        let target = SchemaSnapshot { facts, ..snapshot("a", with("a integer", vec![])) };
        SchemaDiff::between(&target, &snapshot("b", with("a integer", vec![(Kind::Index, "x", "CREATE INDEX x ON p.t USING btree (a);")])))
    };
    let script: Vec<String> = with_index(false).script.into_iter().map(|statement| statement.sql).collect();
    assert_eq!(script, ["DROP INDEX \"p\".\"x\"", "CREATE INDEX x ON p.t USING btree (a)"]);
    let diff = with_index(true);
    assert!(diff.script.is_empty() && diff.unscripted[0].reason.starts_with("an index p.x is being built"), "{diff:?}");

    let server = |host: &str| {
        let definition = format!("CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (\n    host '{host}'\n);");
        vec![Object::new(Identity::new(Kind::Server, None, "s"), definition, Some("DROP SERVER s;".to_owned()), Some(at(9)), Vec::new())]
    };
    let facts = Facts { mapped_servers: vec![9], ..Facts::default() };
    let diff = SchemaDiff::between(&SchemaSnapshot { facts, ..snapshot("a", server("one")) }, &snapshot("b", server("two")));
    assert!(diff.script.is_empty() && diff.unscripted[0].reason.starts_with("user mappings stand on it"), "{diff:?}");
}

/// A partitioned table, a partition of it, and what says so.
fn partitioned(partition_stays_attached: bool) -> Vec<Object> {
    let table = |name: &str, tail: &str, address: u32| {
        let (identity, drop) = (Identity::new(Kind::Table, Some("p"), name), format!("DROP TABLE p.{name};\n"));
        let definition = format!("CREATE TABLE p.{name} (\n    n integer\n){tail};\n");
        Object::new(identity, definition, Some(drop), Some(Address { class: 1259, object: address }), Vec::new())
    };
    let attached = "ALTER TABLE ONLY p.all_of ATTACH PARTITION p.one FOR VALUES IN (1);\n";
    let attached = Object::new(Identity::new(Kind::TableAttach, Some("p"), "one"), attached.to_owned(), None, None, vec![1, 0]);
    if partition_stays_attached {
        vec![table("all_of", "\nPARTITION BY LIST (n)", 1), table("one", "", 2), attached]
    } else {
        vec![table("one", "", 2)]
    }
}

#[test]
fn no_table_takes_along_a_partition_that_stays() {
    let facts = Facts { inherited_keys: [(2, vec!["all_of_n_fkey".to_owned()])].into(), ..Facts::default() };
    let target = SchemaSnapshot { facts, ..snapshot("a", partitioned(true)) };
    let source = snapshot("b", partitioned(false));
    let diff = SchemaDiff::between(&target, &source);
    let script: Vec<&str> = diff.script.iter().map(|statement| statement.sql.as_str()).collect();
    let expected =
        ["ALTER TABLE p.all_of DETACH PARTITION p.one", "ALTER TABLE \"p\".\"one\" DROP CONSTRAINT \"all_of_n_fkey\"", "DROP TABLE p.all_of"];
    assert_eq!((script, diff.unscripted), (expected.to_vec(), Vec::new()));

    // Whatever keeps the partition from being detached keeps its table from being dropped.
    let strange = |mut object: Object| {
        object.definition = object.definition.replace("ALTER TABLE ONLY", "ALTER TABLE WHATEVER");
        object
    };
    let target = snapshot("a", partitioned(true).into_iter().map(strange).collect());
    let diff = SchemaDiff::between(&target, &source);
    let said = diff.unscripted.iter().map(|left| left.reason.as_str()).collect::<Vec<_>>();
    assert!(diff.script.is_empty(), "{:?}", diff.script);
    assert_eq!(said, ["no statement that is known here takes it away", "table p.one stays, and would go with it"]);
}

#[test]
fn an_extension_is_updated_only_where_the_files_lead() {
    let extension = |version: &str| {
        let definition = format!("CREATE EXTENSION IF NOT EXISTS hstore WITH SCHEMA public VERSION '{version}';\n");
        vec![Object::new(Identity::new(Kind::Extension, None, "hstore"), definition, Some("DROP EXTENSION hstore;\n".to_owned()), None, Vec::new())]
    };
    let known = |version: &str| ("hstore".to_owned(), version.to_owned());
    let facts = Facts { extension_versions: vec![known("1.8")], extension_updates: vec![known("1.8")], ..Facts::default() };
    let target = SchemaSnapshot { facts: facts.clone(), ..snapshot("a", extension("1.7")) };
    let update = SchemaDiff::between(&target, &snapshot("b", extension("1.8")));
    assert_eq!(update.script.iter().map(|statement| statement.sql.as_str()).collect::<Vec<_>>(), ["ALTER EXTENSION hstore UPDATE TO '1.8'"]);
    let moved = snapshot(
        "b",
        extension("1.7")
            .into_iter()
            .map(|object| Object::new(object.identity, object.definition.replace("public", "elsewhere"), object.drop, None, Vec::new()))
            .collect(),
    );
    assert_eq!(SchemaDiff::between(&target, &moved).script[0].sql, "ALTER EXTENSION hstore SET SCHEMA elsewhere");
    let fixed = SchemaSnapshot { facts: Facts { fixed_extensions: vec!["hstore".to_owned()], ..facts.clone() }, ..target.clone() };
    assert!(SchemaDiff::between(&fixed, &moved).unscripted[0].reason.starts_with("it cannot leave schema public"));
    let back = SchemaDiff::between(&target, &snapshot("b", extension("1.6")));
    let made = SchemaDiff::between(&SchemaSnapshot { facts, ..snapshot("a", Vec::new()) }, &snapshot("b", extension("1.6")));
    for (diff, expected) in [(back, "drop it and make it again with VERSION '1.6'"), (made, "make it with VERSION 1.8")] {
        assert!(diff.script.is_empty(), "{:?}", diff.script);
        assert!(diff.unscripted[0].reason.ends_with(expected), "{:?}", diff.unscripted);
    }
}

#[test]
fn who_uses_an_extension_that_cannot_be_made_is_left_with_it() {
    let text = "CREATE EXTENSION IF NOT EXISTS e WITH SCHEMA public VERSION '2';".to_owned();
    let extension = Object::new(Identity::new(Kind::Extension, None, "e"), text, Some("DROP EXTENSION e;".to_owned()), None, Vec::new());
    let mut of_its_type = table("c public.of_e");
    of_its_type.requires = vec![0];
    let comment = Object::new(Identity::new(Kind::Comment, Some("p"), "TABLE t"), "COMMENT ON TABLE p.t IS 'x';".to_owned(), None, None, vec![1]);
    let facts = Facts { extension_versions: vec![("e".to_owned(), "1".to_owned())], ..Facts::default() };
    let target = SchemaSnapshot { facts, ..snapshot("a", Vec::new()) };
    let diff = SchemaDiff::between(&target, &snapshot("b", vec![extension, of_its_type, comment]));
    let left: Vec<&str> = diff.unscripted.iter().map(|left| left.reason.as_str()).collect();
    assert!(diff.script.is_empty() && left[0].starts_with("this server has no files of version '2'"), "{diff:?}");
    assert_eq!(left[1..], ["it stands on extension e, which is not made", "it stands on table p.t, which is not made"]);
}
