//! The data path to PostgreSQL: a whole exchange of statements before one Sync, so one implicit transaction in one round trip.
//!
//! It knows nothing of branches, users or tables: it takes SQL text with text parameters and gives back rows as text, without copying them and
//! without ever holding more than a few hundred kilobytes of an answer.

mod budget;
mod cancel;
mod connection;
mod dial;
mod error;
mod exchange;
mod framing;
mod idle;
mod lease;
mod long_error;
mod pool;
mod rows;
mod shared;
mod socket;
mod sql_error;
mod startup;
mod statement_cache;
mod stream;
mod target;
mod target_url;
mod tls;

pub use budget::Budget;
pub(crate) use budget::Counted;
pub use error::WireError;
pub use exchange::{Exchange, Statement};
pub use pool::{Pool, PoolStats};
pub use rows::{Cells, CommandTag, Row, RowPart, RowPiece};
pub use shared::{LoginMender, PoolOptions};
pub use sql_error::SqlError;
pub use stream::RowsStream;
pub use target::{ChannelBinding, Host, Target, TlsMode};
pub use target_url::InvalidTarget;
