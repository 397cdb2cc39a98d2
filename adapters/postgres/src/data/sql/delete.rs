//! Deletes.

use domain::table::Delete;

use super::{
    planner::{Grounds, Planner},
    refusal::Refusal,
    returning::{Answer, WritePlan, check_bounded},
    statement::push_relation,
};

/// Plans a delete.
pub(in crate::data) fn plan_delete<'a>(grounds: Grounds<'a>, delete: &'a Delete) -> Result<WritePlan<'a>, Refusal> {
    let relation = grounds.relation(&delete.table)?;
    check_bounded(delete.filter.as_ref(), delete.max_affected)?;
    let mut answer = Answer::new(grounds, relation, &delete.returning)?;
    answer.max_affected = delete.max_affected;
    let mut planner = Planner::new(grounds);
    let mut sql = String::from("delete from ");
    push_relation(&mut sql, &relation.name);
    sql.push_str(" as _0");
    if let Some(filter) = &delete.filter {
        sql.push_str(" where ");
        planner.push_condition(&mut sql, &answer.scope(), filter)?;
    }
    answer.around(planner, &sql)
}
