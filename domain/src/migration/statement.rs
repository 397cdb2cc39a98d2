//! Statements of a file: which of them begin and end transactions, and what may be done about one that was interrupted.

use super::{
    index_build::IndexBuild,
    split::{Piece, PieceKind},
};
use crate::lexer::Lexer;
use std::ops::Range;

/// What a statement does to a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionControl {
    /// BEGIN, START TRANSACTION.
    Begins,
    /// COMMIT, END.
    Commits,
    /// ROLLBACK, ABORT; not ROLLBACK TO a savepoint.
    RollsBack,
    /// PREPARE TRANSACTION, and COMMIT or ROLLBACK that begin the next one at once.
    Else,
}

impl TransactionControl {
    pub(super) fn of(words: &[String]) -> Option<Self> {
        let mut words = words.iter().map(String::as_str);
        let first = words.next()?;
        let mut next = words.next();
        if matches!(next, Some("work" | "transaction")) && first != "start" && first != "prepare" {
            next = words.next();
        }
        match (first, next) {
            ("begin", _) | ("start", Some("transaction")) => Some(Self::Begins),
            ("prepare", Some("transaction")) => Some(Self::Else),
            ("commit" | "end" | "rollback" | "abort", Some("and")) if words.next() == Some("chain") => Some(Self::Else),
            ("commit" | "rollback", Some("prepared")) | ("rollback", Some("to")) => None,
            ("commit" | "end", _) => Some(Self::Commits),
            ("rollback" | "abort", _) => Some(Self::RollsBack),
            _ => None,
        }
    }
}

impl Piece<'_> {
    /// Whether it says how its transaction sees rows, which PostgreSQL takes before any query alone. What says that it only reads is left for later: the
    /// ledger is written in it too.
    pub fn comes_before_any_query(&self) -> bool {
        let sets = [&["set", "transaction"][..], &["set", "local", "transaction"]].iter().any(|words| self.begins_with(words));
        sets && !Lexer::new(self.body, 0).any(|token| token.text.eq_ignore_ascii_case("only"))
    }
}

/// Statements of a file without a transaction that stand or fall together: one, or what it puts between BEGIN and COMMIT itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Which, in the file's order.
    pub statements: Range<usize>,
    /// Whether the first begins a transaction and the last ends it.
    pub block: bool,
}

/// Groups the statements of a file without a transaction. `Err` names the statement that cannot stand where it does.
pub fn units(pieces: &[&Piece<'_>]) -> Result<Vec<Unit>, usize> {
    let mut units = Vec::new();
    let mut begun: Option<usize> = None;
    for (at, piece) in pieces.iter().enumerate() {
        match (piece.transaction_control(), begun) {
            (None, Some(_)) => {}
            (None, None) => units.push(Unit { statements: at..at + 1, block: false }),
            (Some(TransactionControl::Begins), None) => begun = Some(at),
            (Some(TransactionControl::Commits | TransactionControl::RollsBack), Some(first)) => {
                units.push(Unit { statements: first..at + 1, block: true });
                begun = None;
            }
            (Some(_), _) => return Err(at),
        }
    }
    begun.map_or(Ok(units), Err)
}

/// What to do about a statement that runs in no transaction, when nobody can tell whether it ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Interrupted {
    /// Look at the index: valid, it is there; invalid, it is dropped and built again.
    Index(IndexBuild),
    /// Run it again: twice is as good as once.
    Repeat,
    /// Run it again: if what it drops is gone, it did.
    RepeatUnlessGone,
    /// Somebody has to look.
    Unknown,
}

impl Interrupted {
    /// By the statement's words.
    pub fn of(piece: &Piece<'_>) -> Self {
        if piece.kind != PieceKind::Statement {
            return Self::Unknown;
        }
        if let Some(build) = IndexBuild::read(piece.body) {
            return if build.name.is_some() { Self::Index(build) } else { Self::Unknown };
        }
        match piece.words.first().map(String::as_str) {
            Some("vacuum" | "analyze" | "analyse" | "cluster" | "reindex" | "checkpoint" | "refresh" | "discard" | "set" | "reset" | "show") => {
                Self::Repeat
            }
            Some("drop") if piece.begins_with(&["drop", "index", "concurrently"]) => Self::RepeatUnlessGone,
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::split, Interrupted, TransactionControl, units};

    #[test]
    fn what_ends_a_transaction_is_known_in_every_spelling() {
        use TransactionControl::{Begins, Commits, Else, RollsBack};
        for (text, expected) in [
            ("begin", Some(Begins)),
            ("BEGIN isolation level serializable;", Some(Begins)),
            ("start transaction read write;", Some(Begins)),
            ("commit;", Some(Commits)),
            ("end work;", Some(Commits)),
            ("rollback;", Some(RollsBack)),
            ("abort transaction;", Some(RollsBack)),
            ("rollback to a;", None),
            ("rollback work to savepoint a;", None),
            ("commit and chain;", Some(Else)),
            ("rollback and no chain;", Some(RollsBack)),
            ("prepare transaction 'a';", Some(Else)),
            ("commit prepared 'a';", None),
            ("prepare a as select 1;", None),
            ("savepoint a;", None),
            ("select 1;", None),
        ] {
            assert_eq!(split(text).unwrap()[0].transaction_control(), expected, "{text}");
        }
    }

    #[test]
    fn what_comes_before_any_query_is_known() {
        let comes = |text: &'static str| split(text).unwrap()[0].comes_before_any_query();
        assert!(comes("set transaction isolation level serializable;") && comes("SET LOCAL TRANSACTION SNAPSHOT 'a'"));
        assert!(!comes("set transaction isolation level serializable, read only") && !comes("set transaction_timeout = 1") && !comes("select 1"));
    }

    #[test]
    fn blocks_are_units_and_what_does_not_close_is_told() {
        let grouped = |text: &'static str| {
            let pieces = split(text).unwrap();
            units(&pieces.iter().collect::<Vec<_>>()).map(|units| units.into_iter().map(|unit| unit.statements).collect::<Vec<_>>())
        };
        assert_eq!(grouped("vacuum;begin;select 1;commit;select 2"), Ok(vec![0..1, 1..4, 4..5]));
        assert_eq!(grouped("select 1;commit"), Err(1));
        assert_eq!(grouped("begin;select 1"), Err(0));
        assert_eq!(grouped("begin;begin;commit"), Err(1));
    }

    #[test]
    fn an_interrupted_statement_is_repeated_only_where_that_does_no_harm() {
        let of = |text: &'static str| Interrupted::of(&split(text).unwrap()[0]);
        assert!(matches!(of("create unique index concurrently a on b (c)"), Interrupted::Index(_)));
        assert_eq!(of("create index concurrently on b (c)"), Interrupted::Unknown);
        assert_eq!(of("vacuum (full) b"), Interrupted::Repeat);
        assert_eq!(of("drop index concurrently a"), Interrupted::RepeatUnlessGone);
        assert_eq!(of("call fill_in_batches()"), Interrupted::Unknown);
    }
}
