//! What a file does to its session alone: nothing of it is there when the file goes on over another connection.

use super::{
    split::Piece,
    statement::{TransactionControl, Unit},
};
use crate::lexer::{Lexer, Token, TokenKind};

/// What a session holds, and no other one can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// A temporary table, view or sequence.
    Temporary,
    /// A prepared statement.
    Prepared,
    /// An advisory lock of the session.
    Lock,
    /// A cursor that outlives its transaction.
    Cursor,
    /// A setting whose value nobody can read off the statement.
    Setting,
}

/// What the statements that have run did to their session, of those units that have ended: which of them set it up and are to be run again, in order.
///
/// # Errors
/// The statement that made what cannot be made again, and what that is.
pub fn session_of(pieces: &[&Piece<'_>], ended: &[Unit]) -> Result<Vec<usize>, (usize, Held)> {
    let mut session = Session::default();
    for unit in ended {
        let inside = &pieces[unit.statements.clone()];
        let last = inside.last().and_then(|piece| piece.transaction_control());
        let kept = !(unit.block && last == Some(TransactionControl::RollsBack));
        // Which of its settings a savepoint took back is not followed.
        let savepoints = inside.iter().any(|piece| piece.begins_with(&["rollback", "to"]) || piece.begins_with(&["rollback", "work", "to"]));
        for (at, piece) in unit.statements.clone().zip(inside) {
            session.see(at, piece, kept, savepoints);
        }
    }
    session.held.into_iter().min_by_key(|held| held.at).map_or(Ok(session.again), |held| Err((held.at, held.what)))
}

#[derive(Default)]
struct Session {
    again: Vec<usize>,
    held: Vec<Holding>,
}

struct Holding {
    at: usize,
    what: Held,
    key: String,
}

impl Session {
    /// `kept`: whether what the statement set holds once its transaction has ended.
    fn see(&mut self, at: usize, piece: &Piece<'_>, kept: bool, savepoints: bool) {
        let tokens: Vec<Token<'_>> = Lexer::new(piece.body, 0).filter(|token| token.kind != TokenKind::Blank).collect();
        let word = |at: usize| piece.words.get(at).map_or("", String::as_str);
        match word(0) {
            "discard" if word(1) == "all" => {
                self.held.clear();
                self.again.push(at);
            }
            "discard" if matches!(word(1), "temp" | "temporary") => self.held.retain(|held| held.what != Held::Temporary),
            "set" if word(1) == "local" || word(1) == "constraints" || word(1) == "transaction" => {}
            "set" | "reset" | "load" if kept && savepoints => self.hold(at, Held::Setting, String::new()),
            "set" | "reset" | "load" if kept => self.again.push(at),
            "prepare" if word(1) != "transaction" => self.hold(at, Held::Prepared, name_at(&tokens, 1)),
            "deallocate" => {
                let name = name_at(&tokens, 1 + usize::from(word(1) == "prepare" && tokens.len() > 3));
                self.drop_held(Held::Prepared, (name != "all").then_some(name.as_str()));
            }
            "declare" if follow(&tokens, &["with", "hold"]) && kept => self.hold(at, Held::Cursor, name_at(&tokens, 1)),
            "close" => {
                let name = name_at(&tokens, 1);
                self.drop_held(Held::Cursor, (name != "all").then_some(name.as_str()));
            }
            "drop" => self.drop_temporary(&tokens),
            "do" => self.routine(at, &tokens, kept),
            "create" if piece.words.iter().any(|word| word == "function" || word == "procedure") => {}
            _ => self.query(at, &tokens, kept),
        }
    }

    /// What is neither SET nor the like: it may set something by a function, take a lock, or make what is temporary.
    fn query(&mut self, at: usize, tokens: &[Token<'_>], kept: bool) {
        self.locks(at, tokens);
        if !kept {
            return;
        }
        if let Some(name) = temporary(tokens).filter(|_| !follow(tokens, &["on", "commit", "drop"])) {
            self.hold(at, Held::Temporary, name);
        }
        if calls(tokens, &["set_config"]).any(|call| !ends_with_true(call)) {
            if only_sets(tokens) { self.again.push(at) } else { self.hold(at, Held::Setting, String::new()) }
        }
    }

    /// The body of DO, which runs at once. What it sets can depend on anything.
    fn routine(&mut self, at: usize, tokens: &[Token<'_>], kept: bool) {
        for body in tokens.iter().filter(|token| token.kind == TokenKind::Text) {
            let tag = body.text.get(1..).and_then(|rest| rest.find('$')).filter(|_| body.text.starts_with('$')).map_or(1, |at| at + 2);
            let Some(inner) = body.text.get(tag..body.text.len().saturating_sub(tag)) else { continue };
            let tokens: Vec<_> = Lexer::new(inner, 0).filter(|token| token.kind != TokenKind::Blank).collect();
            self.locks(at, &tokens);
            let sets = calls(&tokens, &["set_config"]).any(|call| !ends_with_true(call)) || tokens.windows(3).any(sets_in_body);
            if kept && sets {
                self.hold(at, Held::Setting, String::new());
            }
            if let Some(name) = temporary(&tokens).filter(|_| kept && !follow(&tokens, &["on", "commit", "drop"])) {
                self.hold(at, Held::Temporary, name);
            }
        }
    }

    /// Advisory locks outlive even a transaction that is rolled back.
    fn locks(&mut self, at: usize, tokens: &[Token<'_>]) {
        const TAKE: [&str; 4] = ["pg_advisory_lock", "pg_advisory_lock_shared", "pg_try_advisory_lock", "pg_try_advisory_lock_shared"];
        for call in calls(tokens, &TAKE) {
            self.hold(at, Held::Lock, text(call));
        }
        for call in calls(tokens, &["pg_advisory_unlock", "pg_advisory_unlock_shared"]) {
            let key = text(call);
            if let Some(place) = self.held.iter().rposition(|held| held.what == Held::Lock && held.key == key) {
                self.held.remove(place);
            }
        }
        if calls(tokens, &["pg_advisory_unlock_all"]).next().is_some() {
            self.drop_held(Held::Lock, None);
        }
    }

    fn drop_temporary(&mut self, tokens: &[Token<'_>]) {
        let names = tokens.iter().filter_map(Token::name);
        for name in names {
            self.drop_held(Held::Temporary, Some(&name));
        }
    }

    fn hold(&mut self, at: usize, what: Held, key: String) {
        self.held.push(Holding { at, what, key });
    }

    /// All of a kind, or those of a name.
    fn drop_held(&mut self, what: Held, key: Option<&str>) {
        self.held.retain(|held| held.what != what || key.is_some_and(|key| held.key != key));
    }
}

fn is_any(token: &Token<'_>, words: &[&str]) -> bool {
    words.iter().any(|word| token.is(word))
}

fn follow(tokens: &[Token<'_>], words: &[&str]) -> bool {
    tokens.windows(words.len()).any(|window| window.iter().zip(words).all(|(token, word)| token.is(word)))
}

fn name_at(tokens: &[Token<'_>], at: usize) -> String {
    tokens.get(at).and_then(Token::name).unwrap_or_default()
}

fn text(tokens: &[Token<'_>]) -> String {
    tokens.iter().map(|token| token.text).collect::<Vec<_>>().join(" ")
}

/// The arguments of each call of one of these functions.
fn calls<'t, 'a>(tokens: &'t [Token<'a>], functions: &'static [&'static str]) -> impl Iterator<Item = &'t [Token<'a>]> {
    let called = move |at: &usize| is_any(&tokens[*at], functions) && tokens.get(at + 1).is_some_and(|next| next.kind == TokenKind::Open);
    (0..tokens.len()).filter(called).map(|at| {
        let arguments = &tokens[at + 2..];
        let mut depth = 1_usize;
        let end = arguments.iter().position(|token| {
            depth = match token.kind {
                TokenKind::Open => depth + 1,
                TokenKind::Close => depth - 1,
                _ => depth,
            };
            depth == 0
        });
        &arguments[..end.unwrap_or(arguments.len())]
    })
}

/// Of `set_config`: for the transaction alone.
fn ends_with_true(call: &[Token<'_>]) -> bool {
    call.last().is_some_and(|token| token.is("true"))
}

/// `select set_config('search_path', '', false)`: nothing but that, and nothing that has to be looked up.
fn only_sets(tokens: &[Token<'_>]) -> bool {
    tokens.first().is_some_and(|first| first.is("select"))
        && tokens.iter().all(|token| match token.kind {
            TokenKind::Word => is_any(token, &["select", "pg_catalog", "set_config", "true", "false"]),
            TokenKind::Other => token.text == ",",
            TokenKind::QuotedName | TokenKind::Backslash => false,
            _ => true,
        })
}

/// `begin set search_path ..`: not the SET of an UPDATE.
fn sets_in_body(three: &[Token<'_>]) -> bool {
    let begins = three[0].kind == TokenKind::Semicolon || is_any(&three[0], &["begin", "then", "else", "loop"]);
    begins && is_any(&three[1], &["set", "reset"]) && !is_any(&three[2], &["local", "constraints", "transaction"])
}

/// The name of what is temporary, where something is made that is.
fn temporary(tokens: &[Token<'_>]) -> Option<String> {
    const KINDS: [&str; 4] = ["table", "view", "sequence", "recursive"];
    let makes = |at: &usize| {
        let next = tokens.get(at + 1);
        is_any(&tokens[*at], &["temp", "temporary"])
            && (next.is_some_and(|next| is_any(next, &KINDS)) || at.checked_sub(1).is_some_and(|before| tokens[before].is("into")))
    };
    let marked = (0..tokens.len()).find(makes);
    let own_schema = || {
        let made = tokens.iter().any(|token| is_any(token, &["create", "into"]));
        (0..tokens.len()).find(|at| made && tokens[*at].is("pg_temp") && tokens.get(at + 1).is_some_and(|next| next.kind == TokenKind::Dot))
    };
    let from = marked.or_else(own_schema)?;
    let passed = [&KINDS[..], &["if", "not", "exists", "temp", "temporary", "pg_temp"]].concat();
    Some(tokens[from..].iter().filter(|token| !is_any(token, &passed)).find_map(Token::name).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::{
        super::{split, units},
        Held, session_of,
    };
    use proptest::prelude::*;

    /// The lines that are run again, or that cannot be.
    fn of(text: &str) -> Result<Vec<u32>, (u32, Held)> {
        let pieces = split(text).unwrap();
        let pieces: Vec<_> = pieces.iter().filter(|piece| !piece.words.is_empty()).collect();
        let line = |at: usize| pieces[at].line;
        let units = units(&pieces).unwrap();
        session_of(&pieces, &units).map(|again| again.into_iter().map(line).collect()).map_err(|(at, held)| (line(at), held))
    }

    #[test]
    fn what_sets_up_a_session_is_run_again_and_nothing_else() {
        for (text, expected) in [
            ("set search_path = app;\nupdate a set b = 1;\nreset all;\nselect pg_catalog.set_config('search_path', '', false);", vec![1, 3, 4]),
            ("begin;\nset a.b = 'c';\nset local a.b = 'd';\ncommit;\nbegin;\nset a.b = 'e';\nrollback;", vec![2]),
            ("set transaction read only; set constraints all deferred; select set_config('a.b', 'c', true);", vec![]),
            ("create function f() returns int language sql set search_path = '' as 'select set_config(''a.b'', ''c'', false)::int';", vec![]),
            ("create function f() returns text language sql begin atomic select set_config('a.b', 'c', false); end;", vec![]),
            ("do $$ begin update a set b = 1; perform set_config('a.b', 'c', true); set local a.b = 'd'; end $$;", vec![]),
            ("create table temp (a int); create table b (temp int); select 1 from temp", vec![]),
        ] {
            assert_eq!(of(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_only_that_session_has_is_told_unless_it_was_given_up() {
        for (text, expected) in [
            ("select 1;\ncreate temp table a (b int);", Some(Held::Temporary)),
            ("select 1;\ncreate or replace local temporary view \"A\" as select 1;", Some(Held::Temporary)),
            ("select 1;\nselect 1 as b into temporary table a;", Some(Held::Temporary)),
            ("select 1;\ncreate table pg_temp.a (b int);", Some(Held::Temporary)),
            ("select 1;\ncreate temp table if not exists a (); drop table pg_temp.a;", None),
            ("begin; create temp table a () on commit drop; commit; begin; create temp table a (); rollback", None),
            ("create temp table a (); discard temp", None),
            ("select 1;\nprepare p as select 1;", Some(Held::Prepared)),
            ("prepare p as select 1; deallocate prepare p; prepare q as select 1; deallocate all", None),
            ("select 1;\nprepare p as select 1; deallocate q", Some(Held::Prepared)),
            ("select 1;\nselect pg_advisory_lock(1, 2);", Some(Held::Lock)),
            ("select 1;\nbegin; select pg_catalog.pg_try_advisory_lock(1); rollback;", Some(Held::Lock)),
            ("select pg_advisory_lock(1); select pg_advisory_unlock(1); select pg_advisory_xact_lock(2)", None),
            ("select 1;\ndo $x$ begin perform pg_advisory_lock(1); end $x$;", Some(Held::Lock)),
            ("select 1;\nbegin; declare c cursor with hold for select 1; commit;", Some(Held::Cursor)),
            ("begin; declare c cursor with hold for select 1; commit; close c", None),
            ("select 1;\nselect set_config('a.b', max(c), false) from d;", Some(Held::Setting)),
            ("select 1;\ndo $$ begin set search_path = app; end $$;", Some(Held::Setting)),
            ("begin;\nset a.b = 'c'; savepoint s; set a.b = 'd'; rollback to s; commit;", Some(Held::Setting)),
        ] {
            assert_eq!(of(text).err(), expected.map(|held| (2, held)), "{text}");
        }
        assert_eq!(of("create temp table a ();\nprepare p as select 1;\nset a.b = 'c';\ndiscard all;"), Ok(vec![3, 4]));
    }

    proptest! {
        #[test]
        fn any_statement_is_read(text in any::<String>()) {
            for begin in ["", "do $$ ", "do '", "create temp ", "select set_config(", "prepare ", "deallocate "] {
                let text = format!("{begin}{text}");
                let pieces = split(&text).unwrap_or_default();
                let pieces: Vec<_> = pieces.iter().collect();
                if let Ok(units) = units(&pieces) {
                    let _ = session_of(&pieces, &units);
                }
            }
        }
    }
}
