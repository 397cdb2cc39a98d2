//! A catalogue to plan on, and short ways to plan, for tests.

use domain::{
    Failure,
    access::Role,
    catalogue::{Catalogue, Column, ForeignKey, Relation, RelationKind},
    table::{
        Delete, Insert, OnConflict, QualifiedName, Returning, Select, Shape, TableName, Update,
        grammar::{QueryParams, TableQuery},
    },
};

use super::{Grounds, Refusal, Statement, plan_delete, plan_insert, plan_select, plan_update};

fn column(definition: &str) -> Column {
    let (name, type_name) = definition.split_once(' ').unwrap();
    let (type_name, default) = type_name.split_once(" = ").map_or((type_name, None), |(type_name, default)| (type_name, Some(default)));
    Column {
        name: name.to_owned(),
        type_name: type_name.to_owned(),
        base_type: type_name.split('(').next().unwrap().to_owned(),
        nullable: true,
        default: default.map(str::to_owned),
        generated: false,
        enum_labels: vec![],
        comment: None,
        hidden_from: vec![],
    }
}

fn relation(name: &str, kind: RelationKind, key: &[&str], columns: &[&str]) -> Relation {
    Relation {
        oid: 1,
        name: QualifiedName::new("public", name),
        kind,
        columns: columns.iter().map(|definition| column(definition)).collect(),
        primary_key: names(key),
        unique_keys: vec![],
        row_security: false,
        comment: None,
        reads: vec![],
        writable: true,
        visible_to: vec![Role::Authenticated],
        estimated_rows: None,
    }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn key(origin: &str, column: &str, target: &str, unique: bool) -> ForeignKey {
    ForeignKey {
        name: format!("{origin}_{column}_fkey"),
        origin: QualifiedName::new("public", origin),
        columns: names(&[column]),
        target: QualifiedName::new("public", target),
        target_columns: names(&["id"]),
        unique,
    }
}

/// People, projects, tasks and tags.
pub(super) fn catalogue() -> Catalogue {
    use RelationKind::{PartitionedTable, Table, View};
    let mut users = relation("users", Table, &["id"], &["id integer", "email public.citext", "name character varying(40)", "home public.address"]);
    users.unique_keys = vec![names(&["email"])];
    let projects = ["id integer = nextval('public.ids')", "name text = 'x'", "owner_id integer", "reviewer_id integer", "data jsonb", "tags text[]"];
    let mut open_tasks = relation("open_tasks", View, &[], &["id integer", "title text"]);
    open_tasks.reads = vec![QualifiedName::new("public", "tasks"), QualifiedName::new("private", "flags")];
    let mut vault = relation("vault", Table, &["id"], &["id integer", "label text", "code text"]);
    vault.columns[2].hidden_from = vec![Role::Authenticated];
    vault.unique_keys = vec![names(&["code"])];
    let mut cellar = relation("cellar", Table, &["id"], &["id integer", "vault_id integer", "spare_vault_id integer"]);
    cellar.visible_to = vec![Role::Service];
    let mut shelf = relation("shelf", Table, &["id"], &["id integer", "measure_id integer", "next_id integer", "secret_id integer"]);
    shelf.columns[3].hidden_from = vec![Role::Authenticated];
    let relations = [
        users,
        vault,
        cellar,
        shelf,
        relation("projects", Table, &["id"], &projects),
        relation("tasks", Table, &["id"], &["id integer", "project_id integer", "title text", "raw json", "words tsvector"]),
        relation("tags", Table, &["id"], &["id integer", "name text"]),
        relation("task_tags", Table, &["task_id", "tag_id"], &["task_id integer", "tag_id integer"]),
        relation("profiles", Table, &["user_id"], &["user_id integer", "bio text"]),
        relation("employees", Table, &["id"], &["id integer", "manager_id integer"]),
        relation("links", Table, &["a", "b"], &["a integer", "b integer"]),
        relation("measures", PartitionedTable, &["id"], &["id integer", "value integer"]),
        relation("ranked", Table, &["id"], &["id integer", "rank public.rank = 5"]),
        relation("keyless", Table, &[], &["a integer"]),
        relation("odd\"; drop table users; --", Table, &[], &["a\"b integer", "_inserted boolean", "_r text"]),
        open_tasks,
    ];
    let keys = [
        key("projects", "owner_id", "users", false),
        key("projects", "reviewer_id", "users", false),
        key("tasks", "project_id", "projects", false),
        key("task_tags", "task_id", "tasks", false),
        key("task_tags", "tag_id", "tags", false),
        key("profiles", "user_id", "users", true),
        key("employees", "manager_id", "employees", false),
        key("cellar", "vault_id", "vault", false),
        key("cellar", "spare_vault_id", "vault", false),
        key("shelf", "measure_id", "measures", false),
        key("shelf", "next_id", "measures", false),
        key("shelf", "secret_id", "measures", false),
        key("links", "a", "users", false),
        key("links", "b", "users", false),
    ];
    Catalogue::new(relations, keys.to_vec(), vec!["public".to_owned()])
}

/// Reads `select=..&filter..` in its decoded form.
pub(super) fn query(text: &str) -> TableQuery {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap()).map(|(name, value)| (name.to_owned(), value.to_owned()));
    QueryParams::parse(pairs).unwrap_or_else(|faults| panic!("{text}: {faults:?}"))
}

pub(super) fn select(table: &str, text: &str) -> Select {
    let query = query(text);
    Select {
        table: TableName::parse(table),
        columns: query.select,
        filter: query.filter,
        order: query.order,
        tie_break: false,
        limit: query.limit,
        offset: query.offset,
        count: None,
        shape: Shape::Array,
        max_bytes: None,
    }
}

/// A statement's text with its values in their places, which no real one has.
fn inlined(statement: &Statement<'_>) -> String {
    let mut sql = statement.sql.clone();
    for (index, param) in statement.params.iter().enumerate().rev() {
        sql = sql.replace(&format!("${}", index + 1), &format!("‹{param}›"));
    }
    sql
}

/// The inner part of a plain read.
pub(super) fn read(table: &str, text: &str) -> String {
    let sql = try_read(&select(table, text)).unwrap_or_else(|refusal| panic!("{table}?{text}: {refusal:?}"));
    sql.strip_prefix("select pg_catalog.row_to_json(_r.*)::text from (").and_then(|sql| sql.strip_suffix(") as _r")).unwrap().to_owned()
}

pub(super) fn try_read(select: &Select) -> Result<String, Refusal> {
    let catalogue = catalogue();
    plan_select(Grounds { catalogue: &catalogue, token: "", tables: None, role: Role::Authenticated }, select, false)
        .map(|plan| inlined(&plan.statement))
}

pub(super) fn refused(table: &str, text: &str) -> Failure {
    try_read(&select(table, text)).expect_err(text).failure
}

/// The reason that a read is refused for, restricted to some tables.
pub(super) fn restricted(tables: &[&str], table: &str, text: &str) -> Result<(), Failure> {
    let catalogue = catalogue();
    let tables: Vec<_> = tables.iter().map(|name| QualifiedName::new("public", *name)).collect();
    let select = select(table, text);
    plan_select(Grounds { catalogue: &catalogue, token: "", tables: Some(&tables), role: Role::Authenticated }, &select, false)
        .map(|_| ())
        .map_err(|refusal| refusal.failure)
}

pub(super) fn insert(table: &str, rows: &str, columns: &[&str]) -> Insert {
    Insert {
        table: TableName::parse(table),
        rows: rows.to_owned(),
        columns: names(columns),
        on_conflict: None::<OnConflict>,
        missing_default: false,
        returning: Returning::Count,
    }
}

pub(super) fn update(table: &str, text: &str, columns: &[&str]) -> Update {
    Update {
        table: TableName::parse(table),
        filter: query(text).filter,
        changes: "{}".to_owned(),
        columns: names(columns),
        missing_default: false,
        max_affected: None,
        dry_run: false,
        returning: Returning::Count,
    }
}

pub(super) fn delete(table: &str, text: &str) -> Delete {
    Delete { table: TableName::parse(table), filter: query(text).filter, max_affected: None, dry_run: false, returning: Returning::Count }
}

/// A request that writes.
pub(super) enum Write {
    Insert(Insert),
    Update(Update),
    Delete(Delete),
}

pub(super) fn write(write: &Write) -> Result<Option<String>, Failure> {
    let catalogue = catalogue();
    let grounds = Grounds { catalogue: &catalogue, token: "", tables: None, role: Role::Authenticated };
    let plan = match write {
        Write::Insert(insert) => plan_insert(grounds, insert),
        Write::Update(update) => plan_update(grounds, update),
        Write::Delete(delete) => plan_delete(grounds, delete),
    };
    plan.map(|plan| plan.statement.as_ref().map(inlined)).map_err(|refusal| refusal.failure)
}

/// What stands within `with _w as (..)`.
pub(super) fn written(request: &Write) -> String {
    let sql = write(request).unwrap().unwrap();
    let inner = sql.strip_prefix("with _w as (").unwrap();
    inner[..inner.find("), _c as (").unwrap()].to_owned()
}
