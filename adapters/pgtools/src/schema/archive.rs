//! The table of contents of a dump in `pg_dump`'s custom format: what each object is made and dropped by, and what it needs.
//!
//! A dump in plain text has no border that a function's body could not hold too; here each part comes with its length.

/// Something a dump holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its number in the dump.
    pub(crate) id: i64,
    /// Catalogue and row; zeros where it has none of its own.
    pub(crate) class: u32,
    pub(crate) object: u32,
    /// Its name: `notes`, `notes notes_pkey`, `TABLE notes`.
    pub(crate) tag: String,
    /// Its kind: `TABLE`.
    pub(crate) kind: String,
    /// When it is restored: [`BEFORE_ROWS`], [`ALONG`], or later.
    pub(crate) section: i64,
    /// The statements that make it.
    pub(crate) definition: String,
    /// The statement that drops it; empty where there is none.
    pub(crate) drop: String,
    pub(crate) schema: Option<String>,
    /// How its rows are kept, for tables.
    pub(crate) access_method: Option<String>,
    pub(crate) owner: String,
    /// The numbers of those that must be there before.
    pub(crate) requires: Vec<i64>,
}

/// `SECTION_NONE`: a comment, restored along with what stands before it.
pub(crate) const ALONG: i64 = 1;
/// `SECTION_PRE_DATA`.
pub(crate) const BEFORE_ROWS: i64 = 2;

/// Why a dump cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    /// Not what `pg_dump --format=custom` writes.
    #[error("it is no dump in custom format")]
    NoArchive,
    /// A format that this does not know.
    #[error("its format is {0}.{1}, which this version does not know")]
    Version(u8, u8),
    /// It ends, or says something impossible.
    #[error("it is damaged")]
    Damaged,
}

/// `ARCH_CUSTOM`.
const CUSTOM: u8 = 1;
/// PostgreSQL 15 writes 1.14, 16 writes 1.15, 17 and 18 write 1.16.
const KNOWN: std::ops::RangeInclusive<u8> = 14..=16;

/// Reads the table of contents.
pub(crate) fn entries(archive: &[u8]) -> Result<Vec<Entry>, Unreadable> {
    let rest = archive.strip_prefix(b"PGDMP").ok_or(Unreadable::NoArchive)?;
    let [major, minor, _revision, int_size, offset_size, format] = *rest.first_chunk::<6>().ok_or(Unreadable::Damaged)?;
    if major != 1 || !KNOWN.contains(&minor) {
        return Err(Unreadable::Version(major, minor));
    }
    if format != CUSTOM || !(4..=8).contains(&int_size) {
        return Err(Unreadable::NoArchive);
    }
    let mut input = Input { rest: &rest[6..], int_size: int_size.into() };
    if minor >= 15 {
        input.bytes(1)?;
    } else {
        input.int()?;
    }
    // The time of the dump, in seven parts, then the database's name and two versions.
    for _ in 0..7 {
        input.int()?;
    }
    for _ in 0..3 {
        input.text()?;
    }
    let count = input.int()?;
    (0..count).map(|_| input.entry(minor, offset_size.into())).collect()
}

struct Input<'a> {
    rest: &'a [u8],
    int_size: usize,
}

impl<'a> Input<'a> {
    fn bytes(&mut self, count: usize) -> Result<&'a [u8], Unreadable> {
        let (bytes, rest) = self.rest.split_at_checked(count).ok_or(Unreadable::Damaged)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// A sign, then the bytes, the least first.
    fn int(&mut self) -> Result<i64, Unreadable> {
        let negative = self.bytes(1)?[0] != 0;
        let size = self.int_size;
        let value = self.bytes(size)?.iter().rev().fold(0_i64, |value, byte| (value << 8) | i64::from(*byte));
        Ok(if negative { -value } else { value })
    }

    /// A length, then the text; -1 for none.
    fn text(&mut self) -> Result<Option<String>, Unreadable> {
        let Ok(length) = usize::try_from(self.int()?) else { return Ok(None) };
        Ok(Some(String::from_utf8_lossy(self.bytes(length)?).into_owned()))
    }

    fn entry(&mut self, minor: u8, offset_size: usize) -> Result<Entry, Unreadable> {
        let number = |text: Option<String>| text.unwrap_or_default().parse().map_err(|_| Unreadable::Damaged);
        let mut entry = Entry { id: self.int()?, ..Entry::default() };
        let _has_data = self.int()?;
        (entry.class, entry.object) = (number(self.text()?)?, number(self.text()?)?);
        entry.tag = self.text()?.unwrap_or_default();
        entry.kind = self.text()?.unwrap_or_default();
        entry.section = self.int()?;
        entry.definition = self.text()?.unwrap_or_default();
        entry.drop = self.text()?.unwrap_or_default();
        let _copy = self.text()?;
        entry.schema = self.text()?.filter(|schema| !schema.is_empty());
        let _tablespace = self.text()?;
        entry.access_method = self.text()?.filter(|method| !method.is_empty());
        if minor >= 16 {
            self.int()?;
        }
        entry.owner = self.text()?.unwrap_or_default();
        let _with_oids = self.text()?;
        while let Some(required) = self.text()? {
            entry.requires.push(required.parse().map_err(|_| Unreadable::Damaged)?);
        }
        self.bytes(1 + offset_size)?;
        Ok(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::{Unreadable, entries};

    fn int(value: i32) -> Vec<u8> {
        [vec![u8::from(value < 0)], value.unsigned_abs().to_le_bytes().to_vec()].concat()
    }

    fn text(value: &str) -> Vec<u8> {
        [int(i32::try_from(value.len()).unwrap()), value.as_bytes().to_vec()].concat()
    }

    fn archive(minor: u8) -> Vec<u8> {
        let mut out = [b"PGDMP".to_vec(), vec![1, minor, 0, 4, 8, 1]].concat();
        out.extend(if minor >= 15 { vec![0] } else { int(-1) });
        out.extend((0..7).flat_map(|_| int(1)));
        out.extend([text("db"), text("15"), text("15"), int(1)].concat());
        out.extend([int(7), int(0), text("1259"), text("16384"), text("t"), text("TABLE"), int(2)].concat());
        out.extend([text("CREATE TABLE public.t ();\n"), text("DROP TABLE public.t;\n"), int(-1), text("public"), int(-1), text("heap")].concat());
        if minor >= 16 {
            out.extend(int(114));
        }
        out.extend([text("bob"), text("false"), text("3"), text("5"), int(-1), vec![0; 9]].concat());
        out
    }

    #[test]
    fn each_known_version_is_read() {
        for minor in 14..=16 {
            let found = entries(&archive(minor)).unwrap();
            assert_eq!(found.len(), 1);
            let entry = &found[0];
            assert_eq!((entry.id, entry.class, entry.object, entry.tag.as_str(), entry.owner.as_str()), (7, 1259, 16384, "t", "bob"));
            assert_eq!((entry.schema.as_deref(), entry.access_method.as_deref()), (Some("public"), Some("heap")));
            assert_eq!(entry.requires, [3, 5]);
        }
    }

    #[test]
    fn what_is_no_such_dump_is_refused() {
        assert_eq!(entries(b"-- text"), Err(Unreadable::NoArchive));
        assert_eq!(entries(&archive(17)), Err(Unreadable::Version(1, 17)));
        let whole = archive(16);
        assert_eq!(entries(&whole[..whole.len() - 3]), Err(Unreadable::Damaged));
    }
}
