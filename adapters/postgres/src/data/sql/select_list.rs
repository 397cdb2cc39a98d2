//! What is shown of a row: columns, JSON paths, casts, embeds.

use domain::table::{Field, JsonStep, SelectItem};

use super::{
    planner::Planner,
    query::Query,
    refusal::Refusal,
    relationship::Scope,
    statement::{push_identifier, push_separated},
};

/// PostgreSQL cuts longer names.
const LONGEST_NAME: usize = 63;

/// What an empty list shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// Every column.
    All,
    /// Nothing.
    Listed,
}

impl<'a> Planner<'a> {
    /// Adds the columns of a select list to a query, with the joins they need.
    pub(super) fn add_columns(&mut self, query: &mut Query, scope: &Scope<'_, 'a>, items: &'a [SelectItem], of_empty: Shown) -> Result<(), Refusal> {
        if items.is_empty() && of_empty == Shown::All {
            scope.relation.columns.iter().for_each(|column| self.add_column(query, scope, &column.name));
            return Ok(());
        }
        let mut names = Names(Vec::with_capacity(items.len()));
        let mut all = false;
        for item in items {
            match item {
                SelectItem::All if all => {}
                SelectItem::All => {
                    self.add_all(query, scope, items, &mut names)?;
                    all = true;
                }
                SelectItem::Field(field) => {
                    let what = if as_it_is(field) { What::Column } else { What::Made };
                    if names.take(name(field), what)? {
                        self.add_field(query, scope, field)?;
                    }
                }
                SelectItem::Embed(embed) if embed.is_empty() => {}
                SelectItem::Embed(embed) => {
                    names.take(embed.key(), What::Made)?;
                    push_separated(&mut query.columns, ", ");
                    let embedded = scope.embeds.iter().find(|embedded| std::ptr::eq(embedded.embed, embed));
                    self.add_embed(query, scope, embedded.expect("every embed of the list was resolved"))?;
                }
            }
        }
        Ok(())
    }

    /// Every column, but not where an embed has its name (`*,owner(name)` where `owner` references): the embed tells more.
    fn add_all(&mut self, query: &mut Query, scope: &Scope<'_, 'a>, items: &[SelectItem], names: &mut Names<'a>) -> Result<(), Refusal> {
        let embedded = |name: &str| items.iter().any(|item| matches!(item, SelectItem::Embed(embed) if embed.key() == name && !embed.is_empty()));
        for column in scope.relation.columns.iter().filter(|column| !embedded(&column.name)) {
            if names.take(&column.name, What::Column)? {
                self.add_column(query, scope, &column.name);
            }
        }
        Ok(())
    }

    fn add_column(&mut self, query: &mut Query, scope: &Scope<'_, 'a>, name: &str) {
        push_separated(&mut query.columns, ", ");
        self.push_column(&mut query.columns, scope.relation, scope.alias, name);
    }

    fn add_field(&mut self, query: &mut Query, scope: &Scope<'_, 'a>, field: &'a Field) -> Result<(), Refusal> {
        push_separated(&mut query.columns, ", ");
        self.push_field(&mut query.columns, scope, &field.path)?;
        if let Some(cast) = field.cast {
            query.columns.push_str("::");
            query.columns.push_str(cast.sql());
        }
        if !as_it_is(field) {
            query.columns.push_str(" as ");
            push_identifier(&mut query.columns, name(field));
        }
        Ok(())
    }
}

/// A field's name in the answer.
fn name(field: &Field) -> &str {
    let last_key = || {
        field.path.steps.iter().rev().find_map(|step| match step {
            JsonStep::Key(key) | JsonStep::KeyText(key) if !key.is_empty() => Some(key.as_str()),
            _ => None,
        })
    };
    field.alias.as_deref().or_else(last_key).unwrap_or(&field.path.column)
}

/// Whether a field is a column under its own name.
fn as_it_is(field: &Field) -> bool {
    field.alias.is_none() && field.cast.is_none() && field.path.steps.is_empty()
}

/// What stands under a name of the answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    /// The column of that name.
    Column,
    /// Anything else.
    Made,
}

/// The names of an answer so far.
struct Names<'n>(Vec<(&'n str, What)>);

impl<'n> Names<'n> {
    /// Whether a name is new. A column that is shown already is none, and no fault either: `*,id`.
    fn take(&mut self, name: &'n str, what: What) -> Result<bool, Refusal> {
        if let Some((_, shown)) = self.0.iter().find(|(taken, _)| *taken == name) {
            return match (shown, what) {
                (What::Column, What::Column) => Ok(false),
                _ => Err(Refusal::fault("/select", format!("'{name}' would be twice in the answer: give one of them an alias"))),
            };
        }
        if name.is_empty() || name.len() > LONGEST_NAME || name.contains('\0') {
            return Err(Refusal::fault(
                "/select",
                format!("a name in the answer has 1 to {LONGEST_NAME} bytes and no NUL among them: give it an alias"),
            ));
        }
        self.0.push((name, what));
        Ok(true)
    }
}
