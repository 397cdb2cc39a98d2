//! What is asked in one round trip: statements that share one implicit transaction.

use super::error::WireError;

/// A statement with its parameters, all in text format; `None` is NULL.
#[derive(Clone, Copy, Debug)]
pub struct Statement<'a> {
    /// One SQL statement with `$1`, `$2`, ... for its parameters.
    pub sql: &'a str,
    /// The parameters, as PostgreSQL reads their types from text.
    pub params: &'a [Option<&'a str>],
}

/// Statements that travel before one Sync: they are one implicit transaction, unless they say `begin` and `rollback` themselves.
///
/// The first that fails undoes all of them, and those after it are not run.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// What is to hold for the main statement: role, claims, limits. Rows are discarded.
    pub prelude: &'a [Statement<'a>],
    /// The one whose rows are wanted.
    pub main: Statement<'a>,
    /// What comes after, such as `rollback`. Rows are discarded.
    pub trailing: &'a [Statement<'a>],
    /// Whether it may be sent a second time when the connection turns out to be dead before anything was answered, and nobody knows what was done: true
    /// for reads only.
    ///
    /// Where it is known that nothing was done, every exchange may: the server closed the session before it began, or never got the whole message.
    pub retry_safe: bool,
}

impl<'a> Exchange<'a> {
    pub(super) fn statements(&self) -> impl Iterator<Item = &Statement<'a>> {
        self.prelude.iter().chain([&self.main]).chain(self.trailing)
    }

    pub(super) fn len(&self) -> usize {
        self.prelude.len() + 1 + self.trailing.len()
    }

    /// Refuses what would break off in the midst of being written.
    pub(super) fn check(&self) -> Result<(), WireError> {
        for statement in self.statements() {
            if statement.sql.contains('\0') {
                return Err(WireError::Unsendable("its text holds a NUL byte"));
            }
            if statement.params.len() > usize::from(u16::MAX) {
                return Err(WireError::Unsendable("it has more than 65535 parameters"));
            }
        }
        Ok(())
    }
}
