//! Which statements the server has prepared on one connection, bounded, the least recently used going first.

use std::{collections::VecDeque, num::NonZeroUsize, sync::Arc};

use hashlink::LruCache;

/// Longer statements are parsed every time instead of being kept, so that the cache is bounded in bytes too.
const LONGEST_KEPT: usize = 16 * 1024;

/// How a statement is to be named in Bind.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Prepared {
    pub(super) name: Arc<str>,
    /// A Parse has to go before it.
    pub(super) parse: bool,
}

/// Invariant: `known` holds only names whose `ParseComplete` was seen and for which no Close was sent.
pub(super) struct StatementCache {
    capacity: NonZeroUsize,
    known: LruCache<Box<str>, Arc<str>>,
    /// Parses sent and not yet answered, in order.
    pending: VecDeque<(Box<str>, Arc<str>)>,
    /// Names the server still holds and nobody uses any more.
    retired: Vec<Arc<str>>,
    unnamed: Arc<str>,
    made: u64,
}

impl StatementCache {
    pub(super) fn new(capacity: NonZeroUsize) -> Self {
        Self { capacity, known: LruCache::new_unbounded(), pending: VecDeque::new(), retired: Vec::new(), unnamed: Arc::from(""), made: 0 }
    }

    pub(super) fn prepare(&mut self, sql: &str) -> Prepared {
        if let Some(name) = self.known.get(sql) {
            return Prepared { name: name.clone(), parse: false };
        }
        if let Some((_, name)) = self.pending.iter().find(|(pending, name)| &**pending == sql && !name.is_empty()) {
            return Prepared { name: name.clone(), parse: false }; // if its Parse fails, all that follows is skipped
        }
        let kept = sql.len() <= LONGEST_KEPT;
        let name = if kept { self.fresh_name() } else { self.unnamed.clone() };
        self.pending.push_back((if kept { sql.into() } else { "".into() }, name.clone()));
        Prepared { name, parse: true }
    }

    /// `ParseComplete` came. False when no Parse was waiting for it.
    pub(super) fn parsed(&mut self) -> bool {
        let Some((sql, name)) = self.pending.pop_front() else { return false };
        if name.is_empty() {
            return true;
        }
        self.known.insert(sql, name);
        if self.known.len() > self.capacity.get()
            && let Some((_, oldest)) = self.known.remove_lru()
        {
            self.retired.push(oldest);
        }
        true
    }

    /// The exchange is over: Parses still without an answer failed or were skipped, the server does not know their names.
    pub(super) fn end_exchange(&mut self) {
        self.pending.clear();
    }

    /// None of the prepared statements can be relied on any more.
    pub(super) fn forget_all(&mut self) {
        self.retired.extend(self.known.drain().map(|(_, name)| name));
    }

    /// Names to close before the next statement is sent.
    pub(super) fn take_retired(&mut self) -> Vec<Arc<str>> {
        std::mem::take(&mut self.retired)
    }

    fn fresh_name(&mut self) -> Arc<str> {
        self.made += 1;
        format!("s{}", self.made).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(capacity: usize) -> StatementCache {
        StatementCache::new(NonZeroUsize::new(capacity).unwrap())
    }

    #[test]
    fn a_name_is_known_only_after_parse_complete() {
        let mut cache = cache(8);
        let first = cache.prepare("select 1");
        assert!(first.parse);
        cache.end_exchange(); // the Parse failed
        let second = cache.prepare("select 1");
        assert!(second.parse && second.name != first.name);
        assert!(cache.parsed());
        cache.end_exchange();
        assert_eq!(cache.prepare("select 1"), Prepared { name: second.name, parse: false });
        assert!(!cache.parsed(), "nothing was waiting");
    }

    #[test]
    fn the_same_text_twice_in_an_exchange_is_parsed_once() {
        let mut cache = cache(8);
        let (first, second) = (cache.prepare("a"), cache.prepare("a"));
        assert!(first.parse && !second.parse);
        assert_eq!(first.name, second.name);
    }

    #[test]
    fn the_least_recently_used_is_closed() {
        let mut cache = cache(2);
        let mut names = vec![];
        for sql in ["a", "b"] {
            names.push(cache.prepare(sql).name);
            cache.parsed();
        }
        cache.prepare("a");
        cache.prepare("c");
        cache.parsed();
        assert_eq!(cache.take_retired(), [names[1].clone()]);
        assert!(!cache.prepare("a").parse);
        assert!(cache.prepare("b").parse);
    }

    #[test]
    fn a_very_long_statement_is_not_kept() {
        let mut cache = cache(2);
        let long = "x".repeat(LONGEST_KEPT + 1);
        assert_eq!(&*cache.prepare(&long).name, "");
        assert!(cache.parsed());
        assert!(cache.prepare(&long).parse);
    }
}
