//! One statement on a connection, with the rows of COPY where it has some.

use domain::migration::{Piece, PieceKind};
use ports::driven::FileFailure;
use sqlx::{AssertSqlSafe, PgConnection};

/// Large enough that messages cost nothing.
const CHUNK: usize = 128 * 1024;

/// A statement, and the rows that follow it.
#[derive(Clone, Debug)]
pub(super) struct Statement<'a> {
    pub(super) piece: Piece<'a>,
    pub(super) rows: Option<Piece<'a>>,
}

impl Statement<'_> {
    pub(super) fn line(&self) -> u32 {
        self.piece.line
    }

    pub(super) fn excerpt(&self) -> String {
        self.piece.excerpt()
    }

    /// What is wrong with it by our own rules.
    pub(super) fn failure(&self, code: &'static str, file: &str, message: impl Into<String>) -> FileFailure {
        let (line, statement) = (Some(self.line()), Some(self.excerpt()));
        FileFailure { code, file: file.to_owned(), line, statement, sqlstate: None, message: message.into() }
    }

    /// What was run, for the checksum of what has ended.
    pub(super) fn text(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.piece.body).chain(self.rows.iter().map(|rows| rows.body))
    }

    /// Runs it. Tells how many rows it wrote or gave.
    pub(super) async fn run(&self, connection: &mut PgConnection) -> Result<u64, sqlx::Error> {
        let Some(rows) = &self.rows else {
            return Ok(sqlx::raw_sql(AssertSqlSafe(self.piece.body.to_owned())).execute(connection).await?.rows_affected());
        };
        let mut sink = connection.copy_in_raw(self.piece.body).await?;
        for chunk in rows.body.as_bytes().chunks(CHUNK) {
            sink.send(chunk).await?;
        }
        sink.finish().await
    }
}

/// The statements of a file, without what stands between them.
pub(super) fn statements(pieces: Vec<Piece<'_>>) -> Vec<Statement<'_>> {
    let mut statements: Vec<Statement<'_>> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        match piece.kind {
            PieceKind::Statement | PieceKind::CopyFromStdin => statements.push(Statement { piece, rows: None }),
            PieceKind::CopyData => {
                if let Some(copy) = statements.last_mut() {
                    copy.rows = Some(piece);
                }
            }
            PieceKind::Blank => {}
        }
    }
    statements
}
