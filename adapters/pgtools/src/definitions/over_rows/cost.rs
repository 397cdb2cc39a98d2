//! How long a statement over rows takes, and how much memory does it good: enough of both to say what is begun first.

use super::looks;
use crate::schema::archive::Entry;

/// How much bigger a table than the memory to sort it in, and the bounds of that. A sort that stays in the processor's cache beats one that keeps more at
/// hand: GIN over 745,000 documents of JSON took 2.4 s with 4 MB, 2.7 with 8 and 3.7 with 64, a btree over 1.5 million rows 1.0 s and 1.2 s. The bigger the
/// table, the more passes that costs.
const TABLE_TO_MEMORY: u64 = 64;
const LEAST_MEMORY: u64 = 4 * 1024 * 1024;
const MOST_MEMORY: u64 = 192 * 1024 * 1024;

/// How much bigger than its table a graph of neighbours is, and the most that is given for one, in bytes. Where it does not fit, what is built goes through the
/// index on disk: HNSW over 20,000 vectors of 128 took 20 s in 192 MB and 75 s in 8 MB.
const GRAPH_TO_TABLE: u64 = 3;
const MOST_FOR_A_GRAPH: u64 = 512 * 1024 * 1024;

/// To read so many bytes takes as long as to sort a row: a btree over 1.5 million rows of 85 MB took twice as long as one over half as many in 140 MB.
const BYTES_TO_A_ROW: u64 = 1024;

/// Rows of a table that ANALYZE looks at where `default_statistics_target` is what it is unless said otherwise, and how many rows in an index each is worth.
const SAMPLE: u64 = 30_000;
const SAMPLED_ROW: u64 = 15;

/// A table with rows.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct Size {
    pub(in super::super) bytes: u64,
    pub(in super::super) rows: u64,
}

/// Bytes to build an index with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Memory {
    Exactly(u64),
    /// Or what the server grants by itself, where that is more.
    AtLeast(u64),
}

/// What is done to rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Columns that stand in some order already, or are compared as quickly as numbers.
    Plain,
    /// Several columns, or something that is calculated for every row.
    Composed,
    /// GIN and its like: many entries for a row.
    Manifold,
    /// Neighbours in space, searched anew for every row.
    Neighbours,
    /// They are counted, and some are looked at.
    Look,
}

impl Kind {
    pub(super) fn of(entry: &Entry) -> Self {
        if entry.kind == looks::KIND {
            return Self::Look;
        }
        let Some((_, rest)) = entry.definition.split_once(" USING ") else { return Self::Plain };
        let (method, columns) = rest.split_once(' ').unwrap_or((rest, ""));
        match method {
            "gin" | "gist" | "spgist" => Self::Manifold,
            "hnsw" | "ivfflat" => Self::Neighbours,
            // What stands in the first parenthesis: `owner`, `item, price`, `md5(note`.
            _ if columns.split(')').next().is_some_and(|columns| columns.trim_start_matches('(').contains(['(', ','])) => Self::Composed,
            _ => Self::Plain,
        }
    }

    /// How long it takes over a table of that size, in rows of a plain index. Measured for all but the neighbours, on 1.5 and 0.75 million rows: 0.2 µs a row for
    /// numbers in order, 0.7 to 0.9 where there is something to sort or calculate, 3 to 4 for GIN over documents.
    pub(super) fn cost(self, Size { bytes, rows }: Size) -> u64 {
        let through = rows.saturating_add(bytes / BYTES_TO_A_ROW);
        match self {
            Self::Plain => through,
            Self::Composed => through.saturating_mul(3),
            Self::Manifold => through.saturating_mul(12),
            Self::Neighbours => through.saturating_mul(1000),
            Self::Look => (through / 4).saturating_add(rows.min(SAMPLE) * SAMPLED_ROW),
        }
    }

    /// How it is done by several processes where some are idle: they share the memory, and there is none below 32 MB for each. GIN gains little by them, and
    /// PostgreSQL 17 has none for it.
    pub(super) fn shared_memory(self, bytes: u64) -> Option<Memory> {
        match self {
            Self::Manifold => None,
            Self::Neighbours => Some(self.memory(bytes)),
            Self::Plain | Self::Composed | Self::Look => Some(Memory::Exactly(MOST_MEMORY)),
        }
    }

    /// Memory over a table of so many bytes, in bytes.
    pub(super) fn memory(self, bytes: u64) -> Memory {
        match self {
            Self::Neighbours => Memory::AtLeast(bytes.saturating_mul(GRAPH_TO_TABLE).clamp(MOST_MEMORY, MOST_FOR_A_GRAPH)),
            _ => Memory::Exactly((bytes / TABLE_TO_MEMORY).clamp(LEAST_MEMORY, MOST_MEMORY)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, Memory, Size};
    use crate::schema::archive::Entry;

    fn kind(definition: &str) -> Kind {
        Kind::of(&Entry { kind: "INDEX".to_owned(), definition: definition.to_owned(), ..Entry::default() })
    }

    #[test]
    fn an_index_says_what_it_does_for_each_row() {
        assert_eq!(kind("ALTER TABLE ONLY t ADD CONSTRAINT t_pkey PRIMARY KEY (id, part);"), Kind::Plain);
        assert_eq!(kind("CREATE INDEX i ON public.t USING btree (owner);"), Kind::Plain);
        assert_eq!(kind("CREATE INDEX i ON public.t USING btree (owner) WHERE (owner > 3);"), Kind::Plain);
        assert_eq!(kind("CREATE INDEX i ON public.t USING btree (item, price);"), Kind::Composed);
        assert_eq!(kind("CREATE INDEX i ON public.t USING btree (md5(note));"), Kind::Composed);
        assert_eq!(kind("CREATE INDEX i ON public.t USING gin (payload);"), Kind::Manifold);
        assert_eq!(kind("CREATE INDEX i ON public.t USING hnsw (e public.vector_l2_ops);"), Kind::Neighbours);
    }

    #[test]
    fn what_takes_longer_costs_more() {
        let size = Size { bytes: 85 << 20, rows: 1_500_000 };
        let costs = [Kind::Look, Kind::Plain, Kind::Composed, Kind::Manifold, Kind::Neighbours].map(|kind| kind.cost(size));
        assert!(costs.is_sorted(), "{costs:?}");
        // A table of few rows is looked at as a whole, and a big one by a sample.
        assert_eq!(Kind::Look.cost(Size { bytes: 4096, rows: 100 }), 26 + 1500);
        assert_eq!([1, 100 << 20, 1 << 40].map(|bytes| Kind::Neighbours.memory(bytes)), [192, 300, 512].map(|mb| Memory::AtLeast(mb << 20)));
        assert_eq!([1, 2 << 30, 1 << 40].map(|bytes| Kind::Plain.memory(bytes)), [4, 32, 192].map(|mb| Memory::Exactly(mb << 20)));
    }
}
