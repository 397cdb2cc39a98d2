//! What is split where, and that nothing is lost or panics whatever the text.

use super::{PieceKind, SplitProblem, split};
use proptest::{collection::vec, prelude::*, sample::select};

fn bodies(text: &str) -> Vec<(u32, &str)> {
    let pieces = split(text).unwrap();
    pieces.into_iter().filter(|piece| piece.kind != PieceKind::Blank).map(|piece| (piece.line, piece.body)).collect()
}

#[test]
fn statements_are_found_with_their_lines() {
    let text = "-- first;\ncreate table a (b text default ';');\n\n/* ; */ insert into a\nvalues ('x');;\nselect 1";
    assert_eq!(
        bodies(text),
        [(2, "create table a (b text default ';');"), (4, "insert into a\nvalues ('x');"), (6, "select 1")],
        "a statement begins after its comments"
    );
}

#[test]
fn bodies_of_routines_and_rules_stay_whole() {
    for text in [
        "create function f() returns int begin atomic select 1; select case when true then 2 else 3 end; end;",
        "create or replace procedure p(x int default (1)) begin atomic insert into t values (1); end;",
        "create function begin() returns int language sql as 'select 1; select 2';",
        "create function f() returns int language sql as $body$ select 1; $body$;",
        "create rule r as on insert to t do (insert into u values (1); insert into v values (2));",
        "do $$ begin perform 1; end $$;",
    ] {
        let next = format!("{text}\nselect 2;");
        assert_eq!(bodies(&next), [(1, text), (2, "select 2;")]);
    }
}

#[test]
fn rows_of_copy_are_a_piece_of_their_own() {
    let text = "COPY public.t (a, b) FROM stdin;\n1\t;'\n2\t\\N\n\\.\n\nselect 1;";
    let pieces = split(text).unwrap();
    let kinds: Vec<_> = pieces.iter().map(|piece| (piece.kind, piece.line, piece.body)).collect();
    assert_eq!(
        kinds,
        [
            (PieceKind::CopyFromStdin, 1, "COPY public.t (a, b) FROM stdin;"),
            (PieceKind::CopyData, 2, "1\t;'\n2\t\\N\n"),
            (PieceKind::Statement, 6, "select 1;"),
        ]
    );
    assert_eq!(bodies("copy t from '/etc/passwd';"), [(1, "copy t from '/etc/passwd';")]);
    assert_eq!(bodies("copy (select a from stdin) to '/x'; select 1").len(), 2);
    assert_eq!(split("copy t from stdin; select 1;").unwrap_err().problem, SplitProblem::TextAfterCopy);
    assert_eq!(bodies("copy t from stdin with (format csv);\na,b\n").len(), 2);
}

#[test]
fn commands_of_psql_are_refused_with_their_line_and_guards_of_pg_dump_left_out() {
    for (text, line) in [("\\! rm -rf /", 1), ("select 1;\n\\copy t from 'x'", 2), ("select 1 \\gexec", 1), ("select\n1\n\\restrict abc\n;", 3)] {
        let fault = split(text).unwrap_err();
        assert_eq!((fault.line, fault.problem), (line, SplitProblem::PsqlCommand), "{text}");
    }
    assert!(split("\\! x").unwrap_err().to_string().starts_with("line 1: psql commands are not run here"));
    assert_eq!(bodies("--\n\\restrict aB3\n\nselect 1;\n\\unrestrict aB3\n"), [(4, "select 1;")]);
    assert!(split("\\restrict a; \\! x\n").is_err());
    assert_eq!(bodies("select '\\! x', $$\\! y$$;").len(), 1);
}

#[test]
fn what_is_never_closed_is_told_where_it_begins() {
    for (text, problem) in [
        ("select 1;\n select 'a", SplitProblem::OpenText),
        ("\nselect \"a", SplitProblem::OpenName),
        ("\nselect $x$ $$", SplitProblem::OpenDollarQuote),
        ("\n/* /* */", SplitProblem::OpenComment),
        ("\nE'\\'", SplitProblem::OpenText),
        ("a\n\0", SplitProblem::NulCharacter),
    ] {
        let fault = split(text).unwrap_err();
        assert_eq!((fault.line, fault.problem), (2, problem), "{text:?}");
    }
}

#[test]
fn a_large_file_is_split_in_time() {
    let text = "insert into t values (1, 'some text; with semicolons', $$and more$$);\n".repeat(100_000);
    assert_eq!(bodies(&text).len(), 100_000);
}

/// Texts that look like SQL, and any others.
fn hostile() -> impl Strategy<Value = String> {
    const KNOWN: &[&str] = &[
        "'",
        "\"",
        "$$",
        "$a$",
        "$",
        "--",
        "/*",
        "*/",
        ";",
        "(",
        ")",
        "\\",
        "\\.",
        "\n",
        "\r\n",
        " ",
        "E'",
        "e",
        "U&'",
        "copy ",
        "COPY t ",
        "from ",
        "stdin",
        "create ",
        "function ",
        "or replace ",
        "begin ",
        "atomic ",
        "case ",
        "end ",
        "commit",
        "select 1",
        "é",
        "\u{feff}",
        "1",
        "1$a$",
        "\\restrict a\n",
        ".",
    ];
    let known = vec(select(KNOWN), 0..40).prop_map(|parts| parts.concat());
    prop_oneof![3 => known, 1 => any::<String>()]
}

proptest! {
    #[test]
    fn all_pieces_together_are_the_file(text in hostile()) {
        if let Ok(pieces) = split(&text) {
            prop_assert_eq!(pieces.iter().map(|piece| piece.text).collect::<String>(), text.clone());
            for piece in &pieces {
                prop_assert!(piece.text.contains(piece.body));
                prop_assert!(piece.kind != PieceKind::Statement || !piece.body.trim().is_empty());
                let _ = (piece.excerpt(), piece.transaction_control());
            }
        }
    }

    #[test]
    fn a_statement_of_a_split_file_is_one_statement(text in hostile()) {
        for piece in split(&text).into_iter().flatten().filter(|piece| piece.kind == PieceKind::Statement) {
            let again = split(piece.body).unwrap();
            prop_assert_eq!(again.len(), 1, "{:?}", piece.body);
        }
    }
}
