//! An error as PostgreSQL told it, with every field of the protocol.

use std::{error::Error, fmt};

use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::ErrorFields;

/// An error as PostgreSQL told it, with every field of the protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SqlError {
    /// ERROR, FATAL or PANIC, never translated.
    pub severity: String,
    /// The severity in the server's language.
    pub local_severity: String,
    /// The five characters of the SQLSTATE.
    pub sqlstate: String,
    /// The primary message.
    pub message: String,
    /// More about it.
    pub detail: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// Where in the statement, in characters from 1.
    pub position: Option<u32>,
    /// Where in `internal_query`.
    pub internal_position: Option<u32>,
    /// The statement that failed inside a function.
    pub internal_query: Option<String>,
    /// The call stack (`where` in the protocol).
    pub context: Option<String>,
    /// Schema of the object concerned.
    pub schema: Option<String>,
    /// Table concerned.
    pub table: Option<String>,
    /// Column concerned.
    pub column: Option<String>,
    /// Data type concerned.
    pub data_type: Option<String>,
    /// Constraint concerned.
    pub constraint: Option<String>,
    /// Source file of the server.
    pub file: Option<String>,
    /// Line in it.
    pub line: Option<u32>,
    /// Function in it.
    pub routine: Option<String>,
}

impl SqlError {
    pub(super) fn read(mut fields: ErrorFields<'_>) -> Self {
        let mut error = Self::default();
        while let Ok(Some(field)) = fields.next() {
            let text = String::from_utf8_lossy(field.value_bytes()).into_owned();
            match field.type_() {
                b'S' => error.local_severity = text,
                b'V' => error.severity = text,
                b'C' => error.sqlstate = text,
                b'M' => error.message = text,
                b'D' => error.detail = Some(text),
                b'H' => error.hint = Some(text),
                b'P' => error.position = text.parse().ok(),
                b'p' => error.internal_position = text.parse().ok(),
                b'q' => error.internal_query = Some(text),
                b'W' => error.context = Some(text),
                b's' => error.schema = Some(text),
                b't' => error.table = Some(text),
                b'c' => error.column = Some(text),
                b'd' => error.data_type = Some(text),
                b'n' => error.constraint = Some(text),
                b'F' => error.file = Some(text),
                b'L' => error.line = text.parse().ok(),
                b'R' => error.routine = Some(text),
                _ => {} // fields of later servers may be passed over, says the protocol
            }
        }
        error
    }

    /// The server closes the connection after this one.
    pub fn is_fatal(&self) -> bool {
        matches!(self.severity.as_str(), "FATAL" | "PANIC")
    }

    /// PostgreSQL itself ends the session, between two steps of its work: what it had done by then it has answered before, and what it had not committed is
    /// undone. A pooler's FATAL says nothing of what became of the session behind it.
    pub(super) fn is_farewell(&self) -> bool {
        self.is_fatal() && matches!(self.sqlstate.as_str(), "57P01" | "57P05") && self.routine.as_deref() == Some("ProcessInterrupts")
    }

    /// A prepared statement no longer fits the schema, or is gone; preparing it anew helps.
    pub(super) fn is_stale_statement(&self) -> bool {
        // 0A000 has many causes, this one is known by the function that raises it: messages are translated, function names are not.
        self.sqlstate == "26000" || (self.sqlstate == "0A000" && self.routine.as_deref() == Some("RevalidateCachedQuery"))
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (SQLSTATE {})", self.message, self.sqlstate)
    }
}

impl Error for SqlError {}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use postgres_protocol::message::backend::Message;

    use super::*;

    fn read(fields: &[u8]) -> SqlError {
        let mut bytes = BytesMut::from(&b"E"[..]);
        bytes.extend_from_slice(&u32::try_from(fields.len() + 4).unwrap().to_be_bytes());
        bytes.extend_from_slice(fields);
        match Message::parse(&mut bytes).unwrap() {
            Some(Message::ErrorResponse(body)) => SqlError::read(body.fields()),
            _ => panic!("not an error response"),
        }
    }

    #[test]
    fn every_field_is_kept_and_unknown_ones_are_passed_over() {
        let error = read(b"SFEHLER\0VERROR\0C23505\0Mm\0Dd\0Hh\0P7\0p8\0qq\0Ww\0ss\0tt\0cc\0dd\0nn\0Ff\0L9\0Rr\0Zwhat\0\0");
        assert_eq!((error.severity.as_str(), error.local_severity.as_str()), ("ERROR", "FEHLER"));
        assert_eq!((error.sqlstate.as_str(), error.message.as_str()), ("23505", "m"));
        assert_eq!((error.position, error.internal_position, error.line), (Some(7), Some(8), Some(9)));
        let texts = [
            error.detail,
            error.hint,
            error.internal_query,
            error.context,
            error.schema,
            error.table,
            error.column,
            error.data_type,
            error.constraint,
            error.file,
            error.routine,
        ];
        assert_eq!(texts.map(|text| text.unwrap()).join(""), "dhqwstcdnfr");
    }

    #[test]
    fn only_the_plan_cache_makes_a_stale_statement_of_0a000() {
        assert!(read(b"C0A000\0RRevalidateCachedQuery\0\0").is_stale_statement());
        assert!(!read(b"C0A000\0RtransformForLocking\0\0").is_stale_statement());
        assert!(read(b"C26000\0\0").is_stale_statement());
    }
}
