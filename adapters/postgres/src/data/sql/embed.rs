//! Embedded relations: as JSON beside a row, as a condition on it, as what it is ordered by.

use domain::{catalogue::Link, table::Join};

use super::{
    planner::Planner,
    query::Query,
    refusal::Refusal,
    relationship::{Embedded, Scope},
    select_list::Shown,
    statement::{Alias, push_identifier, push_relation},
};

impl<'a> Planner<'a> {
    /// Adds what a scope's embeds ask of its rows: `!inner` ones want a match.
    pub(super) fn add_inner(&mut self, query: &mut Query, scope: &Scope<'_, 'a>) -> Result<(), Refusal> {
        for embedded in scope.embeds.iter().filter(|embedded| embedded.embed.join == Join::Inner) {
            self.push_exists(query.condition(), scope, embedded)?;
        }
        Ok(())
    }

    /// Adds an embed to the columns of its parent: to-one by a join, which the server may do for all rows at once; to-many, and what would be too many
    /// joins, by a sub-select, which it does for the rows that are shown only.
    pub(super) fn add_embed(&mut self, query: &mut Query, scope: &Scope<'_, 'a>, embedded: &Embedded<'a>) -> Result<(), Refusal> {
        let whole = self.fresh_alias()?;
        let to_one = embedded.link.to_one();
        if to_one && self.shows_one_more() {
            query.joins.push_str(" left join lateral (");
            self.push_embedded_rows(&mut query.joins, scope, embedded)?;
            query.joins.push_str(") as ");
            whole.push(&mut query.joins);
            query.joins.push_str(" on true");
            query.columns.push_str("pg_catalog.row_to_json(");
            whole.push(&mut query.columns);
            query.columns.push_str(".*)");
        } else if to_one {
            query.columns.push_str("(select pg_catalog.row_to_json(");
            whole.push(&mut query.columns);
            query.columns.push_str(".*) from (");
            self.push_embedded_rows(&mut query.columns, scope, embedded)?;
            query.columns.push_str(") as ");
            whole.push(&mut query.columns);
            query.columns.push_str(" limit 1)");
        } else {
            query.columns.push_str("(select coalesce(pg_catalog.json_agg(");
            whole.push(&mut query.columns);
            query.columns.push_str(".*), '[]') from (");
            self.push_embedded_rows(&mut query.columns, scope, embedded)?;
            query.columns.push_str(") as ");
            whole.push(&mut query.columns);
            query.columns.push(')');
        }
        query.columns.push_str(" as ");
        push_identifier(&mut query.columns, embedded.embed.key());
        Ok(())
    }

    fn push_embedded_rows(&mut self, out: &mut String, parent: &Scope<'_, 'a>, embedded: &Embedded<'a>) -> Result<(), Refusal> {
        let alias = self.fresh_alias()?;
        let scope = embedded.scope(alias);
        let mut query = self.matching(parent, embedded, alias)?;
        self.add_columns(&mut query, &scope, &embedded.embed.columns, Shown::Listed)?;
        self.add_order(&mut query, &scope, &embedded.embed.order)?;
        query.limit = embedded.embed.limit;
        query.offset = embedded.embed.offset;
        query.push(out, self);
        Ok(())
    }

    /// `exists (..)`: whether a parent has a row there that fits the embed's filter.
    pub(super) fn push_exists(&mut self, out: &mut String, parent: &Scope<'_, 'a>, embedded: &Embedded<'a>) -> Result<(), Refusal> {
        let alias = self.fresh_alias()?;
        let as_join = self.tests_one_more();
        let query = self.matching(parent, embedded, alias)?;
        out.push_str("exists (select");
        query.push_matching(out);
        // With an offset PostgreSQL leaves it where it is.
        out.push_str(if as_join { ")" } else { " offset 0)" });
        Ok(())
    }

    /// Joins a to-one relation once more, for its columns to order by, and gives its alias.
    pub(super) fn push_order_join(&mut self, out: &mut String, parent: &Scope<'_, 'a>, embedded: &Embedded<'a>) -> Result<Alias, Refusal> {
        if !self.orders_by_one_more() {
            return Err(Refusal::fault("/order", "that is more embeds than one request can be ordered by"));
        }
        let alias = self.fresh_alias()?;
        let query = self.matching(parent, embedded, alias)?;
        out.push_str(" left join ");
        out.push_str(&query.from);
        out.push_str(" on ");
        out.push_str(&query.conditions);
        Ok(alias)
    }

    /// The rows of an embedded relation that belong to a row of its parent and fit the embed's filter.
    fn matching(&mut self, parent: &Scope<'_, 'a>, embedded: &Embedded<'a>, alias: Alias) -> Result<Query, Refusal> {
        let mut from = String::with_capacity(64);
        push_relation(&mut from, &embedded.relation.name);
        from.push_str(" as ");
        alias.push(&mut from);
        let mut query = Query::from(from);
        self.add_link(&mut query, parent, embedded, alias)?;
        let scope = embedded.scope(alias);
        if let Some(filter) = &embedded.embed.filter {
            self.push_condition(query.condition(), &scope, filter)?;
        }
        self.add_inner(&mut query, &scope)?;
        Ok(query)
    }

    fn add_link(&mut self, query: &mut Query, parent: &Scope<'_, 'a>, embedded: &Embedded<'a>, alias: Alias) -> Result<(), Refusal> {
        let child = embedded.relation;
        match embedded.link {
            Link::ToOne(key) => {
                for (near, far) in key.columns.iter().zip(&key.target_columns) {
                    self.push_equal(query.condition(), (child, alias, far), (parent.relation, parent.alias, near));
                }
            }
            Link::FromMany(key) => {
                for (near, far) in key.target_columns.iter().zip(&key.columns) {
                    self.push_equal(query.condition(), (child, alias, far), (parent.relation, parent.alias, near));
                }
            }
            Link::Through { near, far } => {
                let junction = self.fresh_alias()?;
                query.from.push_str(" cross join ");
                push_relation(&mut query.from, &near.origin);
                query.from.push_str(" as ");
                junction.push(&mut query.from);
                for (column, target) in far.columns.iter().zip(&far.target_columns) {
                    self.push_equal(query.condition(), (child, junction, column), (child, alias, target));
                }
                for (column, target) in near.columns.iter().zip(&near.target_columns) {
                    self.push_equal(query.condition(), (child, junction, column), (parent.relation, parent.alias, target));
                }
            }
        }
        Ok(())
    }

    fn push_equal(
        &mut self,
        out: &mut String,
        left: (&domain::catalogue::Relation, Alias, &str),
        right: (&domain::catalogue::Relation, Alias, &str),
    ) {
        self.push_column(out, left.0, left.1, left.2);
        out.push_str(" = ");
        self.push_column(out, right.0, right.1, right.2);
    }
}
