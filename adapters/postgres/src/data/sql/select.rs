//! Reads.

use domain::table::{Select, Shape};

use super::{
    planner::{Grounds, Planner},
    query::Query,
    refusal::Refusal,
    relationship::Scope,
    select_list::Shown,
    statement::{Alias, Statement, push_relation},
};

/// A read, and what its rows look like: the last column is a row as JSON text, NULL where there is none. With `counted` or `singular` there is a
/// column before it, which holds the total and the number of rows, parted by a space.
#[derive(Debug)]
pub(in crate::data) struct ReadPlan<'a> {
    pub(in crate::data) statement: Statement<'a>,
    pub(in crate::data) counted: bool,
    pub(in crate::data) singular: bool,
}

/// Plans a read; `counted`: with the exact number of rows that the filter matches.
pub(in crate::data) fn plan_select<'a>(grounds: Grounds<'a>, select: &'a Select, counted: bool) -> Result<ReadPlan<'a>, Refusal> {
    let relation = grounds.relation(&select.table)?;
    let embeds = grounds.embeds(relation, &select.columns, "")?;
    let scope = Scope { relation, alias: Alias::ROOT, embeds: &embeds, path: "" };
    let mut planner = Planner::new(grounds);
    let mut query = matching(&mut planner, &scope, select)?;
    planner.add_columns(&mut query, &scope, &select.columns, Shown::All)?;
    planner.add_order(&mut query, &scope, &select.order)?;
    if select.tie_break {
        planner.add_tie_break(&mut query, &scope, &select.order);
    }
    let singular = select.shape == Shape::Singular;
    query.limit = if singular { Some(select.limit.unwrap_or(2).min(2)) } else { select.limit };
    query.offset = select.offset;

    let mut sql = String::with_capacity(512);
    sql.push_str(match (counted, singular) {
        (false, false) => "select pg_catalog.row_to_json(_r.*)::text from (",
        (false, true) => "select (pg_catalog.count(*) over ())::text, pg_catalog.row_to_json(_r.*)::text from (",
        (true, false) => "select _c.n::text, _j.j from (select pg_catalog.count(*) as n",
        (true, true) => "select pg_catalog.concat(_c.n, ' ', coalesce(_j.k, 0)), _j.j from (select pg_catalog.count(*) as n",
    });
    if counted {
        query.push_matching(&mut sql);
        sql.push_str(") as _c left join (select ");
        sql.push_str(if singular { "pg_catalog.count(*) over () as k, " } else { "" });
        sql.push_str("pg_catalog.row_to_json(_r.*)::text as j from (");
    }
    query.push(&mut sql, &mut planner);
    sql.push_str(if counted { ") as _r) as _j on true" } else { ") as _r" });
    Ok(ReadPlan { statement: planner.finish(grounds, sql), counted, singular })
}

/// Plans the question how many rows PostgreSQL expects the filter to match.
pub(in crate::data) fn plan_estimate<'a>(grounds: Grounds<'a>, select: &'a Select) -> Result<Statement<'a>, Refusal> {
    let relation = grounds.relation(&select.table)?;
    let embeds = grounds.embeds(relation, &select.columns, "")?;
    let scope = Scope { relation, alias: Alias::ROOT, embeds: &embeds, path: "" };
    let mut planner = Planner::new(grounds);
    let query = matching(&mut planner, &scope, select)?;
    let mut sql = String::from("explain (format json) select");
    query.push_matching(&mut sql);
    Ok(planner.finish(grounds, sql))
}

fn matching<'a>(planner: &mut Planner<'a>, scope: &Scope<'_, 'a>, select: &'a Select) -> Result<Query, Refusal> {
    let mut from = String::with_capacity(64);
    push_relation(&mut from, &scope.relation.name);
    from.push_str(" as ");
    scope.alias.push(&mut from);
    let mut query = Query::from(from);
    if let Some(filter) = &select.filter {
        planner.push_condition(query.condition(), scope, filter)?;
    }
    planner.add_inner(&mut query, scope)?;
    Ok(query)
}

#[cfg(test)]
mod tests {

    use domain::{
        Failure,
        access::Role,
        table::{Shape, TableName},
    };

    use super::plan_select;
    use crate::data::sql::{
        Grounds,
        example::{catalogue, read, refused, select, try_read},
    };

    #[test]
    fn a_select_list_names_what_it_shows() {
        for (text, sql) in [
            ("", r#"select _0."id", _0."project_id", _0."title", _0."raw", _0."words" from "public"."tasks" as _0"#),
            ("select=title,n:id,id::text", r#"select _0."title", _0."id" as "n", _0."id"::pg_catalog.text as "id" from "public"."tasks" as _0"#),
            (
                "select=raw->a->>b,raw->0,x:raw->c::int4[]",
                r#"select (_0."raw" -> ‹a›::pg_catalog.text ->> ‹b›::pg_catalog.text) as "b", (_0."raw" -> (0)) as "raw", (_0."raw" -> ‹c›::pg_catalog.text)::pg_catalog.int4[] as "x" from "public"."tasks" as _0"#,
            ),
            (
                "select=id&order=raw->a.desc,title.asc.nullsfirst,id.nullslast&limit=3&offset=2",
                r#"select _0."id" from "public"."tasks" as _0 order by (_0."raw" -> ‹a›::pg_catalog.text)::pg_catalog.jsonb desc, _0."title" nulls first, _0."id" nulls last limit 3 offset ‹2›"#,
            ),
        ] {
            assert_eq!(read("tasks", text), sql, "{text}");
        }
    }

    #[test]
    fn a_column_asked_for_again_is_shown_once() {
        assert_eq!(read("tasks", "select=id,title,id"), read("tasks", "select=id,title"));
        assert_eq!(read("tasks", "select=*,id"), read("tasks", "select=*"));
        assert_eq!(read("tasks", "select=*,n:id,*,id"), read("tasks", "select=*,n:id"));
        assert_eq!(read("tasks", "select=id,*"), read("tasks", "select=*"));
    }

    #[test]
    fn postgrests_bare_count_is_told_from_a_misspelt_column() {
        let message = refused("projects", "select=name,tasks(count)").to_string();
        assert_eq!(message, "/select: 'public.tasks' has no column 'count'; the aggregate of that name is not supported yet");
    }

    #[test]
    fn names_that_would_be_twice_or_cut_are_refused() {
        for text in ["select=id,id:title", "select=id::text,id", "select=*,id:title", "select=title,raw->title"] {
            assert!(refused("tasks", text).to_string().contains("would be twice"), "{text}");
        }
        assert!(refused("tasks", &format!("select={}:id", "x".repeat(64))).to_string().contains("63 bytes"));
        assert!(refused("tasks", "select=\"a\0b\":id").to_string().contains("NUL"));
    }

    #[test]
    fn names_stay_within_their_quotes() {
        let name = TableName { schema: None, name: "odd\"; drop table users; --".to_owned() };
        let mut request = select("x", r#"select="x\"y":"a\"b""#);
        request.table = name;
        let sql = try_read(&request).unwrap();
        assert!(sql.contains(r#"select _0."a""b" as "x""y" from "public"."odd""; drop table users; --" as _0"#), "{sql}");
    }

    #[test]
    fn the_count_goes_with_the_rows() {
        let catalogue = catalogue();
        let grounds = Grounds { catalogue: &catalogue, token: "", tables: None, role: Role::Authenticated };
        let mut request = select("tasks", "select=id&title=eq.a&limit=1");
        assert_eq!(
            plan_select(grounds, &request, true).unwrap().statement.sql,
            "select _c.n::text, _j.j from (select pg_catalog.count(*) as n from \"public\".\"tasks\" as _0 where _0.\"title\" = $1) as _c \
             left join (select pg_catalog.row_to_json(_r.*)::text as j from (select _0.\"id\" from \"public\".\"tasks\" as _0 where _0.\"title\" = $1 limit 1) as _r) as _j on true"
        );
        request.shape = Shape::Singular;
        request.limit = None;
        let plan = plan_select(grounds, &request, false).unwrap();
        assert_eq!(plan.statement.params, ["a"]);
        assert!(plan.singular && plan.statement.sql.starts_with("select (pg_catalog.count(*) over ())::text, "));
        assert!(plan.statement.sql.ends_with(" limit 2) as _r"), "one more than there may be");
    }

    #[test]
    fn a_statement_is_another_one_after_the_catalogue_has_changed() {
        let catalogue = catalogue();
        let request = select("tasks", "select=id");
        let sql = |token| {
            plan_select(Grounds { catalogue: &catalogue, token, tables: None, role: Role::Authenticated }, &request, false).unwrap().statement.sql
        };
        assert!(sql("abc").ends_with("as _r -- abc"));
    }

    #[test]
    fn an_unknown_table_is_not_found() {
        assert!(matches!(refused("nobody", ""), Failure::NotFound { what: "table", .. }));
        assert!(matches!(refused("pg_catalog.pg_class", ""), Failure::NotFound { .. }));
    }

    #[test]
    fn what_an_order_leaves_equal_comes_in_the_order_of_the_key() {
        let catalogue = catalogue();
        let order = |text| {
            let request = domain::table::Select { tie_break: true, ..select("tasks", text) };
            let sql = plan_select(Grounds { catalogue: &catalogue, token: "", tables: None, role: Role::Authenticated }, &request, false)
                .unwrap()
                .statement
                .sql;
            sql.split(" order by ").nth(1).unwrap().split(')').next().unwrap().to_owned()
        };
        assert!(order("select=title&order=title.desc").starts_with(r#"_0."title" desc, _0."id""#));
        assert!(order("select=title").starts_with(r#"_0."id""#));
        assert!(order("select=title&order=id.desc").starts_with(r#"_0."id" desc"#));
    }
}
