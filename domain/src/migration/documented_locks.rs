//! Locks of statements that no transaction holds: nobody can look at them from within, but PostgreSQL's documentation says which they are.

use crate::lexer::{Lexer, Token, TokenKind};
use std::iter::Peekable;

const SHARE_UPDATE_EXCLUSIVE: &str = "ShareUpdateExclusiveLock";
const SHARE: &str = "ShareLock";
const ACCESS_EXCLUSIVE: &str = "AccessExclusiveLock";

/// What a statement locks, as it names it, and how: `("public.a", "AccessExclusiveLock")`. `None` where the documentation does not say it of this statement.
pub fn documented_locks(statement: &str) -> Option<Vec<(String, &'static str)>> {
    let mut words = Words(Lexer::new(statement, 0).filter(blank as fn(&Token<'_>) -> bool).peekable());
    let first = words.word()?;
    match first.as_str() {
        "vacuum" => vacuum(&mut words),
        "create" => {
            words.takes("unique");
            let built = words.takes("index") && words.takes("concurrently");
            built.then(|| words.find_word("on")).flatten()?;
            words.takes("only");
            Some(vec![(words.relation()?, SHARE_UPDATE_EXCLUSIVE)])
        }
        "drop" => {
            let dropped = words.takes("index") && words.takes("concurrently");
            let _ = dropped && words.takes("if") && words.takes("exists");
            let index = dropped.then(|| words.relation()).flatten()?;
            Some(vec![(format!("the table of {index}"), SHARE_UPDATE_EXCLUSIVE)])
        }
        "reindex" => reindex(&mut words),
        "cluster" => {
            words.skip_brackets()?;
            words.takes("verbose");
            Some(vec![(words.relation().unwrap_or_else(|| "every table that is clustered".to_owned()), ACCESS_EXCLUSIVE)])
        }
        "alter" => detach(&mut words),
        _ => None,
    }
}

fn vacuum(words: &mut Words<'_>) -> Option<Vec<(String, &'static str)>> {
    let mut full = false;
    if words.bracket('(') {
        while !words.bracket(')') {
            let option = words.0.next()?;
            if option.is("full") {
                full = !["false", "off", "0"].into_iter().any(|no| words.0.next_if(|token| token.text.eq_ignore_ascii_case(no)).is_some());
            }
        }
    }
    while let Some(option) = ["full", "freeze", "verbose", "analyze", "analyse"].into_iter().find(|option| words.takes(option)) {
        full |= option == "full";
    }
    let mode = if full { ACCESS_EXCLUSIVE } else { SHARE_UPDATE_EXCLUSIVE };
    let mut locks = Vec::new();
    loop {
        words.takes("only");
        let Some(table) = words.relation() else { break };
        locks.push((table, mode));
        words.skip_brackets()?;
        if !words.bracket(',') {
            break;
        }
    }
    if locks.is_empty() {
        locks.push(("every table".to_owned(), mode));
    }
    Some(locks)
}

fn reindex(words: &mut Words<'_>) -> Option<Vec<(String, &'static str)>> {
    let mut concurrently = false;
    let kind = loop {
        let token = words.0.next()?;
        concurrently |= token.is("concurrently");
        if let Some(kind) = ["table", "index", "schema", "database", "system"].into_iter().find(|kind| token.is(kind)) {
            break kind;
        }
    };
    concurrently |= words.takes("concurrently");
    let named = words.relation();
    let what = match (kind, named) {
        ("table", Some(table)) => table,
        ("index", Some(index)) => format!("the table of {index}"),
        ("schema", Some(schema)) => format!("every table of {schema}"),
        ("system", _) => "every table of the catalogue".to_owned(),
        ("database", _) => "every table".to_owned(),
        _ => return None,
    };
    Some(if concurrently {
        vec![(what, SHARE_UPDATE_EXCLUSIVE)]
    } else {
        vec![(what.clone(), SHARE), (format!("{} of {what}", if kind == "index" { "the index" } else { "indexes" }), ACCESS_EXCLUSIVE)]
    })
}

fn detach(words: &mut Words<'_>) -> Option<Vec<(String, &'static str)>> {
    if !words.takes("table") {
        return None;
    }
    let _ = words.takes("if") && words.takes("exists");
    words.takes("only");
    let table = words.relation()?;
    if !(words.takes("detach") && words.takes("partition")) {
        return None;
    }
    let partition = words.relation()?;
    words.takes("concurrently").then(|| vec![(table, SHARE_UPDATE_EXCLUSIVE), (partition, ACCESS_EXCLUSIVE)])
}

fn blank(token: &Token<'_>) -> bool {
    token.kind != TokenKind::Blank
}

/// Tokens but for blanks.
type Told<'a> = std::iter::Filter<Lexer<'a>, fn(&Token<'_>) -> bool>;

/// What is left of a statement.
struct Words<'a>(Peekable<Told<'a>>);

impl Words<'_> {
    fn word(&mut self) -> Option<String> {
        self.0.next_if(|token| token.kind == TokenKind::Word).map(|token| token.text.to_ascii_lowercase())
    }

    fn takes(&mut self, word: &str) -> bool {
        self.0.next_if(|token| token.is(word)).is_some()
    }

    fn bracket(&mut self, sign: char) -> bool {
        self.0.next_if(|token| token.text.starts_with(sign) && token.text.len() == 1).is_some()
    }

    /// Passes over what stands in brackets, where there are any; `None` where they do not end.
    fn skip_brackets(&mut self) -> Option<()> {
        if self.bracket('(') {
            while !self.bracket(')') {
                self.0.next()?;
            }
        }
        Some(())
    }

    fn find_word(&mut self, word: &str) -> Option<()> {
        self.0.find(|token| token.is(word)).map(drop)
    }

    /// A name with its schema, where it has one.
    fn relation(&mut self) -> Option<String> {
        let name = |token: &Token<'_>| matches!(token.kind, TokenKind::Word | TokenKind::QuotedName);
        let mut relation = self.0.next_if(name)?.text.to_owned();
        while self.0.next_if(|token| token.kind == TokenKind::Dot).is_some() {
            relation = format!("{relation}.{}", self.0.next_if(name)?.text);
        }
        Some(relation)
    }
}

#[cfg(test)]
mod tests {
    use super::documented_locks;
    use proptest::prelude::*;

    #[test]
    fn what_postgresql_documents_is_told_of_what_a_statement_names() {
        let (weak, strong) = ("ShareUpdateExclusiveLock", "AccessExclusiveLock");
        for (statement, expected) in [
            ("vacuum full public.a;", vec![("public.a", strong)]),
            ("VACUUM (FULL, ANALYZE) a (x, y), \"B c\"", vec![("a", strong), ("\"B c\"", strong)]),
            ("vacuum (full off) a", vec![("a", weak)]),
            ("vacuum (full false, verbose)", vec![("every table", weak)]),
            ("vacuum;", vec![("every table", weak)]),
            ("create unique index concurrently if not exists i on only public.a (b)", vec![("public.a", weak)]),
            ("create index concurrently on a (b)", vec![("a", weak)]),
            ("drop index concurrently if exists s.i", vec![("the table of s.i", weak)]),
            ("reindex (verbose) table concurrently a", vec![("a", weak)]),
            ("reindex (concurrently) index i", vec![("the table of i", weak)]),
            ("reindex schema s", vec![("every table of s", "ShareLock"), ("indexes of every table of s", strong)]),
            ("cluster", vec![("every table that is clustered", strong)]),
            ("alter table p detach partition q concurrently", vec![("p", weak), ("q", strong)]),
        ] {
            let told = documented_locks(statement).unwrap_or_default();
            let told: Vec<_> = told.iter().map(|(relation, mode)| (relation.as_str(), *mode)).collect();
            assert_eq!(told, expected, "{statement}");
        }
        for other in ["call fill()", "create index i on a (b)", "alter table a add b int", "drop table a", "", "vacuum ("] {
            assert_eq!(documented_locks(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_not(text in any::<String>()) {
            for words in ["vacuum ", "reindex ", "create index concurrently ", "alter table a detach partition ", ""] {
                let _ = documented_locks(&format!("{words}{text}"));
            }
        }
    }
}
