//! Splitting a file into statements, where the server would: each is sent and reported by itself.

use super::statement::TransactionControl;
use crate::lexer::{Lexer, Token, TokenKind, Unclosed};
use std::fmt;

/// What a piece of a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PieceKind {
    /// A statement.
    Statement,
    /// A `COPY .. FROM stdin` statement; the data follow as the next piece.
    CopyFromStdin,
    /// The rows of the statement before, and the line `\.` that ends them.
    CopyData,
    /// White space, comments, and `pg_dump`'s lines `\restrict` and `\unrestrict`, which speak to psql alone.
    Blank,
}

/// A piece of a file. All pieces together are the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// What it is.
    pub kind: PieceKind,
    /// All of it, with what stands before the statement.
    pub text: &'a str,
    /// The statement itself, with its semicolon; the rows alone.
    pub body: &'a str,
    /// The line of the file on which the body begins, from 1.
    pub line: u32,
    /// Its first words in lower case, as far as they are keywords or plain names.
    pub words: Vec<String>,
}

impl Piece<'_> {
    /// Whether it begins with these words.
    pub fn begins_with(&self, words: &[&str]) -> bool {
        self.words.len() >= words.len() && self.words.iter().zip(words).all(|(own, word)| own == word)
    }

    /// What it does to a transaction.
    pub fn transaction_control(&self) -> Option<TransactionControl> {
        TransactionControl::of(&self.words)
    }

    /// The beginning of the statement in one line, for people.
    pub fn excerpt(&self) -> String {
        const LENGTH: usize = 160;
        let mut excerpt = String::new();
        for word in self.body.split_whitespace() {
            if !excerpt.is_empty() {
                excerpt.push(' ');
            }
            excerpt.push_str(word);
            if excerpt.chars().count() > LENGTH {
                return excerpt.chars().take(LENGTH).chain(['…']).collect();
            }
        }
        excerpt
    }
}

/// Why a file cannot be split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitFault {
    /// The line, from 1.
    pub line: u32,
    /// What is wrong there.
    pub problem: SplitProblem,
}

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SplitProblem {
    /// A command of psql.
    PsqlCommand,
    /// A string that is not closed.
    OpenText,
    /// A quoted name that is not closed.
    OpenName,
    /// A dollar-quoted text that is not closed.
    OpenDollarQuote,
    /// A comment that is not closed.
    OpenComment,
    /// More than white space between `COPY .. FROM stdin;` and the end of its line.
    TextAfterCopy,
    /// A character that no statement can hold.
    NulCharacter,
}

impl fmt::Display for SplitFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.problem {
            SplitProblem::PsqlCommand => "psql commands are not run here: take the backslash command out",
            SplitProblem::OpenText => "a string begins that is never closed",
            SplitProblem::OpenName => "a quoted name begins that is never closed",
            SplitProblem::OpenDollarQuote => "a dollar-quoted text begins that is never closed",
            SplitProblem::OpenComment => "a comment begins that is never closed",
            SplitProblem::TextAfterCopy => "COPY .. FROM stdin must be the last of its line: its rows begin on the next",
            SplitProblem::NulCharacter => "there is a NUL character, which PostgreSQL takes nowhere",
        };
        write!(f, "line {}: {what}", self.line)
    }
}

impl std::error::Error for SplitFault {}

/// Splits a file into its pieces.
pub fn split(text: &str) -> Result<Vec<Piece<'_>>, SplitFault> {
    if let Some(at) = text.find('\0') {
        return Err(SplitFault { line: line_of(text, at), problem: SplitProblem::NulCharacter });
    }
    let mut splitter = Splitter { text, begin: 0, line: 1, counted: 0, pieces: Vec::new() };
    while splitter.begin < text.len() {
        splitter.next_piece()?;
    }
    Ok(splitter.pieces)
}

/// How many of a statement's words are kept.
const WORDS: usize = 12;

struct Splitter<'a> {
    text: &'a str,
    /// Where the next piece begins.
    begin: usize,
    /// The line of `counted`.
    line: u32,
    counted: usize,
    pieces: Vec<Piece<'a>>,
}

/// What is known of the statement that is being read.
#[derive(Default)]
struct Statement {
    start: Option<usize>,
    words: Vec<String>,
    /// Cleared at the first token that is no word, or once there are enough.
    gathers: bool,
    parentheses: usize,
    /// Open `BEGIN ATOMIC` bodies, and the `CASE`s in them.
    atomic: usize,
    after_begin: bool,
    copies: Copies,
}

/// How far a statement looks like `COPY .. FROM stdin`.
#[derive(Default, PartialEq, Eq)]
enum Copies {
    #[default]
    No,
    From,
    Stdin,
}

impl Statement {
    /// Takes a word in.
    fn word(&mut self, word: &str) {
        if self.gathers && self.words.len() < WORDS {
            self.words.push(word.to_lowercase());
        }
        if self.parentheses > 0 {
            return;
        }
        if self.words.first().is_some_and(|first| first == "copy") {
            self.copies = match self.copies {
                Copies::No | Copies::From if word.eq_ignore_ascii_case("from") => Copies::From,
                Copies::From if word.eq_ignore_ascii_case("stdin") => Copies::Stdin,
                Copies::From | Copies::No => Copies::No,
                Copies::Stdin => Copies::Stdin,
            };
        }
        if !self.makes_routine() {
            return;
        }
        let opens = std::mem::take(&mut self.after_begin) && word.eq_ignore_ascii_case("atomic");
        if opens || (self.atomic > 0 && word.eq_ignore_ascii_case("case")) {
            self.atomic += 1;
        } else if word.eq_ignore_ascii_case("end") {
            self.atomic = self.atomic.saturating_sub(1);
        }
        self.after_begin = word.eq_ignore_ascii_case("begin");
    }

    fn makes_routine(&self) -> bool {
        let word = |at: usize| self.words.get(at).map(String::as_str);
        let kind = if word(1) == Some("or") && word(2) == Some("replace") { word(3) } else { word(1) };
        word(0) == Some("create") && matches!(kind, Some("function" | "procedure"))
    }

    fn ends_at_semicolon(&self) -> bool {
        self.parentheses == 0 && self.atomic == 0
    }
}

impl Splitter<'_> {
    fn next_piece(&mut self) -> Result<(), SplitFault> {
        let mut statement = Statement { gathers: true, ..Statement::default() };
        for token in Lexer::new(self.text, self.begin) {
            if let Some(unclosed) = token.unclosed {
                return Err(self.fault(token.start, problem(unclosed)));
            }
            if token.kind == TokenKind::Blank {
                continue;
            }
            if token.kind == TokenKind::Backslash {
                return self.backslash(&token, statement.start.is_some());
            }
            let start = *statement.start.get_or_insert(token.start);
            match token.kind {
                TokenKind::Word => statement.word(token.text),
                TokenKind::Open => statement.parentheses += 1,
                TokenKind::Close => statement.parentheses = statement.parentheses.saturating_sub(1),
                TokenKind::Semicolon if statement.ends_at_semicolon() => return self.end(start, token.start + 1, statement),
                _ => {}
            }
            statement.gathers &= token.kind == TokenKind::Word;
            statement.after_begin &= token.kind == TokenKind::Word;
        }
        let end = self.text.len();
        if let Some(start) = statement.start {
            return self.end(start, end, statement);
        }
        self.push(PieceKind::Blank, self.begin, end, end, Vec::new());
        Ok(())
    }

    fn end(&mut self, start: usize, end: usize, statement: Statement) -> Result<(), SplitFault> {
        // A semicolon alone is no statement.
        if statement.words.is_empty() && &self.text[start..end] == ";" {
            self.push(PieceKind::Blank, start, end, end, Vec::new());
            return Ok(());
        }
        if statement.copies != Copies::Stdin {
            self.push(PieceKind::Statement, start, end, end, statement.words);
            return Ok(());
        }
        let data = self.after_line(end)?;
        self.push(PieceKind::CopyFromStdin, start, end, data, statement.words);
        let (rows, rest) = copy_data(self.text, data);
        self.push(PieceKind::CopyData, data, rows, rest, Vec::new());
        Ok(())
    }

    /// Where the line after this one begins. Nothing but white space and a comment may stand between.
    fn after_line(&self, end: usize) -> Result<usize, SplitFault> {
        let rest = &self.text[end..];
        let length = rest.find('\n').map_or(rest.len(), |at| at + 1);
        let line = rest[..length].trim();
        if line.is_empty() || line.starts_with("--") { Ok(end + length) } else { Err(self.fault(end, SplitProblem::TextAfterCopy)) }
    }

    /// `pg_dump` guards its output by two lines that psql alone understands; they are left out. Every other command is refused.
    fn backslash(&mut self, token: &Token<'_>, inside: bool) -> Result<(), SplitFault> {
        let before = &self.text[..token.start];
        let rest = &self.text[token.start..];
        let length = rest.find('\n').map_or(rest.len(), |at| at + 1);
        let line = rest[..length].trim_end();
        let key = ["\\restrict ", "\\unrestrict "].iter().find_map(|command| line.strip_prefix(command));
        let guards =
            !inside && (before.is_empty() || before.ends_with('\n')) && key.is_some_and(|key| key.bytes().all(|b| b.is_ascii_alphanumeric()));
        if !guards {
            return Err(self.fault(token.start, SplitProblem::PsqlCommand));
        }
        let end = token.start + length;
        self.push(PieceKind::Blank, token.start, end, end, Vec::new());
        Ok(())
    }

    /// A piece from where the last one ended to `end`, of which `start..body_end` is what counts.
    fn push(&mut self, kind: PieceKind, start: usize, body_end: usize, end: usize, words: Vec<String>) {
        let line = self.line_at(start);
        let piece = Piece { kind, text: &self.text[self.begin..end], body: &self.text[start..body_end], line, words };
        self.begin = end;
        if !piece.text.is_empty() || kind == PieceKind::CopyData {
            self.pieces.push(piece);
        }
    }

    fn line_at(&mut self, at: usize) -> u32 {
        self.line += count_lines(&self.text[self.counted..at]);
        self.counted = at;
        self.line
    }

    fn fault(&self, at: usize, problem: SplitProblem) -> SplitFault {
        SplitFault { line: line_of(self.text, at), problem }
    }
}

/// Where the rows end, and where what follows their last line begins.
fn copy_data(text: &str, begin: usize) -> (usize, usize) {
    let mut at = begin;
    for line in text[begin..].split_inclusive('\n') {
        if line.trim_end_matches(['\n', '\r']) == "\\." {
            return (at, at + line.len());
        }
        at += line.len();
    }
    (at, at)
}

fn problem(unclosed: Unclosed) -> SplitProblem {
    match unclosed {
        Unclosed::Text => SplitProblem::OpenText,
        Unclosed::QuotedName => SplitProblem::OpenName,
        Unclosed::DollarQuote => SplitProblem::OpenDollarQuote,
        Unclosed::Comment => SplitProblem::OpenComment,
    }
}

fn line_of(text: &str, at: usize) -> u32 {
    count_lines(&text[..at]) + 1
}

fn count_lines(text: &str) -> u32 {
    u32::try_from(text.bytes().filter(|byte| *byte == b'\n').count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[path = "split_tests.rs"]
mod tests;
