//! Rows as PostgreSQL wrote them: JSON text that is passed on unparsed.

mod ends;

use domain::Failure;
use ports::driven::Document;
use serde_json::value::RawValue;

/// An array of rows.
#[derive(Debug)]
pub(crate) struct RowsText {
    /// The array.
    pub(crate) json: String,
    /// Rows in it.
    pub(crate) rows: u64,
    /// Whether it was ended early because it would have been too long.
    pub(crate) truncated: bool,
}

/// Gathers a document of at most so many bytes and rows. A longer one is ended at a row's end, and what is left of it is not read.
pub(crate) async fn gather(mut document: Box<dyn Document>, max_bytes: u64, max_rows: Option<u64>) -> Result<GatheredRows, Failure> {
    let max_bytes = usize::try_from(max_bytes).unwrap_or(usize::MAX);
    // Most documents are one chunk, which is its own text then.
    let mut text = document.next().await?.map(Vec::from).unwrap_or_default();
    let mut cut = false;
    loop {
        if text.len() > max_bytes {
            cut = true;
            break;
        }
        let Some(chunk) = document.next().await? else { break };
        text.extend_from_slice(&chunk);
    }
    let ended_early = cut || document.truncated();
    let found = if cut { ends::keep_bytes(&mut text, max_bytes) } else { document.rows() };
    let rows = match max_rows {
        Some(max) if found > max => ends::keep_rows(&mut text, max),
        _ => found,
    };
    let complete = max_rows.is_some_and(|max| rows >= max);
    let json = String::from_utf8(text).map_err(Failure::internal)?;
    debug_assert!(serde_json::from_str::<&RawValue>(&json).is_ok(), "no JSON: {json}");
    Ok(GatheredRows { rows: RowsText { json, rows, truncated: ended_early && !complete }, more: ended_early || found > rows })
}

/// An object with rows and what is said of them, itself an object in JSON.
pub(crate) fn beside(rows: &str, about: &str) -> String {
    let members = about.strip_prefix('{').filter(|members| *members != "}");
    let (comma, rest) = members.map_or(("", "}"), |members| (",", members));
    ["{\"rows\":", rows, comma, rest].concat()
}

/// Rows, and whether there are more.
#[derive(Debug)]
pub(crate) struct GatheredRows {
    /// What was gathered.
    pub(crate) rows: RowsText,
    /// Whether the document had more.
    pub(crate) more: bool,
}

#[cfg(test)]
pub(crate) mod testing {
    use async_trait::async_trait;
    use bytes::Bytes;
    use domain::Failure;
    use ports::driven::Document;

    /// A document in chunks of a few bytes.
    pub(crate) struct Chunks {
        pub(crate) left: Vec<u8>,
        pub(crate) rows: u64,
        pub(crate) truncated: bool,
    }

    impl Chunks {
        pub(crate) fn boxed(text: &str, rows: u64, truncated: bool) -> Box<dyn Document> {
            Box::new(Self { left: text.as_bytes().to_vec(), rows, truncated })
        }
    }

    #[async_trait]
    impl Document for Chunks {
        async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
            let size = self.left.len().min(7);
            let chunk: Vec<_> = self.left.drain(..size).collect();
            Ok((size > 0).then(|| chunk.into()))
        }

        fn rows(&self) -> u64 {
            self.rows
        }

        fn truncated(&self) -> bool {
            self.truncated
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{beside, gather, testing::Chunks};

    const TEXT: &str = "[{\"a\":\"é]}\\\"\"}, \n {\"b\":[{},[1]]},{\"c\":3}]";

    async fn gathered(document: (u64, bool), max_bytes: u64, max_rows: Option<u64>) -> (String, u64, bool, bool) {
        let gathered = gather(Chunks::boxed(TEXT, document.0, document.1), max_bytes, max_rows).await.unwrap();
        (gathered.rows.json, gathered.rows.rows, gathered.rows.truncated, gathered.more)
    }

    #[tokio::test]
    async fn a_document_that_fits_is_passed_on_as_it_is() {
        assert_eq!(gathered((3, false), 1000, Some(3)).await, (TEXT.to_owned(), 3, false, false));
        assert_eq!(gathered((3, true), 1000, None).await, (TEXT.to_owned(), 3, true, true));
    }

    #[tokio::test]
    async fn rows_too_many_are_left_out() {
        assert_eq!(gathered((3, false), 1000, Some(2)).await, ("[{\"a\":\"é]}\\\"\"}, \n {\"b\":[{},[1]]}]".to_owned(), 2, false, true));
        assert_eq!(gathered((3, false), 1000, Some(1)).await, ("[{\"a\":\"é]}\\\"\"}]".to_owned(), 1, false, true));
    }

    #[tokio::test]
    async fn bytes_too_many_end_it_at_a_row() {
        assert_eq!(gathered((3, false), 40, None).await, ("[{\"a\":\"é]}\\\"\"}, \n {\"b\":[{},[1]]}]".to_owned(), 2, true, true));
        // The row that did not fit was only asked for to know whether there is one.
        assert_eq!(gathered((3, false), 40, Some(2)).await, ("[{\"a\":\"é]}\\\"\"}, \n {\"b\":[{},[1]]}]".to_owned(), 2, false, true));
        assert_eq!(gathered((3, false), 5, None).await, ("[]".to_owned(), 0, true, true));
    }

    #[test]
    fn rows_stand_beside_what_is_said_of_them() {
        assert_eq!(beside("[]", "{}"), r#"{"rows":[]}"#);
        assert_eq!(beside(r#"[{"a":1}]"#, r#"{"count":1}"#), r#"{"rows":[{"a":1}],"count":1}"#);
    }
}
