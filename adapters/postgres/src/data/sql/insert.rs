//! Inserts and upserts. PostgreSQL takes the rows' JSON apart itself, by the types of the columns.

use domain::{
    catalogue::{Column, Relation, RelationKind},
    table::{Insert, OnConflict, Resolution},
};

use super::{
    planner::{Grounds, Place, Planner},
    refusal::Refusal,
    returning::{Answer, Inserted, MERGED, WritePlan},
    statement::{push_identifier, push_relation},
};

/// Plans an insert.
pub(in crate::data) fn plan_insert<'a>(grounds: Grounds<'a>, insert: &'a Insert) -> Result<WritePlan<'a>, Refusal> {
    let relation = grounds.relation(&insert.table)?;
    let mut answer = Answer::new(grounds, relation, &insert.returning)?;
    let columns = written_columns(grounds, relation, &insert.columns)?;
    let mut planner = Planner::new(grounds);
    let mut sql = String::from("insert into ");
    push_relation(&mut sql, &relation.name);
    sql.push_str(" as _0 ");
    push_rows(&mut planner, &mut sql, insert, &columns);
    answer.inserted = Inserted::All;
    if let Some(on_conflict) = &insert.on_conflict {
        let key = key(grounds, relation, on_conflict)?;
        let merge = on_conflict.resolution == Resolution::MergeDuplicates && !columns.is_empty();
        push_conflict(&mut sql, &key, if merge { &columns } else { &[] });
        answer.inserted = match (merge, relation.kind) {
            (false, _) => Inserted::All,
            (true, RelationKind::Table) => Inserted::Counted,
            (true, _) => {
                push_merged_mark(&mut sql);
                Inserted::Marked
            }
        };
    }
    answer.around(planner, &sql)
}

/// The columns that a write is to write.
pub(super) fn written_columns<'a>(grounds: Grounds<'a>, relation: &'a Relation, names: &[String]) -> Result<Vec<&'a Column>, Refusal> {
    names.iter().map(|name| grounds.column(relation, name, Place::Data, "")).collect()
}

/// `"a" integer, "b" text`
pub(super) fn push_record(out: &mut String, columns: &[&Column]) {
    for (index, column) in columns.iter().enumerate() {
        out.push_str(if index == 0 { "" } else { ", " });
        push_identifier(out, &column.name);
        out.push(' ');
        out.push_str(&column.type_name);
    }
}

fn push_names(out: &mut String, prefix: &str, columns: &[&Column]) {
    for (index, column) in columns.iter().enumerate() {
        out.push_str(if index == 0 { "" } else { ", " });
        out.push_str(prefix);
        push_identifier(out, &column.name);
    }
}

/// A default that a row without the key takes; PostgreSQL knows by itself what to do for columns that it computes.
fn default_of(column: &Column) -> Option<&str> {
    column.default.as_deref().filter(|_| !column.generated)
}

fn push_rows<'a>(planner: &mut Planner<'a>, sql: &mut String, insert: &'a Insert, columns: &[&'a Column]) {
    let many = insert.rows.trim_start().starts_with('[');
    if columns.is_empty() {
        if many {
            sql.push_str("select from pg_catalog.json_array_elements(");
            planner.params.bind(sql, insert.rows.as_str());
            sql.push_str("::pg_catalog.json) as _e");
        } else {
            sql.push_str("default values");
        }
        return;
    }
    sql.push('(');
    push_names(sql, "", columns);
    sql.push_str(") select ");
    let with_defaults = insert.missing_default && columns.iter().any(|column| default_of(column).is_some());
    if with_defaults {
        push_values_or_defaults(planner, sql, columns);
        sql.push_str(if many { " from pg_catalog.json_array_elements(" } else { " from (select " });
        planner.params.bind(sql, insert.rows.as_str());
        sql.push_str("::pg_catalog.json) as _e(v)");
        push_record_of_each(sql, columns);
    } else {
        push_names(sql, "_n.", columns);
        sql.push_str(if many { " from pg_catalog.json_to_recordset(" } else { " from pg_catalog.json_to_record(" });
        planner.params.bind(sql, insert.rows.as_str());
        sql.push_str("::pg_catalog.json) as _n(");
        push_record(sql, columns);
        sql.push(')');
    }
}

/// Joins the values of a row `_e.v`, other than those that are read by themselves.
pub(super) fn push_record_of_each(sql: &mut String, columns: &[&Column]) {
    let together: Vec<_> = columns.iter().copied().filter(|column| !is_read_alone(column)).collect();
    if !together.is_empty() {
        sql.push_str(" cross join lateral pg_catalog.json_to_record(_e.v) as _n(");
        push_record(sql, &together);
        sql.push(')');
    }
}

/// Whether a column's value is read only where the row has it: a domain that takes no NULL would refuse the one that stands for what is not there.
/// Domains lie outside of `pg_catalog`, so their names are qualified.
fn is_read_alone(column: &Column) -> bool {
    default_of(column).is_some() && column.base_type.contains('.')
}

fn push_values_or_defaults<'a>(planner: &mut Planner<'a>, sql: &mut String, columns: &[&'a Column]) {
    for (index, column) in columns.iter().enumerate() {
        sql.push_str(if index == 0 { "" } else { ", " });
        push_value_or_default(planner, sql, column);
    }
}

/// A row's own value where it has the key, be it null, else the column's default, which is not evaluated otherwise.
pub(super) fn push_value_or_default<'a>(planner: &mut Planner<'a>, sql: &mut String, column: &'a Column) {
    let Some(default) = default_of(column) else {
        push_names(sql, "_n.", &[column]);
        return;
    };
    sql.push_str("case when (_e.v -> ");
    planner.params.bind(sql, column.name.as_str());
    sql.push_str("::pg_catalog.text) is null then ");
    sql.push_str(default);
    sql.push_str(" else ");
    if is_read_alone(column) {
        sql.push_str("(select _n.");
        push_identifier(sql, &column.name);
        sql.push_str(" from pg_catalog.json_to_record(_e.v) as _n(");
        push_record(sql, &[column]);
        sql.push_str("))");
    } else {
        push_names(sql, "_n.", &[column]);
    }
    sql.push_str(" end");
}

/// The key whose conflicts are meant. What keys a view's tables have is for PostgreSQL to say.
fn key<'a>(grounds: Grounds<'a>, relation: &'a Relation, on_conflict: &OnConflict) -> Result<Vec<&'a Column>, Refusal> {
    if on_conflict.columns.is_empty() {
        if relation.primary_key.is_empty() {
            return Err(Refusal::fault("/on_conflict", format!("'{}' has no primary key: name the columns of a unique key", relation.name)));
        }
        return relation.primary_key.iter().map(|name| grounds.column(relation, name, Place::OnConflict, "")).collect();
    }
    let columns: Vec<_> = on_conflict.columns.iter().map(|name| grounds.column(relation, name, Place::OnConflict, "")).collect::<Result<_, _>>()?;
    if relation.kind != RelationKind::View && !relation.is_unique_key(&on_conflict.columns) {
        let keys: Vec<_> = std::iter::once(&relation.primary_key)
            .chain(&relation.unique_keys)
            .filter(|key| !key.is_empty() && grounds.shows_columns(relation, key))
            .map(|key| format!("({})", key.join(", ")))
            .collect();
        let known = if keys.is_empty() { "it has none".to_owned() } else { format!("they are {}", keys.join(", ")) };
        let message = format!("({}) is no unique key of '{}'; {known}", on_conflict.columns.join(", "), relation.name);
        return Err(Refusal::unknown_name("/on_conflict", message));
    }
    Ok(columns)
}

fn push_conflict(sql: &mut String, key: &[&Column], merged: &[&Column]) {
    sql.push_str(" on conflict (");
    push_names(sql, "", key);
    if merged.is_empty() {
        sql.push_str(") do nothing");
        return;
    }
    sql.push_str(") do update set ");
    for (index, column) in merged.iter().enumerate() {
        sql.push_str(if index == 0 { "" } else { ", " });
        push_identifier(sql, &column.name);
        sql.push_str(" = excluded.");
        push_identifier(sql, &column.name);
    }
}

/// Notes of a row that it was there before, for `returning` to see. Only tables of one piece tell that by themselves.
fn push_merged_mark(sql: &mut String) {
    sql.push_str(" where pg_catalog.set_config('");
    sql.push_str(MERGED);
    sql.push_str("', 'yes', true) is not null");
}

#[cfg(test)]
mod tests {
    use domain::table::{OnConflict, Resolution, Returning, Shape};

    use crate::data::sql::example::{Write, insert, query, write, written};

    fn merged(columns: &[&str], resolution: Resolution) -> OnConflict {
        OnConflict { columns: columns.iter().map(|name| (*name).to_owned()).collect(), resolution }
    }

    #[test]
    fn rows_are_taken_apart_by_the_columns_types() {
        assert_eq!(
            written(&Write::Insert(insert("users", " [{}]", &["id", "name"]))),
            r#"insert into "public"."users" as _0 ("id", "name") select _n."id", _n."name" from pg_catalog.json_to_recordset(‹ [{}]›::pg_catalog.json) as _n("id" integer, "name" character varying(40)) returning 1"#
        );
        assert!(written(&Write::Insert(insert("users", "{}", &["id"]))).contains("json_to_record("));
        assert!(written(&Write::Insert(insert("users", "[{}]", &[]))).contains("_0 select from pg_catalog.json_array_elements("));
        assert!(written(&Write::Insert(insert("users", "{}", &[]))).contains("_0 default values"));
    }

    #[test]
    fn a_missing_key_takes_the_default_where_that_is_asked_for() {
        let mut request = insert("projects", "[]", &["name", "owner_id"]);
        request.missing_default = true;
        let sql = written(&Write::Insert(request));
        assert!(
            sql.contains(r#"select case when (_e.v -> ‹name›::pg_catalog.text) is null then 'x' else _n."name" end, _n."owner_id" from"#),
            "{sql}"
        );
    }

    #[test]
    fn a_domain_sees_no_value_that_is_not_there() {
        let mut request = insert("ranked", "[]", &["rank", "id"]);
        request.missing_default = true;
        let alone = r#"case when (_e.v -> ‹rank›::pg_catalog.text) is null then 5 else (select _n."rank" from pg_catalog.json_to_record(_e.v) as _n("rank" public.rank)) end"#;
        assert_eq!(
            written(&Write::Insert(request.clone())),
            format!(
                r#"insert into "public"."ranked" as _0 ("rank", "id") select {alone}, _n."id" from pg_catalog.json_array_elements(‹[]›::pg_catalog.json) as _e(v) cross join lateral pg_catalog.json_to_record(_e.v) as _n("id" integer) returning 1"#
            )
        );
        request.columns.pop();
        assert!(
            written(&Write::Insert(request))
                .ends_with(&format!("select {alone} from pg_catalog.json_array_elements(‹[]›::pg_catalog.json) as _e(v) returning 1"))
        );
    }

    #[test]
    fn conflicts() {
        let mut request = insert("users", "[]", &["id", "name"]);
        request.on_conflict = Some(merged(&[], Resolution::MergeDuplicates));
        let sql = write(&Write::Insert(request.clone())).unwrap().unwrap();
        let update = r#"on conflict ("id") do update set "id" = excluded."id", "name" = excluded."name" returning _0.xmax = '0' as "_inserted""#;
        assert!(sql.contains(update) && sql.contains("pg_catalog.concat(_c.n, ' ', _c.i)"), "{sql}");
        request.on_conflict = Some(merged(&["email"], Resolution::IgnoreDuplicates));
        assert!(written(&Write::Insert(request.clone())).contains(r#"on conflict ("email") do nothing returning 1"#));
        request.on_conflict = Some(merged(&["name"], Resolution::MergeDuplicates));
        assert_eq!(
            write(&Write::Insert(request)).unwrap_err().to_string(),
            "/on_conflict: (name) is no unique key of 'public.users'; they are (id), (email)"
        );
        let mut request = insert("keyless", "[]", &["a"]);
        request.on_conflict = Some(merged(&[], Resolution::MergeDuplicates));
        assert!(write(&Write::Insert(request)).unwrap_err().to_string().contains("no primary key"));
        let mut request = insert("measures", "[]", &["id"]);
        request.on_conflict = Some(merged(&[], Resolution::MergeDuplicates));
        let sql = write(&Write::Insert(request)).unwrap().unwrap();
        assert!(!sql.contains("xmax"), "partitioned tables do not tell");
        let mark = r#" = excluded."id" where pg_catalog.set_config('fluxbase.merged', 'yes', true) is not null returning case when"#;
        assert!(sql.contains(mark) && sql.contains("pg_catalog.concat(_c.n, ' ', _c.i)"), "{sql}");
    }

    #[test]
    fn only_what_is_asked_for_is_returned() {
        let mut request = insert("tasks", "[]", &["id"]);
        let list = query("select=title,projects(name)&order=id");
        request.returning = Returning::Rows { columns: list.select, order: list.order, shape: Shape::Singular, max_bytes: None };
        let sql = write(&Write::Insert(request.clone())).unwrap().unwrap();
        assert!(sql.contains(r#"returning _0."id", _0."project_id", _0."title"), _c"#), "{sql}");
        assert!(sql.contains("from _w as _0 left join lateral") && sql.contains("when (select pg_catalog.count(*) from _j) <> 1 then ("), "{sql}");
        request.returning = Returning::Key;
        let sql = write(&Write::Insert(request)).unwrap().unwrap();
        assert!(sql.contains(r#"from (select _0."id" from _w as _0 where (select _c.n from _c) = 1) as _r)"#), "{sql}");
    }

    #[test]
    fn refusals_name_nothing_that_the_role_has_no_right_on() {
        let told = |request| write(&Write::Insert(request)).unwrap_err().to_string();
        assert_eq!(told(insert("vault", "[]", &["xyz"])), "/data/xyz: 'public.vault' has no column 'xyz'; there are id, label");
        assert!(!told(insert("vault", "[]", &["codes"])).contains("'code'"));
        assert_eq!(told(insert("cellar", "[]", &["xyz"])), "/data/xyz: 'public.cellar' has no column 'xyz'");
        let mut request = insert("vault", "[]", &["id"]);
        request.on_conflict = Some(merged(&["label"], Resolution::MergeDuplicates));
        assert_eq!(told(request), "/on_conflict: (label) is no unique key of 'public.vault'; they are (id)");
    }

    #[test]
    fn an_unknown_key_is_a_fault() {
        let failure = write(&Write::Insert(insert("tasks", "[]", &["titel"]))).unwrap_err();
        assert_eq!(failure.to_string(), "/data/titel: 'public.tasks' has no column 'titel'; did you mean 'title'?");
    }
}
