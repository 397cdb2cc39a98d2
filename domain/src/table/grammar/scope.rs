//! What parameters ask of the table itself and of each embed.

use super::{
    cursor::Budget,
    error::{GrammarError, shortened},
    group,
    key::Clause,
    order, read_operation,
};
use crate::{
    Fault,
    table::{Condition, Embed, OrderTerm, SelectItem},
};
use std::collections::BTreeMap;

/// What is asked of each embed, by the way to it; of the table itself under an empty one.
pub(super) type Scopes = BTreeMap<Vec<String>, Scope>;

/// What is asked of a table or of an embed.
#[derive(Default)]
pub(super) struct Scope {
    pub(super) pointers: Vec<String>,
    pub(super) filters: Vec<Condition>,
    pub(super) order: Option<Vec<OrderTerm>>,
    pub(super) limit: Option<u64>,
    pub(super) offset: Option<u64>,
}

impl Scope {
    /// Takes what a parameter says in text.
    pub(super) fn take(&mut self, budget: &mut Budget, clause: Clause, value: &str) -> Result<(), String> {
        match clause {
            Clause::Order => once(&mut self.order, budget.read(value, order::terms)?)?,
            Clause::Limit => once(&mut self.limit, row_count(value)?)?,
            Clause::Offset => once(&mut self.offset, row_count(value)?)?,
            Clause::Group(kind) => self.filters.push(budget.read(value, |cursor| group::parenthesised(cursor, kind))?),
            Clause::Filter(field) => self.filters.push(read_operation(budget, field, value)?),
        }
        Ok(())
    }

    /// Adds itself to what is asked of an embed already, by its other name.
    fn apply(self, embed: &mut Embed) {
        embed.filter = all_of(embed.filter.take().into_iter().chain(self.filters).collect());
        embed.order = self.order.unwrap_or_else(|| std::mem::take(&mut embed.order));
        embed.limit = self.limit.or(embed.limit);
        embed.offset = self.offset.unwrap_or(embed.offset);
    }
}

/// Gives each embed of `select` what is asked of it. What is asked of one that is not there is a fault.
pub(super) fn apply_all(scopes: Scopes, select: &mut [SelectItem]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (path, scope) in scopes {
        match embed_at(select, &path) {
            Ok(embed) => scope.apply(embed),
            Err(reason) => faults.extend(scope.pointers.into_iter().map(|pointer| Fault::new(pointer, reason.clone()))),
        }
    }
    faults
}

/// Fills what may be said once.
pub(super) fn once<T>(slot: &mut Option<T>, value: T) -> Result<(), String> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err("may be given only once".to_owned()),
    }
}

fn row_count(value: &str) -> Result<u64, String> {
    // PostgreSQL counts rows in a signed number.
    let number = value.parse().ok().filter(|number| i64::try_from(*number).is_ok() && !value.starts_with('+'));
    number.ok_or_else(|| format!("must be a whole number from 0 to {}, not '{}'", i64::MAX, shortened(value)))
}

impl From<GrammarError> for String {
    fn from(error: GrammarError) -> Self {
        error.message()
    }
}

/// The condition that several parameters are together.
pub(super) fn all_of(mut conditions: Vec<Condition>) -> Option<Condition> {
    match conditions.len() {
        0 | 1 => conditions.pop(),
        _ => Some(Condition::And(conditions)),
    }
}

/// The embed of that path. Each step is the name that an embed goes by; where none does, its relation's, as in PostgREST.
fn embed_at<'s>(items: &'s mut [SelectItem], path: &[String]) -> Result<&'s mut Embed, String> {
    let (name, inner) = path.split_first().ok_or("the table itself is no embed")?;
    let mut embeds: Vec<_> = items
        .iter_mut()
        .filter_map(|item| match item {
            SelectItem::Embed(embed) => Some(embed),
            _ => None,
        })
        .collect();
    let goes_by_it = embeds.iter().any(|embed| embed.key() == name);
    embeds.retain(|embed| if goes_by_it { embed.key() == name } else { embed.relation == *name });
    let name = shortened(name);
    let found = match embeds.len() {
        0 => Err(format!(
            "'{name}' is not an embedded resource in this request: add it to 'select', such as '{name}(*)', or put a column's name that has a dot in double quotes"
        )),
        1 => Ok(embeds.remove(0)),
        _ if goes_by_it => Err(format!("'{name}' names more than one embed of 'select': give each an alias")),
        _ => Err(format!("'{name}' names more than one embed of 'select': say which by its alias")),
    }?;
    if inner.is_empty() { Ok(found) } else { embed_at(&mut found.columns, inner) }
}

#[cfg(test)]
mod tests {
    use crate::{
        Fault,
        table::{
            Embed, SelectItem,
            grammar::{QueryParams, TableQuery, parse_condition, parse_order},
        },
    };

    fn parse(pairs: &[(&str, &str)]) -> Result<TableQuery, Vec<Fault>> {
        QueryParams::parse(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    fn embed(item: &SelectItem) -> &Embed {
        match item {
            SelectItem::Embed(embed) => embed,
            other => panic!("{other:?} is no embed"),
        }
    }

    #[test]
    fn dotted_parameters_go_to_their_embed() {
        let query = parse(&[
            ("a.order", "x.desc"),
            ("rel.inner.y", "eq.1"),
            ("select", "id,a:author!inner(x),rel(inner(y))"),
            ("a.limit", "1"),
            ("a.offset", "2"),
            ("a.or", "(x.eq.1,x.eq.2)"),
            ("a.not.or", "(z.eq.3)"),
            ("rel", "not.is.null"),
        ])
        .unwrap();
        let author = embed(&query.select[1]);
        assert_eq!(author.filter, Some(parse_condition("and(or(x.eq.1,x.eq.2),not.or(z.eq.3))").unwrap()));
        assert_eq!((&author.order, author.limit, author.offset), (&parse_order("x.desc").unwrap(), Some(1), 2));
        assert_eq!(embed(&embed(&query.select[2]).columns[0]).filter, Some(parse_condition("y.eq.1").unwrap()));
        assert_eq!(query.filter, Some(parse_condition("rel.not.is.null").unwrap()));
    }

    #[test]
    fn an_embed_with_an_alias_also_goes_by_its_relation() {
        let query = parse(&[("select", "id,a:author!key(x,b:rel(y))"), ("author.x", "eq.1"), ("author.rel.limit", "2"), ("a.order", "x")]).unwrap();
        let author = embed(&query.select[1]);
        assert_eq!((&author.filter, &author.order), (&Some(parse_condition("x.eq.1").unwrap()), &parse_order("x").unwrap()));
        assert_eq!(embed(&author.columns[1]).limit, Some(2));

        let query = parse(&[("select", "author:rel(x),rel:author(x)"), ("author.x", "eq.1")]).unwrap();
        assert_eq!((embed(&query.select[0]).filter.is_some(), embed(&query.select[1]).filter.is_some()), (true, false), "the alias comes first");

        let faults = parse(&[("select", "a:rel(x),b:rel(x)"), ("rel.x", "eq.1")]).unwrap_err();
        assert_eq!(faults, [Fault::new("/rel.x", "'rel' names more than one embed of 'select': say which by its alias")]);
    }

    #[test]
    fn embeds_that_cannot_be_told_apart_are_a_fault() {
        let faults = parse(&[("select", "r!x(a),r!y(a)"), ("r.a", "eq.1")]).unwrap_err();
        assert_eq!(faults, [Fault::new("/r.a", "'r' names more than one embed of 'select': give each an alias")]);
        assert!(parse(&[("select", "r!x(a),r!y(a)")]).is_ok());
    }

    #[test]
    fn a_bad_select_hides_no_embed() {
        let faults = parse(&[("select", "r(a"), ("r.a", "eq.1")]).unwrap_err();
        assert_eq!(faults.len(), 1, "{faults:?}");
    }
}
