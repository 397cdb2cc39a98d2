//! Orders: by columns, JSON paths, and columns of to-one embeds.

use domain::{
    catalogue::RelationKind,
    table::{Direction, Nulls, OrderTerm},
};

use super::{
    planner::{Place, Planner},
    query::Query,
    refusal::{Refusal, hint},
    relationship::Scope,
    statement::{Alias, push_separated},
};

impl<'a> Planner<'a> {
    /// Adds an order to a query, with the joins it needs.
    pub(super) fn add_order(&mut self, query: &mut Query, scope: &Scope<'_, 'a>, terms: &'a [OrderTerm]) -> Result<(), Refusal> {
        let mut joined: Vec<(&str, Alias)> = Vec::new();
        for term in terms {
            push_separated(&mut query.order, ", ");
            match term.relation.as_deref() {
                None => self.push_comparable(&mut query.order, scope, &term.path, Place::Order)?,
                Some(key) => self.push_related(query, scope, key, &mut joined, term)?,
            };
            if term.direction == Direction::Descending {
                query.order.push_str(" desc");
            }
            match term.nulls {
                Some(Nulls::First) => query.order.push_str(" nulls first"),
                Some(Nulls::Last) => query.order.push_str(" nulls last"),
                None => {}
            }
        }
        Ok(())
    }

    /// Adds the primary key behind an order, less what the order has of it already. A view may have none that helps, or be slow to sort.
    pub(super) fn add_tie_break(&mut self, query: &mut Query, scope: &Scope<'_, 'a>, terms: &[OrderTerm]) {
        let ordered = |column: &str| terms.iter().any(|term| term.relation.is_none() && term.path.steps.is_empty() && term.path.column == column);
        if matches!(scope.relation.kind, RelationKind::View | RelationKind::MaterializedView) {
            return;
        }
        for column in scope.relation.primary_key.iter().filter(|column| !ordered(column)) {
            push_separated(&mut query.order, ", ");
            self.push_column(&mut query.order, scope.relation, scope.alias, column);
        }
    }

    fn push_related(
        &mut self,
        query: &mut Query,
        scope: &Scope<'_, 'a>,
        key: &'a str,
        joined: &mut Vec<(&'a str, Alias)>,
        term: &'a OrderTerm,
    ) -> Result<super::field::Expression<'a>, Refusal> {
        let Some(embedded) = scope.embeds.iter().find(|embedded| embedded.embed.key() == key) else {
            let known = hint(key, scope.embeds.iter().map(|embedded| embedded.embed.key()));
            return Err(Refusal::fault("/order", format!("'{key}' is not embedded in 'select'{known}")));
        };
        if !embedded.link.to_one() {
            return Err(Refusal::fault("/order", format!("'{key}' has many rows for each one of '{}': it gives no order", scope.relation.name)));
        }
        let known = joined.iter().find(|(known, _)| *known == key).map(|(_, alias)| *alias);
        let alias = if let Some(alias) = known { alias } else { self.push_order_join(&mut query.joins, scope, embedded)? };
        if known.is_none() {
            joined.push((key, alias));
        }
        self.push_comparable(&mut query.order, &embedded.scope(alias), &term.path, Place::Order)
    }
}
