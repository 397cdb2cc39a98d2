//! Updates.

use domain::table::Update;

use super::{
    insert::{push_record, push_record_of_each, push_value_or_default, written_columns},
    planner::{Grounds, Planner},
    refusal::Refusal,
    returning::{Answer, WritePlan, check_bounded},
    statement::{push_identifier, push_relation},
};

/// Plans an update. One without columns changes nothing.
pub(in crate::data) fn plan_update<'a>(grounds: Grounds<'a>, update: &'a Update) -> Result<WritePlan<'a>, Refusal> {
    let relation = grounds.relation(&update.table)?;
    check_bounded(update.filter.as_ref(), update.max_affected)?;
    let mut answer = Answer::new(grounds, relation, &update.returning)?;
    answer.max_affected = update.max_affected;
    let columns = written_columns(grounds, relation, &update.columns)?;
    let mut planner = Planner::new(grounds);
    let mut sql = String::from("update ");
    push_relation(&mut sql, &relation.name);
    sql.push_str(" as _0 set ");
    for (index, column) in columns.iter().enumerate() {
        sql.push_str(if index == 0 { "" } else { ", " });
        push_identifier(&mut sql, &column.name);
        sql.push_str(" = ");
        if update.missing_default {
            push_value_or_default(&mut planner, &mut sql, column);
        } else {
            sql.push_str("_n.");
            push_identifier(&mut sql, &column.name);
        }
    }
    sql.push_str(if update.missing_default { " from (select " } else { " from pg_catalog.json_to_record(" });
    planner.params.bind(&mut sql, update.changes.as_str());
    sql.push_str("::pg_catalog.json)");
    if update.missing_default {
        sql.push_str(" as _e(v)");
        push_record_of_each(&mut sql, &columns);
    } else {
        sql.push_str(" as _n(");
        push_record(&mut sql, &columns);
        sql.push(')');
    }
    if let Some(filter) = &update.filter {
        sql.push_str(" where ");
        planner.push_condition(&mut sql, &answer.scope(), filter)?;
    }
    let plan = answer.around(planner, &sql)?;
    Ok(if columns.is_empty() { answer.nothing() } else { plan })
}

#[cfg(test)]
mod tests {
    use domain::table::Condition;

    use crate::data::sql::example::{Write, delete, update, write, written};

    #[test]
    fn changes_come_from_the_json() {
        assert_eq!(
            written(&Write::Update(update("tasks", "id=eq.1", &["title"]))),
            r#"update "public"."tasks" as _0 set "title" = _n."title" from pg_catalog.json_to_record(‹{}›::pg_catalog.json) as _n("title" text) where _0."id" = ‹1› returning 1"#
        );
        let mut request = update("projects", "id=eq.1", &["name", "data"]);
        request.missing_default = true;
        assert!(written(&Write::Update(request)).contains(
            r#"set "name" = case when (_e.v -> ‹name›::pg_catalog.text) is null then 'x' else _n."name" end, "data" = _n."data" from (select ‹{}›::pg_catalog.json) as _e(v) cross join"#
        ));
        assert_eq!(write(&Write::Update(update("tasks", "id=eq.1", &[]))).unwrap(), None);
        assert!(write(&Write::Update(update("tasks", "nope=eq.1", &[]))).is_err());
    }

    #[test]
    fn a_bound_fails_within_the_statement() {
        let mut request = update("tasks", "id=gt.1", &["title"]);
        request.max_affected = Some(3);
        let sql = write(&Write::Update(request)).unwrap().unwrap();
        assert!(
            sql.contains(" select case when _c.n > 3 then (‹fluxbase:") && sql.contains("::text || _c.n::text)::pg_catalog.int4::text else"),
            "{sql}"
        );
        assert_eq!(written(&Write::Delete(delete("tasks", "id=eq.1"))), r#"delete from "public"."tasks" as _0 where _0."id" = ‹1› returning 1"#);
    }

    #[test]
    fn without_a_filter_only_within_bounds() {
        let mut request = delete("tasks", "");
        for filter in [None, Some(Condition::And(vec![])), Some(Condition::And(vec![Condition::And(vec![])]))] {
            request.filter = filter;
            assert_eq!(write(&Write::Delete(request.clone())).unwrap_err().code(), "filter_required");
        }
        request.max_affected = Some(1);
        assert!(write(&Write::Delete(request)).unwrap().is_some());
    }
}
