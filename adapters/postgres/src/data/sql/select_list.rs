//! What is shown of a row: columns, JSON paths, casts, embeds.

use domain::table::{Field, JsonStep, SelectItem};

use super::{
    planner::{Planner, Scope},
    query::Query,
    refusal::Refusal,
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
            self.add_all(query, scope);
            return Ok(());
        }
        let mut names = Names(Vec::with_capacity(items.len()));
        for item in items {
            match item {
                SelectItem::All => {
                    scope.relation.columns.iter().try_for_each(|column| names.take(&column.name))?;
                    self.add_all(query, scope);
                }
                SelectItem::Field(field) => {
                    names.take(name(field))?;
                    self.add_field(query, scope, field)?;
                }
                SelectItem::Embed(embed) if embed.columns.is_empty() => {}
                SelectItem::Embed(embed) => {
                    names.take(embed.key())?;
                    push_separated(&mut query.columns, ", ");
                    let embedded = scope.embeds.iter().find(|embedded| std::ptr::eq(embedded.embed, embed));
                    self.add_embed(query, scope, embedded.expect("every embed of the list was resolved"))?;
                }
            }
        }
        Ok(())
    }

    fn add_all(&mut self, query: &mut Query, scope: &Scope<'_, 'a>) {
        for column in &scope.relation.columns {
            push_separated(&mut query.columns, ", ");
            self.push_column(&mut query.columns, scope.relation, scope.alias, &column.name);
        }
    }

    fn add_field(&mut self, query: &mut Query, scope: &Scope<'_, 'a>, field: &'a Field) -> Result<(), Refusal> {
        push_separated(&mut query.columns, ", ");
        self.push_field(&mut query.columns, scope, &field.path)?;
        if let Some(cast) = field.cast {
            query.columns.push_str("::");
            query.columns.push_str(cast.sql());
        }
        if field.alias.is_some() || field.cast.is_some() || !field.path.steps.is_empty() {
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

/// The names of an answer so far.
struct Names<'n>(Vec<&'n str>);

impl<'n> Names<'n> {
    fn take(&mut self, name: &'n str) -> Result<(), Refusal> {
        if self.0.contains(&name) {
            return Err(Refusal::fault("/select", format!("'{name}' would be twice in the answer: give one of them an alias")));
        }
        if name.is_empty() || name.len() > LONGEST_NAME || name.contains('\0') {
            return Err(Refusal::fault(
                "/select",
                format!("a name in the answer has 1 to {LONGEST_NAME} bytes and no NUL among them: give it an alias"),
            ));
        }
        self.0.push(name);
        Ok(())
    }
}
