//! The half of a file that takes it back: other tools keep both in one file, and run one of them.

use super::{
    file::MigrationFile,
    split::{PieceKind, split},
};
use crate::lexer::{Lexer, TokenKind};

/// Where a file's way back begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WayBack {
    /// The line, from 1.
    pub line: u32,
    /// The comment that says so, as it is written.
    pub mark: String,
}

/// How the tools mark the way back, and the way there: dbmate, goose, sql-migrate, node-pg-migrate.
const BACK: [&str; 4] = ["migrate:down", "+goose down", "+migrate down", "down migration"];
const THERE: [&str; 4] = ["migrate:up", "+goose up", "+migrate up", "up migration"];

impl WayBack {
    /// Where it begins, where there is one with a statement in it. A file that cannot be read has none; whoever runs it tells why.
    pub fn of(file: &MigrationFile) -> Option<Self> {
        let (mut line, mut begins_line) = (1, true);
        let mut found = None;
        for piece in split(&file.sql).ok()? {
            if piece.kind == PieceKind::CopyData {
                (line, begins_line) = (line + lines(piece.text), true);
                continue;
            }
            for token in Lexer::new(piece.text, 0) {
                let comment = token.text.strip_prefix("--").filter(|_| token.kind == TokenKind::Blank && begins_line);
                match comment {
                    Some(comment) if says(comment, &BACK) => found = Some(Self { line, mark: token.text.trim_end().to_owned() }),
                    Some(comment) if says(comment, &THERE) => found = None,
                    _ if token.kind != TokenKind::Blank && token.kind != TokenKind::Semicolon && found.is_some() => return found,
                    _ => {}
                }
                line += lines(token.text);
                let space = token.kind == TokenKind::Blank && token.text.trim().is_empty();
                begins_line = space && (begins_line || token.text.contains('\n'));
            }
        }
        None
    }
}

fn says(comment: &str, marks: &[&str]) -> bool {
    let words = comment.trim_start_matches('-').split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    marks.iter().any(|mark| {
        let rest = words.strip_prefix(mark);
        // The tools' own marks may have options; words that people use too must stand alone.
        rest.is_some_and(
            |rest| if mark.ends_with(" migration") { !rest.contains(char::is_alphanumeric) } else { rest.is_empty() || rest.starts_with(' ') },
        )
    })
}

fn lines(text: &str) -> u32 {
    u32::try_from(text.matches('\n').count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::{
        super::file::{Checksum, MigrationFile, MigrationVersion},
        WayBack,
    };

    fn of(sql: &str) -> Option<(u32, String)> {
        let file = MigrationFile { version: MigrationVersion::new(1), name: "1_a.sql".to_owned(), sql: sql.to_owned(), checksum: Checksum([0; 32]) };
        WayBack::of(&file).map(|back| (back.line, back.mark))
    }

    #[test]
    fn each_tools_mark_is_known() {
        for (there, back) in [
            ("-- migrate:up", "-- migrate:down"),
            ("-- migrate:up transaction:false", "--migrate:down transaction:false"),
            ("-- +goose Up", "-- +goose Down"),
            ("-- +migrate Up", "--  +migrate  DOWN notransaction"),
            ("-- Up Migration", "-- Down Migration"),
            ("--- up migration", "   --- down migration ---"),
        ] {
            let sql = format!("{there}\r\ncreate table a ();\n\n{back}\r\n-- all of it\ndrop table a;");
            assert_eq!(of(&sql), Some((4, back.trim().to_owned())), "{sql}");
            assert_eq!(of(&format!("{there}\ncreate table a ();\n{back}\n\n-- nothing\n;")), None, "what takes nothing back does no harm");
        }
        assert_eq!(of("-- migrate:down\ndrop table a;\n-- migrate:up\ncreate table a ();").map(|(line, _)| line), Some(1));
        assert_eq!(of("select 1 -- the last\n-- migrate:down\n;drop table a").map(|(line, _)| line), Some(2));
    }

    #[test]
    fn what_only_looks_like_a_mark_is_none() {
        for sql in [
            "select '\n-- migrate:down\n'; drop table a",
            "do $$\n-- migrate:down\nbegin end $$; drop table a",
            "/*\n-- migrate:down\n*/ drop table a",
            "copy a from stdin;\n-- migrate:down\n\\.\ndrop table a",
            "select 1; -- migrate:down\ndrop table a",
            "-- no down migration here\ndrop table a",
            "-- Down migration is not possible: what is dropped is gone\ndrop table a",
            "-- migrate:downwards\ndrop table a",
            "-- migrate:down\nselect 'unclosed",
        ] {
            assert_eq!(of(sql), None, "{sql}");
        }
    }
}
