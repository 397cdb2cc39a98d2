//! Names of query parameters: `order`, `author.limit`, `not.or`, `author.books.data->>title`.

use super::{
    MAX_DEPTH,
    cursor::Cursor,
    error::{GrammarError, GrammarErrorKind},
    group::GroupKind,
    names::{self, Name},
};
use crate::table::FieldPath;

/// What a parameter says, and of which embed.
pub(super) struct Key {
    /// The way to the embed, from the outside in; empty for the table itself.
    pub(super) path: Vec<String>,
    pub(super) word: Word,
}

/// What a parameter says.
pub(super) enum Word {
    Select,
    Columns,
    OnConflict,
    Of(Clause),
}

/// What a parameter says of a table's rows, or of an embed's.
pub(super) enum Clause {
    Order,
    Limit,
    Offset,
    Group(GroupKind),
    Filter(FieldPath),
}

/// Reads a parameter's name. What is in quotes is a column, also where it reads like a word of the grammar.
pub(super) fn key(cursor: &mut Cursor<'_>) -> Result<Key, GrammarError> {
    let mut path = Vec::new();
    let mut last = names::name(cursor)?;
    while cursor.eat(".") {
        if path.len() > MAX_DEPTH {
            return Err(cursor.error(GrammarErrorKind::TooDeep));
        }
        path.push(std::mem::replace(&mut last, names::name(cursor)?));
    }
    let steps = names::json_steps(cursor)?;
    let word = if steps.is_empty() { word(cursor, &last, &mut path)? } else { None };
    let word = word.unwrap_or(Word::Of(Clause::Filter(FieldPath { column: last.text, steps })));
    Ok(Key { path: path.into_iter().map(|name| name.text).collect(), word })
}

fn word(cursor: &Cursor<'_>, last: &Name, path: &mut Vec<Name>) -> Result<Option<Word>, GrammarError> {
    if last.quoted {
        return Ok(None);
    }
    Ok(Some(match last.text.as_str() {
        "order" => Word::Of(Clause::Order),
        "limit" => Word::Of(Clause::Limit),
        "offset" => Word::Of(Clause::Offset),
        "select" if path.is_empty() => Word::Select,
        "select" => return Err(cursor.error(GrammarErrorKind::NestedSelect)),
        "columns" if path.is_empty() => Word::Columns,
        "on_conflict" if path.is_empty() => Word::OnConflict,
        _ => {
            let negated = path.last().is_some_and(|name| name.is_word("not"));
            let Some(kind) = GroupKind::of_word(last, negated) else { return Ok(None) };
            if negated {
                path.pop();
            }
            Word::Of(Clause::Group(kind))
        }
    }))
}
