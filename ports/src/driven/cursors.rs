//! Cursors of pages.

use domain::table::PageSubject;

/// Makes the cursors that lead from one page of rows to the next.
///
/// # Contract
/// What [`CursorSeal::seal`] gives is opened by any replica, for an equal subject only, and cannot be made or changed by anybody else. It has no
/// characters but `A-Z a-z 0-9 - _`.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait CursorSeal: Send + Sync {
    /// The cursor of the page that begins behind so many rows.
    fn seal(&self, subject: &PageSubject, offset: u64) -> String;

    /// Where a cursor's page begins; `None` where it is not one of this subject.
    fn open(&self, subject: &PageSubject, cursor: &str) -> Option<u64>;
}
